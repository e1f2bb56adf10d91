"""The smallest moves that mend each broken or threatened rule, each tried before it is proposed.

A move is an overlay of the book; a proposal is what the methods find under it. Nothing is proposed that was not evaluated: a move
that does not mend its rule is not offered, and what it costs elsewhere stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal

from monitor.core.book.book import Book
from monitor.core.components.custody import COLD, HOT_AND_OTHER, STORAGES
from monitor.core.components.packs.computation import Row
from monitor.core.components.packs.pack import Element
from monitor.core.evaluation.assessment import Result
from monitor.core.evaluation.evaluation import Evaluator, Prepared
from monitor.core.foresight.overlay import HoldingChange, OverlaidView, Overlay, result_under
from monitor.core.values.money import EXACT, ZERO, round_up
from monitor.core.view.memo import Memo

DIGITS = 8
"""Decimals of a quantity to move; most chains have as many or more."""

SHORT = "shortfall"
CLIENTS, HOUSE, RESERVE = "client_asset", "house_asset", "reserve_asset"
PREFERRED = ("cold", "hot", "bank")
"""The storage that a class of storages is filled in."""

_WIDE = Context(prec=120)

MoveKind = Literal["transfer", "designate", "add", "declare"]


@dataclass(frozen=True, slots=True)
class Move:
    """One act, of `role` and `asset`.

    `transfer`: within a role from one storage to another; `designate`: own coins become of another role; `add`: coins or money
    from outside; `declare`: an amount to be put where a declaration tells it (a trust, capital), `role` being its kind.
    """

    kind: MoveKind
    role: str
    asset: str
    quantity: Decimal
    source: str | None
    target: str

    def on(self, overlay: Overlay) -> Overlay:
        """The overlay with the move done."""
        if self.kind == "declare":
            return overlay.with_declared(self.role, self.quantity)
        if self.source is not None:
            out_of = HOUSE if self.kind == "designate" else self.role
            overlay = overlay.with_holding((out_of, self.asset, self.source), HoldingChange(shift=EXACT.minus(self.quantity)))
        return overlay.with_holding((self.role, self.asset, self.target), HoldingChange(shift=self.quantity))


@dataclass(frozen=True, slots=True)
class Proposal:
    """Moves for one rule of one method, tried on what the proposals before it leave.

    `by`: the last date the rule allows, None where it sets no term (at once). `costs`: rules, as `method: rule`, that the moves
    break. Without moves nothing is known that mends the rule, and `reason` says why.
    """

    method: str
    rule: str
    ref: str | None
    state: str
    by: str | None
    zone: str
    moves: tuple[Move, ...]
    costs: tuple[str, ...]
    reason: str | None


class Planner:
    """Finds the moves for one entity's book at `at` (ns)."""

    def __init__(self, evaluator: Evaluator, book: Book, at: int) -> None:
        self._evaluator = evaluator
        self._book = book
        self._at = at
        self._overlay = Overlay()
        self._found = self._results(self._overlay)

    def plan(self) -> Iterator[Proposal]:
        """A proposal for each broken or threatened rule of the methods, in their order; ratios of storage come first."""
        for prepared in self._evaluator.methods:
            for name in [row.name for row in self._ordered(prepared)]:
                row = self._row(prepared, name)
                if row is not None and self._needs(prepared, row):
                    yield self._proposal(prepared, row)

    def _ordered(self, prepared: Prepared) -> list[Row]:
        rows = self._found[prepared.config.id].rows
        return sorted((row for row in rows if self._needs(prepared, row)), key=lambda row: row.unit != "1")

    def _needs(self, prepared: Prepared, row: Row) -> bool:
        return row.state == SHORT or (row.state != "unknown" and self._short_of(prepared, row) > 0)

    def _row(self, prepared: Prepared, name: str) -> Row | None:
        return next((row for row in self._found[prepared.config.id].rows if row.name == name), None)

    def _proposal(self, prepared: Prepared, row: Row) -> Proposal:
        reason = "nothing that is held or can be added mends it"
        best: tuple[tuple[Move, ...], tuple[str, ...]] | None = None
        for moves in self._candidates(prepared, row):
            overlay = self._overlay
            for move in moves:
                overlay = move.on(overlay)
            after = self._results(overlay)
            mended = next((one for one in after[prepared.config.id].rows if one.name == row.name), None)
            if mended is not None and (mended.state in (SHORT, "unknown") or self._short_of(prepared, mended) > 0):
                continue
            costs = tuple(sorted(_broken(after) - _broken(self._found)))
            if best is None or len(costs) < len(best[1]):
                best = moves, costs
            if not costs:
                break
        if best is not None:
            self._take(best[0])
        by = None if row.cure_by is None else row.cure_by.isoformat()
        moves, costs = best or ((), ())
        told = None if best else reason
        return Proposal(prepared.config.id, row.name, row.ref, row.state, by, prepared.zone.name, moves, costs, told)

    def _take(self, moves: Sequence[Move]) -> None:
        for move in moves:
            self._overlay = move.on(self._overlay)
        self._found = self._results(self._overlay)

    def _results(self, overlay: Overlay) -> dict[str, Result]:
        memo, watch = Memo(), self._evaluator.entity_config.levels.watch_enter
        return {
            prepared.config.id: result_under(prepared, self._book, self._at, overlay, watch_enter=watch, memo=memo)
            for prepared in self._evaluator.methods
        }

    # --- what could be moved
    def _short_of(self, prepared: Prepared, row: Row) -> Fraction:
        """What is missing to the rule and to the entity's watch level, in the row's unit; 0 where that is not known."""
        if row.required is None or row.held is None or row.required.value is None or row.held.value is None or row.unit == "1":
            return Fraction(0)
        level = self._evaluator.entity_config.levels.watch_enter
        headline = prepared.method.plan.pack.headline.components
        watched = level is not None and row.bound == "min" and row.name.partition(".")[0] in headline and row.counted
        wanted = row.required.value * (max(Fraction(1), Fraction(level)) if watched and level is not None else 1)
        return max(Fraction(0), wanted - row.held.value)

    def _candidates(self, prepared: Prepared, row: Row) -> Iterator[tuple[Move, ...]]:
        element = prepared.method.plan.pack.components[row.name.partition(".")[0]]
        view = OverlaidView(prepared, self._book, self._at, self._overlay)
        short = self._short_of(prepared, row)
        if element.type == "same_asset":
            yield from _for_same_asset(prepared, element, view, row.name.partition(".")[2], short)
        elif element.type == "share" and row.worth is not None and row.worth.value is not None:
            yield from _to_cold(view, row.worth.value)
        elif element.type in {"client_money", "amount"}:
            yield from _for_term(prepared, str(element.arguments["held"]), short, view.minor_unit)


