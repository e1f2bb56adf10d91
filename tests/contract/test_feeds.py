"""Feeds on a broker: two feeds and two kinds of one topic, read once by one consumer, counted exactly, through restarts."""

from __future__ import annotations

import json
from typing import Any

from monitor.core.journal.records import decode_record
from monitor.core.journal.vocabulary import BALANCES, TRADES
from streams.intake.worker import Intake
from streams.kafka.clients import ended, producer, started
from streams.kafka.topics import TopicNames, TopicSpec, create_topics
from streams.lookup.dead_letters import Act, read_letters
from streams.lookup.requeue import requeue, with_source_values, with_values
from tests.intake_broker import Counting, configuration, journal, run_intake, said

AT = "2026-01-05T03:04:05Z"
FIELDS = {"trade_id": "@.id", "market": "@.m", "price": "@.p", "quantity": "@.q", "executed_at": "$.at"}


def content(partitions: int, topic: str) -> dict[str, Any]:
    """Two feeds of trades and one of balances, all of one topic."""
    made = configuration(partitions, segment_records=7)
    trades = {"topic": topic, "each": "$.list[*]", "fields": FIELDS, "constants": {"entity": "a"}}
    balances = {"event_id": "%id", "account": "@.w", "asset": "@.c", "quantity": "@.q", "as_of": "$.at"}
    constants = {"entity": "a", "role": "client_asset", "storage": "hot"}
    made["sources"][TRADES]["feeds"] = {
        "one": trades | {"where": {"$.of": "one"}},
        "two": trades | {"where": {"$.of": "two"}, "heartbeat": {"$.of": "hb"}},
    }
    wallets = {"topic": topic, "where": {"$.of": "w"}, "each": "$.list[*]", "fields": balances, "constants": constants}
    made["sources"][BALANCES]["feeds"] = {"wallets": wallets | {"snapshot": {"by": ["entity"]}}}
    return made


