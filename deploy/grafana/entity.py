"""Entity: one entity in depth, from backing in the same asset to its feeds."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.board import AGE_STEPS, COVERAGE_STEPS, OF_ENTITY, OF_METHOD, board
from deploy.grafana.parts import (
    FULL_WIDTH,
    GREEN,
    GREY,
    PanelBuilder,
    Query,
    Text,
    course_panel,
    rows_panel,
    state_number,
    state_panel,
    value_panel,
)

BACKING = "guarantee_asset|reserve_asset|client_asset|holding"
"""Families of rules that are judged asset by asset."""


def entity() -> dashboard.Dashboard:
    return board(
        "reserve-entity",
        "Reserve of an entity",
        "One entity in depth: custody by tier and asset, backing in the same asset, trade flow, incidents, feeds.",
        ("entity", "method"),
        (
            ("Can I trust it", _entity_trust()),
            ("Are we short", _entity_short()),
            ("Backing and rules", _entity_rules()),
            ("Custody", _entity_custody()),
            ("Trade flow and incidents", _entity_flow()),
        ),
    )


def _entity_trust() -> Sequence[PanelBuilder]:
    heartbeat = f"reserve_evaluation_last_timestamp_seconds{{{OF_ENTITY}}}"
    last = f"reserve_source_last_event_timestamp_seconds{{{OF_ENTITY}}}"
    age = Text("Age of the figures", "Until when the newest figures stand, as an age.", "s", "ReserveMonitorNoEvaluation")
    gaps = Text("Gaps", "Inputs that are missing, stale or in doubt, by method.", "short", "ReserveUnknown")
    feeds = Text("Silence of each feed", "Age of the newest event of each feed, by log time.", "s", "SourceStale")
    return (
        value_panel(age, [Query(f"time() - max by (entity) ({heartbeat})", "{{entity}}")], AGE_STEPS),
        value_panel(gaps, [Query(f"sum by (method) (max by (method, kind) (reserve_gaps{{{OF_METHOD}}}))", "{{method}}")],
                    ((None, GREEN), (1.0, GREY))),
        course_panel(feeds, [Query(f"time() - max by (source) ({last})", "{{source}}")]),
    )  # fmt: skip


def _entity_short() -> Sequence[PanelBuilder]:
    states = Text("State of each method", "Grey is not known, and never the same as adequate.", "none", "ReserveShortfall")
    pair = Text("Required against available", "What each method asks and what counts towards it.", "short", "ReserveShortfall")
    alerts = Text("Alerts firing", "Alerts by name over time. At zero none fires.", "short", "ReserveShortfall")
    amounts = [
        Query(
            f"max by (method, currency) (reserve_{figure}_amount{{{OF_METHOD}}})", f"{{{{method}}}} {figure} ({{{{currency}}}})"
        )
        for figure in ("required", "available")
    ]
    firing = Query(f"max by (alertname, severity) (reserve_alerts_firing{{{OF_ENTITY}}})", "{{alertname}} {{severity}}")
    return (
        state_panel(states, [Query(state_number(OF_METHOD), "{{method}}")]),
        course_panel(pair, amounts),
        course_panel(alerts, [firing]),
    )


def _entity_rules() -> Sequence[PanelBuilder]:
    backing = Text(
        "Backing in the same asset",
        "For each asset what a rule asks and what is held, in the asset itself: a surplus in one never cures another. "
        "`other` stands for the worst backed of the assets without a series of their own.",
        "short",
        "SameAssetShortfall",
    )
    ratio = Text("Held over required by asset", "Below 100 % the asset is short.", "percentunit", "SameAssetShortfall")
    rules = Text(
        "Every rule", "What each rule of each method asks and what there is, in its own unit.", "short", "ReserveShortfall"
    )
    by = "by (method, component, asset, unit)"
    held, required = (f"max {by} (reserve_component_{side}{{{OF_METHOD}}})" for side in ("held", "required"))
    of_assets = f'{OF_METHOD}, component=~"{BACKING}"'
    held_assets, required_assets = (f"max {by} (reserve_component_{side}{{{of_assets}}})" for side in ("held", "required"))
    names = {
        "method": "Method",
        "component": "Rule",
        "asset": "Asset",
        "unit": "Unit",
        "Value #A": "Required",
        "Value #B": "Held",
    }
    return (
        rows_panel(backing, [Query(required_assets), Query(held_assets)], names),
        course_panel(
            ratio,
            [Query(f"{held_assets} / ({required_assets} > 0)", "{{component}} {{asset}}")],
            COVERAGE_STEPS,
            shown_limit=True,
        ),
        rows_panel(rules, [Query(required), Query(held)], names, span=FULL_WIDTH),
    )


def _entity_custody() -> Sequence[PanelBuilder]:
    tiers = Text("Custody by role and storage", "Value held, in the reporting currency, by role and storage tier.", "short")
    assets = Text("Custody by asset", "Quantities in whole units of the asset, by role and storage.", "short")
    value = f"max by (role, storage, currency) (reserve_custody_amount{{{OF_ENTITY}}})"
    quantity = f"max by (asset, role, storage) (reserve_custody_quantity{{{OF_ENTITY}}})"
    return (
        course_panel(tiers, [Query(value, "{{role}} {{storage}} ({{currency}})")], stacked=True),
        rows_panel(assets, [Query(quantity)], {"asset": "Asset", "role": "Role", "storage": "Storage", "Value": "Quantity"}),
    )


def _entity_flow() -> Sequence[PanelBuilder]:
    flow = Text("Value traded", "Value traded in the window that the exposure reads, in the reporting currency.", "short")
    losses = Text(
        "Loss of incidents by status",
        "Net loss after what was received back. A revision shows as a step; what it says is on the status page.",
        "short",
        "SecurityIncidentOpen",
    )
    value = f"max by (window, currency) (reserve_trade_value_amount{{{OF_ENTITY}}})"
    loss = f"max by (status, currency) (reserve_incident_loss_amount{{{OF_ENTITY}}})"
    return (
        course_panel(flow, [Query(value, "{{window}} ({{currency}})")]),
        course_panel(losses, [Query(loss, "{{status}} ({{currency}})")], stacked=True),
    )
