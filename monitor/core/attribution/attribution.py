"""Why a published figure is another than the one before it (CONTRACT 2 `why`).

The parts are replaced in their fixed order: after each, the method is evaluated with the parts replaced so far as they are
read now and the others as they were read then. What an evaluation finds by then less what the one before found is what the
part did. The passing of time belongs to the part whose read it changed. All of it is a function of the journal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from monitor.core.attribution.deltas import split
from monitor.core.attribution.dependence import Dependence
from monitor.core.attribution.footing import Footing, GapName, gap_names
from monitor.core.attribution.readings import Readings
from monitor.core.attribution.split_view import SplitView
from monitor.core.book.book import Book
from monitor.core.components.lagged import read_ahead
from monitor.core.components.packs.printing import RATIO_DECIMALS
from monitor.core.components.steps import Steps
from monitor.core.evaluation.assessment import Result
from monitor.core.evaluation.evaluation import MethodResult, Prepared
from monitor.core.journal.causes import CAUSES_A_PART, DELTAS, Cause, why
from monitor.core.journal.vocabulary import CAUSE_PARTS, CausePart
from monitor.core.values.figure import Figure
from monitor.core.view.memory.memo import Memo

FigurePair = tuple[Figure | None, Figure | None]
"""Required and available."""


@dataclass(frozen=True, slots=True)
class Instant:
    """The book and the instant (ns) of an evaluation, and the configuration under which it was made.

    `known`: what the evaluation read; `seen`: the sight in which a figure was found, if it noted what was read for it.
    """

    book: Book
    at: int
    config_digest: str
    known: Memo
    seen: SplitView | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`why` in CONTRACT form, and what was read: the footing of the next one."""

    why: list[dict[str, Any]]
    reads: Readings


def noting(prepared: Prepared, book: Book, at: int, known: Memo) -> SplitView:
    """A sight of `book` at `at` (ns) that notes what a method reads of it; `known`: what is read of it at that instant."""
    return SplitView(prepared, book, at, memo=known.lent_to(prepared.method.plan))


def explain(
    found: MethodResult,
    where: Instant,
    before: Footing | None,
    former: Prepared | None,
    causes: Sequence[Cause],
) -> Steps[Explanation]:
    """Why `found` is other than what `before` is the footing of; None: nothing was published before, and nothing is split.

    `former`: the method as it was then; `causes`: the events since then.
    """
    view = where.seen or noting(found.prepared, where.book, where.at, where.known)
    if where.seen is None:
        sight = partial(noting, found.prepared, where.book, where.at, where.known)
        yield from read_ahead(found.prepared.method.plan, sight)
        yield from found.prepared.method.figures(view)
    reads = view.finished()
    if before is None or former is None:
        return Explanation(why(causes), reads)
    change = _Change(found, where, before, former, (view, reads))
    yield from change.split()
    return Explanation(change.why(causes), reads)


