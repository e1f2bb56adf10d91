"""Proofs of single figures, and the verifier in examples/ which shares no code with this package."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from monitor.audit.bundle import JOURNAL, OUTPUTS, SEALS
from monitor.audit.faults import Fault
from monitor.audit.proving import CannotProve, Digests, check_proof, prove
from monitor.audit.signatures.keys import Keyring
from monitor.cli.evidence.audit import app
from monitor.core.journal.vocabulary import ALERTS, ASSESSMENTS
from monitor.core.values.canonical import canonical_bytes
from monitor.errors import UsageError
from tests.control_maker import controlled, promotion, put
from tests.evidence_maker import FIRM, Published, export, key, members_of, published, put_together, two_days
from tests.journal_maker import Journal, load
from tests.tampering.trials import EXAMPLE, plain_verifier

KEYS = (key(1).public,)


@pytest.fixture(scope="module")
def found() -> Published:
    return published(two_days())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, found: Published) -> Path:
    return export(tmp_path_factory.mktemp("proofs") / "a.bundle", two_days(), found)


def _digests(found: Published) -> Digests:
    digests = Digests()
    for values in found.outputs.values():
        for value in values:
            digests.take(value)
    return digests


def _sealed(found: Published) -> list[Any]:
    last = found.checkpoints[-1]["tree_size"]
    return [value for values in found.outputs.values() for value in values if value["chain"]["sequence"] <= last]


# --- proofs
def test_every_sealed_entry_is_proven(found: Published) -> None:
    digests = _digests(found)
    for entry in _sealed(found):
        assert set(check_proof(prove(entry, digests, found.checkpoints), KEYS)) == {key(1).public.id}
        kept = found.checkpoints[0]
        assert check_proof(prove(entry, digests, found.checkpoints, kept), KEYS)


def test_every_change_of_a_proof_is_found(found: Published) -> None:
    proof = prove(_sealed(found)[5], _digests(found), found.checkpoints, found.checkpoints[0])
    changes: list[dict[str, Any]] = [
        {"digest": "sha256:" + "00" * 32}, {"digest": "x"}, {"sequence": proof["sequence"] + 1}, {"entity": "kr-main"},
        {"inclusion": proof["inclusion"][1:]}, {"consistency": proof["consistency"][1:]}, {"earlier": proof["checkpoint"]},
        {"checkpoint": proof["earlier"]}, {"checkpoint": proof["checkpoint"] | {"tree_size": 7}},
        {"checkpoint": proof["checkpoint"] | {"root": proof["earlier"]["root"]}},
        {"checkpoint": proof["checkpoint"] | {"signature": proof["earlier"]["signature"]}},
        {"earlier": proof["earlier"] | {"at": "2026-01-01T00:00:00.000000Z"}}, {"inclusion": None},
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(Fault):
            check_proof(proof | change, KEYS)
    with pytest.raises(Fault):
        check_proof(proof, (key(2).public,))


def test_a_proof_over_a_change_of_keys(found: Published) -> None:
    later = published(two_days(), keys=Keyring((key(1), key(2)))).checkpoints
    proof = prove(_sealed(found)[0], _digests(found), [found.checkpoints[0], *later[1:]], found.checkpoints[0])
    assert check_proof(proof, KEYS) == [key(1).public.id, key(2).public.id]


def test_what_cannot_be_proven_is_said(found: Published) -> None:
    digests = _digests(found)
    newest = max((v for values in found.outputs.values() for v in values), key=lambda v: int(v["chain"]["sequence"]))
    with pytest.raises(CannotProve, match="under no checkpoint yet"):
        prove(newest, digests, found.checkpoints)
    few = Digests()
    for value in found.outputs[ASSESSMENTS]:
        few.take(value)
    with pytest.raises(CannotProve, match="is not kept"):
        prove(found.outputs[ASSESSMENTS][0], few, found.checkpoints)
    with pytest.raises(CannotProve, match="forks at"):
        digests.take({**newest, "digest": "sha256:" + "11" * 32})


def test_the_commands(bundle: Path, found: Published, tmp_path: Path) -> None:
    entry = _sealed(found)[3]
    result = CliRunner().invoke(app, ["prove", entry["digest"][7:20], "--bundle", str(bundle)])
    assert result.exit_code == 0, result.output
    path = tmp_path / "figure.proof"
    path.write_text(result.stdout)
    told = CliRunner().invoke(app, ["verify", str(path), "--key", key(1).public.text])
    assert told.exit_code == 0
    assert told.stdout.startswith(f"match: entry {entry['chain']['sequence']} of jp-main")
    assert CliRunner().invoke(app, ["verify", str(path), "--key", key(2).public.text, "--json"]).exit_code == 1
    assert isinstance(CliRunner().invoke(app, ["verify", str(path)]).exception, UsageError)
    assert isinstance(CliRunner().invoke(app, ["prove", "00", "--bundle", str(path)]).exception, UsageError)
    assert isinstance(CliRunner().invoke(app, ["prove", "x", "--bundle", str(bundle)]).exception, CannotProve)


# --- the independent verifier
@pytest.fixture(scope="module")
def example() -> ModuleType:
    return plain_verifier()


def test_the_example_uses_nothing_of_this_package() -> None:
    names = [line.split()[1] for line in EXAMPLE.read_text().splitlines() if line.startswith(("import ", "from "))]
    assert set(names) == {"__future__", "base64", "gzip", "hashlib", "json", "sys", "tarfile"}


@given(st.binary(max_size=40), st.integers(1, 200))
def test_its_signatures_are_those_of_the_library(message: bytes, number: int) -> None:
    module = plain_verifier()
    private = key(number)
    signature = bytes.fromhex(private.sign(message))
    assert module.verifies(private.public.raw, message, signature)
    assert not module.verifies(private.public.raw, message + b"x", signature)
    assert not module.verifies(key(201).public.raw, message, signature)


def test_it_agrees_on_a_right_bundle(example: ModuleType, bundle: Path) -> None:
    assert "are one chain over" in example.check(bundle, key(1).public.text)
    assert "are one chain over" in example.check(bundle)
    with pytest.raises(example.Wrong, match="not signed by the key"):
        example.check(bundle, key(2).public.text)


def test_it_follows_a_change_of_keys(example: ModuleType, tmp_path: Path, found: Published) -> None:
    both = Keyring((key(1), key(2)))
    turned = Published(found.outputs, [found.checkpoints[0], *published(two_days(), keys=both).checkpoints[1:]])
    assert example.check(export(tmp_path / "b", two_days(), turned, keys=both), key(1).public.text)


@pytest.mark.parametrize(
    ("member", "field", "message"),
    [
        (OUTPUTS[ASSESSMENTS], "state", "digest is not its own"),
        (OUTPUTS[ALERTS], "summary", "digest is not its own"),
        (SEALS, "root", "seals another chain"),
        (SEALS, "at", "not signed by the key"),
        (JOURNAL, "record", "not those the entries were made from"),
    ],
)
def test_it_finds_what_a_forger_changed(
    example: ModuleType, bundle: Path, tmp_path: Path, *, member: str, field: str, message: str
) -> None:
    members = members_of(bundle)
    lines = members[member].splitlines()
    place = next(number for number, line in enumerate(lines) if field in json.loads(line))
    value = json.loads(lines[place])
    value[field] = {**value[field], "auth": "acl"} if field == "record" else f"{value[field]}x"
    lines[place] = canonical_bytes(value)
    forged = members | {member: b"".join(line + b"\n" for line in lines)}
    with pytest.raises(example.Wrong, match=message):
        example.check(put_together(tmp_path / "b", forged, FIRM), key(1).public.text)


def test_it_agrees_on_what_people_signed(example: ModuleType, tmp_path: Path) -> None:
    journal = Journal()
    journal.configure(controlled("methods"))
    load(journal)
    put(journal.at(120), promotion())
    journal.at(121).tick()
    path = export(tmp_path / "a", journal, published(journal))
    assert "are one chain over" in example.check(path, key(1).public.text)
    members = members_of(path)
    members["journal.ndjson.gz"] = members["journal.ndjson.gz"].replace(b'"right":true', b'"right":false')
    with pytest.raises(example.Wrong, match="what is not so"):
        example.check_people(example.Bundle(put_together(tmp_path / "b", members, FIRM)))
