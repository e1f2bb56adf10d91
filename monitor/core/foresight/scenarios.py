"""Scenarios: stresses as data, turned into an overlay of the live view.

The types of stress are a closed set; a scenario is a list of them, each applied to what the ones before have left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from monitor.core.book.book import Book
from monitor.core.components.custody import COLD, HOT_AND_OTHER
from monitor.core.configuration.configuration import Configuration
from monitor.core.evaluation.assessment import Result
from monitor.core.evaluation.evaluation import Evaluator, Prepared
from monitor.core.foresight.overlay import (
    ONE_STORAGE,
    HoldingChange,
    HoldingPlace,
    OverlaidView,
    Overlay,
    StressedLoss,
    result_under,
)
from monitor.core.journal.vocabulary import ASSET_ROLES, LIABILITY
from monitor.core.values.figure import NOTHING, Figure
from monitor.core.values.money import EXACT, ZERO, parse_decimal
from monitor.core.view.memory.memo import Memo

ALL, LARGEST = "all", "largest"
CLIENTS = "client_asset"
THIRD_PARTY = frozenset({"third_party", "third_party_cold"})
PAID_FIRST = (*sorted(HOT_AND_OTHER, key=lambda storage: (storage != "hot", storage)), *sorted(COLD))
"""Withdrawals are paid from hot storage first, then from the other warm ones, then from cold."""


class NotApplicable(ValueError):
    """The scenario cannot be applied to what is known; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named list of stresses, each {`type`, arguments}: see `STRESSES`."""

    name: str
    title: str
    stresses: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class StressedResult:
    """A method under a scenario, beside what it finds without; amounts of its currency have so many decimals."""

    scenario: str
    prepared: Prepared
    before: Result
    after: Result
    decimals: int


Apply = Callable[["_Applying", Mapping[str, Any]], Overlay]


class _Applying:
    """One stress on what the ones before it have left."""

    def __init__(self, prepared: Prepared, book: Book, at: int, overlay: Overlay, known: Memo) -> None:
        self.book = book
        self.overlay = overlay
        self.view = OverlaidView(prepared, book, at, overlay, known.lent())
        self._crypto: dict[str, list[str]] = {}

    def crypto(self, role: str) -> list[str]:
        """Crypto assets of a role."""
        found = self._crypto.get(role)
        if found is None:
            seen = self.view.assets(role) if self.view.role_seen(role) else ()
            found = self._crypto[role] = [asset for asset in seen if not self.view.is_fiat(asset)]
        return found

    def chosen(self, given: str, excepted: Sequence[str] = ()) -> list[str]:
        """The assets a stress names: one, all crypto assets of any role, or the one of which clients hold most."""
        if given == LARGEST:
            return [self.largest]
        return sorted(self._all.difference(excepted)) if given == ALL else [given]

    @cached_property
    def _all(self) -> frozenset[str]:
        return frozenset(asset for role in (*ASSET_ROLES, LIABILITY) for asset in self.crypto(role))

    def quantity(self, role: str, asset: str, storage: str) -> Figure:
        """What is there of one place."""
        return self.view.quantity(role, asset, ONE_STORAGE[storage])

    def worth(self, asset: str, quantity: Decimal) -> Figure:
        """Value in the yardstick's currency."""
        return self.view.value(asset, Figure.of(quantity))

    @cached_property
    def largest(self) -> str:
        """The crypto asset of which clients hold most."""
        found = [(self.view.value(asset, self.view.quantity(CLIENTS, asset)).low or 0, asset) for asset in self.crypto(CLIENTS)]
        if not found:
            raise NotApplicable("clients hold no crypto asset that is known")
        return min(found, key=lambda pair: (-pair[0], pair[1]))[1]


def _lose(on: _Applying, arguments: Mapping[str, Any]) -> Overlay:
    """A share of what lies in some storages, of some roles and assets, is gone; what clients are owed stays."""
    share = parse_decimal(arguments.get("share", "1"))
    overlay = on.overlay
    roles: Sequence[str] = arguments.get("roles", ASSET_ROLES)
    for role in roles:
        wanted = on.chosen(arguments.get("asset", ALL))
        for asset in (one for one in on.crypto(role) if one in wanted):
            for storage in sorted(arguments["storages"]):
                there = on.quantity(role, asset, storage)
                if there != NOTHING:
                    change = HoldingChange(factor=EXACT.subtract(Decimal(1), share))
                    overlay = _lost(overlay, (role, asset, storage), change, _part(there, share), arguments)
    return overlay


