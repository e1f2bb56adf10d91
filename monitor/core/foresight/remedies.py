"""What could mend a rule: the moves to try, smallest first, found by what the rule itself counts.

A rule of coins is mended by coins; a rule of money by money where its held side counts it: in a declared amount, a booked
reserve, an instrument or the segregated reserve. Whether a move mends is for the planner, which evaluates it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal

from monitor.core.book.declarations import Attributes
from monitor.core.components.custody import COLD, HOT_AND_OTHER, STORAGES
from monitor.core.components.declared import RESERVE_ASSET
from monitor.core.components.packs.computation import Computation, Row
from monitor.core.components.packs.pack import Element
from monitor.core.components.packs.plan import term_of
from monitor.core.evaluation.evaluation import Prepared
from monitor.core.foresight.overlay import HoldingChange, OverlaidView, Overlay
from monitor.core.values.figure import NOTHING, Figure
from monitor.core.values.money import EXACT, round_up
from monitor.core.view.memory.memo import Memo

DIGITS = 8
"""Decimals of a quantity to move; most chains have as many or more."""

CLIENTS, HOUSE = "client_asset", "house_asset"
PREFERRED = ("cold", "hot", "bank")
"""The storage that a class of storages is filled in."""

_WIDE = Context(prec=120)
_BOOKED = "liability_reserve"
_RESERVES = ("turnover_reserve", "accident_reserve")

MoveKind = Literal["transfer", "designate", "add", "declare"]


@dataclass(frozen=True, slots=True)
class Move:
    """One act, of `role` and `asset`.

    `transfer`: within a role from one storage to another; `designate`: own coins become of another role; `add`: coins or money
    from outside; `declare`: an amount to be put where a declaration with `attributes` tells it (a trust, capital, a booked
    reserve), `role` being its kind and `asset` its currency.
    """

    kind: MoveKind
    role: str
    asset: str
    quantity: Decimal
    source: str | None
    target: str
    attributes: Attributes = ()

    def on(self, overlay: Overlay) -> Overlay:
        """The overlay with the move done."""
        if self.kind == "declare":
            return overlay.with_declared(self.role, self.quantity, dict(self.attributes), self.asset)
        if self.source is not None:
            out_of = HOUSE if self.kind == "designate" else self.role
            overlay = overlay.with_holding((out_of, self.asset, self.source), HoldingChange(shift=EXACT.minus(self.quantity)))
        return overlay.with_holding((self.role, self.asset, self.target), HoldingChange(shift=self.quantity))


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule to be mended: its row, the factor of the watch level on what it asks, and a sight of the book.

    `memo_of`: what is read of the book under an overlay.
    """

    prepared: Prepared
    row: Row
    level: Fraction
    view: OverlaidView
    memo_of: Callable[[Overlay], Memo]

    @property
    def element(self) -> Element:
        """The component in its pack."""
        return self.prepared.method.plan.pack.components[self.row.name.partition(".")[0]]

    @property
    def short(self) -> Fraction | None:
        """What is missing, in the row's unit; None where that is not known."""
        return missing(self.row, self.level)

    def computation(self) -> Computation:
        """A reading of single terms."""
        return Computation(self.prepared.method.plan, self.view)

    def moved(self, overlay: Overlay) -> Broken:
        """The same under another overlay."""
        return replace(self, view=self.view.under(overlay, self.memo_of(overlay)))


def missing(row: Row, level: Fraction) -> Fraction | None:
    """What a row lacks at a watch level, in its unit; None where that is not known."""
    if row.required is None or row.held is None or row.required.value is None or row.held.value is None:
        return None
    if row.bound == "max":
        return max(Fraction(0), row.held.value - row.required.value)
    return max(Fraction(0), row.required.value * level - row.held.value)


