"""Times during which something was so, found in the published figures: broken rules, and what was not known.

Figures are published whenever a component's state or a gap changes (JOURNAL 7), so their instants are those of the changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from monitor.core.values.calendar import Zone
from monitor.core.values.times import SECOND, parse_time
from monitor.report.adequacy.model import BreachSpan, SpanEnd, UnknownSpan

_SHORT = "shortfall"
_NOT_DECIDED = frozenset({"unknown", "not_computable"})

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Window:
    """The instants (ns) of a period in one zone: from `begin`, before `end`; what is known ends at `known_at`."""

    zone: Zone
    begin: int
    end: int
    known_at: int

    def meets(self, began: int, ended: int | None) -> bool:
        """Whether a time that began and ended then lies in it, in part at least."""
        return began < self.end and (ended is None or ended > self.begin)

    def seconds(self, began: int, ended: int | None) -> int:
        """How much of it lies within, up to what is known."""
        last = min(self.end, self.known_at if ended is None else ended)
        return max(0, last - max(began, self.begin)) // SECOND


@dataclass(slots=True)
class _Broken:
    """A breach that is being followed."""

    first: Entry
    row: Entry
    worst: Decimal | None = None
    amount: str | None = None
    cure_by: str | None = None

    def take(self, row: Entry) -> None:
        self.row = row
        self.cure_by = row["cure_by"] or self.cure_by
        found = None if row["shortfall"] is None else Decimal(row["shortfall"])
        if found is not None and (self.worst is None or found > self.worst):
            self.worst, self.amount = found, row["amount"]


def breaches(live: Sequence[Entry], window: Window) -> Iterator[BreachSpan]:
    """The breaches of each rule of one method, from its live figures in their order; what is not decided ends none."""
    broken: dict[str, _Broken] = {}
    for entry in live:
        rows = {row["name"]: row for row in entry["components"]}
        for name in sorted(broken.keys() - rows.keys()):
            if entry["state"] not in _NOT_DECIDED:
                yield from _span(broken.pop(name), entry, "not_asked", window)
        for name, row in rows.items():
            if row["state"] == _SHORT:
                broken.setdefault(name, _Broken(entry, row)).take(row)
            elif name in broken and row["state"] not in _NOT_DECIDED:
                end: SpanEnd = "not_applicable" if row["state"] == "not_applicable" else "met"
                yield from _span(broken.pop(name), entry, end, window)
    for followed in broken.values():
        yield from _span(followed, None, "open", window)


def _span(followed: _Broken, last: Entry | None, end: SpanEnd, window: Window) -> Iterator[BreachSpan]:
    first, row = followed.first, followed.row
    began, ended = parse_time(first["at"]), None if last is None else parse_time(last["at"])
    if not window.meets(began, ended):
        return
    day = window.zone.local_date(window.known_at if ended is None else ended).isoformat()
    yield BreachSpan(
        method=first["method"],
        rule=row["name"],
        ref=row["ref"],
        unit=row["unit"],
        currency=first["currency"],
        began_at=first["at"],
        ended_at=None if last is None else last["at"],
        end=end,
        cure_by=followed.cure_by,
        late=None if followed.cure_by is None else day > followed.cure_by,
        worst=None if followed.worst is None else f"{followed.worst:f}",
        worst_amount=followed.amount,
        began_by=_causes(first),
        ended_by=() if last is None else _causes(last),
        began_digest=first["digest"],
        ended_digest=None if last is None else last["digest"],
    )


def unknown(live: Sequence[Entry], window: Window) -> Iterator[UnknownSpan]:
    """What one method did not know, from its live figures in their order."""
    missing: dict[tuple[str, str | None], tuple[Entry, Entry]] = {}
    for entry in live:
        gaps = {(gap["kind"], gap["subject"]): gap for gap in entry["gaps"]}
        for key in sorted(missing.keys() - gaps.keys(), key=str):
            yield from _unknown(*missing.pop(key), entry, window)
        for key, gap in gaps.items():
            missing.setdefault(key, (entry, gap))
    for first, gap in missing.values():
        yield from _unknown(first, gap, None, window)


def _unknown(first: Entry, gap: Entry, last: Entry | None, window: Window) -> Iterator[UnknownSpan]:
    noticed, ended = parse_time(first["at"]), None if last is None else parse_time(last["at"])
    if window.meets(noticed, ended):
        yield UnknownSpan(
            method=first["method"],
            kind=gap["kind"],
            subject=gap["subject"],
            effect=gap["effect"],
            since=gap["since"],
            noticed_at=first["at"],
            ended_at=None if last is None else last["at"],
            seconds=window.seconds(noticed, ended),
        )


def _causes(entry: Entry) -> tuple[Mapping[str, Any], ...]:
    """The events that a figure's change is traced to, each once."""
    found = {(c["topic"], c.get("partition"), c.get("offset")): c for part in entry["why"] for c in part["causes"]}
    return tuple(found.values())
