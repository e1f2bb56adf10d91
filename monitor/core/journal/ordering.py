"""The order of upserts: event time first, the log only to break ties, never the order of arrival (JOURNAL 4)."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.core.journal.records import BadRecord, Statement, one_text

Order = tuple[int, int, int, str, int, int, int]
"""(event time ns, sequence, log time ns, topic, epoch, partition, place): of two, the greater one is the newer.

The place is `SourcePartition.place`: the offset, in a feed with the index of the event.
"""

LARGEST_PLACE = 2**53
"""From here on a place has no canonical form as an integer: that of an offset of a feed beyond 2**33."""


def order_of(statement: Statement, event_time: int, sequence: int = 0) -> Order:
    """Place of a statement about the instant `own`; `BadRecord` when it lacks its source or log time."""
    source = statement.source
    if source is None or source.offset is None or statement.logged_at is None:
        raise BadRecord(f"a {statement.kind} record without source offset or log time")
    where = source.where
    place = where.place(source.offset, source.index)
    return (event_time, sequence, statement.logged_at, where.topic, where.epoch, where.partition, place)


def order_text(order: Order) -> list[str | int]:
    """`order` as JSON values; nanoseconds are text, for they are beyond 2**53."""
    event_time, sequence, logged, topic, epoch, partition, place = order
    return [str(event_time), sequence, str(logged), topic, epoch, partition, place_text(place)]


def place_text(place: int) -> int | str:
    """A place as a JSON value, of which `int` makes it again."""
    return place if place < LARGEST_PLACE else str(place)


def order_from(values: Sequence[str | int]) -> Order:
    """The order written by `order_text`."""
    event_time, sequence, logged, topic, epoch, partition, offset = values
    return (int(event_time), int(sequence), int(logged), one_text(str(topic)), int(epoch), int(partition), int(offset))
