"""The footings of an entity's published figures: the last live one of each method, and the closes of its newest days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from monitor.core.attribution.attribution import Instant, explain
from monitor.core.attribution.footing import Footing
from monitor.core.attribution.readings import Readings
from monitor.core.components.steps import Steps
from monitor.core.evaluation.evaluation import Evaluator, MethodResult, Prepared
from monitor.core.journal.causes import Causes

KEPT_CLOSES = 3
"""Closed days of a method whose reads are kept: a correction of an older day says what came, not how much each part did."""


class Footings:
    """By method, and for closes by day. `former`: the evaluator of the live figures, until the first under another configuration.

    A live figure is compared with the live one before it; a close with what it replaces, or with the day before.
    """

    def __init__(self) -> None:
        self.former: Evaluator | None = None
        self._live: dict[str, Footing] = {}
        self._closed: dict[str, dict[date, Footing]] = {}
        self._dirty: set[str] = set()

    def configure(self, former: Evaluator | None, methods: set[str]) -> None:
        """Another configuration is in force, under which these methods go on."""
        if self.former is None and self._live:
            self.former = former
        for method in [method for method in self._live if method not in methods]:
            self._dirty |= {f"live/{method}", f"closed/{method}"}
            del self._live[method]
            self._closed.pop(method, None)

    def explain_live(self, value: dict[str, Any], found: MethodResult, where: Instant, causes: Causes) -> Steps[Readings]:
        """Gives a live record its `why` and what that is since; what was read for it."""
        return self._explain(value, found, where, causes, self._live.get(found.prepared.config.id))

    def explain_close(self, value: dict[str, Any], found: MethodResult, where: Instant, causes: Causes) -> Steps[Readings]:
        """The same of a close; of one that replaces another whose reads are gone, without figures."""
        method, day = found.prepared.config.id, date.fromisoformat(value["business_date"])
        days = self._closed.get(method, {})
        if value["replaces"] is not None:
            before = days.get(day)
        else:
            before = max(((of, footing) for of, footing in days.items() if of < day), default=(day, None))[1]
            if before is None or before.config_digest != where.config_digest:
                before = self._live.get(method)
        return self._explain(value, found, where, causes, before)

    def keep_live(self, found: MethodResult, value: Mapping[str, Any], at: int, reads: Readings) -> None:
        """Notes a live record that was published."""
        method = found.prepared.config.id
        self._live[method] = Footing.of(found, value, at, reads)
        self._dirty.add(f"live/{method}")

    def keep_close(self, found: MethodResult, value: Mapping[str, Any], at: int, reads: Readings) -> None:
        """Notes a close that was published, if its day is among the newest."""
        method = found.prepared.config.id
        days = self._closed.setdefault(method, {})
        days[date.fromisoformat(value["business_date"])] = Footing.of(found, value, at, reads)
        for day in sorted(days)[:-KEPT_CLOSES]:
            del days[day]
        self._dirty.add(f"closed/{method}")

    def values(self, *, whole: bool) -> Iterator[tuple[str, Any]]:
        """What changed since the last cut by name, or everything; None for what is gone."""
        every = {*(f"live/{method}" for method in self._live), *(f"closed/{method}" for method in self._closed)}
        for name in sorted(every | self._dirty if whole else self._dirty):
            yield name, self._value(name)

    def taken(self) -> None:
        """A cut is complete."""
        self._dirty.clear()

    def restore(self, values: Mapping[str, Any]) -> None:
        """Takes back what `values` gave."""
        for name, value in values.items():
            kind, _, method = name.partition("/")
            if kind == "live":
                self._live[method] = Footing.of_state(value)
            else:
                days = {date.fromisoformat(day): Footing.of_state(footing) for day, footing in value.items()}
                self._closed[method] = days

    def _value(self, name: str) -> Any:
        kind, _, method = name.partition("/")
        if kind == "live":
            return self._live[method].state() if method in self._live else None
        return {day.isoformat(): footing.state() for day, footing in self._closed.get(method, {}).items()} or None

    def _explain(
        self, value: dict[str, Any], found: MethodResult, where: Instant, causes: Causes, before: Footing | None
    ) -> Steps[Readings]:
        former = None if before is None else self._method_of(before, found.prepared, where)
        since = causes.since(-1 if before is None else before.mark)
        told = yield from explain(found, where, before, former, since)
        value["why_since"] = None if before is None or former is None else before.digest
        value["why"] = told.why
        return told.reads

    def _method_of(self, before: Footing, prepared: Prepared, where: Instant) -> Prepared | None:
        """The method as it was for that figure; None when that is not known any more."""
        if before.config_digest == where.config_digest:
            return prepared
        methods = self.former.methods if self.former is not None else ()
        return next((one for one in methods if (one.config.id, one.digest) == before.method), None)
