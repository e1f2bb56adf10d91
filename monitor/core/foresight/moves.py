"""The smallest moves that mend each broken or threatened rule, each tried before it is proposed.

A move is an overlay of the book; a proposal is what the methods find under it. Nothing is proposed that was not evaluated: a move
that does not mend its rule is not offered, and what it costs elsewhere stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.book.book import Book
from monitor.core.components.packs.computation import Computation, Row
from monitor.core.components.packs.fiscal_years import last_day_of_fiscal_year
from monitor.core.evaluation.evaluation import Evaluation, Evaluator, Prepared
from monitor.core.foresight.overlay import OverlaidView, Overlay, memo_under
from monitor.core.foresight.remedies import Broken, Move, missing, remedies
from monitor.core.view.memory.memo import Memo

SHORT, WATCH, UNKNOWN = "shortfall", "watch", "unknown"

NOT_KNOWN = "how much is missing is not known, since an input is missing or too old"
NO_MOVE = "no kind of move is known for what this rule counts"
NOTHING_MENDS = "nothing that is held or can be added mends it"

_Rows = Mapping[str, tuple[Row, ...]]
"""By method."""


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
    """Finds the moves for one entity's book at `at` (ns). `evaluation`: what was found there, where that is at hand."""

    def __init__(self, evaluator: Evaluator, book: Book, at: int, evaluation: Evaluation | None = None) -> None:
        self._evaluator = evaluator
        self._book = book
        self._at = at
        self._overlay = Overlay()
        self._known = evaluator.reads(book, at)
        self._tried: dict[tuple[Move, ...], _Rows] = {}
        self._found = self._rows(self._overlay) if evaluation is None else _rows_of(evaluation)

    def plan(self) -> Iterator[Proposal]:
        """A proposal for each broken or threatened rule of the methods, in their order; ratios of storage come first."""
        for prepared in self._evaluator.methods:
            for name in [row.name for row in self.in_need(prepared)]:
                row = self._row(prepared, name)
                if row is not None and self._needs(prepared, row):
                    yield self._proposal(prepared, row)

    def in_need(self, prepared: Prepared) -> list[Row]:
        """The broken or threatened rules of a method; ratios first, since moving coins mends others beside them."""
        rows = self._found[prepared.config.id]
        return sorted((row for row in rows if self._needs(prepared, row)), key=lambda row: row.unit != "1")

    def alone(self, prepared: Prepared, row: Row) -> Proposal:
        """What mends one rule by itself, whatever is done for others."""
        return self._proposal(prepared, row, take=False)

    def _needs(self, prepared: Prepared, row: Row) -> bool:
        """Broken, on the watch of the rule itself, or of the headline and below the entity's watch level."""
        level = self._level(prepared, row)
        return row.state in {SHORT, WATCH} or (row.state != UNKNOWN and level > 1 and bool(missing(row, level)))

    def _row(self, prepared: Prepared, name: str) -> Row | None:
        return next((row for row in self._found[prepared.config.id] if row.name == name), None)

    def _proposal(self, prepared: Prepared, row: Row, *, take: bool = True) -> Proposal:
        broken = self._broken(prepared, row)
        reason = NOT_KNOWN if broken.short is None else NO_MOVE
        best: tuple[tuple[Move, ...], tuple[str, ...]] | None = None
        for moves in remedies(broken):
            reason = NOTHING_MENDS
            after = self._after(moves)
            if not self._mended(prepared, row.name, after):
                continue
            costs = tuple(sorted(_broken(after) - _broken(self._found)))
            if best is None or len(costs) < len(best[1]):
                best = moves, costs
            if not costs:
                break
        moves, costs = best or ((), ())
        if take:
            self._take(moves)
        told = None if best else reason
        return Proposal(
            prepared.config.id, row.name, row.ref, row.state, self._by(prepared, row), prepared.zone.name, moves, costs, told
        )

    def _mended(self, prepared: Prepared, name: str, after: _Rows) -> bool:
        found = next((one for one in after[prepared.config.id] if one.name == name), None)
        return found is None or not (found.state == UNKNOWN or self._needs(prepared, found))

    def _by(self, prepared: Prepared, row: Row) -> str | None:
        """The last date: of the rule's cure term, or of the fiscal year that a reserve is accrued for."""
        if row.cure_by is None and prepared.method.plan.pack.projection:
            computation = Computation(prepared.method.plan, prepared.view(self._book, self._at))
            start = computation.option("fiscal_year_start")
            return last_day_of_fiscal_year(computation.fiscal_year(), start).isoformat()
        return None if row.cure_by is None else row.cure_by.isoformat()

    def _take(self, moves: tuple[Move, ...]) -> None:
        if moves:
            self._found, self._overlay = self._after(moves), _done(moves, self._overlay)
            self._tried.clear()

    def _after(self, moves: tuple[Move, ...]) -> _Rows:
        """Each method's rows once these moves are made; rules of several methods are often mended by the same ones."""
        found = self._tried.get(moves)
        if found is None:
            found = self._tried[moves] = self._rows(_done(moves, self._overlay))
        return found

    def _rows(self, overlay: Overlay) -> _Rows:
        """Each method's rows under an overlay."""
        memo, watch = self._memo(overlay), self._evaluator.entity_config.levels.watch_enter
        views = [(one, OverlaidView(one, self._book, self._at, overlay, memo)) for one in self._evaluator.methods]
        return {prepared.config.id: prepared.method.brief(view, watch).rows for prepared, view in views}

    def _broken(self, prepared: Prepared, row: Row) -> Broken:
        memo = self._memo(self._overlay)
        view = OverlaidView(prepared, self._book, self._at, self._overlay, memo)
        return Broken(prepared, row, self._level(prepared, row), view, self._memo)

    def _memo(self, overlay: Overlay) -> Memo:
        return memo_under(self._known, overlay, self._book, self._at)

    def _level(self, prepared: Prepared, row: Row) -> Fraction:
        """The factor of the watch level on what a row asks; 1 where it has none."""
        level = self._evaluator.entity_config.levels.watch_enter
        headline = prepared.method.plan.pack.headline.components
        watched = level is not None and row.bound == "min" and row.name.partition(".")[0] in headline and row.counted
        return max(Fraction(1), Fraction(level)) if watched and level is not None else Fraction(1)


def _rows_of(evaluation: Evaluation) -> _Rows:
    return {found.prepared.config.id: found.result.rows for found in evaluation.methods}


def _done(moves: Sequence[Move], overlay: Overlay) -> Overlay:
    for move in moves:
        overlay = move.on(overlay)
    return overlay


def _broken(of: _Rows) -> set[str]:
    return {f"{method}: {row.name}" for method, rows in of.items() for row in rows if row.state == SHORT}
