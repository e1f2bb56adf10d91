"""JSON nested a hundred thousand deep, wherever a person, a firm or another program may hand some over: a sentence each time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor import __main__ as program
from monitor.archive.manifest import ArchiveHead, BadArchive, ObjectManifest
from monitor.audit.bundle import JOURNAL, SEALS
from monitor.audit.container import Reader
from monitor.audit.faults import Fault, Kind
from monitor.audit.signatures.approvals import read_approval
from monitor.audit.verification import Trust, verify
from monitor.errors import USAGE, ConfigurationError
from monitor.notify.alert import BadAlert, read_alert
from streams.dispatch.ledger import Memory
from streams.lookup.remembering import taken
from tests.evidence_maker import FIRM, export, key, members_of, published, put_together, two_days

DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
KEY = key(1).public.text


def test_an_alert_so_deep_is_a_bad_one() -> None:
    """Fails where it ends the dispatcher, which reads it again at each start."""
    with pytest.raises(BadAlert, match="nested too deep"):
        read_alert(DEEP)


def test_a_record_of_what_was_told_so_deep_says_nothing() -> None:
    memory = Memory()
    memory.take(b"hook/3f9a", DEEP)
    assert memory.told == {"hook": {}}


def test_an_output_so_deep_is_left_out_of_the_page() -> None:
    found: list[Any] = []
    taken(SimpleNamespace(value=DEEP, topic="reserve.alerts", partition=0, offset=1), found.append)
    assert found == []


@pytest.mark.parametrize("read", [ArchiveHead.of, lambda data: ObjectManifest.of("m.json", data)])
def test_an_archive_so_deep_is_a_bad_one(read: Callable[[bytes], object]) -> None:
    with pytest.raises(BadArchive, match="nested too deep"):
        read(DEEP)


def test_a_promotion_so_deep_is_none(tmp_path: Path) -> None:
    file = tmp_path / "promotion.json"
    file.write_bytes(DEEP)
    with pytest.raises(ConfigurationError, match="nested too deep"):
        read_approval(file)


@pytest.mark.parametrize(
    "arguments",
    [
        ("audit", "verify", "FILE", "--key", KEY),
        ("audit", "verify", "STAMP", "--key", KEY, "--authority", "FILE"),
        ("audit", "verify", "FILE", "--checkpoint", "FILE"),
        ("audit", "prove", "sha256:4f", "--bundle", "FILE", "--since", "FILE"),
        ("promote", "sign", "FILE", "--by", "ann", "--key", "FILE"),
    ],
)
def test_a_file_so_deep_is_refused_by_whoever_is_handed_it(arguments: tuple[str, ...], tmp_path: Path) -> None:
    files = {"FILE": DEEP, "STAMP": b'{"schema":"reserve.timestamp/1","a":' + DEEP + b"}"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    called = [str(tmp_path / one) if one in files else one for one in arguments]
    done = CliRunner().invoke(program.program, called, env={"RESERVE_CONFIG": None})
    assert getattr(done.exception, "exit_code", done.exit_code) == USAGE, repr(done.exception)
    assert "nested too deep" in f"{done.exception}{done.output}"


@pytest.mark.parametrize("member", [JOURNAL, SEALS])
def test_a_bundle_with_a_line_so_deep_does_not_match(member: str, tmp_path: Path) -> None:
    journal = two_days(2)
    members = members_of(export(tmp_path / "b", journal, published(journal)))
    lines = members[member].splitlines(keepends=True)
    members[member] = b"".join([*lines[:-1], DEEP + b"\n"])
    with pytest.raises(Fault) as found:
        verify(Reader(put_together(tmp_path / "c", members, FIRM)), Trust((key(1).public,)), lambda _: None)
    assert found.value.kind is Kind.LINE


@pytest.mark.parametrize("content", [b'{"a": 1}', b'{"schema": "reserve.checkpoint/1"}'])
def test_json_that_is_no_proof_is_not_called_one_that_differs(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "any.json"
    file.write_bytes(content)
    done = CliRunner().invoke(program.program, ["audit", "verify", str(file)])
    assert getattr(done.exception, "exit_code", done.exit_code) == USAGE
    assert "no bundle, no time stamp and no reserve.proof/1" in f"{done.exception}{done.output}"
