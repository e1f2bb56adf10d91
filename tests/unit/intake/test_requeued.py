"""Refused elements put back: a record is kept once for all of them, and what counted already does not count again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.journal.records import Rules, SourcePartition
from monitor.core.journal.vocabulary import BALANCES, TRADES
from monitor.core.values.times import DAY, exact_time, from_ms
from monitor.errors import UsageError
from streams.intake.segment.batches import Batch
from streams.intake.segment.readers import reader_of_topic
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.segments import SegmentReader
from streams.lookup.dead_letters import Act, StoredLetter, letter_of
from streams.lookup.requeue import again, with_values
from streams.wire import Known, SourceFormat
from streams.wire.feeds import FeedFormat, FeedPlan
from streams.wire.feeds.requeued import HEADER, RequeuedRecord, ranges_of
from streams.wire.rejected import DeadLetter, headers_of
from tests.intake_logs import START_MS, cells_said, intake_rules, trade_value

ACT = Act("ann", "mended", from_ms(START_MS))
VENUE, OTHER, WALLETS = f"{TRADES}/venue", f"{TRADES}/other", f"{BALANCES}/wallets"
AT = exact_time(from_ms(START_MS))
FRAMES: dict[str, Any] = {
    "topic": "frames",
    "each": "$.n[*]",
    "fields": {"trade_id": "%id", "market": "@.m", "price": "@.p", "quantity": "@.q", "executed_at": "%timestamp"},
    "constants": {"entity": "a"},
}
BY_PLAN_ALONE = {"each": ["$.n[*]", "$.other[*]"]}
MENDED = {"values": {"price": {"table": {"bad": "100"}}}}
WHOLE_LISTS: dict[str, Any] = {
    "topic": "frames",
    "each": "$.n[*]",
    "fields": {"event_id": "%id", "account": "@.m", "quantity": "@.q", "as_of": "%timestamp"},
    "constants": {"entity": "a", "storage": "hot", "role": "client_asset", "asset": "BTC"},
    "snapshot": {"by": ["entity", "role"]},
}

Record = tuple[int, bytes | None, Sequence[tuple[str, bytes]]]
"""Log time (ms), value, headers; the offset is its place in the log."""


def rules(**feeds: dict[str, Any]) -> IntakeRules:
    """Rules with feeds by the name of `<feed>`; `wallets` is of balances."""
    made = intake_rules(segment_records=100_000, block_records=100_000)
    plans = {}
    for name, raw in feeds.items():
        plan = FeedPlan(FeedFormat.of(BALANCES if name == "wallets" else TRADES, name, raw, {}))
        plans[plan.feed.full_name] = plan
    formats = {full: SourceFormat(plan.feed.kind) for full, plan in plans.items()}
    return replace(made, plans=plans, sources={**made.sources, **formats})


def reader_at(
    feeds: IntakeRules, log: Sequence[Record], begin: int = 0, *, changes: Sequence[tuple[int, int]] = ()
) -> SegmentReader:
    """A reader that began at offset `begin` and has read the rest of the log."""
    places = [SourcePartition(name, 0, 3) for name in feeds.plans]
    reader = reader_of_topic(places, feeds, "log", begin, changes=changes)
    columns = [time_ms for time_ms, _, _ in log], [value for _, value, _ in log]
    batch = Batch(range(len(log)), *columns, lambda row: (b"k", log[row][2]))
    reader.remember(batch)
    reader.feed(batch, begin, 1)
    return reader


def counted(reader: SegmentReader) -> dict[str, int]:
    """The outcomes of the first feed; its cells hold as many trades as it applied."""
    flush = reader.flush(1)
    assert flush is not None
    cells = cells_said([one for _, one in flush.contents if one.kind == "flow"])
    counts = dict(flush.progress[0][1].body["counts"])
    assert sum(cell["trades"] for cell in cells.values()) == counts["applied"]
    return counts


def stored(reader: SegmentReader) -> list[StoredLetter]:
    """The dead letters as the topic of dead letters gives them back."""
    made = [letter_of(one.key, one.value, headers_of(one, 1)) for one in reader.take_dead_letters()]
    return [one for one in made if one is not None]


def put_back(letters: Sequence[StoredLetter], every: Sequence[StoredLetter], time_ms: int) -> list[Record]:
    """The records that are published again."""
    return [(time_ms, one.value, one.headers) for one in again(with_values(letters, every), ACT)]


def frame(*prices: str, **more: Any) -> bytes:
    return json.dumps({"n": [{"m": "BTC/JPY", "p": price, "q": "2"} for price in prices]} | more).encode()


@pytest.mark.parametrize("shape", [{}, BY_PLAN_ALONE], ids=["by column", "by the plan"])
@pytest.mark.parametrize("begin", [0, 1, 2])
def test_a_frame_put_back_for_one_element_counts_no_other_twice(shape: dict[str, Any], begin: int) -> None:
    """By `%id` the elements of the frame would be new trades at its new place: 2 + 3 of them were counted where there are 3."""
    log: list[Record] = [(START_MS, frame("100", "bad", "100"), [("origin", b"x")])]
    letters = stored(reader_at(rules(venue=FRAMES | shape), log))
    assert [str(one.id) for one in letters] == [f"{TRADES}/venue/0/3/0/1"]
    log += put_back(letters, letters, START_MS + 60_000)
    log += put_back(letters, letters, START_MS + 120_000)  # by mistake once more
    counts = counted(reader_at(rules(venue=FRAMES | shape | MENDED), log, begin))
    assert (counts["applied"], counts["duplicate"], counts["filtered"]) == {0: (3, 2, 4), 1: (0, 2, 4), 2: (0, 1, 2)}[begin]


OWN_IDS = {"fields": FRAMES["fields"] | {"trade_id": "@.id"}}


@pytest.mark.parametrize("shape", [{}, OWN_IDS, BY_PLAN_ALONE], ids=["ids of places", "ids of the venue", "by the plan"])
@pytest.mark.parametrize("begin", [1, 2, 3])
def test_what_mended_rules_take_counts_once_when_it_is_put_back(shape: dict[str, Any], begin: int) -> None:
    """The look-back of a worker under mended rules holds the refused trade: put back it was a repeat of it, and counted nowhere.

    The worker began at offset 1 under rules 2, and may begin again anywhere. What is put back once more is a repeat, and so is
    what comes again under an id of the venue.
    """
    log: list[Record] = [(START_MS, numbered("100", "bad", "100"), [("origin", b"x")])]
    letters = stored(reader_at(rules(venue=FRAMES | shape), log))
    assert [one.rules for one in letters] == [1]
    for minute in (1, 2):
        log += put_back(letters, letters, START_MS + minute * 60_000)
    log.append((START_MS + 180_000, numbered("100"), ()))
    mended = under(2, rules(venue=FRAMES | shape | MENDED))
    counts = counted(reader_at(mended, log, begin, changes=((1, 0), (2, 1))))
    expected = {1: (1, 2), 2: (0, 2), 3: (0, 1)} if shape is OWN_IDS else {1: (2, 1), 2: (1, 1), 3: (1, 0)}
    assert (counts["applied"], counts["duplicate"]) == expected[begin]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ((), "what was read under which rules is not known"),
        (((2, 0),), "all of the log was read anew under these rules, and the element counted then"),
        (((1, 0), (2, 0)), "its segment was open when the rules changed, and was read anew"),
        (((0, 0), (2, 1)), "other rules than those that wrote the letter had the last word on it"),
    ],
)
def test_what_counted_under_the_mended_rules_already_is_a_repeat(changes: tuple[tuple[int, int], ...], why: str) -> None:
    log: list[Record] = [(START_MS, numbered("100", "bad"), ())]
    letters = stored(reader_at(rules(venue=FRAMES), log))
    log += put_back(letters, letters, START_MS + 60_000)
    counts = counted(reader_at(under(2, rules(venue=FRAMES | MENDED)), log, 1, changes=changes))
    assert (counts["applied"], counts["duplicate"]) == (0, 1), why


def test_a_trade_that_the_venue_sent_again_in_time_is_not_put_back_beside_it() -> None:
    """Corrected by its sender before anybody mended the mapping: the letter is put back by mistake."""
    shape = FRAMES | OWN_IDS
    log: list[Record] = [(START_MS, numbered("bad"), ()), (START_MS, numbered("100"), ())]
    letters = stored(reader_at(rules(venue=shape), log))
    log += put_back(letters, letters, START_MS + 60_000)
    counts = counted(reader_at(under(2, rules(venue=shape | MENDED)), log, 2, changes=((1, 0), (2, 2))))
    assert (counts["applied"], counts["duplicate"]) == (0, 1)


def test_a_canonical_trade_of_an_entity_that_is_configured_now_counts_when_it_is_put_back() -> None:
    where = SourcePartition(TRADES, 0, 3)
    sizes = {"segment_records": 100_000, "block_records": 100_000}
    log: list[Record] = [(START_MS, trade_value(7, entity="new"), ()), (START_MS, trade_value(8), ())]

    def read(made: IntakeRules, begin: int = 0, changes: tuple[tuple[int, int], ...] = ()) -> SegmentReader:
        reader = reader_of_topic([where], made, "log", begin, changes=changes)
        batch = Batch(range(len(log)), [one[0] for one in log], [one[1] for one in log], lambda row: (b"k", log[row][2]))
        reader.remember(batch)
        reader.feed(batch, begin, 1)
        return reader

    letters = stored(read(intake_rules(**sizes)))
    log += put_back(letters, letters, START_MS + 60_000)
    known = under(2, replace(intake_rules(**sizes), known=Known(frozenset({"a", "new"}), 400 * DAY)))
    assert counted(read(known, 2, ((1, 0), (2, 2))))["applied"] == 1
    assert counted(read(known, 0, ((2, 0),)))["applied"] == 2, "read anew from its beginning it counted at its first place"


def numbered(*prices: str) -> bytes:
    """A frame whose trades have ids of their own besides."""
    return json.dumps({"n": [{"id": n, "m": "BTC/JPY", "p": price, "q": "2"} for n, price in enumerate(prices)]}).encode()


def under(number: int, made: IntakeRules) -> IntakeRules:
    return replace(made, rules=Rules(number, f"sha256:{number}"))


def test_of_a_record_the_value_is_kept_once_and_every_letter_of_it_is_put_back() -> None:
    """A frame of 20,000 refused elements and 1.66 MB would be 33 GB of dead letters."""
    log: list[Record] = [(START_MS, frame(*["bad"] * 200, note="x" * 10_000), [("trace", b"t" * 100)])]
    reader = reader_at(rules(venue=FRAMES), log)
    written = reader.take_dead_letters()
    assert len(written) == 200
    assert sum(map(size, written)) < 2 * len(log[0][1] or b"") + 200 * 400
    letters = [one for one in (letter_of(one.key, one.value, headers_of(one, 1)) for one in written) if one is not None]
    assert [one.value is None for one in letters] == [False] + [True] * 199
    assert letters[150].shown()["left_out"] == len(log[0][1] or b"")
    shown = with_values([letters[150]], letters)[0].shown()
    assert (shown["value"], shown["headers"], shown.get("left_out")) == ((log[0][1] or b"").decode(), {"trace": "t" * 100}, None)
    log += put_back(letters[50:], letters, START_MS + 60_000)
    assert len(log) == 2, "one record for all that come again together"
    counts = counted(reader_at(rules(venue=FRAMES | MENDED), log))
    assert (counts["applied"], counts["duplicate"], counts["filtered"]) == (200, 150, 50)


def size(letter: DeadLetter) -> int:
    headers = headers_of(letter, 1)
    return len(letter.value or b"") + sum(len(name) + len(content) for name, content in headers)


def test_a_letter_whose_value_is_nowhere_is_not_put_back() -> None:
    letters = stored(reader_at(rules(venue=FRAMES), [(START_MS, frame("bad", "bad"), ())]))
    with pytest.raises(UsageError, match="Let its producer send it again, then `dlq dismiss"):
        again(letters[1:], ACT)


def test_what_is_refused_again_goes_back_to_its_first_place() -> None:
    log: list[Record] = [(START_MS, frame("100", "bad"), ())]
    letters = stored(reader_at(rules(venue=FRAMES), log))
    log += put_back(letters, letters, START_MS + 60_000)
    letters = stored(reader_at(rules(venue=FRAMES), log))
    assert [one.id.offset for one in letters] == [0, 1]
    log += put_back(letters[1:], letters, START_MS + 120_000)
    assert RequeuedRecord.of(log[2][2]) == RequeuedRecord(0, 0, START_MS, {VENUE: ((1, 1),)}, 1)
    counts = counted(reader_at(rules(venue=FRAMES | MENDED), log))
    assert (counts["applied"], counts["duplicate"]) == (2, 2)


def test_it_is_meant_for_its_feed_alone() -> None:
    log: list[Record] = [(START_MS, frame("100", "bad"), ())]
    feeds = {"venue": FRAMES, "other": FRAMES | MENDED}
    letters = stored(reader_at(rules(**feeds), log))
    assert [one.id.where.topic for one in letters] == [VENUE]
    log += put_back(letters, letters, START_MS + 60_000)
    reader = reader_at(rules(**(feeds | {"venue": FRAMES | MENDED})), log)
    flush = reader.flush(1)
    assert flush is not None
    told = {one.source.where.topic: one.body["counts"] for _, one in flush.progress if one.source is not None}
    assert (told[VENUE]["applied"], told[VENUE]["filtered"]) == (2, 1)
    assert (told[OTHER]["applied"], told[OTHER]["filtered"]) == (2, 2)


def test_a_list_put_back_for_one_element_is_no_whole_list() -> None:
    def listing(*accounts: tuple[str, str]) -> bytes:
        return json.dumps({"n": [{"m": account, "q": quantity} for account, quantity in accounts]}).encode()

    log: list[Record] = [(START_MS, listing(("x", "bad"), ("y", "1")), ())]
    letters = stored(reader_at(rules(wallets=WHOLE_LISTS), log))
    log += [(START_MS + 1_000, listing(("x", "3"), ("y", "2")), ())]
    log += put_back(letters, letters, START_MS + 60_000)
    mended = WHOLE_LISTS | {"values": {"quantity": {"table": {"bad": "7"}}}}
    reader = reader_at(rules(wallets=mended), log, 1)
    told = [(one.body["account"], one.body["quantity"], one.body["as_of"]) for _, one in reader.take() if one.kind == "position"]
    assert told == [
        ("x", "3", exact_time(from_ms(START_MS + 1_000))),
        ("y", "2", exact_time(from_ms(START_MS + 1_000))),
        ("x", "7", exact_time(from_ms(START_MS))),
    ]


def test_a_letter_says_whose_it_is() -> None:
    """A feed's record names its entity in no canonical field, so that nobody could dismiss its letters by themselves."""
    letters = stored(reader_at(rules(venue=FRAMES), [(START_MS, frame("bad"), ())]))
    assert [one.entity for one in letters] == ["a"]


