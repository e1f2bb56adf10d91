"""`history`: a month of closes is one command; every row is a published entry, in order, exact."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.cli.evidence.history import app
from monitor.core.journal.vocabulary import ALERTS, ASSESSMENTS
from monitor.core.values.times import SECOND
from monitor.errors import UsageError
from tests.evidence_maker import ENTITY, Published, export, published, two_days
from tests.journal_maker import Journal


def _revised() -> Journal:
    """Two days, and then a late balance that changes the first."""
    journal = two_days()
    journal.at(121_000).position("hot-2", "client_asset", "hot", "BTC", "3", as_of=journal.start + 3600 * SECOND)
    journal.at(121_001).tick()
    return journal


@pytest.fixture(scope="module")
def found() -> Published:
    return published(_revised())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, found: Published) -> Path:
    return export(tmp_path_factory.mktemp("history") / "a.bundle", _revised(), found)


def shown(bundle: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [ENTITY, "--bundle", str(bundle), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def rows(bundle: Path, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shown(bundle, "--format", "json", *arguments))
    return found


def test_every_entry_is_a_row_in_the_order_of_the_chain(bundle: Path, found: Published) -> None:
    entries = [value for topic in (ASSESSMENTS, ALERTS) for value in found.outputs[topic]]
    entries.sort(key=lambda value: int(value["chain"]["sequence"]))
    listed = [row for row in rows(bundle) if row["kind"] != "configuration"]
    assert [row["digest"] for row in listed] == [value["digest"] for value in entries]
    assert [row["coverage"] for row in listed] == [value.get("coverage") for value in entries]
    changes = [row["text"] for row in rows(bundle) if row["kind"] == "configuration"]
    assert changes == ["first configuration", "configuration changed"]


def test_closes_are_by_day_with_every_revision(bundle: Path, found: Published) -> None:
    listed = rows(bundle, "--closes", "--method", "jp.psa_custody")
    closes = [v for v in found.outputs[ASSESSMENTS] if v["kind"] == "close" and v["method"] == "jp.psa_custody"]
    assert sorted(row["digest"] for row in listed) == sorted(close["digest"] for close in closes)
    assert [(row["business_date"], row["revision"]) for row in listed] == [("2026-01-05", 0), ("2026-01-05", 1)]
    assert listed[1]["text"].startswith(f"replaces {listed[0]['digest']}")


def test_from_and_to_and_method(bundle: Path) -> None:
    some = rows(bundle, "--from", "2026-01-05T09:00:00+09:00", "--to", "2026-01-05T18:00:00+09:00", "--method", "house.composite")
    assert some
    assert all("2026-01-05T00" <= row["at"] < "2026-01-05T09" and row["method"] in {None, "house.composite"} for row in some)


def test_csv_table_and_svg(bundle: Path) -> None:
    table = list(csv.DictReader(io.StringIO(shown(bundle, "--format", "csv"))))
    assert [row["digest"] for row in table] == [row["digest"] for row in rows(bundle)]
    assert "2026-01-05 r0" in shown(bundle, "--closes")
    assert shown(bundle, "--format", "svg").startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "xml"], "one of table, csv, json, svg"),
        (["--from", "yesterday"], "--from"),
        (["--bundle", "absent"], "there is no such file"),
    ],
)
def test_what_cannot_be_used_is_said(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, [ENTITY, *arguments])
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


def test_an_entity_that_is_not_there(bundle: Path) -> None:
    result = CliRunner().invoke(app, ["nobody", "--bundle", str(bundle)])
    assert isinstance(result.exception, UsageError)