class _Change:
    """From one published figure to the next."""

    def __init__(
        self, found: MethodResult, where: Instant, before: Footing, former: Prepared, sight: tuple[SplitView, Readings]
    ) -> None:
        self._found, self._where, self._before, self._former = found, where, before, former
        self._view, self._reads = sight
        self._configured = before.config_digest != where.config_digest
        old, new = set(before.gaps), set(gap_names(found.result.gaps))
        self._opened, self._closed = tuple(sorted(new - old)), tuple(sorted(old - new))
        self._deltas: tuple[dict[CausePart, str], ...] = ({}, {}, {})

    def split(self) -> Steps[None]:
        """Finds what each part did, where the figures can be compared."""
        if self._comparable:
            self._deltas = self._split((yield from self._walk()))

    def why(self, causes: Sequence[Cause]) -> list[dict[str, Any]]:
        """The parts that did something, or whose reads changed by an event."""
        dependence = Dependence(
            (self._before.reads, self._reads),
            self._view.stands_on,
            (*self._opened, *self._closed),
            past_moved=any(self._moved("price", deltas) for deltas in self._deltas),
            configured=self._configured,
        )
        return [part for name in CAUSE_PARTS if (part := self._part(name, dependence, causes)) is not None]

    @property
    def _comparable(self) -> bool:
        return self._before.whole and not self._reads.many and self._before.currency == self._found.result.currency

    def _part(self, name: CausePart, dependence: Dependence, causes: Sequence[Cause]) -> dict[str, Any] | None:
        if self._before.whole and not self._reads.many:
            own = [cause for cause in causes if dependence.of(name, cause)]
        else:
            own = [cause for cause in causes if cause.part == name]
        gaps = bool(self._opened or self._closed) and name == "data_quality"
        if not (own or gaps or any(self._moved(name, deltas) for deltas in self._deltas)):
            return None
        told = [cause.told() for cause in sorted(own, key=_number)[-CAUSES_A_PART:]]
        deltas = zip(DELTAS, self._deltas, strict=True)
        part = {"part": name} | {title: split.get(name, "0") if split else None for title, split in deltas} | {"causes": told}
        return part | ({"opened": _gaps(self._opened), "closed": _gaps(self._closed)} if gaps else {})

    @staticmethod
    def _moved(name: CausePart, deltas: Mapping[CausePart, str]) -> bool:
        return deltas.get(name, "0") != "0"

    def _split(self, walk: list[tuple[CausePart, FigurePair]]) -> tuple[dict[CausePart, str], ...]:
        before, result = self._before, self._found.result
        old = (before.required, before.available)
        decimals = self._where.book.config.assets.minor_unit(result.currency)
        printed = (result.required, result.available, result.coverage)
        each = (_required, decimals), (_available, decimals), (_coverage, RATIO_DECIMALS)
        return tuple(
            split(value(old), [(part, value(pair)) for part, pair in walk], (before.printed[n], printed[n]), digits)
            for n, (value, digits) in enumerate(each)
        )

    def _walk(self) -> Steps[list[tuple[CausePart, FigurePair]]]:
        """Required and available after each part that may have done something; the last gives the new figures."""
        parts = self._candidates()
        walk = list[tuple[CausePart, FigurePair]]()
        for part in parts[:-1]:
            walk.append((part, (yield from self._until(part))))
        return [*walk, (parts[-1], _pair(self._found.result))]

    def _candidates(self) -> list[CausePart]:
        changed = self._reads.changed(self._before.reads)
        found = {part for part in CAUSE_PARTS if changed[part]}
        if self._reads.past or self._before.reads.past:
            found.add("price")
        if self._configured:
            found.add("method")
        return [part for part in CAUSE_PARTS if part in found] or ["method"]

    def _until(self, part: CausePart) -> Steps[FigurePair]:
        """What is found with all parts up to this one as they are read now."""
        renewed = frozenset(CAUSE_PARTS[: CAUSE_PARTS.index(part) + 1])
        prepared = self._found.prepared if "method" in renewed else self._former
        where, before = self._where, (self._before.reads, self._before.at)
        view = SplitView(prepared, where.book, where.at, before, renewed, memo=where.known.lent())
        return (yield from prepared.method.figures(view))


def _pair(result: Result) -> FigurePair:
    return result.required_figure, result.available_figure


def _required(pair: FigurePair) -> Fraction | None:
    return None if pair[0] is None else pair[0].value


def _available(pair: FigurePair) -> Fraction | None:
    return None if pair[1] is None else pair[1].value


def _coverage(pair: FigurePair) -> Fraction | None:
    required, available = _required(pair), _available(pair)
    return None if available is None or not required else available / required


def _gaps(gaps: tuple[GapName, ...]) -> list[dict[str, str]]:
    return [{"kind": kind, "subject": subject} for kind, subject in gaps]


def _number(cause: Cause) -> int:
    return cause.number
