"""Compliance and treasury: what must be cured, what to hold against tomorrow, what stresses cost, what candidates ask."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.board import COVERAGE_STEPS, OF_ENTITY, OF_METHOD, board
from deploy.grafana.overview import trust
from deploy.grafana.parts import FULL_WIDTH, GREEN, RED, PanelBuilder, Query, Text, course_panel, rows_panel, value_panel

_BY = "by (entity, method, currency)"
_BELOW = ((None, RED), (0.0, GREEN))


def compliance() -> dashboard.Dashboard:
    return board(
        "reserve-compliance",
        "Compliance and treasury",
        "What must be cured, what to hold against tomorrow, what stresses would cost, and what candidate rules would ask.",
        ("entities", "method"),
        (
            ("Can I trust it", trust()),
            ("Closes and deadlines", _closes()),
            ("Buffers and forecast", _buffers()),
            ("Scenarios and what to do", _scenarios()),
            ("Candidates", _candidates()),
        ),
    )


def _closes() -> Sequence[PanelBuilder]:
    deadlines = Text(
        "Cure deadlines",
        "When the term for curing a breach ends. Empty: no breach has a term.",
        "dateTimeFromNow",
        "CureDeadlineNear",
    )
    closes = Text(
        "Newest checkpoint",
        "When the chain of each entity was sealed last; it is sealed after each day's close.",
        "dateTimeFromNow",
    )
    surplus = Text(
        "Surplus of the methods in force",
        "Available less required over the last days; below zero it is the shortfall. The closes: `report`, and the page a day.",
        "short",
        "ReserveShortfall",
    )
    deadline = f"1000 * min by (entity, method, component) (reserve_cure_deadline_timestamp_seconds{{{OF_METHOD}}})"
    sealed = f"1000 * max by (entity) (reserve_audit_checkpoint_timestamp_seconds{{{OF_ENTITY}}})"
    held = f'min {_BY} (reserve_surplus_amount{{{OF_METHOD}}}) and on (entity, method) reserve_method_info{{mode="in_force"}}'
    return (
        rows_panel(
            deadlines, [Query(deadline)], {"entity": "Entity", "method": "Method", "component": "Rule", "Value": "Cure by"}
        ),
        rows_panel(closes, [Query(sealed)], {"entity": "Entity", "Value": "Sealed"}),
        course_panel(surplus, [Query(held, "{{entity}} {{method}} ({{currency}})")], _BELOW, FULL_WIDTH, shown_limit=True),
    )


def _buffers() -> Sequence[PanelBuilder]:
    rows = Text(
        "Surplus to hold",
        "So that a shortfall within the hours has at most the probability. Empty: history is short; the status says by how much.",
        "short",
    )
    margin = Text(
        "Margin against the buffer of a day",
        "What the tightest rule has to spare, and what to hold against the next 24 hours at 1 %.",
        "short",
        "ReserveCoverageLow",
    )
    forecast = Text(
        "Forecast time of shortfall",
        "When the margin is used up if it goes on as it went. Empty: no steady fall, or forecasts are off.",
        "dateTimeFromNow",
        "ShortfallForecast",
    )
    buffers = f"max by (entity, method, currency, horizon, probability) (reserve_buffer_amount{{{OF_METHOD}}})"
    renamed = {
        "entity": "Entity", "method": "Method", "currency": "Currency", "horizon": "Within", "probability": "Probability",
        "Value": "Hold",
    }  # fmt: skip
    day = f'max {_BY} (reserve_buffer_amount{{{OF_METHOD}, horizon="24h", probability="0.01"}})'
    expected = f"1000 * min by (entity, method) (reserve_shortfall_forecast_timestamp_seconds{{{OF_METHOD}}})"
    return (
        rows_panel(rows, [Query(buffers)], renamed),
        rows_panel(forecast, [Query(expected)], {"entity": "Entity", "method": "Method", "Value": "Short"}),
        course_panel(
            margin,
            [
                Query(f"min {_BY} (reserve_margin_amount{{{OF_METHOD}}})", "{{entity}} {{method}} margin ({{currency}})"),
                Query(day, "{{entity}} {{method}} to hold ({{currency}})"),
            ],
            span=FULL_WIDTH,
        ),
    )


def _scenarios() -> Sequence[PanelBuilder]:
    stressed = Text(
        "Shortfall under each scenario",
        "What would be missing now; the rows without a method are of the exposure. Not shown: what cannot be computed.",
        "short",
    )
    firing = Text(
        "Rules that ask for a move",
        "Alerts of broken rules. `reserve-monitor actions ENTITY` and the status page say what to move, by when. Empty: none.",
        "short",
        "ReserveShortfall",
    )
    short = f"max by (entity, method, currency, scenario) (reserve_scenario_shortfall_amount{{{OF_ENTITY}}})"
    names = "ReserveShortfall|SameAssetShortfall|ClientAssetShortfall|HotStorageLimitExceeded|ReserveCoverageLow|CureDeadlineNear"
    alerts = f'max by (entity, alertname, severity) (reserve_alerts_firing{{{OF_ENTITY}, alertname=~"{names}"}}) > 0'
    return (
        rows_panel(
            stressed,
            [Query(short)],
            {"entity": "Entity", "method": "Method", "currency": "Currency", "scenario": "Scenario", "Value": "Short by"},
        ),
        rows_panel(
            firing, [Query(alerts)], {"entity": "Entity", "alertname": "Alert", "severity": "Severity", "Value": "Firing"}
        ),
    )


def _candidates() -> Sequence[PanelBuilder]:
    asks = Text(
        "What candidates would ask",
        "Required under the methods that are not in force, each in its currency. Empty: none runs in the shadow.",
        "short",
    )
    coverage = Text(
        "Coverage under candidates",
        "Available over required under the methods that are not in force. Empty: none runs in the shadow, or it is not known.",
        "percentunit",
    )
    shadow = 'on (entity, method) reserve_method_info{mode="shadow"}'
    required = f"max {_BY} (reserve_required_amount{{{OF_METHOD}}}) and {shadow}"
    ratio = f"max by (entity, method) (reserve_coverage_ratio{{{OF_METHOD}}}) and {shadow}"
    return (
        course_panel(asks, [Query(required, "{{entity}} {{method}} ({{currency}})")]),
        value_panel(coverage, [Query(ratio, "{{entity}} {{method}}")], COVERAGE_STEPS, span=12),
    )
