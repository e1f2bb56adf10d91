"""Grafana: what is committed is what the code makes, every panel explains itself, and nothing it reads is invented."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from deploy.grafana.__main__ import texts
from deploy.grafana.board import MAY_BE_EMPTY
from monitor.methods.loader import load_packs
from monitor.metrics.declared import METRICS
from tests.deploy.tools import DEPLOY, EXPOSED, FOREIGN, metric_names

FOLDER = DEPLOY / "grafana" / "dashboards"
BOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
COUNTERS = {metric.name for metric in METRICS if metric.kind == "counter"}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        yield from panel.get("panels", ()) if panel["type"] == "row" and panel.get("panels") else (panel,)


PANELS = [(name, panel) for name, board in BOARDS.items() for panel in panels(board) if panel["type"] != "row"]
IDS = [f"{name}: {panel['title']}" for name, panel in PANELS]


def expressions(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in panel["targets"]]


def test_committed_boards_are_what_the_code_makes() -> None:
    made = texts()
    assert {path.name for path in FOLDER.iterdir()} == made.keys()
    for name, text in made.items():
        assert (FOLDER / name).read_text() == text, f"{name} is old: run python -m deploy.grafana"


def test_four_boards_with_stable_addresses() -> None:
    assert {board["uid"] for board in BOARDS.values()} == {
        "reserve-overview",
        "reserve-entity",
        "reserve-operations",
        "reserve-compliance",
    }
    for board in BOARDS.values():
        assert board["editable"] is False
        assert board["timezone"] == "utc"
        assert board["refresh"] == "30s"


@pytest.mark.parametrize("name", BOARDS)
def test_data_source_is_a_variable_and_boards_link_to_each_other(name: str) -> None:
    board = BOARDS[name]
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["runbooks"]["type"] == "constant"
    assert "job" in variables or "entity" in variables
    assert {link["title"] for link in board["links"]} == {"Reserve boards", "Runbook"}
    assert all(panel["datasource"]["uid"] == "${datasource}" for _, panel in PANELS)


@pytest.mark.parametrize("name", BOARDS)
def test_boards_ask_first_whether_the_figures_can_be_trusted(name: str) -> None:
    first = next(panel for panel in BOARDS[name]["panels"] if panel["type"] == "row")
    assert first["title"] == "Can I trust it"


@pytest.mark.parametrize("name", BOARDS)
def test_annotations_mark_alerts_and_changes(name: str) -> None:
    annotations = {one["name"]: one["expr"] for one in BOARDS[name]["annotations"]["list"] if "expr" in one}
    assert {"Alerts", "Method changes", "Releases"} <= annotations.keys()
    assert name == "reserve-operations" or "Incidents" in annotations
    for expression in annotations.values():
        assert metric_names(expression) <= EXPOSED | FOREIGN


@pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=IDS)
def test_a_panel_explains_itself(panel: dict[str, Any]) -> None:
    assert len(panel["title"]) > 2
    assert len(panel["description"]) > 15
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert panel["fieldConfig"]["defaults"]["noValue"] == "No data: unknown"


@pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=IDS)
def test_a_panel_reads_metrics_that_exist_and_counters_only_as_rates(panel: dict[str, Any]) -> None:
    for expression in expressions(panel):
        assert metric_names(expression) <= EXPOSED | FOREIGN, metric_names(expression) - EXPOSED - FOREIGN
        for counter in COUNTERS:
            for found in re.finditer(rf"\b{counter}\b", expression):
                assert re.search(r"(rate|increase)\($", expression[: found.start()]), expression


def test_courses_of_amounts_have_the_unit_of_their_currency() -> None:
    courses = [panel for _, panel in PANELS if panel["type"] == "timeseries" and "_amount{" in "".join(expressions(panel))]
    reported = {method["currency"] for method in load_packs().values() if method.get("currency")}
    assert len(courses) >= 5
    for panel in courses:
        assert all(target["legendFormat"].endswith(" ({{currency}})") for target in panel["targets"]), panel["title"]
        units = {one["matcher"]["options"]: one["properties"] for one in panel["fieldConfig"]["overrides"]}
        assert {rf"/ \({code}\)$/" for code in reported} <= units.keys()
        assert units[r"/ \(JPY\)$/"] == [{"id": "unit", "value": "currencyJPY"}]


@pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=IDS)
def test_missing_data_never_looks_healthy(panel: dict[str, Any]) -> None:
    for expression in expressions(panel):
        assert "or vector(" not in expression
        assert "or on() vector" not in expression
    assert panel["fieldConfig"]["defaults"].get("custom", {}).get("spanNulls") in {None, False}


def test_unknown_is_grey_on_the_state_timeline() -> None:
    (panel,) = [panel for name, panel in PANELS if name == "reserve-overview" and panel["type"] == "state-timeline"]
    words = {option["text"]: option["color"] for option in panel["fieldConfig"]["defaults"]["mappings"][0]["options"].values()}
    assert words["Unknown"] == words["Not computable"] == "#808a94"
    assert words["Adequate"] != words["Unknown"]


@pytest.mark.parametrize("panel", [panel for _, panel in PANELS if panel.get("links")])
def test_a_panels_runbook_link_leads_to_a_page(panel: dict[str, Any]) -> None:
    headings = re.findall(r"^## (\S+)$", (DEPLOY / "runbooks" / "README.md").read_text(), re.MULTILINE)
    for link in panel["links"]:
        base, _, anchor = link["url"].partition("#")
        assert base == "${runbooks}"
        assert anchor in {heading.lower() for heading in headings}


def test_panels_that_may_be_empty_exist() -> None:
    assert MAY_BE_EMPTY.keys() <= {panel["title"] for _, panel in PANELS}


def test_panels_do_not_overlap_and_stay_on_the_grid() -> None:
    for board in BOARDS.values():
        taken: set[tuple[int, int]] = set()
        for panel in panels(board):
            place = panel["gridPos"]
            cells = {
                (x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])
            }
            assert place["x"] + place["w"] <= 24
            assert not cells & taken, panel["title"]
            taken |= cells


def test_provisioning_finds_data_source_and_boards() -> None:
    source = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    assert (source["type"], source["url"], source["editable"]) == ("prometheus", "http://prometheus:9090", False)
    provider = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/reserve-monitor.yml").read_text())["providers"][0]
    assert provider["allowUiUpdates"] is False
    compose = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in compose["services"]["grafana"]["volumes"]