def remedies(broken: Broken) -> Iterator[tuple[Move, ...]]:
    """Moves that may mend it, the preferred first; nothing where no kind of move can."""
    short, element = broken.short, broken.element
    if short is None or short <= 0:
        return
    if element.type == "same_asset":
        yield from _same_asset(broken, broken.row.name.partition(".")[2], short)
    elif element.type == "share":
        yield from _to_cold(broken)
    elif element.type == "ratio":
        whole = broken.computation().figure(element.arguments["to"]).value
        if whole is not None:
            yield from _money(broken, element.arguments["of"], short * whole, whole * _asked(broken))
    elif element.type in {"client_money", "amount"}:
        yield from _money(broken, element.arguments["held"], short, _asked(broken))


def _asked(broken: Broken) -> Fraction:
    required = broken.row.required
    return Fraction(0) if required is None or required.value is None else required.value * broken.level


# --- coins
def _same_asset(broken: Broken, asset: str, short: Fraction) -> Iterator[tuple[Move, ...]]:
    """Out of hot storage where that is what the rule asks backing for; own coins designated; coins from outside."""
    arguments, view = broken.element.arguments, broken.view
    asked, target = STORAGES[arguments["required_storage"]], _filled(STORAGES[arguments["held_storage"]])
    level = _multiple(broken)
    if arguments["required_role"] == CLIENTS and asked == HOT_AND_OTHER and level > 0:
        moved = list(_taken(view, asset, short / level, TO_COLD))
        if moved:
            yield tuple(moved)
    own = list(_taken(view, asset, short, _Route("designate", HOUSE, COLD | HOT_AND_OTHER, arguments["held_role"], target)))
    if own:
        yield tuple(own)
    yield (Move("add", arguments["held_role"], asset, _cut(short), None, target),)


def _to_cold(broken: Broken) -> Iterator[tuple[Move, ...]]:
    """Client coins out of hot storage, of the asset worth most there first: the fewest transfers.

    What a coin is worth is asked of the rule's own terms, whose prices may be others than those of now.
    """
    view, worth = broken.view, _share_missing(broken)
    if worth is None or not view.role_seen(CLIENTS):
        return
    held = []
    for asset in view.assets(CLIENTS):
        there = view.quantity(CLIENTS, asset, HOT_AND_OTHER).value
        value = None if view.is_fiat(asset) or not there else view.value(asset, Figure.of(there)).value
        if there:
            held.append((value or Fraction(0), asset, there))
    moves: list[Move] = []
    left = worth
    for _, asset, there in sorted(held, key=_richest):
        value = _counted_in_cold(broken, asset, there)
        if value is None or value <= 0:
            continue
        part = min(left, value)
        moves += _taken(view, asset, part * there / value, TO_COLD)
        left -= part
        if left <= 0:
            yield tuple(moves)
            return


def _share_missing(broken: Broken) -> Fraction | None:
    """The value that must change sides."""
    arguments, computation = broken.element.arguments, broken.computation()
    part, rest = computation.figure(arguments["part"]).value, computation.figure(arguments["rest"]).value
    if part is None or rest is None:
        return None
    return abs(_asked(broken) * (part + rest) - part)


def _counted_in_cold(broken: Broken, asset: str, there: Fraction) -> Fraction | None:
    """By how much the rule's part changes where all of an asset in hot storage moves to cold."""
    moved = list(_taken(broken.view, asset, there, TO_COLD))
    overlay = broken.view.overlay
    for move in moved:
        overlay = move.on(overlay)
    part = broken.element.arguments["part"]
    before, after = broken.computation().figure(part), broken.moved(overlay).computation().figure(part)
    return None if before.value is None or after.value is None else abs(after.value - before.value)


# --- money
@dataclass(frozen=True, slots=True)
class _Place:
    """Where money counts: a declaration of a kind with attributes, or the segregated reserve; `there` is in it now."""

    kind: str
    attributes: Attributes
    there: Figure


