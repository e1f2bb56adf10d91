"""The alerts as they stand: of each fingerprint the highest revision (JOURNAL 7).

Compaction keeps what was written last, and a paused assessor may have written an old state last; so the revision decides,
never the place in the log, and a repeat at the same revision changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monitor.notify.alert import Alert, read_alert


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The tombstone of an alert that ended long ago."""

    fingerprint: str


class Board:
    """Folds the records of `reserve.alerts`. `on_fork` is called with a partition and an alert where two chains differ."""

    def __init__(self, on_fork: Callable[[int, Alert], None] = lambda _partition, _alert: None) -> None:
        self._on_fork = on_fork
        self._alerts: dict[str, tuple[int, Alert]] = {}
        self._places: dict[str, tuple[int, str]] = {}

    def apply(self, partition: int, key: bytes | None, body: bytes | None) -> Alert | Forgotten | None:
        """What a record changes: a newer state, a tombstone, None for a repeat or an older one. `BadAlert`: not an alert."""
        if body is None:
            fingerprint = (key or b"").decode(errors="replace")
            return Forgotten(fingerprint) if self._alerts.pop(fingerprint, None) is not None else None
        alert = read_alert(body)
        if self._forks(alert):
            self._on_fork(partition, alert)
        known = self._alerts.get(alert.fingerprint)
        if known is not None and known[1].revision >= alert.revision:
            return None
        self._alerts[alert.fingerprint] = partition, alert
        return alert

    def partition_of(self, fingerprint: str) -> int | None:
        """The partition an alert is in; None for one that is not known."""
        known = self._alerts.get(fingerprint)
        return None if known is None else known[0]

    def of_partition(self, partition: int) -> list[Alert]:
        """The alerts of a partition."""
        return [alert for where, alert in self._alerts.values() if where == partition]

    def drop_partition(self, partition: int) -> list[str]:
        """Forget a partition that is read anew or by another dispatcher; gives the fingerprints that were in it."""
        gone = [fingerprint for fingerprint, (where, _) in self._alerts.items() if where == partition]
        for fingerprint in gone:
            entity = self._alerts.pop(fingerprint)[1].entity
            self._places.pop(entity, None)
        return gone

    def _forks(self, alert: Alert) -> bool:
        """Whether another record was seen at the newest place of the entity's chain: two assessors wrote different things."""
        place = alert.chain_place
        if place is None:
            return False
        entity, sequence, digest = place
        newest = self._places.get(entity)
        if newest is None or sequence > newest[0]:
            self._places[entity] = sequence, digest
            return False
        return sequence == newest[0] and digest != newest[1]