def _lose_account(on: _Applying, arguments: Mapping[str, Any]) -> Overlay:
    """The account whose crypto assets are worth most is gone, with all it holds."""
    worth: dict[str, Any] = {}
    held: dict[str, list[tuple[str, str, str, Decimal]]] = {}
    crypto = {role: frozenset(on.crypto(role)) for role in map(str, ASSET_ROLES)}
    for role, asset, account, storage, quantity in on.book.positions.accounts(frozenset(ASSET_ROLES)):
        if asset in crypto[role] and quantity > 0 and storage in COLD | HOT_AND_OTHER:
            held.setdefault(account, []).append((role, asset, storage, quantity))
            worth[account] = worth.get(account, 0) + (on.worth(asset, quantity).low or 0)
    if not held:
        raise NotApplicable("no account with crypto assets is known")
    largest = min(worth, key=lambda account: (-worth[account], account))
    overlay = on.overlay
    for role, asset, storage, quantity in held[largest]:
        overlay = _lost(overlay, (role, asset, storage), HoldingChange(shift=EXACT.minus(quantity)), quantity, arguments)
    return overlay


def _lose_custodian(on: _Applying, arguments: Mapping[str, Any]) -> Overlay:
    """What one third party keeps is gone: of the feeds (`source`) of third-party storages the one worth most, or one by name."""
    held: dict[str, list[tuple[str, str, str, Decimal]]] = {}
    for role in map(str, ASSET_ROLES):
        for asset in on.crypto(role):
            for (storage, source), tally in on.book.positions.sums(role, asset).items():
                if storage in THIRD_PARTY and tally.quantity > 0:
                    held.setdefault(source or "", []).append((role, asset, storage, tally.quantity))
    named = arguments.get("source", LARGEST)
    worth = {source: sum((on.worth(a, q).low or 0 for _, a, _, q in several), 0) for source, several in held.items()}
    largest = min(worth, key=lambda source: (-worth[source], source)) if worth else None
    overlay = on.overlay
    for role, asset, storage, quantity in held.get(largest or "" if named == LARGEST else named, ()):
        overlay = _lost(overlay, (role, asset, storage), HoldingChange(shift=EXACT.minus(quantity)), quantity, arguments)
    return overlay


def _price(on: _Applying, arguments: Mapping[str, Any]) -> Overlay:
    """Prices times a factor."""
    overlay = on.overlay
    for asset in on.chosen(arguments["asset"], arguments.get("except", ())):
        overlay = overlay.with_price(asset, parse_decimal(arguments["factor"]))
    return overlay


def _withdraw(on: _Applying, arguments: Mapping[str, Any]) -> Overlay:
    """Clients take out a share of their coins, asset by asset: what they are owed and what is held fall by as much."""
    share, overlay = parse_decimal(arguments["share"]), on.overlay
    for asset in on.crypto(LIABILITY):
        owed = on.view.quantity(LIABILITY, asset).exact
        if owed is None:
            raise NotApplicable(f"what clients are owed of {asset} is not known")
        paid = EXACT.multiply(_decimal(owed), share)
        for places in [(LIABILITY, asset, storage) for storage in _storages_of(on, LIABILITY, asset)], _paying(asset):
            overlay = _taken(on, overlay, places, paid)
    return overlay


def _volume(on: _Applying, arguments: Mapping[str, Any]) -> Overlay:
    """Trades of the last 24 hours and of today times a factor."""
    return on.overlay.with_volume(parse_decimal(arguments["factor"]))


def _liability(on: _Applying, arguments: Mapping[str, Any]) -> Overlay:
    """What clients are owed of an asset times a factor: a wrong entry in the books, without any coin moving."""
    overlay = on.overlay
    for asset in on.chosen(arguments["asset"]):
        for storage in _storages_of(on, LIABILITY, asset):
            overlay = overlay.with_holding((LIABILITY, asset, storage), HoldingChange(factor=parse_decimal(arguments["factor"])))
    return overlay


def _balance(on: _Applying, arguments: Mapping[str, Any]) -> Overlay:
    """A holding plus a quantity, which may be negative."""
    place = arguments["role"], arguments["asset"], arguments["storage"]
    return on.overlay.with_holding(place, HoldingChange(shift=parse_decimal(arguments["shift"])))


