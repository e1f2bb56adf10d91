"""What one channel still has to be told: of each alert only its newest state, so that it is bounded by the number of alerts.

The order is that in which the alerts first had something to tell. A newer state takes the place of the one that waits,
so an alert that changes often neither overtakes nor starves.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from monitor.notify.alert import Alert


@dataclass(slots=True)
class Entry:
    """An alert to tell. `due_ns`: time of the oldest change not told; `waiting_since` and `parked_until`: the lane's clock, s."""

    alert: Alert
    due_ns: int
    waiting_since: float
    maybe_told: bool
    attempts: int = 0
    parked_until: float = 0.0


class Outbox:
    """Entries by fingerprint, in order."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def put(self, alert: Alert, maybe_told: bool, now: float) -> None:
        """Wait with `alert`, or with it instead of its older state."""
        entry = self._entries.get(alert.fingerprint)
        if entry is None:
            self._entries[alert.fingerprint] = Entry(alert, alert.updated_ns, now, maybe_told)
        else:
            entry.alert = alert
            entry.maybe_told |= maybe_told
            entry.parked_until = 0.0

    def next(self, now: float, besides: Collection[str] = ()) -> Entry | None:
        """The first entry that is due, but for some fingerprints."""
        for fingerprint, entry in self._entries.items():
            if entry.parked_until <= now and fingerprint not in besides:
                return entry
        return None

    def done(self, entry: Entry, told: Alert, now: float) -> None:
        """`told` was accepted or refused; a newer state that came meanwhile goes on waiting, behind the others."""
        if self._entries.pop(told.fingerprint, None) is entry and entry.alert is not told:
            self.put(entry.alert, maybe_told=False, now=now)

    def drop(self, fingerprint: str) -> None:
        """Nothing is to be told of this alert any more."""
        self._entries.pop(fingerprint, None)

    @property
    def oldest_ns(self) -> int | None:
        """Time of the oldest change not told."""
        return min((entry.due_ns for entry in self._entries.values()), default=None)

    @property
    def waiting_since(self) -> float | None:
        """Since when (the lane's clock) the longest waiting entry waits."""
        return min((entry.waiting_since for entry in self._entries.values()), default=None)

    @property
    def next_parked(self) -> float | None:
        """When the next parked entry is due (the lane's clock)."""
        return min((entry.parked_until for entry in self._entries.values()), default=None)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, fingerprint: str) -> bool:
        return fingerprint in self._entries
