"""The events in a run of records: a record is one event, or a feed makes none, one or several of it.

Rows are events in their order, (offset, index). What each row is, the authority says; trades have their fields as columns too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

from monitor.core.journal.records import EVENTS_IN_RECORD, SourcePartition
from monitor.core.values.times import from_ms
from streams.intake.segment.batches import Batch, clamped, cut
from streams.intake.segment.columns.decoding import Columns, columns_of_objects, keys_of
from streams.intake.segment.columns.lean import columns_of
from streams.wire import Invalid, Judge, LeanTrades, Reason, Trade, Valid
from streams.wire.feeds import FeedEvent, FeedPlan, FeedReading, RecordPlace, RefusedEvent
from streams.wire.signatures import Signers

UNSIGNED = "none"
"""How a record is authenticated whose source asks for no signatures."""


class WholeList(NamedTuple):
    """A record that is the whole list of something: its events are the rows [`begin`, `end`); `next_index` is free."""

    offset: int
    time_ms: int
    begin: int
    end: int
    next_index: int
    auth: str


class Events(ABC):
    """Rows [`begin`, `end`) of `batch` are the events; `filtered` of its records' elements were left out."""

    batch: Batch
    begin: int
    end: int
    filtered: int
    one_each: ClassVar[bool] = False
    """Whether each record is one event."""

    @property
    def heard_ms(self) -> int | None:
        """Newest log time of a record that is a heartbeat; only feeds have any."""
        return None

    def auth(self, row: int) -> str:  # noqa: ARG002 - most sources ask for no signatures
        """How the event's record is authenticated."""
        return UNSIGNED

    @abstractmethod
    def columns(self, begin: int, end: int) -> Columns:
        """The fields of trades of these rows."""

    @abstractmethod
    def verdict(self, row: int, logged_at: int) -> Valid | Trade | Invalid:
        """What the event is, logged at `logged_at` (ns)."""

    @abstractmethod
    def readable(self, row: int) -> dict[str, Any]:
        """The canonical object of a refused event as far as it can be read."""

    def index(self, row: int) -> int:  # noqa: ARG002 - a record that is one event has no other
        """Index of the event within its record."""
        return 0

    def letter_index(self, row: int) -> int | None:  # noqa: ARG002 - as above
        """Index in a dead letter: None where the whole record is refused."""
        return None

    def said_by_all(self, row: int) -> bool:  # noqa: ARG002 - as above
        """Whether each feed of the topic refuses the record in the same words."""
        return False

    def weight(self, record: int) -> int:  # noqa: ARG002 - as above
        """Events of a record, the one at this index of the batch the events are of; at least 1."""
        return 1

    @abstractmethod
    def before(self, record: int) -> Events:
        """The events of the records below this index of the batch."""


@dataclass(frozen=True, slots=True)
class RecordEvents(Events):
    """Records that are one event each. `lean`: the fast decoder of trades, if there is one."""

    judge: Judge
    lean: LeanTrades | None
    batch: Batch
    begin: int
    end: int
    filtered: int = 0
    one_each: ClassVar[bool] = True

    def columns(self, begin: int, end: int) -> Columns:
        return columns_of(self.lean, cut(self.batch.values, begin, end))

    def verdict(self, row: int, logged_at: int) -> Valid | Trade | Invalid:
        return self.judge.verdict(self.batch.values[row], logged_at)

    def readable(self, row: int) -> dict[str, Any]:
        return self.judge.readable(self.batch.values[row])

    def before(self, record: int) -> Events:
        return replace(self, end=min(record, self.end))


@dataclass(frozen=True, slots=True)
class SignedRecordEvents(RecordEvents):
    """Records of a source that asks for signatures. `signers`: of each from `begin` on who signed it, or why it is refused."""

    signers: Sequence[str | Invalid] = ()

    def auth(self, row: int) -> str:
        signer = self.signers[row - self.begin]
        return UNSIGNED if isinstance(signer, Invalid) else signer

    def columns(self, begin: int, end: int) -> Columns:
        found = columns_of(self.lean, cut(self.batch.values, begin, end))
        keys = keys_of(found)
        for index, signer in enumerate(self.signers[begin - self.begin : end - self.begin]):
            if isinstance(signer, Invalid):
                keys[index] = None  # the authority refuses it
        return found._replace(keys=keys, groups=None)

    def verdict(self, row: int, logged_at: int) -> Valid | Trade | Invalid:
        signer = self.signers[row - self.begin]
        return signer if isinstance(signer, Invalid) else self.judge.verdict(self.batch.values[row], logged_at)