def _declaration(on: _Applying, arguments: Mapping[str, Any]) -> Overlay:
    """A declared amount, in the method's currency, plus an amount."""
    return on.overlay.with_declared(arguments["kind"], parse_decimal(arguments["shift"]))


STRESSES: Mapping[str, Apply] = {
    "lose": _lose,
    "lose_account": _lose_account,
    "lose_custodian": _lose_custodian,
    "price": _price,
    "withdraw": _withdraw,
    "volume": _volume,
    "liability": _liability,
    "balance": _balance,
    "declaration": _declaration,
}


def scenarios_of(config: Configuration) -> tuple[Scenario, ...]:
    """The scenarios that a configuration carries, by name."""
    found = sorted(config.scenarios.items())
    return tuple(Scenario(name, raw["title"], tuple(raw["stresses"])) for name, raw in found)


class Ground:
    """What scenarios are applied to: the book at `at`, of which `known` is read. Sizes are in the currency of the yardstick."""

    def __init__(self, yardstick: Prepared, book: Book, at: int, known: Memo) -> None:
        self._read = yardstick, book, at
        self._known = known
        self._plain = self._under(Overlay())

    def overlay_of(self, scenario: Scenario) -> Overlay:
        """What the scenario makes of it. Raises NotApplicable where what it needs is not known."""
        overlay = Overlay()
        for place, stress in enumerate(scenario.stresses):
            overlay = STRESSES[stress["type"]](self._under(overlay) if place else self._plain, stress)
        return overlay

    def _under(self, overlay: Overlay) -> _Applying:
        return _Applying(*self._read, overlay, self._known)


def overlay_of(scenario: Scenario, yardstick: Prepared, book: Book, at: int, known: Memo) -> Overlay:
    """What one scenario makes of the book: see `Ground`."""
    return Ground(yardstick, book, at, known).overlay_of(scenario)


def outcomes(
    scenario: Scenario, evaluator: Evaluator, methods: Sequence[Prepared], book: Book, at: int
) -> Iterator[StressedResult]:
    """Each method without and with the scenario. The book is read, never written."""
    plain = evaluator.reads(book, at)
    overlay, stressed = overlay_of(scenario, evaluator.yardstick, book, at, plain), plain.lent()
    watch_enter = evaluator.entity_config.levels.watch_enter
    for prepared in methods:
        view = prepared.view(book, at, plain)
        before = prepared.method.evaluate(view, watch_enter)
        after = result_under(prepared, book, at, overlay, watch_enter=watch_enter, memo=stressed)
        yield StressedResult(scenario.name, prepared, before, after, view.minor_unit)


def _lost(
    overlay: Overlay, place: HoldingPlace, change: HoldingChange, quantity: Decimal | None, arguments: Mapping[str, Any]
) -> Overlay:
    owner = "client" if place[0] == CLIENTS else "house"
    loss = StressedLoss(place[1], quantity, owner)
    return overlay.with_loss(place, change, loss, arguments.get("incident", "hot_wallet_theft"))


def _paying(asset: str) -> list[HoldingPlace]:
    return [(CLIENTS, asset, storage) for storage in PAID_FIRST]


def _taken(on: _Applying, overlay: Overlay, places: Sequence[HoldingPlace], quantity: Decimal) -> Overlay:
    """`quantity` less, from these places in their order."""
    left = quantity
    for role, asset, storage in places:
        there = on.quantity(role, asset, storage).exact
        if there is None:
            raise NotApplicable(f"{role} of {asset} is not known")
        taken = min(left, max(_decimal(there), ZERO))
        if taken:
            overlay = overlay.with_holding((role, asset, storage), HoldingChange(shift=EXACT.minus(taken)))
            left = EXACT.subtract(left, taken)
    return overlay


def _storages_of(on: _Applying, role: str, asset: str) -> list[str]:
    return sorted({storage for storage, _ in on.book.positions.sums(role, asset)})


def _part(there: Figure, share: Decimal) -> Decimal | None:
    return None if there.exact is None else EXACT.multiply(_decimal(there.exact), share)


def _decimal(value: Any) -> Decimal:
    """A quantity, which is always a terminating decimal."""
    return value if isinstance(value, Decimal) else EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