def trade(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": number, "m": "BTC/USD", "p": "100", "q": "0.5"} | changes


RECORDS: list[Any] = [
    {"of": "one", "at": AT, "list": [trade(1), trade(2), trade(1)]},
    {"of": "two", "at": AT, "list": [trade(1), trade(3, p="bad"), trade(4)]},
    {"of": "book"},
    {"of": "w", "at": AT, "list": [{"w": "x", "c": "BTC", "q": "1"}, {"w": "y", "c": "BTC", "q": "2"}]},
    {"of": "hb"},
    {"of": "w", "at": AT, "list": [{"w": "y", "c": "BTC", "q": "3"}]},
    {"of": "one", "at": AT, "list": [trade(n) for n in range(10, 60)]},
    None,
]
COUNTS = {
    (f"{TRADES}/one", "applied"): 52, (f"{TRADES}/one", "duplicate"): 1, (f"{TRADES}/one", "filtered"): 5,
    (f"{TRADES}/one", "dead_letter"): 1,
    (f"{TRADES}/two", "applied"): 2, (f"{TRADES}/two", "dead_letter"): 2, (f"{TRADES}/two", "filtered"): 6,
    (f"{BALANCES}/wallets", "applied"): 3, (f"{BALANCES}/wallets", "dead_letter"): 1, (f"{BALANCES}/wallets", "filtered"): 5,
}  # fmt: skip


async def test_feeds_of_one_topic_are_counted_exactly_and_a_restart_changes_nothing(broker: Any) -> None:
    await broker.create()
    settings = broker.settings
    topic = f"{broker.names.prefix}frames"
    rules = content(settings.journal_partitions, topic)
    feeds = {f"{kind}/{feed}": topic for kind, source in rules["sources"].items() for feed in source.get("feeds", {})}
    names = TopicNames(broker.names.sources, broker.names.prefix, feeds)
    await create_topics(settings, [TopicSpec(topic, TRADES, 1, {"cleanup.policy": "delete"})])
    for codec, part in ((None, RECORDS[:3]), ("zstd", RECORDS[3:])):
        client = await started(producer(settings, compression_type=codec), settings)
        for record in part:
            value = None if record is None else json.dumps(record).encode()
            await client.send_and_wait(topic, value=value, key=b"k", partition=0)
        await ended(client)
    told = []
    for _ in range(2):
        observer = Counting()
        intake = Intake(settings, names, rules, observer, 0.2)
        await run_intake(intake, lambda: all(observer.lags.get((name, 0)) == 0 for name in feeds) and intake.ready)  # noqa: B023
        records = await journal(settings, names)
        cells, _, lossy = said(records)
        told.append((cells, lossy))
    assert told[0] == told[1]
    assert not told[0][1]
    statements = [decode_record(data, 0, 0).statement for part in records for data in part]
    positions = {(one.body["account"], one.body["quantity"]) for one in statements if one.kind == "position"}
    assert positions == {("x", "1"), ("y", "2"), ("y", "3"), ("x", "0")}, "who left the whole list holds nothing"
    assert any("heartbeat" in one.body for one in statements if one.kind == "progress")
    letters = await read_letters(settings, names)
    assert [str(letter.id) for letter in letters] == [f"{BALANCES}/wallets/0/0/7/0", f"{TRADES}/two/0/0/1/1"]
    final: dict[tuple[str, str], int] = {}
    for one in statements:
        if one.kind == "progress" and one.source is not None:
            for outcome, count in one.body["counts"].items():
                key = (one.source.where.topic, one.source.start, outcome)
                final[key] = max(count, final.get(key, 0))  # type: ignore[index, arg-type]
    totals: dict[tuple[str, str], int] = {}
    for (name, _, outcome), count in final.items():  # type: ignore[misc]
        totals[name, outcome] = totals.get((name, outcome), 0) + count
    assert {key: count for key, count in totals.items() if count} == COUNTS


async def test_a_frame_of_megabytes_is_read_refused_and_put_back_element_by_element(broker: Any) -> None:
    """Of 500 elements in 6 MB half are refused: the dead letters hold the frame once at most, and one counts when put back."""
    await broker.create()
    settings, names, topic = broker.settings, broker.names, f"{broker.names.prefix}frames"
    rules = configuration(settings.journal_partitions, segment_records=7)
    feed = {"topic": topic, "each": "$.list[*]", "fields": FIELDS | {"trade_id": "%id"}, "constants": {"entity": "a"}}
    rules["sources"][TRADES]["feeds"] = {"one": feed}
    names = TopicNames(names.sources, names.prefix, {f"{TRADES}/one": topic})
    limits = {"cleanup.policy": "delete", "max.message.bytes": "16000000"}
    await create_topics(settings, [TopicSpec(topic, TRADES, 1, limits)])
    elements = [trade(number, p="bad" if number % 2 else "100") for number in range(500)]
    frame = json.dumps({"at": AT, "note": "x" * 6_000_000, "list": elements}).encode()
    client = await started(producer(settings), settings)
    await client.send_and_wait(topic, value=frame, key=b"k", partition=0)
    await ended(client)
    observer = Counting()
    await run_intake(Intake(settings, names, rules, observer, 0.2), lambda: observer.total(f"{TRADES}/one") == 500)
    assert observer.outcomes == {(f"{TRADES}/one", "applied"): 250, (f"{TRADES}/one", "dead_letter"): 250}
    letters = await read_letters(settings, names)
    assert [letter.id.index for letter in letters] == list(range(1, 500, 2))
    assert sum(len(letter.value or b"") for letter in letters) <= len(frame)
    (one,) = await with_source_values(settings, names, with_values(letters[-1:], []))
    assert one.value == frame, "its own record in the source, where no other letter had the value"
    await requeue(settings, names, [one], Act("ops", "mended", 1_767_571_200_000_000_000))
    rules["revision"], feed["values"] = 2, {"price": {"table": {"bad": "100"}}}
    observer = Counting()
    await run_intake(Intake(settings, names, rules, observer, 0.2), lambda: observer.total(f"{TRADES}/one") >= 500)
    assert observer.outcomes[f"{TRADES}/one", "filtered"] == 499, "the others were told at their first place"
    assert [str(letter.id) for letter in await read_letters(settings, names) if letter.dismissed] == [str(one.id)]
