"""A refused record put back: one header says where it first lay and for which elements it comes again (`dlq requeue`).

Without it a frame put back for one element would be a new record, all elements of which count: what has an id would be a repeat,
but an id made of the place (`%id`) would be another one, and a trade would count twice. With it the elements named are read as
they were at their first place; the others, and all of a feed that is not named, are left out. What comes of it is a function of
the record and the rules, as of every other (JOURNAL 3).
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, Self

from streams.wire.feeds.sight import RecordPlace

HEADER = "reserve-requeued"

ElementRange = tuple[int, int]
"""First and last index."""


class UnreadableRequeue(Exception):
    """A header that `dlq requeue` did not write."""

    def __init__(self) -> None:
        super().__init__(f"the header {HEADER} is not one that `dlq requeue` writes: send the record without it")


@dataclass(frozen=True, slots=True)
class RequeuedRecord:
    """Where a record first lay, and which elements of it come again by `<kind>/<feed>`: ascending ranges, or None for all.

    `elements` None: the record as a whole to every feed, of which none could read it. `rules`: number of those that refused it.
    """

    epoch: int
    offset: int
    time_ms: int
    elements: Mapping[str, tuple[ElementRange, ...] | None] | None
    rules: int | None = None

    @classmethod
    def of(cls, headers: Sequence[tuple[str, bytes]]) -> Self | None:
        """What the headers of a record say; None for one that was not put back. UnreadableRequeue for what says nothing."""
        given = [content for name, content in headers if name == HEADER] if headers else []
        if not given:
            return None
        try:
            raw = json.loads(given[0])
            epoch, offset, time_ms = (_whole(raw[name]) for name in ("epoch", "offset", "time_ms"))
            elements = None if raw["elements"] is None else _named(raw["elements"])
            return cls(epoch, offset, time_ms, elements, None if raw.get("rules") is None else _whole(raw["rules"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise UnreadableRequeue from None

    def header(self) -> tuple[str, bytes]:
        """The header that says it."""
        said = {
            "epoch": self.epoch,
            "offset": self.offset,
            "time_ms": self.time_ms,
            "elements": self.elements,
            "rules": self.rules,
        }
        return HEADER, json.dumps(said, separators=(",", ":")).encode()

    def first_place(self, now: RecordPlace) -> RecordPlace:
        """The place by which paths read the record, which lies `now` elsewhere."""
        return replace(now, epoch=self.epoch, offset=self.offset, time_ms=self.time_ms)

    def wholly(self, feed: str) -> bool:
        """Whether all of the record comes again to a feed."""
        return self.elements is None or self.elements.get(feed, ()) is None

    def names(self, feed: str, index: int | None) -> bool:
        """Whether an element of the record comes again to a feed; `index` None: whether anything of it does."""
        ranges = None if self.elements is None else self.elements.get(feed, ())
        if ranges is None or index is None:
            return ranges is None or bool(ranges)
        before = bisect_right(ranges, index, key=itemgetter(0))
        return before > 0 and index <= ranges[before - 1][1]


def ranges_of(indexes: Iterable[int]) -> tuple[ElementRange, ...]:
    """Indexes as ranges, in their order."""
    ranges: list[ElementRange] = []
    for index in sorted(set(indexes)):
        if ranges and ranges[-1][1] == index - 1:
            ranges[-1] = (ranges[-1][0], index)
        else:
            ranges.append((index, index))
    return tuple(ranges)


def _named(raw: Any) -> dict[str, tuple[ElementRange, ...] | None]:
    return {name: None if ranges is None else tuple(map(_range, ranges)) for name, ranges in raw.items()}


def _range(raw: Any) -> ElementRange:
    first, last = raw
    return _whole(first), _whole(last)


def _whole(raw: Any) -> int:
    if type(raw) is not int or raw < 0:
        raise ValueError(raw)
    return raw
