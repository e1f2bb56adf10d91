"""One evaluation of one entity: every method's result, the exposure, and what alerts are judged by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from monitor.core.book.book import Book
from monitor.core.components.lagged import read_ahead
from monitor.core.components.steps import Steps
from monitor.core.configuration.configuration import Configuration, EntityConfig, MethodConfig
from monitor.core.evaluation.assessment import Method, Result, result_object
from monitor.core.evaluation.observations import Observations, observe
from monitor.core.journal.vocabulary import ROLES, Mode
from monitor.core.values.calendar import Calendar, Zone
from monitor.core.values.canonical import digest_of
from monitor.core.view.memory.kept import Kept, KeptDays
from monitor.core.view.memory.memo import Memo
from monitor.core.view.view import View


@dataclass(frozen=True, slots=True)
class Prepared:
    """A method made ready for one entity: its zone, calendar and currency are settled (INPUTS 1, 3)."""

    config: MethodConfig
    method: Method
    zone: Zone
    calendar: Calendar
    currency: str
    version: str
    digest: str

    def view(self, book: Book, at: int, memo: Memo | None = None) -> View:
        """A sight of `book` at `at` (ns) as this method takes it; `memo`: what others have read of it at that instant."""
        return View(book, at, self.zone, self.calendar, self.currency, memo=memo)

    def near_cure(self, at: int) -> str:
        """The last cure date that is near at `at` (ns), as ISO text: the next business day."""
        return self.calendar.add_business_days(self.zone.local_date(at), 1).isoformat()


V = TypeVar("V", bound=View)
GivesSight = Callable[[Prepared, Book, int, Memo], V]
"""Gives a method a sight of a book at an instant (ns), of which the memo is read."""


@dataclass(frozen=True, slots=True)
class MethodResult:
    """A method's result, its contract object, and the digest over that alone."""

    prepared: Prepared
    result: Result
    printed: dict[str, Any]
    digest: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one evaluation at `at` (ns) found, and what it read: of use until the book moves on."""

    at: int
    known: Memo
    methods: tuple[MethodResult, ...]
    exposure: MethodResult
    observations: Observations


class Evaluator:
    """Evaluates one entity under one configuration. `modes`: of methods whose mode is another than the configured one."""

    def __init__(self, entity: str, config: Configuration, modes: Mapping[str, Mode] | None = None) -> None:
        entity_config = config.entity(entity)
        if entity_config is None:
            raise ValueError(f"entity {entity} is not configured")
        self.entity = entity
        self.entity_config: EntityConfig = entity_config
        methods = [replace(method, mode=(modes or {}).get(method.id, method.mode)) for method in entity_config.methods]
        self.methods = tuple(_prepared(config, entity, entity_config, method) for method in methods)
        self.yardstick = _prepared(config, entity, entity_config, MethodConfig(config.exposure_pack, "shadow"))
        self._kept, self._days = Kept(), KeptDays()
        self._exposure_is = next((m for m in self.methods if m.config.id == config.exposure_pack and not m.config.options), None)

    def evaluate(self, book: Book, at: int) -> Steps[Evaluation]:
        """All methods of the entity at `at`, the exposure beside them, and what else there is to be seen; a step a component.

        What has not changed since the evaluation before is not read again; what is found is as if it were. The book must not
        move on between two steps.
        """
        return self._evaluate(book, at, self._kept.memo(book, at))

    def evaluate_anew(self, book: Book, at: int) -> Steps[Evaluation]:
        """The same with nothing kept: what `evaluate` is held against."""
        return self._evaluate(book, at, Memo())

    def evaluate_checked(self, book: Book, at: int, differences: list[str]) -> Steps[Evaluation]:
        """The same held against `evaluate_anew`, which stands where they differ: a sentence on it goes to `differences`."""
        found = yield from self.evaluate(book, at)
        anew = yield from self.evaluate_anew(book, at)
        difference = _difference(found, anew)
        if difference is None:
            return found
        differences.append(f"{self.entity}: {difference}")
        self._kept = Kept()
        return anew

    def _evaluate(self, book: Book, at: int, memo: Memo) -> Steps[Evaluation]:
        methods = list[MethodResult]()
        for prepared in self.methods:
            yield from read_ahead(prepared.method.plan, partial(prepared.view, book, at, memo))
            methods.append((yield from self._run(prepared, prepared.view(book, at, memo))))
        view = self.yardstick.view(book, at, memo)
        if self._exposure_is is None:
            exposure = yield from self._run(self.yardstick, view)
        else:
            exposure = next(found for found in methods if found.prepared is self._exposure_is)
        return Evaluation(at, memo, tuple(methods), exposure, observe(book, view))

    def reads(self, book: Book, at: int) -> Memo:
        """What is known at `at`, the book's clock or the last instant of a closed day, less what may have changed since."""
        return self._kept.memo(book, at) if at >= book.clock else self._days.memo(book, at)

    def says_as_before(self, book: Book, at: int) -> bool:
        """Whether sources and the like are at `at`, the book's clock, as they were when it was evaluated last."""
        return self._kept.says_as_before(book, at)

    def close(self, prepared: Prepared, book: Book, at: int, sight: GivesSight[V]) -> Steps[tuple[MethodResult, V]]:
        """One method at the last instant of a closed day, and the sight in which it was found."""
        known = self.reads(book, at)
        if not known.kept:
            yield from self._read_holdings(book, at, known)
        yield from read_ahead(prepared.method.plan, partial(sight, prepared, book, at, known))
        view = sight(prepared, book, at, known)
        return (yield from self._run(prepared, view)), view

    def _read_holdings(self, book: Book, at: int, known: Memo) -> Steps[None]:
        """What is held at an instant of which nothing is known yet, role by role: to read it all at once takes long."""
        view = self.yardstick.view(book, at, known)
        for role in ROLES:
            for asset in view.assets(role):
                view.quantity(role, asset)
            yield

    def close_checked(
        self, prepared: Prepared, book: Book, at: int, sight: GivesSight[V], differences: list[str]
    ) -> Steps[tuple[MethodResult, V]]:
        """The same held against one that reads everything anew: see `evaluate_checked`."""
        found, view = yield from self.close(prepared, book, at, sight)
        anew = yield from self._run(prepared, prepared.view(book, at))
        difference = _method_difference(found, anew, at)
        if difference is None:
            return found, view
        differences.append(f"{self.entity}: {difference}")
        self._days = KeptDays()
        return anew, (yield from self.close(prepared, book, at, sight))[1]

    def _run(self, prepared: Prepared, view: View) -> Steps[MethodResult]:
        result = yield from prepared.method.steps(view, self.entity_config.levels.watch_enter)
        printed = result_object(result) | {"components": result.components, "gaps": result.gaps}
        return MethodResult(prepared, result, printed, digest_of(printed))


