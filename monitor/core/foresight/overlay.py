"""A view of a book in which some reads are otherwise: never a copy, and nothing is written (DESIGN 11).

Holdings are changed per (role, asset, storage), prices per asset, trade volume by a factor; losses come as one more incident,
declarations by an amount. Whatever is not named is read as it is, with its bounds and gaps.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from monitor.core.book.book import Book
from monitor.core.book.declarations import Attributes, attributes_key
from monitor.core.book.incidents import Amount, IncidentRevision
from monitor.core.evaluation.assessment import Result
from monitor.core.evaluation.evaluation import Prepared
from monitor.core.journal.vocabulary import INCIDENTS, LIABILITY, ROLES, STORAGES
from monitor.core.values.figure import NOTHING, Figure, total
from monitor.core.values.money import EXACT, ZERO
from monitor.core.view.incident_view import IncidentView
from monitor.core.view.memory.memo import Memo
from monitor.core.view.view import DeclarationView, View

ONE = Decimal(1)
KEPT_FROM = 16
"""Of so many assets and more, what was made under an overlay is kept for the next time: with few it takes more than it saves."""
INCIDENT = "scenario"
ONE_STORAGE: Mapping[str, frozenset[str]] = {storage: frozenset({storage}) for storage in STORAGES}
_EVERY_STORAGE = frozenset(STORAGES)
_OVERLAY = "overlay"
_UNCHANGED: Mapping[str, HoldingChange] = {}

HoldingPlace = tuple[str, str, str]
"""(role, asset, storage)"""


DeclaredPlace = tuple[str, Attributes, str | None]
"""(kind, attributes with the kind's defaults, currency or None: the method's own)"""


@dataclass(frozen=True, slots=True)
class HoldingChange:
    """A quantity times `factor`, plus `shift`; no holding falls below 0."""

    factor: Decimal = ONE
    shift: Decimal = ZERO

    def then(self, other: HoldingChange) -> HoldingChange:
        """This change, then another one."""
        return HoldingChange(
            EXACT.multiply(self.factor, other.factor), EXACT.add(EXACT.multiply(self.shift, other.factor), other.shift)
        )


@dataclass(frozen=True, slots=True)
class StressedLoss:
    """So much of an asset lost, and whose; quantity None is not known."""

    asset: str
    quantity: Decimal | None
    owner: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """What is read otherwise. `prices` are factors; `volume` that of today's and the last 24 hours' trades.

    `declared` are amounts added to declarations; `incident` is the kind of the incident that the losses come as.
    """

    holdings: Mapping[HoldingPlace, HoldingChange] = field(default_factory=dict)
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    volume: Decimal = ONE
    losses: tuple[StressedLoss, ...] = ()
    incident: str | None = None
    declared: Mapping[DeclaredPlace, Decimal] = field(default_factory=dict)

    def with_holding(self, place: HoldingPlace, change: HoldingChange) -> Overlay:
        """With one more change of a holding."""
        changed = {**self.holdings, place: self._then(place, change)}
        return Overlay(changed, self.prices, self.volume, self.losses, self.incident, self.declared)

    def with_price(self, asset: str, factor: Decimal) -> Overlay:
        """With an asset's price times a factor."""
        changed = {**self.prices, asset: EXACT.multiply(self.prices.get(asset, ONE), factor)}
        return Overlay(self.holdings, changed, self.volume, self.losses, self.incident, self.declared)

    def with_volume(self, factor: Decimal) -> Overlay:
        """With trade volume times a factor."""
        more = EXACT.multiply(self.volume, factor)
        return Overlay(self.holdings, self.prices, more, self.losses, self.incident, self.declared)

    def with_loss(self, place: HoldingPlace, change: HoldingChange, loss: StressedLoss, incident: str) -> Overlay:
        """With one more change of a holding, which is a loss on the record of an incident."""
        changed = {**self.holdings, place: self._then(place, change)}
        return Overlay(changed, self.prices, self.volume, (*self.losses, loss), incident, self.declared)

    def _then(self, place: HoldingPlace, change: HoldingChange) -> HoldingChange:
        known = self.holdings.get(place)
        return change if known is None else known.then(change)

    def with_declared(
        self, kind: str, amount: Decimal, attributes: Mapping[str, str] | None = None, currency: str | None = None
    ) -> Overlay:
        """With an amount added to a declaration; without a `currency` in that of the method which reads it."""
        place = kind, attributes_key(kind, attributes or {}), currency
        changed = {**self.declared, place: EXACT.add(self.declared.get(place, ZERO), amount)}
        return Overlay(self.holdings, self.prices, self.volume, self.losses, self.incident, changed)


