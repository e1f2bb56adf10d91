"""Money of incidents, valued at the prices of `occurred_at` (INPUTS 1 Incidents)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from monitor.core.book.book import Book
from monitor.core.book.incidents import Amount, IncidentRevision
from monitor.core.journal.vocabulary import OPEN_STATUSES
from monitor.core.values.figure import NOTHING, UNKNOWN, Figure, total
from monitor.core.view.gaps import Gaps

Worth = Callable[[str, Figure, int], Figure]
"""Value of a quantity of an asset at an instant (ns)."""


class KnownIncidents(NamedTuple):
    """(id, highest known revision) of incidents, sorted by id, and the instant (ns) by which receipts count."""

    at: int
    revisions: tuple[tuple[str, IncidentRevision], ...]


def known_incidents(book: Book, at: int, *, live: bool) -> KnownIncidents:
    """Every incident that had occurred by `at`, as known then; `live`: at the book's clock."""
    known = book.incidents.known(None if live else at)
    return KnownIncidents(at, tuple(one for one in known if one[1].occurred_at <= at))


class IncidentView:
    """An incident at its highest known revision; money in the view's currency at the prices of `occurred_at` (ns).

    Gaps (`quantity_unknown`, `price_missing`) are noted when a figure is read, under the effect that is set then.
    """

    def __init__(self, identity: str, incident: IncidentRevision, at: int, worth: Worth, gaps: Gaps) -> None:
        self.id = identity
        self.kind: str = incident.body["kind"]
        self.severity: str = incident.body["severity"]
        self.status = incident.status
        self.occurred_at = incident.occurred_at
        self.revision = incident.revision
        self._incident = incident
        self._at = at
        self._worth = worth
        self._gaps = gaps

    @property
    def loss(self) -> Figure:
        """`loss_estimate` if given, else the sum of `losses`; of an open incident that names neither it is not known."""
        estimate = self._incident.estimate
        if estimate is not None:
            return self._sum([estimate])
        return self._not_told() if self._untold else self._sum(self._incident.losses)

    @property
    def recovered(self) -> Figure:
        """Receipts with `received_at` not after the view's instant."""
        return self._sum(r for r in self._incident.recoveries if r.received_at <= self._at)

    @property
    def net(self) -> Figure:
        """Loss less receipts, not below 0."""
        return (self.loss - self.recovered).at_least(0)

    @property
    def client(self) -> Figure:
        """The `losses` of owner `client`, before receipts, also beside an estimate."""
        if self._untold:
            return self._not_told()
        return self._sum(loss for loss in self._incident.losses if loss.owner == "client")

    @property
    def client_net(self) -> Figure:
        """Client part less all receipts, not below 0."""
        return (self.client - self.recovered).at_least(0)

    @property
    def _untold(self) -> bool:
        """Whether it is open and nobody has said yet what it cost."""
        return self.status in OPEN_STATUSES and not self._incident.losses and self._incident.estimate is None

    def _not_told(self) -> Figure:
        self._gaps.add("quantity_unknown", self.id, since=self.occurred_at)
        return UNKNOWN

    def _sum(self, amounts: Iterable[Amount]) -> Figure:
        return total([NOTHING, *(self._value(amount) for amount in amounts)])

    def _value(self, amount: Amount) -> Figure:
        if amount.quantity is None:
            self._gaps.add("quantity_unknown", self.id, since=self.occurred_at)
            return UNKNOWN
        return self._worth(amount.asset, Figure.of(amount.quantity), self.occurred_at)
