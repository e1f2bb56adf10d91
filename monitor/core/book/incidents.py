"""Security incidents: every message is the whole incident at its revision; the highest revision counts (INPUTS 1).

Of two messages with one revision the first in the log counts. A view of a past instant sees the revisions logged by
then, so a revision is kept for as long as a lower one was the newest known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from monitor.core.journal.ordering import Order, order_from, order_text
from monitor.core.values.instants import Instants
from monitor.core.values.money import parse_decimal, parse_quantity
from monitor.core.values.times import parse_time

KEPT_REVISIONS = 64
"""Superseded revisions kept for views of the past; of more the oldest go, and the past shows the next one kept."""


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of an asset or currency; quantity None is unknown. `received_at` (ns) is of a recovery."""

    asset: str
    quantity: Decimal | None
    owner: str | None = None
    received_at: int = 0


@dataclass(frozen=True, slots=True)
class IncidentRevision:
    """One revision of an incident; `body` is its message as in the journal."""

    revision: int
    order: Order
    status: str
    occurred_at: int
    losses: tuple[Amount, ...]
    estimate: Amount | None
    recoveries: tuple[Amount, ...]
    body: Mapping[str, Any]

    @property
    def logged_at(self) -> int:
        """When it became known (ns)."""
        return self.order[2]


def incident_of(body: Mapping[str, Any], order: Order) -> IncidentRevision:
    """The revision in the body of an `incident` record."""
    estimate = body["loss_estimate"]
    return IncidentRevision(
        revision=body["revision"],
        order=order,
        status=body["status"],
        occurred_at=parse_time(body["occurred_at"]),
        losses=tuple(Amount(loss["asset"], _decimal(loss["quantity"]), loss["owner"]) for loss in body["losses"]),
        estimate=None if estimate is None else Amount(estimate["currency"], parse_decimal(estimate["amount"])),
        recoveries=tuple(
            Amount(r["asset"], parse_quantity(r["quantity"]), received_at=parse_time(r["received_at"]))
            for r in body["recoveries"]
        ),
        body=body,
    )


class Incidents:
    """All incidents of an entity, by id."""

    def __init__(self, dirty: set[str]) -> None:
        self._dirty = dirty
        self._known: dict[str, list[IncidentRevision]] = {}
        self._changes = Instants(self._instants)
        self.valued = Instants(self.valued_at)

    def put(self, body: Mapping[str, Any], order: Order) -> None:
        """Take the body of an `incident` record."""
        identity, new = body["incident_id"], incident_of(body, order)
        known = self._known.setdefault(identity, [])
        for place, other in enumerate(known):
            if other.revision == new.revision:
                if new.order[2:] >= other.order[2:]:
                    return
                known[place] = new
                break
        else:
            known.append(new)
        known.sort(key=_revision)
        self._known[identity] = _worth_keeping(known)
        self._changes.changed()
        self.valued.changed()
        self._dirty.add("incidents")

    def known(self, at: int | None) -> Iterator[tuple[str, IncidentRevision]]:
        """(id, revision) sorted by id: the highest revision logged by `at` (None: of all).

        One that lies ahead of `at` by its `occurred_at` is the caller's to leave out.
        """
        for identity in sorted(self._known):
            revisions = [i for i in self._known[identity] if at is None or i.logged_at <= at]
            if revisions:
                yield identity, revisions[-1]

    def valued_at(self) -> Iterator[int]:
        """Every `occurred_at` at whose prices an incident is valued."""
        return (i.occurred_at for revisions in self._known.values() for i in revisions)

    def next_change(self, after: int) -> int | None:
        """The next `occurred_at` or `received_at` above `after`."""
        return self._changes.after(after)

    def _instants(self) -> Iterator[int]:
        for revisions in self._known.values():
            yield revisions[-1].occurred_at
            yield from (recovery.received_at for recovery in revisions[-1].recoveries)

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        if self._known:
            yield "incidents"

    def bucket(self, name: str) -> Any:
        """The bucket as JSON values."""
        every = ((identity, i) for identity, revisions in sorted(self._known.items()) for i in revisions)
        return [[identity, order_text(i.order), dict(i.body)] for identity, i in every] if name == "incidents" else None

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the bucket `incidents`."""
        for identity, order, body in buckets.get("incidents") or ():
            self._known.setdefault(identity, []).append(incident_of(body, order_from(order)))


def _worth_keeping(revisions: list[IncidentRevision]) -> list[IncidentRevision]:
    """Without those that a higher revision, logged no later, has made invisible at every instant; the newest of many."""
    kept: list[IncidentRevision] = []
    earliest = None
    for incident in reversed(revisions):
        if earliest is None or incident.logged_at < earliest:
            kept.append(incident)
            earliest = incident.logged_at
    return kept[:KEPT_REVISIONS][::-1]


def _revision(incident: IncidentRevision) -> int:
    return incident.revision


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else parse_quantity(text)
