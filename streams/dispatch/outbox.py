"""What one channel still has to be told: of each alert only its newest state, so that it is bounded by the number of alerts.

The grave goes first: what a channel has never heard before what it has, criticals before the rest, and of those the first
of its entity and name before all others, so that a flood of one kind cannot hide another. Within a rank the order is that
in which the alerts first had something to tell: a newer state takes the place of the one that waits.

New alerts of one entity and method that wait together are one batch, once they are more than `group_above`. What was told
in a group stays in it until it is over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from monitor.core.values.canonical import canonical_bytes
from monitor.notify.alert import Alert

SETTLE_S = 0.05
"""How long three or more alerts of one group wait for the others of their evaluation, from the last that came."""

SETTLE_MAX_S = 1.0
_SETTLING = 3


class Rank(IntEnum):
    """What is told first."""

    FIRST_CRITICAL = 0
    """Of its entity and alert name no critical stands at this channel."""
    NEW_CRITICAL = 1
    NEW = 2
    CHANGE = 3
    """Figures that moved, a severity that eased, an end."""


@dataclass(slots=True)
class OutboxEntry:
    """An alert to tell. `due_ns`: time of the oldest change not told; `waiting_since` and `parked_until`: the lane's clock, s.

    `group`: the key of the group it is told in, which it keeps from the first attempt on.
    """

    alert: Alert
    due_ns: int
    waiting_since: float
    maybe_told: bool
    rank: Rank
    group: str | None = None
    put_at: float = 0.0
    attempts: int = 0
    parked_until: float = 0.0
    under_way: bool = False
    """An attempt is being made: an end that comes meanwhile must follow it, not erase it."""


OutboxBatch = Sequence[OutboxEntry]
"""Entries that are told at once: one by itself, or those of one group."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that a channel (None: there is none) was not told of. `since_ns`: time of the oldest change not told."""

    channel: str | None
    fingerprint: str
    since_ns: int
    detail: str | None


class Outbox:
    """Entries by fingerprint, in order of rank."""

    def __init__(self, group_above: int | None = None) -> None:
        self._group_above = group_above
        self._ranks: dict[Rank, dict[str, OutboxEntry]] = {rank: {} for rank in Rank}

    def put(self, alert: Alert, maybe_told: bool, now: float, rank: Rank = Rank.CHANGE, group: str | None = None) -> None:
        """Wait with `alert`, or with it instead of its older state. `group`: the group that the channel knows it in."""
        entry = self.get(alert.fingerprint)
        if entry is None:
            self._ranks[rank][alert.fingerprint] = OutboxEntry(alert, alert.updated_ns, now, maybe_told, rank, group, now)
            return
        entry.alert = alert
        entry.maybe_told |= maybe_told
        entry.parked_until = 0.0
        entry.put_at = now
        entry.group = entry.group or group
        if rank is not entry.rank and (rank < entry.rank or not alert.firing):
            del self._ranks[entry.rank][alert.fingerprint]
            entry.rank = rank
            self._ranks[rank][alert.fingerprint] = entry

    def get(self, fingerprint: str) -> OutboxEntry | None:
        """The entry of an alert that waits."""
        return next((entries[fingerprint] for entries in self._ranks.values() if fingerprint in entries), None)

    def next(self, now: float, besides: Collection[str] = ()) -> OutboxBatch:
        """What is to be told first, but for what is parked and some fingerprints; empty when nothing is due."""
        for entry in self.entries():
            if entry.parked_until <= now and entry.alert.fingerprint not in besides:
                return self._with_group(entry, now)
        return ()

    def settled_at(self, batch: OutboxBatch, now: float) -> float:
        """When a batch may be told: its first entries wait a moment for the others of their evaluation."""
        mates = [entry for entry in self.entries() if _key(entry) == _key(batch[0])] if batch[0].group is None else []
        if len(mates) < _SETTLING or batch[0].attempts:
            return now
        return min(max(entry.put_at for entry in mates) + SETTLE_S, min(e.waiting_since for e in mates) + SETTLE_MAX_S)

    def done(self, entry: OutboxEntry, told: Alert, now: float) -> None:
        """`told` was accepted or refused; a newer state that came meanwhile goes on waiting, behind the others."""
        if self.drop(told.fingerprint) is entry and entry.alert is not told:
            self.put(entry.alert, maybe_told=False, now=now, rank=Rank.CHANGE, group=entry.group)

    def drop(self, fingerprint: str) -> OutboxEntry | None:
        """Nothing is to be told of this alert any more."""
        for entries in self._ranks.values():
            if fingerprint in entries:
                return entries.pop(fingerprint)
        return None

    def firsts(self) -> Iterator[Alert]:
        """The first criticals that wait."""
        return (entry.alert for entry in self._ranks[Rank.FIRST_CRITICAL].values())

    def entries(self) -> Iterator[OutboxEntry]:
        """All that waits, in the order in which it is told."""
        for entries in self._ranks.values():
            yield from entries.values()

    @property
    def oldest_ns(self) -> int | None:
        """Time of the oldest change not told."""
        return min((entry.due_ns for entry in self.entries()), default=None)

    @property
    def waiting_since(self) -> float | None:
        """Since when (the lane's clock) the longest waiting entry waits."""
        return min((entry.waiting_since for entry in self.entries()), default=None)

    @property
    def next_parked(self) -> float | None:
        """When the next parked entry is due (the lane's clock)."""
        return min((entry.parked_until for entry in self.entries()), default=None)

    def __len__(self) -> int:
        return sum(len(entries) for entries in self._ranks.values())

    def __contains__(self, fingerprint: str) -> bool:
        return self.get(fingerprint) is not None

    def _with_group(self, entry: OutboxEntry, now: float) -> OutboxBatch:
        if entry.group is not None:
            return [one for one in self.entries() if one.group == entry.group and one.parked_until <= now]
        if self._group_above is None or not _may_be_grouped(entry):
            return [entry]
        mates = [one for one in self.entries() if one.group is None and _may_be_grouped(one) and _key(one) == _key(entry)]
        return mates if len(mates) > self._group_above else [entry]


def group_key(batch: OutboxBatch) -> str:
    """The name of a new group, as long as a fingerprint: the same members at the same time have the same."""
    first = batch[0].alert
    members = sorted([entry.alert.fingerprint, entry.alert.revision] for entry in batch)
    return hashlib.sha256(canonical_bytes(["group", first.entity, first.method, members])).hexdigest()[:32]


def _may_be_grouped(entry: OutboxEntry) -> bool:
    """Only what is new, and not what was tried by itself: that may have been accepted unseen."""
    return entry.rank < Rank.CHANGE and entry.attempts == 0 and entry.alert.firing and entry.parked_until == 0


def _key(entry: OutboxEntry) -> tuple[str, str | None, str | None]:
    """What is of one group: entity and method; of the entity's own alerts the name, so that a theft is not among feeds."""
    alert = entry.alert
    return alert.entity, alert.method, None if alert.method is not None else alert.alertname
