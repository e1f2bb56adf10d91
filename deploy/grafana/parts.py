"""What the boards are made of: panels with title, description, unit and thresholds, in one style.

Missing data must never look healthy: every panel says "No data: unknown" in grey, gaps stay gaps, and no expression
turns an absent series into a zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

UNKNOWN = "No data: unknown"
GREY, GREEN, YELLOW, RED = "#808a94", "semi-dark-green", "semi-dark-yellow", "semi-dark-red"
STATES = (("Adequate", GREEN), ("Watch", YELLOW), ("Unknown", GREY), ("Not computable", GREY), ("Shortfall", RED))
"""In the order of the numbers that `STATE_NUMBER` gives."""

IN_CURRENCY = " ({{currency}})"
"""How the legend of a series of amounts ends: by it the series has the unit of its currency."""
CURRENCY_UNITS = {
    **{code: f"currency{code}" for code in ("JPY", "KRW", "USD", "EUR", "GBP", "CHF")},
    **{code: f"suffix: {code}" for code in ("HKD", "SGD", "AED")},
}
"""Grafana's own units of the currencies that methods report in; those it has none for stand behind the figure."""

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
FULL_WIDTH = 24

PanelBuilder = Builder[models.Panel]


def state_number(selector: str) -> str:
    """PromQL: 0 adequate, 1 watch, 2 unknown, 3 not computable, 4 shortfall; of two workers' reports the worse."""
    parts = ("watch", "unknown", "not_computable", "shortfall")
    terms = (
        f'{number} * max by (entity, method) (reserve_state{{{selector}, state="{state}"}})'
        for number, state in enumerate(parts, 1)
    )
    return " + ".join(terms)


@dataclass(frozen=True)
class Query:
    """One PromQL expression and the legend of its series."""

    expression: str
    legend: str = "__auto"


@dataclass(frozen=True)
class Text:
    """What a panel is called, what it shows and how to read it, its unit, and where its page is in the runbook."""

    title: str
    description: str
    unit: str
    runbook: str | None = None


def query(index: int, asked: Query, *, instant: bool = False, as_table: bool = False) -> prometheus.Dataquery:
    """A query over the range, or for the newest value."""
    built = (
        prometheus.Dataquery().ref_id(chr(ord("A") + index)).expr(asked.expression).legend_format(asked.legend).datasource(SOURCE)
    )
    built = built.instant() if instant else built.range()
    return built.format(PromQueryFormat.TABLE if as_table else PromQueryFormat.TIME_SERIES)


def steps(*pairs: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Absolute thresholds; the first has no lower end."""
    listed = [models.Threshold(value=value, color=colour) for value, colour in pairs]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(listed)


NEUTRAL = ((None, GREY),)


def value_panel(
    text: Text, queries: Sequence[Query], thresholds: Sequence[tuple[float | None, str]], span: int = 6
) -> PanelBuilder:
    """The newest value of each series, coloured by threshold."""
    panel = (
        stat.Panel()
        .color_mode(common_models.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .text_mode(common_models.BigValueTextMode.VALUE_AND_NAME)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return _dressed(panel, text, [query(index, one, instant=True) for index, one in enumerate(queries)], thresholds, span, 5)


def course_panel(
    text: Text,
    queries: Sequence[Query],
    thresholds: Sequence[tuple[float | None, str]] = NEUTRAL,
    span: int = 12,
    *,
    stacked: bool = False,
    shown_limit: bool = False,
) -> PanelBuilder:
    """Values over time. A gap in the data is a gap in the line."""
    panel = (
        timeseries.Panel()
        .line_width(2)
        .fill_opacity(25 if stacked else 0)
        .span_nulls(False)
        .show_points(common_models.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions().show_legend(True).placement(common_models.LegendPlacement.BOTTOM).calcs(["lastNotNull"])
        )
        .tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    if shown_limit:
        style = common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds_style(style)
    if any(one.legend.endswith(IN_CURRENCY) for one in queries):
        for code, unit in CURRENCY_UNITS.items():
            panel = panel.override_by_regexp(rf"/ \({code}\)$/", [models.DynamicConfigValue("unit", unit)])
    return _dressed(panel, text, [query(index, one) for index, one in enumerate(queries)], thresholds, span, 8)


def state_panel(text: Text, queries: Sequence[Query], span: int = FULL_WIDTH) -> PanelBuilder:
    """States over time, one line each."""
    panel = (
        statetimeline.Panel()
        .merge_values(True)
        .show_value(common_models.VisibilityMode.AUTO)
        .row_height(0.8)
        .mappings(state_words())
    )
    return _dressed(panel, text, [query(index, one) for index, one in enumerate(queries)], NEUTRAL, span, 7)


def rows_panel(
    text: Text, queries: Sequence[Query], renamed: dict[str, str], span: int = 12, hidden: Sequence[str] = ()
) -> PanelBuilder:
    """The newest values as a table; several queries are joined by their labels."""
    always_hidden = ("Time", "__name__", "instance", "job", *hidden)
    organize = {"excludeByName": dict.fromkeys(always_hidden, True), "renameByName": renamed}
    panel = table.Panel().show_header(True)
    if len(queries) > 1:
        panel = panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    panel = panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=organize))
    asked = [query(index, one, instant=True, as_table=True) for index, one in enumerate(queries)]
    return _dressed(panel, text, asked, NEUTRAL, span, 8)


def state_words() -> list[Any]:
    """The numbers of `state_number` in words and colours; missing is grey and says so."""
    results = {str(number): models.ValueMappingResult(text=word, color=colour) for number, (word, colour) in enumerate(STATES)}
    missing = models.ValueMappingResult(text=UNKNOWN, color=GREY)
    empty = models.DashboardSpecialValueMapOptions(match=models.SpecialValueMatch.NULL_AND_NAN, result=missing)
    return [models.ValueMap(options=results), models.SpecialValueMap(options=empty)]


def _dressed(  # noqa: PLR0917 - one call for every kind of panel
    panel: Any,
    text: Text,
    queries: Sequence[prometheus.Dataquery],
    thresholds: Sequence[tuple[float | None, str]],
    span: int,
    height: int,
) -> PanelBuilder:
    panel = (
        panel.title(text.title)
        .description(text.description)
        .unit(text.unit)
        .datasource(SOURCE)
        .no_value(UNKNOWN)
        .thresholds(steps(*thresholds))
        .span(span)
        .height(height)
    )
    if text.runbook is not None:
        link = dashboard.DashboardLink(f"Runbook: {text.runbook}").type(models.DashboardLinkType.LINK)
        panel = panel.links([link.url(f"${{runbooks}}#{text.runbook.lower()}").target_blank(True)])
    for one in queries:
        panel = panel.with_target(one)
    built: PanelBuilder = panel
    return built