class OverlaidView(View):
    """`View` with the reads of an overlay. Views of one book, instant and overlay may share a `memo`."""

    def __init__(self, prepared: Prepared, book: Book, at: int, overlay: Overlay, memo: Memo | None = None) -> None:
        super().__init__(book, at, prepared.zone, prepared.calendar, prepared.currency, memo=memo)
        self._prepared = prepared
        self.overlay = overlay
        self._changed_of: dict[tuple[str, str], dict[str, HoldingChange]] = {}
        self._into: dict[str, set[str]] = {}
        self._incidents: tuple[IncidentView, ...] | None = None
        for (role, asset, storage), change in overlay.holdings.items():
            self._changed_of.setdefault((role, asset), {})[storage] = change
            if change.shift > 0:
                self._into.setdefault(role, set()).add(asset)

    def under(self, overlay: Overlay, memo: Memo) -> OverlaidView:
        """The same sight with another overlay, of which the memo is read."""
        return OverlaidView(self._prepared, self._book, self.at, overlay, memo)

    # --- positions

    def role_seen(self, role: str) -> bool:
        """See `View`; a role into which something is moved is seen."""
        return super().role_seen(role) or role in self._into

    def assets(self, role: str) -> tuple[str, ...]:
        """See `View`; with the assets of which something is moved into the role."""
        found, into = super().assets(role), self._into.get(role)
        return tuple(sorted({*found, *into})) if into else found

    def quantity(self, role: str, asset: str, storages: frozenset[str] | None = None) -> Figure:
        """See `View`."""
        if (role, asset) not in self._changed_of:
            return self._held(role, asset, storages)
        key = ("changed", role, asset, storages)
        return self._memo.value(key, lambda: self._quantity(role, asset, storages))

    def _quantity(self, role: str, asset: str, storages: frozenset[str] | None) -> Figure:
        wanted = _EVERY_STORAGE if storages is None else storages
        changes = {storage: change for storage, change in self._changes(role, asset).items() if storage in wanted}
        if not changes:
            return self._held(role, asset, storages)
        kept = self._held(role, asset, wanted.difference(changes))
        return total([kept, *(self._changed(role, asset, storage, change) for storage, change in changes.items())])

    def positive_quantity(self, role: str, asset: str) -> Figure:
        """See `View`; what is added or taken away counts whole, as money of one more client would."""
        found = super().positive_quantity(role, asset)
        for change in self._changes(role, asset).values():
            found = (found.scaled(change.factor) + Figure.of(change.shift)).at_least(0)
        return found

    def _held(self, role: str, asset: str, storages: frozenset[str] | None) -> Figure:
        """As the book has it; nothing of a role that only the overlay knows."""
        if role in self._into and not super().role_seen(role):
            return NOTHING
        return super().quantity(role, asset, storages)

    def _changed(self, role: str, asset: str, storage: str, change: HoldingChange) -> Figure:
        there = self._held(role, asset, ONE_STORAGE[storage]).scaled(change.factor) + Figure.of(change.shift)
        return there if role == LIABILITY and self.is_fiat(asset) else there.at_least(0)

    def _changes(self, role: str, asset: str) -> Mapping[str, HoldingChange]:
        return self._changed_of.get((role, asset), _UNCHANGED)

    # --- prices

    def price(self, asset: str, currency: str | None = None) -> Figure:
        """See `View`."""
        factor = self.overlay.prices.get(asset)
        if factor is None:
            return super().price(asset, currency)
        key = ("changed_price", asset, currency or self.currency)
        return self._memo.value(key, lambda: super(OverlaidView, self).price(asset, currency).scaled(factor))

    # --- trades

    def trade_value_24h(self, instrument: str, capacity: str | None = None) -> Figure:
        """See `View`."""
        return super().trade_value_24h(instrument, capacity).scaled(self.overlay.volume)

    def trade_value_day(self, day: date, instrument: str, capacity: str) -> dict[str, Decimal]:
        """See `View`; of days before today nothing changes."""
        found = super().trade_value_day(day, instrument, capacity)
        if day != self.local_date():
            return found
        return {quote: EXACT.multiply(value, self.overlay.volume) for quote, value in found.items()}

    # --- incidents and declarations

    def incidents(self) -> tuple[IncidentView, ...]:
        """See `View`; with the incident of the losses, valued at the overlay's prices of now."""
        if self._incidents is None:
            self._incidents = self._all_incidents()
        self.reads(INCIDENTS)
        return self._incidents

    def _all_incidents(self) -> tuple[IncidentView, ...]:
        found, overlay = super().incidents(), self.overlay
        if not overlay.losses or overlay.incident is None:
            return found
        losses = tuple(Amount(loss.asset, loss.quantity, loss.owner) for loss in overlay.losses)
        body = {"kind": overlay.incident, "severity": "critical"}
        incident = IncidentRevision(1, (self.at, 0, self.at, "", 0, 0, 0), "confirmed", self.at, losses, None, (), body)
        return (*found, IncidentView(INCIDENT, incident, self.at, self._worth_now, self._gaps))

    def _worth_now(self, asset: str, quantity: Figure, _instant: int) -> Figure:
        return self.value(asset, quantity)

    def declared(self, kind: str, **attributes: str) -> Figure | None:
        """See `View`."""
        found = super().declared(kind, **attributes)
        more = self._added(kind).get(attributes_key(kind, attributes))
        if more is None:
            return found
        return (NOTHING if found is None else found) + more

    def declarations(self, kind: str) -> tuple[DeclarationView, ...]:
        """See `View`; what is added counts as one more where none with its attributes is in effect."""
        found, added = super().declarations(kind), self._added(kind)
        if not added:
            return found
        told = {attributes_key(kind, one.attributes): one for one in found}
        for key, more in added.items():
            one = told.get(key, DeclarationView(kind, dict(key), NOTHING, self.at))
            told[key] = replace(one, amount=one.amount + more)
        return tuple(told.values())

    def came(self, kind: str, **attributes: str) -> bool:
        """See `View`."""
        return super().came(kind, **attributes) or any(attributes.items() <= dict(key).items() for key in self._added(kind))

    def _added(self, kind: str) -> dict[Attributes, Figure]:
        """What the overlay adds to declarations of a kind, in the method's currency."""
        found: dict[Attributes, Figure] = {}
        for (of, key, currency), amount in self.overlay.declared.items():
            if of == kind:
                more = Figure.of(amount) if currency is None else self.value(currency, Figure.of(amount))
                found[key] = found.get(key, NOTHING) + more
        return found