def _difference(found: Evaluation, anew: Evaluation) -> str | None:
    """Names the first method that differs; None where both found the same to the last byte."""
    for one, other in zip((*found.methods, found.exposure), (*anew.methods, anew.exposure), strict=True):
        difference = _method_difference(one, other, found.at)
        if difference is not None:
            return difference
    if found.observations != anew.observations:
        return f"observations at {found.at}: kept {found.observations}, anew {anew.observations}"
    return None


def _method_difference(one: MethodResult, other: MethodResult, at: int) -> str | None:
    if one.printed == other.printed and one.digest == other.digest and _unprinted(one) == _unprinted(other):
        return None
    return f"{one.prepared.config.id} at {at}: kept {one.printed}, anew {other.printed}"


def _unprinted(found: MethodResult) -> Any:
    result = found.result
    return result.rows, result.required_figure, result.available_figure, result.watch_ratio


def _prepared(config: Configuration, entity: str, entity_config: EntityConfig, method: MethodConfig) -> Prepared:
    pack = config.packs[method.id]
    ready = Method(method, pack)
    currency = ready.currency(entity_config.reporting_currency)
    if currency is None:
        raise ValueError(f"entity {entity} has no reporting currency and {method.id} has none of its own")
    return Prepared(
        method,
        ready,
        config.method_zone(entity, method),
        config.method_calendar(entity, method),
        currency,
        str(pack["version"]),
        config.pack_digests[method.id],
    )