def _for_same_asset(
    prepared: Prepared, element: Element, view: OverlaidView, asset: str, short: Fraction
) -> Iterator[tuple[Move, ...]]:
    """Out of hot storage where that is what the rule asks backing for; own coins designated; coins from outside."""
    arguments = element.arguments
    asked, target = STORAGES[arguments["required_storage"]], _filled(STORAGES[arguments["held_storage"]])
    level = _multiple(prepared, element)
    if arguments["required_role"] == CLIENTS and asked == HOT_AND_OTHER and level > 0:
        moved = list(_taken(view, asset, short / level, TO_COLD))
        if moved:
            yield tuple(moved)
    own = list(_taken(view, asset, short, _Route("designate", HOUSE, COLD | HOT_AND_OTHER, arguments["held_role"], target)))
    if own:
        yield tuple(own)
    yield (Move("add", arguments["held_role"], asset, _cut(short), None, target),)


def _to_cold(view: OverlaidView, worth: Fraction) -> Iterator[tuple[Move, ...]]:
    """Client coins worth so much out of hot storage, of the asset worth most there first: the fewest transfers."""
    if not view.role_seen(CLIENTS):
        return
    held = []
    for asset in view.assets(CLIENTS):
        price, there = view.price(asset).value, view.quantity(CLIENTS, asset, HOT_AND_OTHER).value
        if price and there and not view.is_fiat(asset):
            held.append((there * price, asset, price))
    moves: list[Move] = []
    left = worth
    for value, asset, price in sorted(held, key=lambda entry: (-entry[0], entry[1])):
        part = min(left, value)
        moves += _taken(view, asset, part / price, TO_COLD)
        left -= part
        if left <= 0:
            yield tuple(moves)
            return


def _for_term(prepared: Prepared, held: str, short: Fraction, decimals: int) -> Iterator[tuple[Move, ...]]:
    """More of what the rule counts: a declared amount, or money in the segregated reserve."""
    term = prepared.method.plan.pack.terms.get(held)
    if term is None or short <= 0:
        return
    amount = Decimal(round_up(short, decimals))
    if term.type == "declared" and not term.arguments.get("attributes"):
        yield (Move("declare", str(term.arguments["kind"]), prepared.currency, amount, None, str(term.arguments["kind"])),)
    elif term.type == "instruments" and RESERVE in term.arguments["of"]:
        yield (Move("add", RESERVE, prepared.currency, amount, None, "bank"),)


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
    wanted = _cut(quantity)
    there = [(view.quantity(route.source, asset, frozenset({s})).value or Fraction(0), s) for s in sorted(route.storages)]
    moves: list[Move] = []
    for held, storage in sorted(there, key=_fullest):
        part = min(wanted, _decimal(held))
        if part > 0:
            moves.append(Move(route.kind, route.role, asset, part, storage, route.target))
            wanted = EXACT.subtract(wanted, part)
    if wanted <= ZERO:
        yield from moves


TO_COLD = _Route("transfer", CLIENTS, HOT_AND_OTHER, CLIENTS, "cold")
"""Client coins out of hot and other storage."""


def _fullest(entry: tuple[Fraction, str]) -> tuple[Fraction, str]:
    return -entry[0], entry[1]


def _multiple(prepared: Prepared, element: Element) -> Fraction:
    name = element.arguments.get("multiple")
    return Fraction(1) if name is None else prepared.method.plan.pack.parameters[name].amount


def _filled(storages: frozenset[str] | None) -> str:
    return next(storage for storage in PREFERRED if storages is None or storage in storages)


def _broken(results: dict[str, Result]) -> set[str]:
    return {f"{method}: {row.name}" for method, result in results.items() for row in result.rows if row.state == SHORT}


def _cut(quantity: Fraction) -> Decimal:
    """Up to whole units of `DIGITS` decimals."""
    return Decimal(round_up(quantity, DIGITS))


def _decimal(value: Fraction) -> Decimal:
    """A held quantity, which terminates."""
    return _WIDE.divide(Decimal(value.numerator), Decimal(value.denominator))
