"""ShortfallForecast: the margin of a method goes down so steadily that its end can be told (CONTRACT 2)."""

from __future__ import annotations

from collections.abc import Callable

from monitor.core.alerts.conditions import Condition
from monitor.core.alerts.life import Identity, Verdict
from monitor.core.alerts.method_conditions import blinded
from monitor.core.alerts.record import AlertContent
from monitor.core.configuration.configuration import Levels
from monitor.core.evaluation.evaluation import MethodResult
from monitor.core.foresight.margins.forecast import ShortfallTime
from monitor.core.values.times import format_time

FORECAST_RULE = "shortfall_forecast"
Shortfall = ShortfallTime | str | None


def forecast_condition(
    entity: str, found: MethodResult, levels: Levels, shortfall: Callable[[str], Shortfall]
) -> Condition | None:
    """The condition of one method; None where no forecast is asked for."""
    if levels.forecast_window_h is None:
        return None
    name, told = found.prepared.config.id, shortfall(found.prepared.config.id)
    verdict = Verdict.CLEAR
    if isinstance(told, ShortfallTime):
        verdict = Verdict.TRUE
    elif blinded(found.result) or found.result.required_figure is None or not found.result.required_figure.known:
        verdict = Verdict.UNKNOWN
    return Condition(
        Identity("ShortfallForecast", entity, name, FORECAST_RULE, None),
        verdict,
        "warning",
        found.prepared.config.mode,
        ends_as="ended",
        show=lambda: _content(entity, name, told, levels),
        grace=levels.forecast_dwell_ns,
    )


def _content(entity: str, method: str, told: Shortfall, levels: Levels) -> AlertContent:
    over = f"{entity}: no shortfall under {method} is forecast any more"
    if not isinstance(told, ShortfallTime):
        return AlertContent(over, f"Why: {told}.", {})
    at, earliest, latest = (format_time(moment) for moment in (told.at, told.earliest, told.latest))
    return AlertContent(
        f"{entity}: at this pace {method} is short at {at}",
        f"The margin went down steadily over the last {levels.forecast_window_h} hours; going on so it is used up at {at}, "
        f"between {earliest} and {latest}.",
        {"shortfall_at": at, "earliest": earliest, "latest": latest, "window_h": str(levels.forecast_window_h)},
        over=(over, "The margin no longer goes down steadily, or is used up."),
    )
