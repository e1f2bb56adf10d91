"""One way to read an event line: what `assess` evaluates is what `replay` publishes, and `convert` writes it so."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.progress import shown_lines
from monitor.core.values.times import parse_time
from monitor.errors import UsageError
from monitor.events import Event
from streams.eventfiles.codec import decode_line, event_lines
from streams.eventfiles.offline import Rejection, statements
from streams.eventfiles.publisher import Publisher, oldest_by_topic, replay
from streams.wire import Reason
from tests.intake_broker import configuration
from tests.unit.streams.test_publisher import Producer, with_producer

AT = "2026-01-05T00:00:00Z"
HEAD = b'{"topic": "market.prices", "key": "k", "timestamp": "2026-01-05T00:00:00Z", "value": '
DEEP = b"[" * 100_000 + b"]" * 100_000

ODD = {
    "a byte that is no text": (b'{"event_id": "\xff"}', Reason.BAD_ENCODING),
    "a tombstone": (b"null", Reason.NULL_VALUE),
    "deeper than anybody walks": (DEEP, Reason.BAD_JSON),
    "no object": (b'"null"', Reason.NOT_AN_OBJECT),
    "a carriage return for white space": (b'{"event_id":\r"p"}', Reason.MISSING_FIELD),
    "a break that is none in JSON": ('{"event_id": "\u2028\x85"}'.encode(), Reason.MISSING_FIELD),
}


def assessed(path: Path) -> tuple[list[bytes | None], list[Reason]]:
    rejected: list[Rejection] = []
    list(statements([path], configuration(16), None, rejected.append))
    return [line.record.value for line in event_lines([path])], [one.reason for one in rejected]


def published(path: Path) -> list[Any]:
    async def run(publisher: Publisher) -> None:
        with shown_lines([path], "replaying", keep_bytes=True) as lines:
            await replay(publisher, lines)

    producer = Producer()
    asyncio.run(run(with_producer(producer)))
    return [value for _, _, value, _ in producer.sent]


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_is_the_same_to_whoever_reads_it(tmp_path: Path, name: str) -> None:
    value, reason = ODD[name]
    path = tmp_path / "e.jsonl"
    path.write_bytes(HEAD + value + b"}\n\n" + HEAD + value + b"}\n")
    expected = None if value == b"null" else value
    assert assessed(path) == ([expected, expected], [reason, reason])
    assert published(path) == [expected, expected]


@pytest.mark.parametrize(
    "line",
    [
        HEAD + b'{}, "more": 1}',
        HEAD.replace(b"market.prices", b"market.news") + b"{}}",
        HEAD.replace(b"-01-05", b"") + b"{}}",
        b"{",
    ],
)
def test_what_is_no_event_line_is_refused_by_all_with_the_same_words(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "e.jsonl"
    path.write_bytes(b"\n" + line + b"\n")
    said = set()
    for reader in (assessed, published, _oldest):
        with pytest.raises(UsageError) as error:
            reader(path)
        said.add(str(error.value))
    (words,) = said
    assert words.startswith(f"{path}:2: ")


def test_a_packed_file_that_is_damaged_is_named_by_all(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl.gz"
    packed = bytearray(gzip.compress((HEAD + b"{}}\n") * 100))
    packed[15] ^= 0xFF
    path.write_bytes(packed)
    for reader in (assessed, published, _oldest):
        with pytest.raises(UsageError, match=r"e\.jsonl\.gz: "):
            reader(path)


def _oldest(path: Path) -> None:
    with shown_lines([path], "reading", keep_bytes=True) as lines:
        oldest_by_topic(lines)


def test_what_convert_writes_is_an_event_line() -> None:
    for value in ({"asset": "BTC", "note": '\u2028 \x85 \\ "'}, {"as_of": None}):
        event = Event("market.prices", "k", parse_time(AT), value)
        record = decode_line(event.line().rstrip("\n").encode(), "made:1")
        assert (record.topic, record.key, record.logged_at) == ("market.prices", "k", parse_time(AT))


def test_a_log_time_beyond_every_day_is_refused_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_bytes(HEAD + b"{}}\n" + HEAD.replace(b"2026-01-05", b"9999-12-31") + b"{}}\n")
    with pytest.raises(UsageError, match=r"e\.jsonl:2: log time 9999-12-31T00:00:00Z lies beyond the year 2199"):
        list(event_lines([path]))
    last = HEAD.replace(b"2026-01-05T00:00:00Z", b"2199-12-31T23:59:59Z") + b"{}}"
    assert decode_line(last, "-").logged_at == parse_time("2199-12-31T23:59:59Z")
