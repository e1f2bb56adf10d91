"""Configuration in parts: in force at the last part, never a lower revision, never one that is not what its digest says."""

from typing import Any

from monitor.core.configuration.reconfiguration import PENDING_LIMIT, Complete, ConfigurationParts
from monitor.core.values.canonical import digest_of_bytes


def parts_of(revision: int, text: str, count: int = 2) -> list[dict[str, Any]]:
    size = -(-len(text) // count)
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    digest = digest_of_bytes(text.encode())
    common = {"parts": len(pieces), "revision": revision, "digest": digest}
    return [{"part": number, **common, "data": piece} for number, piece in enumerate(pieces, start=1)]


def feed(parts: ConfigurationParts, bodies: list[dict[str, Any]]) -> Complete | None:
    found = None
    for body in bodies:
        complete = parts.add(body)
        if complete is not None:
            parts.adopt(complete)
            found = complete
    return found


def test_takes_hold_at_the_last_part() -> None:
    parts = ConfigurationParts()
    first, second = parts_of(3, '{"a":1}')
    assert parts.add(first) is None
    complete = parts.add(second)
    assert complete is not None
    assert (complete.revision, complete.text) == (3, '{"a":1}')


def test_parts_of_two_writers_may_interleave() -> None:
    parts = ConfigurationParts()
    one, two = parts_of(1, "aaaa"), parts_of(2, "bbbb")
    assert feed(parts, [one[0], two[0], one[1]]) is not None
    found = feed(parts, [two[1]])
    assert found is not None
    assert found.text == "bbbb"


def test_a_part_sent_twice_does_not_complete_it() -> None:
    first, second = parts_of(1, "abcd")
    parts = ConfigurationParts()
    assert feed(parts, [first, first]) is None
    assert feed(parts, [second]) is not None


def test_a_lower_revision_and_another_digest_are_refused_and_a_repeat_is_not_counted() -> None:
    parts = ConfigurationParts()
    feed(parts, parts_of(5, "five"))
    assert feed(parts, parts_of(4, "four")) is None
    assert feed(parts, parts_of(5, "fife")) is None
    assert parts.refused == 4
    assert feed(parts, parts_of(5, "five")) is None
    assert parts.refused == 4


def test_what_does_not_give_its_digest_is_refused() -> None:
    bodies = parts_of(1, "abcd")
    bodies[1]["data"] = "xx"
    parts = ConfigurationParts()
    assert feed(parts, bodies) is None
    assert (parts.refused, parts.revision) == (1, None)


def test_unfinished_ones_are_bounded_and_dropped_when_outdated() -> None:
    parts = ConfigurationParts()
    for revision in range(1, PENDING_LIMIT + 4):
        parts.add(parts_of(revision, f"text {revision}")[0])
    assert len(parts.state()["pending"]) == PENDING_LIMIT
    feed(parts, parts_of(100, "whole"))
    assert parts.state()["pending"] == []


def test_an_unfinished_one_survives_its_state() -> None:
    first, second = parts_of(7, "seven")
    parts = ConfigurationParts()
    parts.add(first)
    assert feed(ConfigurationParts.of_state(parts.state()), [second]) is not None