def _money(broken: Broken, held: str, short: Fraction, asked: Fraction) -> Iterator[tuple[Move, ...]]:
    """So much more where the held side counts it, or as much as makes one place reach what is asked by itself."""
    prepared, decimals = broken.prepared, broken.view.minor_unit
    for place in _places(broken.computation(), held):
        alone = None if place.there.value is None else asked - place.there.value
        for amount in sorted({short, *([] if alone is None or alone < short else [alone])}):
            quantity = Decimal(round_up(amount, decimals))
            if place.kind == RESERVE_ASSET:
                yield (Move("add", RESERVE_ASSET, prepared.currency, quantity, None, "bank"),)
            else:
                yield (Move("declare", place.kind, prepared.currency, quantity, None, place.kind, place.attributes),)


def _places(computation: Computation, reference: str) -> Iterator[_Place]:
    """Every place that a term counts money of with a plus, the segregated reserve first."""
    element = computation.plan.pack.terms[term_of(reference)]
    arguments, view = element.arguments, computation.view
    if element.type == "declared":
        given = arguments.get("attributes", {})
        yield _Place(arguments["kind"], tuple(sorted(given.items())), view.declared(arguments["kind"], **given) or NOTHING)
    elif element.type == "instruments":
        for kind in sorted(arguments["of"], key=lambda kind: kind != RESERVE_ASSET):
            seen = kind == RESERVE_ASSET and view.role_seen(kind)
            there = view.role_value(kind, None, fiat=None) if seen else view.declared(kind) if kind != RESERVE_ASSET else None
            yield _Place(kind, (), there or NOTHING)
    elif element.type in _RESERVES:
        year = str(computation.fiscal_year())
        yield _Place(_BOOKED, (("fiscal_year", year),), view.declared(_BOOKED, fiscal_year=year) or NOTHING)
    elif element.type in {"sum", "difference"}:
        of = arguments["of"]
        for name in [of] if isinstance(of, str) else of:
            yield from _places(computation, name)


# --- along routes
@dataclass(frozen=True, slots=True)
class _Route:
    """Where coins may come from, and where they go: as what kind of move, into which role and storage."""

    kind: MoveKind
    source: str
    storages: frozenset[str]
    role: str
    target: str


def _taken(view: OverlaidView, asset: str, quantity: Fraction, route: _Route) -> Iterator[Move]:
    """Moves of `quantity` along a route, out of the fullest storage first; none at all where there is not enough."""
    if not view.role_seen(route.source):
        return
    there = [(view.quantity(route.source, asset, frozenset({s})).value or Fraction(0), s) for s in sorted(route.storages)]
    most = sum((held for held, _ in there), Fraction(0))
    if quantity > most:
        return
    wanted = min(_cut(quantity), _decimal(most))
    moves: list[Move] = []
    for held, storage in sorted(there, key=_fullest):
        part = min(wanted, _decimal(held))
        if part > 0:
            moves.append(Move(route.kind, route.role, asset, part, storage, route.target))
            wanted = EXACT.subtract(wanted, part)
    yield from moves


TO_COLD = _Route("transfer", CLIENTS, HOT_AND_OTHER, CLIENTS, "cold")
"""Client coins out of hot and other storage."""


def _fullest(entry: tuple[Fraction, str]) -> tuple[Fraction, str]:
    return -entry[0], entry[1]


def _richest(entry: tuple[Fraction, str, Fraction]) -> tuple[Fraction, str]:
    return -entry[0], entry[1]


def _multiple(broken: Broken) -> Fraction:
    name = broken.element.arguments.get("multiple")
    return Fraction(1) if name is None else broken.prepared.method.plan.pack.parameters[name].amount


def _filled(storages: frozenset[str] | None) -> str:
    return next(storage for storage in PREFERRED if storages is None or storage in storages)


def _cut(quantity: Fraction) -> Decimal:
    """Up to whole units of `DIGITS` decimals."""
    return Decimal(round_up(quantity, DIGITS))


def _decimal(value: Fraction) -> Decimal:
    """A held quantity, which terminates."""
    return _WIDE.divide(Decimal(value.numerator), Decimal(value.denominator))
