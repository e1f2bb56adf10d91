"""The course of each method's margin, and what is foreseen from it: buffers, and the time of a shortfall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitor.core.configuration.assets import Assets
from monitor.core.configuration.configuration import Levels
from monitor.core.evaluation.evaluation import Evaluation, Evaluator, MethodResult, Prepared
from monitor.core.foresight.margins.buffer import Buffers, buffer_objects
from monitor.core.foresight.margins.course import Course
from monitor.core.foresight.margins.forecast import ShortfallTime, forecast_object, shortfall_time
from monitor.core.values.times import HOUR

NO_FORECAST: Mapping[str, Any] = {"shortfall_at": None, "method": None}


class _Foreseen:
    """A method's course with what was last reckoned from it."""

    def __init__(self) -> None:
        self.course = Course()
        self.buffers = Buffers()
        self.shortfall: ShortfallTime | str | None = None


class Courses:
    """Of every method of an entity. A method that is made otherwise begins anew: its past is another rule's."""

    def __init__(self) -> None:
        self._levels, self._assets = Levels(), Assets()
        self._of: dict[str, _Foreseen] = {}
        self._gone: set[str] = set()

    def configure(self, former: Evaluator | None, evaluator: Evaluator | None) -> None:
        """Another configuration is in force."""
        before = {} if former is None else {one.config.id: _made_as(one) for one in former.methods}
        after = {} if evaluator is None else {one.config.id: _made_as(one) for one in evaluator.methods}
        for name in [name for name in self._of if before.get(name) != after.get(name) or name not in after]:
            for part, steps in self._of.pop(name).course.parts().items():
                self._gone |= {f"{name}/{part}/{block}" for block, _ in steps.values(whole=True)}
        for foreseen in self._of.values():
            foreseen.shortfall = None

    def take(self, evaluation: Evaluation, levels: Levels, assets: Assets) -> None:
        """Notes an evaluation under what is configured; what is foreseen is reckoned anew when an hour is over."""
        self._levels, self._assets = levels, assets
        for found in evaluation.methods:
            foreseen = self._of.setdefault(found.prepared.config.id, _Foreseen())
            hour, day = foreseen.course.take(evaluation.at, found.result, assets.minor_unit(found.prepared.currency))
            foreseen.buffers.renew(foreseen.course, hour=hour, day=day)
            if levels.forecast_window_h is not None and (hour or foreseen.shortfall is None):
                ended = evaluation.at // HOUR * HOUR
                foreseen.shortfall = shortfall_time(foreseen.course.hours.closed(), levels.forecast_window_h, ended)

    def shortfall(self, method: str) -> ShortfallTime | str | None:
        """When the method's margin is used up, why that is not told, or None where it is not asked for."""
        return self._of[method].shortfall

    def foreseen(self, evaluation: Evaluation) -> dict[str, Any]:
        """What an exposure carries: `buffers`, `forecasts` of each method, and `forecast`, the first of those in force.

        Of the evaluation that was taken last.
        """
        buffers = [one for found in evaluation.methods for one in self._buffers(found)]
        window = self._levels.forecast_window_h
        forecasts = [] if window is None else list(self._forecasts(evaluation.methods, window))
        in_force = {found.prepared.config.id for found in evaluation.methods if found.prepared.config.mode == "in_force"}
        told = [one for one in forecasts if one["shortfall_at"] is not None and one["method"] in in_force]
        first = min(told, key=_shortfall_at, default=NO_FORECAST)
        return {"buffers": buffers, "forecasts": forecasts, "forecast": {name: first[name] for name in NO_FORECAST}}

    def _buffers(self, found: MethodResult) -> Iterator[dict[str, Any]]:
        name, foreseen = found.prepared.config.id, self._of[found.prepared.config.id]
        decimals = self._assets.minor_unit(found.result.currency)
        return buffer_objects(foreseen.buffers.all(), name, found.result, foreseen.course.margin, decimals)

    def _forecasts(self, methods: tuple[MethodResult, ...], window_h: int) -> Iterator[dict[str, Any]]:
        for found in methods:
            name = found.prepared.config.id
            yield forecast_object(self._of[name].shortfall or "not reckoned yet", name, window_h)

    def values(self, *, whole: bool) -> Iterator[tuple[str, Any]]:
        """What changed since the last cut by name, or everything; None for what is gone."""
        for name in sorted(self._gone):
            yield name, None
        for method in sorted(self._of):
            for part, steps in self._of[method].course.parts().items():
                for block, value in steps.values(whole=whole):
                    yield f"{method}/{part}/{block}", value

    def taken(self) -> None:
        """A cut is complete."""
        self._gone.clear()
        for foreseen in self._of.values():
            for steps in foreseen.course.parts().values():
                steps.taken()

    def restore(self, values: Mapping[str, Any]) -> None:
        """Takes back what `values` gave."""
        for name, block in values.items():
            method, part, _ = name.rsplit("/", 2)
            self._of.setdefault(method, _Foreseen()).course.parts()[part].restore(block)


def _made_as(prepared: Prepared) -> tuple[str, str, str]:
    """What a method's figures follow from besides the book."""
    return prepared.digest, repr(sorted(prepared.config.options.items())), prepared.currency


def _shortfall_at(forecast: Mapping[str, Any]) -> str:
    return str(forecast["shortfall_at"])
