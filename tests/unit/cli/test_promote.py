"""`promote`: a proposal goes from one to the other; what does not fit is refused before it is signed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.audit.signatures.keys import new_key
from monitor.cli.control import promote
from monitor.core.values.canonical import digest_of
from monitor.errors import UsageError
from streams.wire import Judge, Known, SourceFormat, Valid
from tests.control_maker import CANDIDATE, PACK

LATER = 4_000_000_000_000_000_000


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the keys of ann and bob, a configuration, and a back-test of the candidate."""
    keys = {name: new_key(tmp_path / f"{name}.pem").public.text for name in ("ann", "bob", "eve")}
    methods = [
        {"id": "jp.psa_custody", "options": {"skip": ["fiat_trust", "capital", "net_assets"]}},
        {"id": CANDIDATE, "mode": "shadow"},
    ]
    settings: dict[str, Any] = {
        "entities": {"jp-main": {"reporting_currency": "JPY", "methods": methods}},
        "controls": {"approvers": {name: keys[name] for name in ("ann", "bob")}, "four_eyes": ["methods"]},
    }
    (tmp_path / "reserve.yaml").write_text(json.dumps(settings))
    write_backtest(tmp_path / "year.json", PACK)
    return tmp_path


def write_backtest(path: Path, pack: str) -> None:
    value = {"schema": "reserve.backtest/1", "candidates": [{"id": "a", "digest": pack}]}
    path.write_text(json.dumps({**value, "digest": digest_of(value)}))


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(promote.app, list(arguments), catch_exceptions=True)
    if isinstance(result.exception, UsageError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def proposed(place: Path, *more: str, **other: str) -> Path:
    given = {
        "--by": "ann",
        "--second": "bob",
        "--key": str(place / "ann.pem"),
        "--reason": "board",
        "--method": CANDIDATE,
        "--backtest": str(place / "year.json"),
        "--out": str(place / "p.json"),
        "--config": str(place / "reserve.yaml"),
    }
    options = [
        part for pair in (given | {f"--{name}": value for name, value in other.items()}).items() if pair[1] for part in pair
    ]
    run("propose", "jp-main", *options, *more)
    return place / "p.json"


def signed(place: Path, *more: str, by: str = "bob", key: str = "bob.pem") -> None:
    run(
        "sign",
        str(place / "p.json"),
        "--by",
        by,
        "--key",
        str(place / key),
        "--config",
        str(place / "reserve.yaml"),
        "--no-send",
        *more,
    )


def test_two_people_sign_what_intake_and_engine_take(place: Path) -> None:
    file = proposed(place)
    signed(place, "--backtest", str(place / "year.json"))
    made = json.loads(file.read_text())
    judge = Judge(SourceFormat("reserve.operations"), Known(None, LATER))
    valid = judge.verdict(json.dumps(made).encode(), LATER)
    assert isinstance(valid, Valid)
    assert [(one["by"], one["right"]) for one in valid.body["signatures"]] == [("ann", True), ("bob", True)]
    assert valid.body["body"]["pack_digest"] == PACK
    assert valid.body["by"] == ["ann", "bob"]


def test_a_dry_run_writes_nothing(place: Path) -> None:
    assert not proposed(place, "--dry-run").exists()
    before = proposed(place).read_text()
    signed(place, "--dry-run")
    assert (place / "p.json").read_text() == before


def test_a_part_of_the_configuration_is_named_by_its_digest(place: Path) -> None:
    made = json.loads(proposed(place, method="", backtest="", part="limits").read_text())
    assert set(made["body"]) == {"subject", "digest"}
    settings = json.loads((place / "reserve.yaml").read_text()) | {"prices": {"outlier_ratio": "3"}}
    (place / "reserve.yaml").write_text(json.dumps(settings))
    with pytest.raises(UsageError, match="names other limits than the configuration here"):
        signed(place)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"second": "eve"}, "eve is not in controls.approvers"),
        ({"key": "bob.pem"}, "is not the key of ann"),
        ({"method": "hk.vatp"}, "is not assessed under hk.vatp"),
        ({"replaces": "hk.vatp"}, "is not assessed under hk.vatp"),
        ({"to": "candidate"}, "is one of in_force, shadow"),
        ({"backtest": ""}, "give the back-test"),
        ({"backtest": "other.json"}, "not the pack as it is configured"),
        ({"part": "assets"}, "name what is promoted"),
        ({"method": "", "part": "keys"}, "is one of assets, limits, controls"),
    ],
)
def test_what_does_not_fit_is_said(place: Path, other: dict[str, str], message: str) -> None:
    write_backtest(place / "other.json", "sha256:" + "0" * 64)
    files = {name: str(place / value) if value.endswith((".pem", ".json")) else value for name, value in other.items()}
    with pytest.raises(UsageError, match=message):
        proposed(place, **files)
    assert not (place / "p.json").exists()


def test_a_back_test_that_was_changed_speaks_for_nothing(place: Path) -> None:
    found = json.loads((place / "year.json").read_text())
    (place / "year.json").write_text(json.dumps(found | {"records": 1}))
    with pytest.raises(UsageError, match="was changed after it was made"):
        proposed(place)


def test_what_was_changed_since_the_first_signed_is_not_signed(place: Path) -> None:
    file = proposed(place)
    made = json.loads(file.read_text())
    file.write_text(json.dumps(made | {"reason": "another"}))
    with pytest.raises(UsageError, match="would be refused as bad_signature"):
        signed(place)


def test_the_same_person_twice_is_one(place: Path) -> None:
    file = proposed(place)
    signed(place, by="ann", key="ann.pem")
    assert [one["by"] for one in json.loads(file.read_text())["signatures"]] == ["ann"]


def test_who_is_not_named_does_not_sign(place: Path) -> None:
    settings = json.loads((place / "reserve.yaml").read_text())
    settings["controls"]["approvers"]["eve"] = "ed25519:" + "1" * 64
    (place / "reserve.yaml").write_text(json.dumps(settings))
    proposed(place)
    with pytest.raises(UsageError, match="eve is not named"):
        signed(place, by="eve", key="eve.pem")
