"""`explain`: a figure by entity and time, an alert by its name; what changed adds up, and each record names its proof."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.cli.evidence.explain import app
from monitor.core.journal.vocabulary import ASSESSMENTS
from monitor.errors import MonitorError, UsageError
from tests.evidence_maker import ENTITY, Published, export, published, two_days

METHOD = "jp.psa_custody"


@pytest.fixture(scope="module")
def found() -> Published:
    return published(two_days(4))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, found: Published) -> Path:
    return export(tmp_path_factory.mktemp("explain") / "a.bundle", two_days(4), found)


def shown(bundle: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--bundle", str(bundle)])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(bundle: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--bundle", str(bundle)])
    assert isinstance(result.exception, MonitorError | UsageError), result.output
    return str(result.exception)


def records(bundle: Path, *arguments: str) -> list[dict[str, Any]]:
    value: list[dict[str, Any]] = json.loads(shown(bundle, *arguments, "--json"))
    return value


def test_why_coverage_fell_at_an_instant_adds_up_and_names_its_proof(bundle: Path, found: Published) -> None:
    (record,) = records(bundle, ENTITY, "--at", "2026-01-05T08:21:30Z", "--method", METHOD)
    before = next(one for one in found.outputs[ASSESSMENTS] if one["digest"] == record["why_since"])
    for side in ("required", "available", "coverage"):
        deltas = [Decimal(part[f"{side}_delta"]) for part in record["why"]]
        assert sum(deltas) == Decimal(record[side]) - Decimal(before[side])
    text = shown(bundle, ENTITY, "--at", "2026-01-05T08:21:30Z", "--method", METHOD)
    assert "custody.balances client_asset BTC hot-1 1 → 196" in text
    assert "guarantee_asset.BTC is met with at least 236 BTC, 194 BTC more than now" in text
    assert "(PSA 63-11-2(1))" in text
    assert f"Proved by `reserve-monitor audit prove {record['digest'][:19]} --bundle {bundle}`" in text
    assert record["explanation"]["proof"].endswith(f"{record['digest']} --bundle {bundle}")


def test_a_close_is_found_by_its_date(bundle: Path) -> None:
    closes = records(bundle, ENTITY, "--date", "2026-01-05")
    assert {(one["kind"], one["business_date"]) for one in closes} == {("close", "2026-01-05")}
    assert [one["method"] for one in closes] == ["house.composite", METHOD]


def test_an_alert_by_name_by_beginning_and_by_time_is_one_story(bundle: Path) -> None:
    story = records(bundle, "SameAssetShortfall")
    *changes, behind = story
    assert behind["digest"] == changes[-1]["assessment_digest"]
    assert "resent" not in {one["reason"] for one in changes}
    assert records(bundle, changes[0]["fingerprint"][:10]) == story
    first = records(bundle, "SameAssetShortfall", "--at", changes[0]["updated_at"])
    assert first[0] == changes[0]
    description = changes[0]["description"]
    assert (
        "required 615,000,000 → 3,540,000,000 JPY, available 615,000,000 → 630,000,000 JPY, coverage 100.00 % → 17.79 %"
        in description
    )
    assert "; balances required +2,925,000,000 JPY, available +15,000,000 JPY (" in description


def test_a_digest_or_its_beginning_is_one_record(bundle: Path, found: Published) -> None:
    value = found.outputs[ASSESSMENTS][-1]
    for name in (value["digest"], value["digest"][:20], value["digest"].removeprefix("sha256:")[:14]):
        assert [one["digest"] for one in records(bundle, name)] == [value["digest"]]


def test_what_is_not_there_says_what_to_do(bundle: Path) -> None:
    assert shown(bundle, ENTITY) == shown(bundle, ENTITY, "--at", "2199-01-01T00:00:00Z"), "an entity alone: its newest figures"
    assert "no entity" in refused(bundle, "No-Such")
    assert "history" in refused(bundle, ENTITY, "--date", "2020-01-01")
    assert "alerts list" in refused(bundle, "ShortfallForecast")
    assert "no output with the digest" in refused(bundle, "sha256:" + "0" * 64)
    assert "YYYY-MM-DD" in refused(bundle, ENTITY, "--date", "yesterday")
    assert "give one" in refused(bundle, ENTITY, "--date", "2026-01-05", "--at", "2026-01-05T00:00:00Z")
