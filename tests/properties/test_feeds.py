"""Feeds: several events a record say what the same events say one by one; columns say what the authority says; any pieces do."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.times import exact_time, from_ms
from streams.intake.segment.batches import Batch
from streams.intake.segment.columns.decoding import Columns
from streams.intake.segment.columns.lean import columns_of
from streams.intake.segment.content import Findings
from streams.intake.segment.events import Events, FeedEvents, events_of_feed
from streams.intake.segment.readers import reader_of, reader_of_topic
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.segments import SegmentReader
from streams.intake.segment.trades.counted import CountedTrades
from streams.wire import SourceFormat
from streams.wire.feeds import FeedFormat, FeedPlan
from streams.wire.models import MODELS
from tests.intake_logs import START_MS, Logged, batch_of, cells_said, intake_rules, values
from tests.properties.test_intake_segments import read

FIELDS = {name: name for name in MODELS[TRADES].model_fields if name != "schema_"}
FEED = SourcePartition(f"{TRADES}/venue", 0, 3)
OTHER = SourcePartition(f"{TRADES}/other", 0, 3)
PLAIN = SourcePartition(TRADES, 0, 3)
LARGE = {"segment_records": 100_000, "block_records": 100_000}


def feed_rules(**sizes: int) -> IntakeRules:
    """Rules with two feeds of one topic: one takes records of type `t`, one of type `o`, both split them."""
    rules = intake_rules(**sizes)
    raw = {"topic": "frames", "each": "$.n[*]", "fields": FIELDS}
    plans = {
        where.topic: FeedPlan(FeedFormat.of(TRADES, name, raw | {"where": {"$.type": kind}}, {}))
        for where, name, kind in ((FEED, "venue", "t"), (OTHER, "other", "o"))
    }
    return replace(rules, plans=plans, sources={**rules.sources, **{name: SourceFormat(TRADES) for name in plans}})


@st.composite
def frames(draw: st.DrawFn) -> list[tuple[int, list[Any]]]:
    """Log times of one UTC day with the events of each record: where days end, segments do, and records without events count."""
    found, time_ms = [], START_MS + 12 * 3_600_000
    for _ in range(draw(st.integers(0, 12))):
        time_ms += draw(st.sampled_from([0, 0, 1, 60_000, 3_600_000, -3_600_000]))
        raw = [draw(values(time_ms)) for _ in range(draw(st.integers(0, 4)))]
        events = []
        for value in raw:
            try:
                event = json.loads(value or b"")
            except ValueError:
                continue
            if isinstance(event, dict) and "x" not in event:
                events.append(event)
        found.append((time_ms, events))
    return found


def frame(events: list[Any], kind: str = "t") -> bytes:
    return json.dumps({"type": kind, "n": events}).encode()


def said(reader: SegmentReader, log: list[Logged]) -> tuple[Any, ...]:
    """Counts, cells without their places, busts and reasons of refusals."""
    reader.feed(batch_of(log), 0, 1)
    flush = reader.flush(1)
    letters = [letter.reason for letter in reader.take_dead_letters()]
    if flush is None:
        return {}, {}, [], letters
    statements = [statement for _, statement in flush.contents]
    cells = cells_said([one for one in statements if one.kind == "flow"])
    for cell in cells.values():
        cell["newest"] = [(*one[:2], *one[3:]) for one in cell["newest"]]
    counts = dict(flush.progress[0][1].body["counts"])
    counts.pop("filtered", None)
    return counts, cells, [one.body["trade_id"] for one in statements if one.kind == "bust"], letters


@settings(max_examples=150, deadline=None)
@given(frames())
def test_events_in_records_say_what_they_say_one_by_one(found: list[tuple[int, list[Any]]]) -> None:
    log = [Logged(offset, time_ms, frame(events)) for offset, (time_ms, events) in enumerate(found)]
    alone = [(time_ms, json.dumps(event).encode()) for time_ms, events in found for event in events]
    flat = [Logged(offset, time_ms, value) for offset, (time_ms, value) in enumerate(alone)]
    by_feed = said(reader_of(FEED, feed_rules(**LARGE), "log", 0), log)
    by_record = said(reader_of(PLAIN, feed_rules(**LARGE), "log", 0), flat)
    if by_record[0]:
        assert by_feed == by_record
    else:
        assert not by_feed[1]


class Judged(FeedEvents):
    """Events of which every one goes to the authority."""

    def columns(self, begin: int, end: int) -> Columns:
        return columns_of(None, [b""] * (end - begin))


@settings(max_examples=150, deadline=None)
@given(frames())
def test_the_columns_of_a_feed_say_what_the_authority_says(found: list[tuple[int, list[Any]]]) -> None:
    rules = feed_rules(**LARGE)
    log = [Logged(offset, time_ms, frame(events)) for offset, (time_ms, events) in enumerate(found)]
    whole = events_of_feed(rules.plans[FEED.topic], rules.judge(FEED.topic), FEED)

    def judged(batch: Batch, begin: int, end: int) -> Events:
        made = whole(batch, begin, end)
        assert isinstance(made, FeedEvents)
        return Judged(*(getattr(made, one.name) for one in fields(made)))

    slow = SegmentReader(rules, "log", 0, [CountedTrades(Findings(FEED, rules), judged, "log")])
    assert said(reader_of(FEED, rules, "log", 0), log) == said(slow, log)


@settings(max_examples=150, deadline=None)
@given(frames(), st.lists(st.integers(1, 5), max_size=20), st.randoms(use_true_random=False))
def test_any_pieces_and_any_restart_say_the_same(found: list[tuple[int, list[Any]]], pieces: list[int], random: Any) -> None:
    """Segments here end by offsets, by days and by their events, at one place however they are read."""
    rules = feed_rules(segment_records=3, lookback_blocks=2, lookback_h=3, block_records=4)
    log = [Logged(offset, time_ms, frame(events * 4)) for offset, (time_ms, events) in enumerate(found)]
    upto = len(log)
    expected = read(reader_of(FEED, rules, "log", 0), log, [1] * upto, upto)
    assert read(reader_of(FEED, rules, "log", 0), log, pieces, upto) == expected
    if expected:
        chosen = random.randrange(len(expected))
        reader = reader_of(FEED, rules, "log", expected[chosen].start)
        begin = reader.remember_from()
        reader.remember(batch_of([one for one in log if begin <= one.offset < expected[chosen].start]))
        assert read(reader, log, pieces, upto) == expected[chosen:]


def test_feeds_of_one_topic_share_its_segments_and_count_by_themselves() -> None:
    rules = feed_rules(segment_records=2)
    trade = {
        "trade_id": "1",
        "entity": "a",
        "market": "A/B",
        "price": "1",
        "quantity": "1",
        "executed_at": "2026-01-05T00:00:00Z",
    }
    log = [frame([trade]), frame([trade | {"trade_id": "2", "price": "0"}], "o"), frame([trade], "o"), b"rubbish"]
    reader = reader_of_topic([FEED, OTHER], rules, "log", 0)
    batch = batch_of([Logged(offset, START_MS, value) for offset, value in enumerate(log)])
    begin, told = 0, []
    while begin < len(batch):
        begin = reader.feed(batch, begin, 1)
        flush = reader.flush(1)
        assert flush is not None
        for _, statement in flush.progress[:: rules.journal_partitions]:
            assert statement.source is not None
            told.append((statement.source.where, flush.start, flush.upto, statement.body["counts"]))
    none = {"applied": 0, "duplicate": 0, "late": 0, "dead_letter": 0}
    assert told == [
        (FEED, 0, 2, none | {"applied": 1, "filtered": 1}),
        (OTHER, 0, 2, none | {"dead_letter": 1, "filtered": 1}),
        (FEED, 2, 4, none | {"dead_letter": 1, "filtered": 1}),
        (OTHER, 2, 4, none | {"applied": 1, "dead_letter": 1}),
    ]
    letters = reader.take_dead_letters()
    assert [(letter.where, letter.offset, letter.index) for letter in letters] == [(FEED, 3, None), (OTHER, 1, 0)]


def test_a_heartbeat_is_told_with_the_progress_of_its_segment_and_other_left_out_records_are_not() -> None:
    rules = feed_rules(segment_records=2)
    raw = {"topic": "frames", "each": "$.n[*]", "fields": FIELDS, "where": {"$.type": "t"}, "heartbeat": {"$.type": "hb"}}
    rules = replace(rules, plans={FEED.topic: FeedPlan(FeedFormat.of(TRADES, "venue", raw, {}))})
    kinds = ["hb", "book", "hb", "hb", "book", "book"]
    log = [Logged(offset, START_MS + offset, frame([], kind)) for offset, kind in enumerate(kinds)]
    reader, batch, begin, told = reader_of(FEED, rules, "log", 0), batch_of(log), 0, []
    while begin < len(batch):
        begin = reader.feed(batch, begin, 1)
        flush = reader.flush(1)
        assert flush is not None
        body = flush.progress[0][1].body
        told.append((flush.start, body.get("heartbeat")))
        assert body["counts"]["filtered"] == 2
    assert told == [(0, exact_time(from_ms(START_MS))), (2, exact_time(from_ms(START_MS + 3))), (4, None)]
