"""Prices that were refused: they mark the figures that use the pair until a newer one of the same series is valid (CONTRACT 7).

A price is nobody's record, so every entity of the journal partition sees the same marks; a dismissal holds for the entity
whose operation it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from monitor.core.book.prices import Pair
from monitor.core.journal.ordering import Order, place_text
from monitor.core.journal.records import BadRecord, SourcePartition, Statement
from monitor.core.values.changes import Changes

BUCKET = "refused-prices"
SERIES_REMEMBERED = 10_000
"""Series of which a refusal is remembered; of more the oldest goes."""

Series = tuple[str, str, str, str]
"""(asset, currency, kind, source); kind or source empty where the refused record did not tell."""


class RefusedPrice(NamedTuple):
    """The newest refused record of a series by its place in the log; `since` (log time, ns) is that of the first."""

    logged: int
    where: SourcePartition
    place: int
    since: int


class RefusedPrices:
    """The refusals of one journal partition that still mark."""

    def __init__(self, dirty: set[str]) -> None:
        self.changes: Changes[Pair] = Changes()
        """Pairs of which the refusals may be others."""
        self._dirty = dirty
        self._marks: dict[Pair, dict[Series, RefusedPrice]] = {}

    def put(self, statement: Statement) -> None:
        """Take a `rejected` record of no entity."""
        source, body = statement.source, statement.body
        if source is None or source.offset is None or statement.logged_at is None:
            raise BadRecord("a rejected record without source offset or log time")
        series = (body["asset"], body["currency"], body["kind"] or "", body["source"] or "")
        self._mark(series, statement.logged_at, source.where, source.where.place(source.offset, source.index))

    def refuse(self, series: Series, order: Order) -> None:
        """The price book itself refuses the record at `order`: it marks as a dead letter does."""
        self._mark(series, order[2], SourcePartition(order[3], order[4], order[5]), order[6])

    def valid(self, series: Series, order: Order) -> None:
        """A valid price came: refusals of its series before it in the log mark no longer."""
        marks = self._marks.get(series[:2])
        if not marks:
            return
        asset, currency, kind, source = series
        for name in ((asset, currency, k, s) for k in (kind, "") for s in (source, "")):
            mark = marks.get(name)
            if mark is not None and (mark.logged, mark.where.epoch, mark.where.partition, mark.place) < (order[2], *order[4:]):
                del marks[name]
                self.changes.note(series[:2])
                self._dirty.add(BUCKET)
        if not marks:
            del self._marks[series[:2]]

    def of(self, pair: Pair, dismissed: Mapping[SourcePartition, tuple[int, ...]]) -> Iterator[tuple[str, int]]:
        """Topic or feed, and log time, of what still marks a pair but for the offsets dismissed."""
        for mark in self._marks.get(pair, {}).values():
            if mark.where.offset_of(mark.place) not in dismissed.get(mark.where, ()):
                yield mark.where.topic, mark.since

    def _mark(self, series: Series, logged: int, where: SourcePartition, place: int) -> None:
        marks = self._marks.setdefault(series[:2], {})
        known, new = marks.get(series), RefusedPrice(logged, where, place, logged)
        if known is not None:
            new = max(known, new)._replace(since=min(known.since, logged))
        if new == known:
            return
        marks[series] = new
        self.changes.note(series[:2])
        self._dirty.add(BUCKET)
        if len(self._marks) > SERIES_REMEMBERED:
            oldest = next(iter(self._marks))
            del self._marks[oldest]
            self.changes.note(oldest)

    # --- snapshots

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        if self._marks:
            yield BUCKET

    def bucket(self, name: str) -> Any:
        """The bucket as JSON values; None when it is empty."""
        if name != BUCKET or not self._marks:
            return None
        return [
            [*series, str(mark.logged), *_where(mark), place_text(mark.place), str(mark.since)]
            for marks in self._marks.values()
            for series, mark in marks.items()
        ]

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the bucket `refused-prices`."""
        for asset, currency, kind, source, logged, topic, epoch, partition, place, since in buckets.get(BUCKET) or ():
            mark = RefusedPrice(int(logged), SourcePartition(topic, epoch, partition), int(place), int(since))
            self._marks.setdefault((asset, currency), {})[asset, currency, kind, source] = mark


def _where(mark: RefusedPrice) -> tuple[str, int, int]:
    return mark.where.topic, mark.where.epoch, mark.where.partition
