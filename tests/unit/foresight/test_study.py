"""A study: the site's own numbers for a rule that has none yet. It computes, is marked, and is never in force."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from monitor.core.engine import Engine
from monitor.errors import ConfigurationError
from monitor.methods.loader import SHIPPED
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration
from streams.eventfiles.offline import statements
from streams.schemas import json_schemas
from tests.unit.cli.test_assess import story, written

METHOD = "jp.crypto_reserve_2026"


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    """A directory with the draft's pack as a study: a floor of two billion yen and nothing else."""
    text = (SHIPPED / f"{METHOD}.yaml").read_text(encoding="utf-8")
    text = text.replace("status: draft", "status: study").replace("2026.1-draft", "2026.1-site")
    values = {"floor": "2000000000", "ceiling": "40000000000", "loss_history_multiplier": "1"}
    for name in (
        "rate.turnover",
        "rate.cold_custody_value",
        "loss_history_multiplier",
        "floor",
        "ceiling",
        "insurance_offset_max",
    ):
        given = values.get(name, "0")
        text = text.replace(f"jp.crypto_reserve.{name}: {{value: null", f'jp.crypto_reserve.{name}: {{value: "{given}"')
    folder = tmp_path / "packs"
    folder.mkdir()
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    return folder


def configured(packs: Path, mode: str) -> dict[str, object]:
    entity = {"reporting_currency": "JPY", "methods": [{"id": METHOD, "mode": mode}]}
    section = {"kafka": {"journal_partitions": 1}, "methods": {"pack_dirs": [str(packs)]}, "entities": {"ny-1": entity}}
    return build_configuration(settings_of(section))


def test_a_study_computes_and_says_so(packs: Path, tmp_path: Path) -> None:
    engine = Engine(0, check_journal_time=False, evaluate="at_ticks")
    file = Path(written(tmp_path / "e.jsonl", story()))
    for record in statements([file], configured(packs, "shadow"), None, lambda _: None):
        engine.apply(record)
    (found,) = engine.evaluations("ny-1")["assessments"]
    assert (found["study"], found["mode"], found["method_version"]) == (True, "shadow", "2026.1-site")
    assert found["components"][0]["name"] == "reserve"
    assert not [gap for gap in found["gaps"] if gap["kind"] in ("parameter_null", "not_in_force")]


def test_a_study_is_never_in_force(packs: Path) -> None:
    with pytest.raises(ConfigurationError, match="study, which is never in force"):
        configured(packs, "in_force")


def test_the_schema_knows_the_mark() -> None:
    schema = json_schemas()["reserve.assessments"]
    Draft202012Validator.check_schema(schema)
    assert "study" in schema["properties"]
    assert "study" not in schema["required"]