@dataclass(frozen=True, slots=True)
class FeedEvents(Events):
    """What a feed makes of records: one row of `found` an event. `ends[n]`: rows, and elements left out, up to record n."""

    judge: Judge
    batch: Batch
    found: Sequence[FeedEvent | RefusedEvent]
    ends: Sequence[tuple[int, int]]
    first: int
    begin: int
    end: int
    filtered: int
    beats: Sequence[tuple[int, int]] = ()
    """Of each heartbeat the index of its record and its log time (ms)."""
    lists: Sequence[WholeList] = ()
    auths: Sequence[str] = ()
    """How the record of each row is authenticated."""

    def auth(self, row: int) -> str:
        return self.auths[row]

    def wholes(self) -> list[WholeList]:
        """The records that are whole lists, as far as the events go."""
        return [one for one in self.lists if one.end <= self.end]

    @property
    def heard_ms(self) -> int | None:
        last = self.first + len(self.ends)
        return max((time_ms for record, time_ms in self.beats if record < last), default=None)

    def columns(self, begin: int, end: int) -> Columns:
        return columns_of_objects([one.canonical if isinstance(one, FeedEvent) else None for one in self.found[begin:end]])

    def verdict(self, row: int, logged_at: int) -> Valid | Trade | Invalid:
        found = self.found[row]
        return found.invalid if isinstance(found, RefusedEvent) else self.judge.judged(found.canonical, logged_at)

    def readable(self, row: int) -> dict[str, Any]:
        found = self.found[row]
        return found.readable if isinstance(found, RefusedEvent) else found.canonical

    def index(self, row: int) -> int:
        return self.found[row].index or 0

    def letter_index(self, row: int) -> int | None:
        return self.found[row].index

    def said_by_all(self, row: int) -> bool:
        found = self.found[row]
        return isinstance(found, RefusedEvent) and found.by_all

    def weight(self, record: int) -> int:
        number = record - self.first
        return max(1, self.ends[number][0] - (self.ends[number - 1][0] if number else 0))

    def before(self, record: int) -> Events:
        number = record - self.first
        rows, filtered = self.ends[number - 1] if number else (0, 0)
        return replace(self, ends=self.ends[:number], begin=0, end=rows, filtered=filtered)


Sighted = Callable[[Batch, int, int], Events]
"""Records [begin, end) of a batch to their events."""


def events_of_records(judge: Judge, lean: LeanTrades | None, signers: Signers | None = None) -> Sighted:
    """Every record is one event."""
    if signers is None:
        return lambda batch, begin, end: RecordEvents(judge, lean, batch, begin, end)

    def sighted(batch: Batch, begin: int, end: int) -> Events:
        found = [_signer(signers, batch, record) for record in range(begin, end)]
        return SignedRecordEvents(judge, lean, batch, begin, end, signers=found)

    return sighted


def events_of_feed(plan: FeedPlan, judge: Judge, where: SourcePartition, signers: Signers | None = None) -> Sighted:
    """A feed's events."""

    def sighted(batch: Batch, begin: int, end: int) -> Events:
        found: list[FeedEvent | RefusedEvent] = []
        origins: list[int] = []
        auths: list[str] = []
        ends: list[tuple[int, int]] = []
        beats: list[tuple[int, int]] = []
        lists: list[WholeList] = []
        filtered = 0
        for record in range(begin, end):
            key, headers = batch.original(record)
            place = RecordPlace(where.epoch, where.partition, batch.offsets[record], batch.times_ms[record], key, headers)
            reading, auth = plan.read(batch.values[record], place), UNSIGNED
            if signers is not None:
                reading, auth = _vouched(reading, _signer(signers, batch, record))
            events = few(reading.events)
            auths += [auth] * len(events)
            if reading.whole:
                free = 1 + max((event.index or 0 for event in events), default=-1)
                rows = len(found)
                lists.append(WholeList(batch.offsets[record], batch.times_ms[record], rows, rows + len(events), free, auth))
            found += events
            origins += [record] * len(events)
            filtered += reading.filtered
            if reading.heard:
                beats.append((record, clamped(batch.times_ms[record])))
            ends.append((len(found), filtered))
        return FeedEvents(judge, rows_of(batch, origins), found, ends, begin, 0, len(found), filtered, beats, lists, auths)

    return sighted


def _signer(signers: Signers, batch: Batch, record: int) -> str | Invalid:
    key, headers = batch.original(record)
    return signers.signer(key, batch.values[record], headers, from_ms(clamped(batch.times_ms[record])))


def _vouched(reading: FeedReading, signer: str | Invalid) -> tuple[FeedReading, str]:
    """What counts of a record by who signed it: what a feed leaves out anyway need not be signed, the rest is refused whole."""
    if not isinstance(signer, Invalid):
        return reading, signer
    if not (reading.events or reading.heard or reading.whole):
        return reading, UNSIGNED
    first = reading.events[0] if reading.events else None
    readable = first.canonical if isinstance(first, FeedEvent) else first.readable if first is not None else {}
    return FeedReading([RefusedEvent(None, signer, readable)], 0), UNSIGNED


def few(events: list[FeedEvent | RefusedEvent]) -> list[FeedEvent | RefusedEvent]:
    """The events of a record; too many to be numbered are refused as one."""
    if not events or (events[-1].index or 0) < EVENTS_IN_RECORD:
        return events
    return [RefusedEvent(None, Invalid(Reason.TOO_LARGE, f"more than {EVENTS_IN_RECORD} elements"), {})]


def rows_of(batch: Batch, origins: Sequence[int]) -> Batch:
    """The records that rows are of, one a row."""
    if isinstance(origins, range):
        begin, end = origins.start, origins.stop
        columns = batch.offsets[begin:end], batch.times_ms[begin:end], batch.values[begin:end]
        return Batch(*columns, lambda row: batch.original(begin + row), batch.has_headers)
    return Batch(
        list(map(batch.offsets.__getitem__, origins)),
        list(map(batch.times_ms.__getitem__, origins)),
        list(map(batch.values.__getitem__, origins)),
        lambda row: batch.original(origins[row]),
        batch.has_headers,
    )