def result_under(
    prepared: Prepared, book: Book, at: int, overlay: Overlay, *, watch_enter: Decimal | None = None, memo: Memo | None = None
) -> Result:
    """A method's result at `at` with the reads of an overlay. The book is read, never written."""
    return prepared.method.evaluate(OverlaidView(prepared, book, at, overlay, memo), watch_enter)


# --- what was read of the book serves under an overlay too, but for what that makes otherwise: a trial costs what it touches


def assets_of(book: Book, at: int) -> int:
    """How many assets have a position at `at`."""
    return len({asset for role in ROLES for asset in book.positions.assets(role, at + 1)})


def memo_under(known: Memo, overlay: Overlay, book: Book, at: int) -> Memo:
    """What is `known` of the book at `at`, for views under the overlay."""
    if not all(book.positions.assets(role, at + 1) for role in _roles_into(overlay)):
        return known.lent()
    memo = known.forked()
    for asset in _otherwise(Overlay(), overlay):
        memo.read_otherwise(asset)
    return memo


def carried_on(known: Memo, reader: Hashable, overlay: Overlay) -> Memo:
    """As `memo_under`, with what this reader made under the overlay that it had the last time, of most assets another than none.

    Views under that one are over.
    """
    memo = known.lent_to((_OVERLAY, reader))
    before: Overlay | None = memo.beside.get(_OVERLAY)
    if before is not None and _roles_into(before) != _roles_into(overlay):
        memo = known.lent_anew((_OVERLAY, reader))
    elif before is not None and before is not overlay:
        for asset in _otherwise(before, overlay):
            memo.read_otherwise(asset)
    memo.beside[_OVERLAY] = overlay
    return memo


def touches_most(overlay: Overlay, assets: int) -> bool:
    """Whether it makes more than half of so many assets otherwise."""
    return 2 * len(set(_otherwise(Overlay(), overlay))) > assets


def _roles_into(overlay: Overlay) -> frozenset[str]:
    """Roles into which something is moved: where nothing is known of them yet, all their assets are read otherwise."""
    return frozenset(role for (role, _, _), change in overlay.holdings.items() if change.shift > 0)


def _otherwise(before: Overlay, now: Overlay) -> Iterator[str]:
    """Assets whose holdings or prices two overlays do not change alike."""
    for place in before.holdings.keys() | now.holdings.keys():
        if before.holdings.get(place) != now.holdings.get(place):
            yield place[1]
    for asset in before.prices.keys() | now.prices.keys():
        if before.prices.get(asset) != now.prices.get(asset):
            yield asset
