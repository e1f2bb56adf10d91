"""Reading a partition in any pieces, from any commit, says what reading its log once by the letter says."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.journal.records import SourcePartition, Statement
from monitor.core.values.times import HOUR, QUARTER
from streams.intake.segment.readers import reader_of
from streams.intake.segment.segments import SegmentReader
from tests.intake_logs import Cut, Logged, batch_of, cells_said, intake_rules, logs, oracle

WHERE = SourcePartition("market.trades", 0, 3)
widths = st.sampled_from([HOUR, QUARTER])


def offset_of(statement: Statement) -> int:
    assert statement.source is not None
    assert statement.source.offset is not None
    return statement.source.offset


def read(reader: SegmentReader, log: list[Logged], pieces: list[int], upto: int) -> list[Cut]:
    """Feed a log in pieces of the given sizes and gather what the flushes of each segment say."""
    cuts: dict[int, Cut] = {}
    said: dict[int, list[Statement]] = {}
    applied: dict[int, int] = {}
    visible = [r for r in log if r.offset >= reader.position]
    sizes = iter(pieces)

    def flush() -> None:
        made = reader.flush(1)
        while made is not None:
            statements = [statement for _, statement in made.contents]
            progress = made.progress[0][1].body
            cut = cuts.setdefault(made.start, Cut(made.start, made.upto))
            cut.end, cut.counts = made.upto, progress["counts"]
            cut.busts += [(offset_of(s), s.body["trade_id"]) for s in statements if s.kind == "bust"]
            said.setdefault(made.start, []).extend(s for s in statements if s.kind == "flow")
            applied[made.start] = sum(s.body["applied"] for _, s in made.progress)
            assert progress["final"] is made.final
            made = reader.flush(1) if made.final else None

    def settle() -> None:
        while reader.ended:
            flush()

    def dead(start: int) -> None:
        cut = cuts.setdefault(start, Cut(start, start))
        cut.dead += [(letter.offset, letter.reason.value) for letter in reader.take_dead_letters()]

    while visible:
        size = next(sizes, 3)
        batch, begin = batch_of(visible[:size]), 0
        while begin < len(batch):
            start = reader.segment.start
            begin = reader.feed(batch, begin, 1)
            dead(start)
            settle()
        visible = visible[size:]
        reader.reach(visible[0].offset if visible else upto)
        settle()
        if size % 2:
            flush()
    while reader.position < upto:
        reader.reach(upto)
        settle()
    flush()
    for start, cut in cuts.items():
        cut.cells = cells_said(said.get(start, []))
        assert applied[start] == sum(cell["trades"] for cell in cut.cells.values())
    return [cuts[start] for start in sorted(cuts)]


@settings(max_examples=150, deadline=None)
@given(logs(), st.lists(st.integers(1, 9), max_size=30), st.sampled_from([None, 0, 2 * HOUR]), widths)
def test_any_pieces_give_the_oracles_segments(log: list[Logged], pieces: list[int], late: int | None, width: int) -> None:
    rules = intake_rules(late_after_ns=late, cell_ns=width)
    upto = log[-1].offset + 1 if log else 0
    assert read(reader_of(WHERE, rules, "log", 0), log, pieces, upto) == oracle(log, rules, upto)


@settings(max_examples=120, deadline=None)
@given(logs(), st.lists(st.integers(1, 9), max_size=30), st.randoms(use_true_random=False), widths)
def test_a_restart_at_any_commit_gives_the_same_rest(log: list[Logged], pieces: list[int], random: Random, width: int) -> None:
    rules = intake_rules(cell_ns=width)
    upto = log[-1].offset + 1 if log else 0
    expected = oracle(log, rules, upto)
    if not expected:
        return
    chosen = random.randrange(len(expected))
    start = expected[chosen].start
    reader = reader_of(WHERE, rules, "log", start)
    begin = reader.remember_from()
    before = [r for r in log if r.offset >= begin]
    while before and before[0].offset < start:
        size = random.randint(1, 6)
        reader.remember(batch_of(before[:size]))
        before = before[size:]
    assert read(reader, log, pieces, upto) == expected[chosen:]
