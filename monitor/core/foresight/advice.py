"""What an alert tells people to do: the moves that mend its rule, tried on the book as it stands, at a bounded cost."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.core.book.book import Book
from monitor.core.evaluation.evaluation import Evaluation, Evaluator, Prepared
from monitor.core.foresight.moves import Planner, Proposal
from monitor.core.foresight.overlay import assets_of
from monitor.core.foresight.published import BUDGET
from monitor.core.foresight.sentences import proposal_object

MOST_TOLD = 8
"""Most alerts of one evaluation that are told what mends them, so that many at once do not hold up the figures."""

_MOST_RULES = 3
_OF_HEADLINE = frozenset({"headline", "reserve_coverage_low"})
_UNMENDED = frozenset({"ReserveUnknown", "ShortfallForecast"})
"""Alerts of a method that no move ends: what is not known, and what is only foreseen."""


class Advice:
    """For the alerts of one `evaluation` at `at` (ns). Without an evaluator, or beyond the cost, it says where to ask."""

    def __init__(self, evaluator: Evaluator | None, book: Book, at: int, evaluation: Evaluation | None) -> None:
        self._evaluator, self._book, self._at, self._evaluation = evaluator, book, at, evaluation
        self._planner: Planner | None = None
        self._told = 0

    def of(self, alertname: str, method: str | None, rule: str, subject: str | None) -> str:
        """A sentence for one alert that fires; empty where it is of no rule in force."""
        prepared = self._prepared(method)
        if prepared is None or alertname in _UNMENDED or self._evaluator is None:
            return ""
        if self._told >= MOST_TOLD or self._too_wide(self._evaluator):
            return f"What mends it: `reserve-monitor actions {self._evaluator.entity}`."
        self._told += 1
        self._planner = self._planner or Planner(self._evaluator, self._book, self._at, self._evaluation)
        families = prepared.method.plan.pack.headline.components
        names = None if rule in _OF_HEADLINE else {f"{rule}.{subject}" if subject else rule}
        chosen = [row for row in self._planner.in_need(prepared) if row.name in (names or _within(row.name, families))]
        found = [self._planner.alone(prepared, row) for row in chosen[:_MOST_RULES]]
        return _sentence(self._evaluator.entity, found, len(chosen) - len(found))

    def _prepared(self, method: str | None) -> Prepared | None:
        methods = self._evaluator.methods if self._evaluator else ()
        return next((one for one in methods if one.config.id == method and one.config.mode == "in_force"), None)

    def _too_wide(self, evaluator: Evaluator) -> bool:
        return len(evaluator.methods) * assets_of(self._book, self._at) > BUDGET


def _within(name: str, families: tuple[str, ...]) -> set[str]:
    return {name} if name.partition(".")[0] in families else set()


def _sentence(entity: str, found: list[Proposal], more: int) -> str:
    rest = [f"For {more} more: `reserve-monitor actions {entity}`."] if more > 0 else []
    return " ".join([*(f"To do: {_said(one)}." for one in found), *rest])


def _said(proposal: Proposal) -> str:
    if not proposal.moves:
        return f"no move is known that mends {proposal.rule}, for {proposal.reason}"
    return "; ".join(_moves(proposal))


def _moves(proposal: Proposal) -> Iterator[str]:
    yield from (str(move["text"]) for move in proposal_object(proposal)["moves"])
    if proposal.costs:
        yield f"this breaks {', '.join(proposal.costs)}"
