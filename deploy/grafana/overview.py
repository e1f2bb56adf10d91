"""Reserve overview: can the figures be trusted, are we short, why, and what is due. For all entities."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.board import AGE_STEPS, COVERAGE_STEPS, NONE_IS_GOOD, OF_ENTITY, OF_METHOD, board
from deploy.grafana.parts import (
    FULL_WIDTH,
    GREEN,
    GREY,
    NEUTRAL,
    RED,
    PanelBuilder,
    Query,
    Text,
    course_panel,
    rows_panel,
    state_number,
    state_panel,
    value_panel,
)


def overview() -> dashboard.Dashboard:
    return board(
        "reserve-overview",
        "Reserve overview",
        "Can the figures be trusted, are we short, why, and what is due next. All entities.",
        ("entities", "method"),
        (("Can I trust it", trust()), ("Are we short", (*_short(), *_amounts())), ("Why, and what is due", _why())),
    )


def trust() -> Sequence[PanelBuilder]:
    age = Text(
        "Age of the figures",
        "Until when each entity's newest figures stand, as an age. They move at least once a minute.",
        "s",
        "ReserveMonitorNoEvaluation",
    )
    feeds = Text(
        "Longest silence of a feed",
        "Age of the newest event of each entity's quietest feed. Slow feeds (incidents, declarations) are quiet by nature.",
        "s",
        "SourceStale",
    )
    gaps = Text("Gaps", "How many inputs are missing, stale or in doubt, over all methods.", "short", "ReserveUnknown")
    down = Text(
        "Processes that do not answer", "Processes of the monitor that Prometheus cannot scrape.", "short", "ReserveMonitorDown"
    )
    heartbeat = f"reserve_evaluation_last_timestamp_seconds{{{OF_ENTITY}}}"
    last = f"reserve_source_last_event_timestamp_seconds{{{OF_ENTITY}}}"
    return (
        value_panel(age, [Query(f"time() - max by (entity) ({heartbeat})", "{{entity}}")], AGE_STEPS),
        value_panel(feeds, [Query(f"time() - min by (entity) (max by (entity, source) ({last}))", "{{entity}}")], NEUTRAL),
        value_panel(
            gaps,
            [Query(f"sum by (entity) (max by (entity, method, kind) (reserve_gaps{{{OF_METHOD}}}))", "{{entity}}")],
            ((None, GREEN), (1.0, GREY)),
        ),
        value_panel(down, [Query('sum(up{job=~".*reserve.*"} == bool 0)', "not answering")], NONE_IS_GOOD),
    )


def _short() -> Sequence[PanelBuilder]:
    states = Text(
        "State of each method",
        "What each method says of each entity. Grey is not known, and never the same as adequate.",
        "none",
        "ReserveShortfall",
    )
    coverage = Text(
        "Coverage",
        "Available over required. Below 100 % is a shortfall. No value: not known.",
        "percentunit",
        "ReserveCoverageLow",
    )
    course = Text(
        "Coverage over time",
        "Coverage with the lowest and highest value that the known inputs allow; they meet when all is known.",
        "percentunit",
        "ReserveCoverageLow",
    )
    ratio = [
        Query(f"max by (entity, method) (reserve_coverage_ratio{{{OF_METHOD}}})", "{{entity}} {{method}}"),
        Query(f"min by (entity, method) (reserve_coverage_lower_ratio{{{OF_METHOD}}})", "{{entity}} {{method}} at least"),
        Query(f"max by (entity, method) (reserve_coverage_upper_ratio{{{OF_METHOD}}})", "{{entity}} {{method}} at most"),
    ]
    return (
        state_panel(states, [Query(state_number(OF_METHOD), "{{entity}} {{method}}")]),
        value_panel(coverage, ratio[:1], COVERAGE_STEPS, span=12),
        course_panel(course, ratio, COVERAGE_STEPS, shown_limit=True),
    )


def _amounts() -> Sequence[PanelBuilder]:
    pair = Text(
        "Required against available",
        "What each method asks and what counts towards it, in the method's currency.",
        "short",
        "ReserveShortfall",
    )
    surplus = Text("Surplus", "Available less required; below zero it is the shortfall.", "short", "ReserveShortfall")
    exposure = Text(
        "Exposure by part",
        "Operational-risk exposure: custody, trade flow, open incidents and loss history, in the reporting currency.",
        "short",
    )
    by = "by (entity, method, currency)"
    amounts = [
        Query(f"max {by} (reserve_{figure}_amount{{{OF_METHOD}}})", f"{{{{entity}}}} {{{{method}}}} {figure} ({{{{currency}}}})")
        for figure in ("required", "available")
    ]
    parts = Query(
        f"max by (entity, currency, part) (reserve_exposure_amount{{{OF_ENTITY}}})", "{{entity}} {{part}} ({{currency}})"
    )
    below = ((None, RED), (0.0, GREEN))
    return (
        course_panel(pair, amounts),
        course_panel(
            surplus,
            [Query(f"min {by} (reserve_surplus_amount{{{OF_METHOD}}})", "{{entity}} {{method}} ({{currency}})")],
            below,
            shown_limit=True,
        ),
        course_panel(exposure, [parts], span=FULL_WIDTH, stacked=True),
    )


def _why() -> Sequence[PanelBuilder]:
    alerts = Text(
        "Alerts firing",
        "Alerts of methods in force and of the entity as a whole. Empty: none fires. Figures and causes: the status page.",
        "short",
        "ReserveShortfall",
    )
    missing = Text(
        "What is missing", "Inputs that are missing, stale or in doubt, by kind. Empty: none.", "short", "ReserveUnknown"
    )
    cure = Text(
        "Cure deadlines",
        "When the term for curing a breach ends. Empty: no breach has a term.",
        "dateTimeFromNow",
        "CureDeadlineNear",
    )
    since = Text("In this state since", "When the present state of each method began.", "dateTimeFromNow")
    firing = f"max by (entity, alertname, severity) (reserve_alerts_firing{{{OF_ENTITY}}}) > 0"
    gaps = f"max by (entity, method, kind) (reserve_gaps{{{OF_METHOD}}}) > 0"
    deadline = f"1000 * min by (entity, method, component) (reserve_cure_deadline_timestamp_seconds{{{OF_METHOD}}})"
    began = f"1000 * max by (entity, method) (reserve_state_since_timestamp_seconds{{{OF_METHOD}}})"
    return (
        rows_panel(
            alerts, [Query(firing)], {"entity": "Entity", "alertname": "Alert", "severity": "Severity", "Value": "Firing"}
        ),
        rows_panel(missing, [Query(gaps)], {"entity": "Entity", "method": "Method", "kind": "Missing", "Value": "How many"}),
        rows_panel(cure, [Query(deadline)], {"entity": "Entity", "method": "Method", "component": "Rule", "Value": "Cure by"}),
        rows_panel(since, [Query(began)], {"entity": "Entity", "method": "Method", "Value": "Since"}),
    )
