"""Logs: one JSON object a line with the agreed fields, secrets masked, too many lines of one event counted."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from monitor import logs
from monitor.core.values.times import parse_time


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    target = io.StringIO()
    yield target
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_level_and_constant_event(stream: io.StringIO) -> None:
    logs.configure_logs("info", "json", stream)
    structlog.contextvars.bind_contextvars(partition=3)
    structlog.get_logger("streams.intake").info("segment_closed", topic="market.trades", note="two\nlines")
    (line,) = lines(stream)
    assert line["event"] == "segment_closed"
    assert line["level"] == "info"
    assert line["logger"] == "streams.intake"
    assert (line["topic"], line["partition"], line["note"]) == ("market.trades", 3, "two\nlines")
    parse_time(line["timestamp"])
    assert len(line["timestamp"]) == len("2026-01-05T03:04:05.000000Z")


def test_lines_of_libraries_take_the_same_form(stream: io.StringIO) -> None:
    logs.configure_logs("info", "json", stream)
    logging.getLogger("aiokafka.conn").warning("connection to %s lost", "broker")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("connection to broker lost", "warning", "aiokafka.conn")


def test_an_error_carries_its_traceback_in_one_line(stream: io.StringIO) -> None:
    logs.configure_logs("info", "json", stream)
    try:
        int("bad")
    except ValueError:
        structlog.get_logger("x").exception("flush_failed")
    (line,) = lines(stream)
    assert "ValueError: invalid literal" in line["exception"]


def test_secrets_are_masked(stream: io.StringIO) -> None:
    logs.configure_logs("info", "json", stream)
    structlog.get_logger("x").info("channel_made", sasl_password="hunter2", routing_key="r", webhook_secret="s", url="u")
    (line,) = lines(stream)
    assert (line["sasl_password"], line["routing_key"], line["webhook_secret"], line["url"]) == ("***", "***", "***", "u")


def test_less_than_the_level_is_not_written(stream: io.StringIO) -> None:
    logs.configure_logs("warning", "json", stream)
    structlog.get_logger("x").info("quiet")
    logging.getLogger("other").info("quiet too")
    assert stream.getvalue() == ""


def test_text_form_is_for_people(stream: io.StringIO) -> None:
    logs.configure_logs("info", "text", stream)
    structlog.get_logger("x").info("started", port=9464)
    assert "started" in stream.getvalue()
    assert "port=9464" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_auto_writes_json_where_there_is_no_terminal(stream: io.StringIO) -> None:
    logs.configure_logs("info", "auto", stream)
    structlog.get_logger("x").info("started")
    assert lines(stream)[0]["event"] == "started"


def test_too_many_lines_of_one_event_are_dropped_and_counted() -> None:
    now = [0.0]
    limit = logs.RateLimit(burst=2, window_s=10, clock=lambda: now[0])

    def passes(event: str) -> dict[str, Any] | None:
        try:
            return dict(limit(None, "info", {"event": event}))
        except structlog.DropEvent:
            return None

    assert [passes("a") is not None for _ in range(5)] == [True, True, False, False, False]
    assert passes("b") == {"event": "b"}
    now[0] = 10.0
    assert passes("a") == {"event": "a", "dropped": 3}
    assert passes("a") == {"event": "a"}
    assert passes("a") is None
    assert limit.take_dropped() == {"a": 1}
    assert limit.take_dropped() == {}


def test_what_was_dropped_last_is_told_at_the_end(stream: io.StringIO) -> None:
    logs.configure_logs("info", "json", stream)
    for _ in range(60):
        structlog.get_logger("x").info("storm")
        logging.getLogger("library").warning("storm of %s", "lines")
    logs.flush_dropped()
    told = {line["of"]: line["dropped"] for line in lines(stream) if line["event"] == "log_lines_dropped"}
    assert told == {"storm": 10, "storm of %s": 10}


def test_the_limit_forgets_old_events_and_stays_small() -> None:
    limit = logs.RateLimit(burst=1, keys=10)
    for number in range(100):
        limit(None, "info", {"event": f"event {number}"})
    assert len(limit._windows) == 10
