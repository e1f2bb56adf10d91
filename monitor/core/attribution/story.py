"""What changed a figure, in sentences that alerts, the page, reports and `explain` share.

All of it is said from the published record alone, so whoever holds the record can say it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from monitor.core.attribution.deltas import summed
from monitor.core.journal.causes import DELTAS
from monitor.core.values.money import EXACT, parse_total, plain
from monitor.core.values.wording import MINUS, grouped, percent

CAUSES_TOLD = 3
_NUMBER = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)((?: [A-Z]{3})?)", re.ASCII)
"""A number, alone or as an amount of money."""
_WORDS = {
    "price": "prices",
    "balance": "balances",
    "volume": "trade volume",
    "incident": "incidents",
    "declaration": "declarations",
    "method": "the method",
    "data_quality": "what is known",
}
_AMOUNTS = (("required_delta", "required"), ("available_delta", "available"))


def change_sentences(value: Mapping[str, Any]) -> Iterator[str]:
    """What moved an assessment since the one it is compared with: the whole, then part by part; nothing where nothing did."""
    if value.get("why_since") is None:
        return
    whole = _whole(value)
    if value["why"]:
        yield f"Since the figure before: {', '.join(_steps(whole, value)) or _unmoved(whole)}."
    yield from (part_sentence(part, value) for part in value["why"])


def short_change(value: Mapping[str, Any]) -> str:
    """The same in one sentence: figures before and now, and the parts that moved them with their first causes."""
    told = []
    for part in value["why"]:
        moves = _moves({name: part[name] for name, _ in _AMOUNTS}, value)
        if moves:
            told.append(f"{_WORDS[part['part']]} {', '.join(moves)}{_because(part, 1)}")
    if not told or not value.get("why_since"):
        return ""
    known = all(value[side] is not None for _, side in _AMOUNTS)  # else the whole would say no more than its parts
    whole = ", ".join(_steps(_whole(value), value)) if known else ""
    return f"Since the figure before: {'; '.join(filter(None, (whole, *told)))}."


def part_sentence(part: Mapping[str, Any], value: Mapping[str, Any]) -> str:
    """One part: by how much it moved each side, and by what."""
    deltas = {name: part[name] for name in DELTAS}
    moves = ", ".join(_moves(deltas, value)) or _unmoved(deltas)
    gaps = [f"{gap['kind']} {gap['subject']} {verb}" for verb in ("opened", "closed") for gap in part.get(verb, ())]
    words = _WORDS[part["part"]]
    said = "; ".join([moves, *gaps])
    return f"{words[0].upper()}{words[1:]}: {said}{_because(part, CAUSES_TOLD)}."


def cause_words(cause: Mapping[str, Any]) -> str:
    """An event: its topic, what it speaks of and the old and the new value; else its name and its place."""
    place = f"{cause['topic']} {cause['partition']}/{cause.get('offset')}"
    change = value_change(cause)
    if change:
        return f"{cause['topic']} {change}"
    return f"{cause['event_id']} ({place})" if cause.get("event_id") else place


def value_change(cause: Mapping[str, Any]) -> str:
    """What an event changed: its subject, the old and the new value; nothing where that is not known."""
    after = cause.get("after")
    if not cause.get("subject") or after is None:
        return ""
    before = cause.get("before")
    if before == after:
        return f"{cause['subject']} {grouped_if_number(after)} as before"
    return f"{cause['subject']} {'new: ' if before is None else f'{grouped_if_number(before)} → '}{grouped_if_number(after)}"


def that_changed(causes: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The causes without those that said what was known; all of them where none said anything new."""
    return [one for one in causes if one.get("after") is None or one.get("before") != one.get("after")] or causes


def _because(part: Mapping[str, Any], most: int) -> str:
    causes = that_changed(part["causes"])
    if not causes:
        moved = any(part[name] not in {None, "0"} for name, _ in _AMOUNTS)
        return " (no event: time has passed)" if moved and part["part"] not in {"method", "data_quality"} else ""
    newest = list(reversed(causes))[:most]
    more = f" and {len(causes) - len(newest)} more" if len(causes) > len(newest) else ""
    return f" ({'; '.join(map(cause_words, newest))}{more})"


def _whole(value: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: summed(value["why"], name) for name in DELTAS}


def _steps(whole: Mapping[str, str | None], value: Mapping[str, Any]) -> list[str]:
    """Each side that moved, before and now, then the coverage; a change alone of what is not known now."""
    if any(value[side] is None for _, side in _AMOUNTS):
        return _moves(whole, value)
    sides = [(side, whole[name]) for name, side in _AMOUNTS if whole[name] not in {None, "0"}]
    told = [
        f"{side} {grouped(_before(value[side], delta))} → {grouped(value[side])} {value['currency']}" for side, delta in sides
    ]
    now, points = value["coverage"], whole["coverage_delta"]
    if now is not None and points not in {None, "0"}:
        told.append(f"coverage {percent(_before(now, points))} → {percent(now)}")
    return told


def _before(now: str, delta: str | None) -> str:
    return plain(EXACT.subtract(parse_total(now), parse_total(delta or "0")))


def _moves(deltas: Mapping[str, str | None], value: Mapping[str, Any]) -> list[str]:
    known = ((word, deltas.get(name)) for name, word in _AMOUNTS)
    moved = [f"{word} {_signed(delta)} {value['currency']}" for word, delta in known if delta not in {None, "0"}]
    coverage = deltas.get("coverage_delta")
    if coverage not in {None, "0"}:
        points = plain(EXACT.multiply(parse_total(coverage or "0"), Decimal(100)))
        moved.append(f"coverage {_signed(points)} points")
    return moved


def _unmoved(deltas: Mapping[str, str | None]) -> str:
    sides = [deltas[name] for name, _ in _AMOUNTS]
    return "neither side moved" if None not in sides else "by how much is not known, for a side was or is not known"


def _signed(text: str | None) -> str:
    words = grouped(text)
    return words if words.startswith(MINUS) else f"+{words}"


def grouped_if_number(value: Any) -> str:
    """A number, and the number of an amount of money, with its digits in threes; any other text as it is."""
    words = str(value)
    found = _NUMBER.fullmatch(words)
    return grouped(found[1]) + found[2] if found else words
