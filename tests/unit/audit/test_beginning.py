"""A bundle that begins at a snapshot: it verifies from there on, and a state that the journal does not name is found."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from monitor.archive.records import ArchivedRecord
from monitor.audit.beginning import MEMBER, StartingState
from monitor.audit.bundle import MANIFEST, BundleWriter, CannotExport, Origin
from monitor.audit.checkpoints import signed
from monitor.audit.container import Reader
from monitor.audit.faults import Fault, Kind
from monitor.audit.verification import Trust, verify
from monitor.core.engine import Engine
from monitor.core.journal.records import Statement, encode_statement
from monitor.core.journal.vocabulary import ALERTS, ASSESSMENTS, CHECKPOINTS, EXPOSURES, JOURNAL
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import SECOND
from streams.lookup.evidence import export_log
from streams.lookup.logs import ALWAYS, Span
from tests.evidence_maker import ENTITY, FIRM, METHODS, key, members_of, put_together
from tests.journal_maker import START, Journal, configuration_text, house, load

FIRMS_KEY = Trust((key(1).public,))


class Log:
    """What a daemon has written of a journal: its partition, its outputs, its checkpoints."""

    partitions = 1
    broker_time = True
    settle_s = 0.0

    def __init__(self, journal: Journal) -> None:
        self.topics: dict[str, list[ArchivedRecord]] = {
            name: [] for name in (JOURNAL, ASSESSMENTS, EXPOSURES, ALERTS, CHECKPOINTS)
        }
        engine = Engine(0, check_journal_time=True)
        for record in journal.records:
            self._put(JOURNAL, record.journal_time, encode_statement(record.statement))
            for output in engine.apply(record):
                if output.value is not None:
                    self._put(output.topic, record.journal_time, canonical_bytes(output.value))
            for one in engine.checkpoints():
                self._put(CHECKPOINTS, record.journal_time, canonical_bytes(signed(one, FIRM)))

    async def records(self, topic: str, partition: int, span: Span = ALWAYS) -> AsyncGenerator[ArchivedRecord, None]:
        assert (partition, span) == (0, ALWAYS)
        for record in self.topics[topic]:
            yield record

    def _put(self, topic: str, time: int, value: bytes) -> None:
        self.topics[topic].append(ArchivedRecord(len(self.topics[topic]), time // 1_000_000, None, value))


def state_of(journal: Journal) -> StartingState:
    engine = Engine(0, check_journal_time=True)
    for record in journal.records:
        engine.apply(record)
    cut = engine.cut()
    return StartingState(cut.position, cut.version, dict(cut.buckets))


def days(*, named: bool = True, entities: tuple[str, ...] = (ENTITY,)) -> Journal:
    """Two days with a snapshot on record at the end of the first."""
    journal = Journal()
    journal.configure(configuration_text({name: house(methods=METHODS) for name in entities}))
    for name in entities:
        load(journal, entity=name)
    for step in range(9):
        journal.at(60 + step * 20_000).position("hot-1", "client_asset", "hot", "BTC", ("1", "196", "40", "500")[step % 4])
        journal.trades(10 * step + 5, 10 * step + 5 - 10 * (step // 2) * 2 + 1, str(1000 * step), start=10 * (step // 2) * 2)
        journal.at(61 + step * 20_000).tick()
        if step == 4 and named:
            body = {"snapshot": state_of(journal).printed()}
            journal.at(62 + step * 20_000).put(Statement("tick", None, journal.now, body))
    return journal


def exported(path: Path, journal: Journal, second: float = 90_000) -> Path:
    origin = Origin(ENTITY, 0, 1, broker_time=True)
    begin = START + round(second * SECOND)
    with BundleWriter(path, origin, FIRM, "test") as bundle:
        asyncio.run(export_log(Log(journal), bundle, origin, from_ns=begin, upto_ns=None, told=lambda *_: None))
    return path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("from") / "a.bundle", days())


@pytest.fixture(scope="module")
def members(bundle: Path) -> dict[str, bytes]:
    return members_of(bundle)


def fault_of(path: Path) -> Fault:
    with pytest.raises(Fault) as raised:
        verify(Reader(path), FIRMS_KEY)
    return raised.value


def test_it_verifies_from_there_on(bundle: Path, members: dict[str, bytes]) -> None:
    found = verify(Reader(bundle), FIRMS_KEY)
    manifest = json.loads(members[MANIFEST])
    whole = sum(len(Log(days()).topics[topic]) for topic in (ASSESSMENTS, EXPOSURES, ALERTS))
    first = json.loads(members["journal.ndjson.gz"].splitlines()[0])
    assert first["offset"] == manifest["from"]["position"] + 1
    assert 0 < found.tally.equal < whole
    assert found.last_sequence == whole
    assert found.checkpoints == found.signed == 1
    assert found.sealed_up_to > 0


def test_a_checkpoint_kept_from_before_or_after_is_held_against_it(bundle: Path) -> None:
    kept = tuple(json.loads(one.value or b"") for one in Log(days()).topics[CHECKPOINTS])
    found = verify(Reader(bundle), Trust(FIRMS_KEY.keys, kept))
    assert found.notes == ["older than the beginning of the file, so not held against it: 2 checkpoints you kept"]
    forged = {**kept[-1], "root": "sha256:" + "0" * 64}
    with pytest.raises(Fault, match="under a seal that you hold"):
        verify(Reader(bundle), Trust(FIRMS_KEY.keys, (forged,)))


def test_a_state_changed_in_the_file_is_found(tmp_path: Path, members: dict[str, bytes]) -> None:
    """The forger changes a balance in the state and fits the digest in the manifest: the journal names another."""
    lines = [json.loads(line) for line in members[MEMBER].splitlines()]
    changed = 0
    for line in lines:
        data = base64.b64decode(line["data"])
        if b'"960"' in data:
            line["data"] = base64.b64encode(data.replace(b'"960"', b'"961"')).decode()
            changed += 1
    assert changed
    forged = dict(members)
    forged[MEMBER] = b"".join(canonical_bytes(line) + b"\n" for line in lines)
    assert fault_of(put_together(tmp_path / "b", forged, FIRM)).kind is Kind.SNAPSHOT
    manifest = json.loads(members[MANIFEST])
    state = StartingState(
        manifest["from"]["position"], manifest["from"]["version"], {one["name"]: base64.b64decode(one["data"]) for one in lines}
    )
    forged[MANIFEST] = canonical_bytes(manifest | {"from": state.printed()})
    fault = fault_of(put_together(tmp_path / "b", forged, FIRM))
    assert fault.kind is Kind.SNAPSHOT
    assert "names another state" in fault.cause


@pytest.mark.parametrize("change", [{"version": 99}, {"position": 3}, {"digest": "sha256:" + "0" * 64}])
def test_a_manifest_that_names_another_is_found(tmp_path: Path, members: dict[str, bytes], change: dict[str, Any]) -> None:
    manifest = json.loads(members[MANIFEST])
    forged = members | {MANIFEST: canonical_bytes(manifest | {"from": manifest["from"] | change})}
    assert fault_of(put_together(tmp_path / "b", forged, FIRM)).kind is Kind.SNAPSHOT


def test_lines_before_the_tick_that_names_it_cannot_be_cut_away(tmp_path: Path, members: dict[str, bytes]) -> None:
    kept = [line for line in members["journal.ndjson.gz"].splitlines(keepends=True) if b'"snapshot":{' not in line]
    forged = members | {"journal.ndjson.gz": b"".join(kept)}
    assert fault_of(put_together(tmp_path / "b", forged, FIRM)).kind is Kind.JOURNAL_ORDER


def test_what_cannot_begin_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotExport, match="names no snapshot up to"):
        exported(tmp_path / "a", days(named=False))
    with pytest.raises(CannotExport, match="names no snapshot up to"):
        exported(tmp_path / "a", days(), second=70_000)
    with pytest.raises(CannotExport, match="also holds kr-main"):
        exported(tmp_path / "a", days(entities=(ENTITY, "kr-main")))
    journal = days(named=False)
    journal.put(
        Statement("tick", None, journal.now + 1, {"snapshot": {"position": 9, "version": 5, "digest": "sha256:" + "0" * 64}})
    )
    with pytest.raises(CannotExport, match="the journal names version 5 and sha256:0000"):
        exported(tmp_path / "a", journal, second=200_000)
    assert not (tmp_path / "a").exists()


def test_the_independent_verifier_agrees(tmp_path: Path, bundle: Path, members: dict[str, bytes]) -> None:
    spec = importlib.util.spec_from_file_location("verify_bundle", Path(__file__).parents[3] / "examples" / "verify_bundle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert "are one chain over" in module.check(bundle, key(1).public.text)
    lines = [json.loads(line) for line in members[MEMBER].splitlines()]
    lines[0]["data"] = base64.b64encode(b"{}").decode()
    forged = members | {MEMBER: b"".join(canonical_bytes(line) + b"\n" for line in lines)}
    with pytest.raises(module.Wrong, match="is not the one the manifest names"):
        module.check(put_together(tmp_path / "b", forged, FIRM))