def test_a_header_that_nobody_wrote_is_refused_and_told_once() -> None:
    log: list[Record] = [(START_MS, frame("100"), [(HEADER, b'{"epoch": -1}')])]
    letters = stored(reader_at(rules(venue=FRAMES, other=FRAMES), log))
    assert [(one.id.where.topic, one.reason, one.whole) for one in letters] == [(VENUE, "unknown_value", True)]
    assert "send the record without it" in letters[0].detail


def test_what_one_feed_alone_refuses_of_a_record_it_tells_itself() -> None:
    """Only the first feed of a topic told of whole records: one that the second could not read vanished without a letter."""
    other = FRAMES | {"where": {"$.of": "other"}}
    doubled = b'{"of": "other", "of": "other", "n": []}'
    letters = stored(reader_at(rules(venue=FRAMES, other=other), [(START_MS, doubled, ()), (START_MS, b"rubbish", ())]))
    assert [(one.id.where.topic, one.id.offset) for one in letters] == [(VENUE, 1), (OTHER, 0)]


@settings(max_examples=100, deadline=None)
@given(st.frozensets(st.integers(0, 40), min_size=1))
def test_the_header_names_the_elements_that_were_put_back_and_no_other(indexes: frozenset[int]) -> None:
    told = RequeuedRecord(2, 7, 9, {VENUE: ranges_of(indexes), OTHER: None})
    found = RequeuedRecord.of([("trace", b"x"), told.header()])
    assert found == told
    assert found is not None
    assert {index for index in range(50) if found.names(VENUE, index)} == indexes
    assert found.names(OTHER, 3)
    assert not found.names(WALLETS, 3)
    assert not found.names(WALLETS, None)
