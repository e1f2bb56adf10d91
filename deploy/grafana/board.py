"""The frame of every board: variables, links, annotations, rows."""

from collections.abc import Callable, Sequence

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as models

from deploy.grafana.parts import GREEN, RED, SOURCE, YELLOW, PanelBuilder
from monitor.settings.sections import RUNBOOKS

OF_ENTITY = 'entity=~"$entity"'
OF_METHOD = 'entity=~"$entity", method=~"$method"'

AGE_STEPS = ((None, GREEN), (120.0, YELLOW), (300.0, RED))
NONE_IS_GOOD = ((None, GREEN), (1.0, RED))
COVERAGE_STEPS = ((None, RED), (1.0, GREEN))

MAY_BE_EMPTY = {
    "Alerts firing": "no alert fires",
    "Archiving that failed": "no archiver runs",
    "Oldest record not archived": "no archiver runs",
    "Time stamps": "no archiver runs, or none asks for time stamps",
    "What is missing": "nothing is missing",
    "Cure deadlines": "no breach has a cure term",
    "Dead letters": "no record was refused since the processes started",
    "Oldest undelivered alert": "nothing waits for delivery",
    "Rules that fire": "no rule of the monitor itself fires",
    "Coverage": "nothing is required, or coverage is not known",
    "Coverage over time": "nothing is required, or coverage is not known",
    "Surplus to hold": "history is short",
    "Margin against the buffer of a day": "the headline asks no minimum, or history is short",
    "Forecast time of shortfall": "no steady fall, or forecasts are off",
    "Rules that ask for a move": "no rule is broken or near",
    "Shortfall under each scenario": "no scenario is configured, or none can be computed",
    "What candidates would ask": "no method runs in the shadow",
    "Coverage under candidates": "no method runs in the shadow, or coverage is not known",
    "Surplus of the methods in force": "no method is in force, or the surplus is not known",
    "Newest checkpoint": "no day has ended yet",
}
"""Panels that a healthy system leaves without a series, and what that means."""


Row = tuple[str, Sequence[PanelBuilder]]


def board(uid: str, title: str, description: str, variables: Sequence[str], rows: Sequence[Row]) -> dashboard.Dashboard:
    """A board of rows of panels, not editable in Grafana: what is shown is what is committed."""
    made = dashboard.Dashboard(title).uid(uid).description(description).tags(["reserve-monitor"]).readonly().timezone("utc")
    made = made.refresh("30s").time("now-6h", "now").tooltip(models.DashboardCursorSync.CROSSHAIR)
    made = made.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    made = made.with_variable(dashboard.ConstantVariable("runbooks").value(RUNBOOKS))
    for name in variables:
        made = made.with_variable(_VARIABLES[name]())
    others = dashboard.DashboardLink("Reserve boards").type(models.DashboardLinkType.DASHBOARDS).tags(["reserve-monitor"])
    made = made.link(others.as_dropdown(True).keep_time(True).include_vars(True))
    made = made.link(dashboard.DashboardLink("Runbook").type(models.DashboardLinkType.LINK).url("${runbooks}").target_blank(True))
    for annotation in _annotations("entity" in variables or "entities" in variables):
        made = made.annotation(annotation)
    for row_title, panels in rows:
        made = made.with_row(dashboard.Row(row_title))
        for panel in panels:
            made = made.with_panel(panel)
    return made


def _entity_variable(*, several: bool) -> dashboard.QueryVariable:
    variable = dashboard.QueryVariable("entity").label("Entity").datasource(SOURCE).query("label_values(reserve_state, entity)")
    variable = variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.NATURAL_ASC)
    return (
        variable.multi(True).include_all(True).current(models.VariableOption(text=["All"], value=["$__all"]))
        if several
        else variable
    )


def _method_variable() -> dashboard.QueryVariable:
    asked = f"label_values(reserve_state{{{OF_ENTITY}}}, method)"
    variable = dashboard.QueryVariable("method").label("Method").datasource(SOURCE).query(asked)
    variable = variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.NATURAL_ASC)
    return variable.multi(True).include_all(True).current(models.VariableOption(text=["All"], value=["$__all"]))


def _job_variable() -> dashboard.QueryVariable:
    variable = dashboard.QueryVariable("job").label("Job").datasource(SOURCE).query("label_values(reserve_build_info, job)")
    return variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)


_VARIABLES: dict[str, Callable[[], dashboard.QueryVariable]] = {
    "entities": lambda: _entity_variable(several=True),
    "entity": lambda: _entity_variable(several=False),
    "method": _method_variable,
    "job": _job_variable,
}


def _annotations(of_entity: bool) -> Sequence[dashboard.AnnotationQuery]:
    among = f"{{{OF_ENTITY}}}" if of_entity else ""
    firing = f'reserve_alerts_firing{{{OF_ENTITY}, alertname!="SecurityIncidentOpen"}}' if of_entity else "reserve_alerts_firing"
    incident = f'reserve_alerts_firing{{{OF_ENTITY}, alertname="SecurityIncidentOpen"}}' if of_entity else ""
    rows = [
        ("Alerts", "red", f"max by (entity, alertname, severity) ({firing}) > 0"),
        ("Method changes", "blue", f"reserve_method_info{among} unless reserve_method_info{among} offset 5m"),
        ("Releases", "purple", "reserve_build_info unless on (version) reserve_build_info offset 5m"),
    ]
    if incident:
        rows.insert(0, ("Incidents", "orange", f"max by (entity, severity) ({incident}) > 0"))
    return [
        dashboard.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(colour).expr(expression)
        for name, colour, expression in rows
    ]
