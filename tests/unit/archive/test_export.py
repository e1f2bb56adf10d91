"""Bundles, histories and back-tests from an archive are those of its log; a bundle ends where its records say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

import monitor.__main__ as program
from monitor.archive.manifest import HEAD, ArchiveHead, BadArchive
from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord
from monitor.archive.target import open_target
from monitor.audit.bundle import OUTPUTS, BundleWriter, Origin
from monitor.audit.container import Reader
from monitor.audit.verification import Trust, verify
from monitor.core.journal.records import encode_statement
from monitor.core.journal.vocabulary import CHECKPOINTS, JOURNAL
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import exact_time
from monitor.report.explanation import PROVE
from monitor.settings.sections import ArchiveSettings
from streams.lookup.evidence import export_log
from streams.lookup.logs import ALWAYS, ArchiveLog, Span, TopicLog
from tests.archive_maker import fill
from tests.evidence_maker import ENTITY, FIRM, Published, key, published, two_days
from tests.journal_maker import Journal

ORIGIN = Origin(ENTITY, 0, 1, broker_time=True)
runner = CliRunner()
Topics = Mapping[str, Sequence[ArchivedRecord]]


class Kept:
    """A log in memory."""

    partitions = 1
    broker_time = True

    def __init__(self, topics: Topics, settle_s: float | None = 0.0) -> None:
        self._topics, self.settle_s = topics, settle_s

    async def records(self, topic: str, partition: int, span: Span = ALWAYS) -> AsyncGenerator[ArchivedRecord, None]:
        assert span == ALWAYS
        for record in self._topics.get(topic, ()) if partition == 0 else ():
            yield record


@pytest.fixture(scope="module")
def journal() -> Journal:
    return two_days(4)


@pytest.fixture(scope="module")
def topics(journal: Journal) -> Topics:
    return topics_of(journal, published(journal))


def topics_of(journal: Journal, found: Published) -> Topics:
    """What the broker holds: outputs are stamped as the journal record at which they were made."""
    times = [record.journal_time // 1_000_000 for record in journal.records]
    topics: dict[str, list[ArchivedRecord]] = {
        JOURNAL: [ArchivedRecord(one.offset, times[one.offset], None, encode_statement(one.statement)) for one in journal.records]
    }
    for topic, values in {**found.outputs, CHECKPOINTS: found.checkpoints}.items():
        stamps = [times[value["journal"]["offset"]] if "journal" in value else times[-1] for value in values]
        topics[topic] = [
            ArchivedRecord(n, stamps[n], ENTITY.encode(), canonical_bytes(dict(value))) for n, value in enumerate(values)
        ]
    return topics


def exported(path: Path, log: TopicLog, upto_ns: int | None = None) -> Path:
    with BundleWriter(path, ORIGIN, FIRM, "test") as bundle:
        asyncio.run(export_log(log, bundle, ORIGIN, upto_ns=upto_ns, told=lambda *_: None))
    return path


def archived(folder: Path, topics: Topics) -> Archive:
    target = open_target(str(folder), ArchiveSettings(), make=True)
    target.put_new(HEAD, ArchiveHead(1, broker_time=True).content())
    archive = Archive(target)
    for topic, records in topics.items():
        fill(archive, records, topic)
    return archive


def test_a_bundle_ends_where_its_records_say_wherever_it_is_cut(tmp_path: Path, journal: Journal, topics: Topics) -> None:
    ends = sorted({record.journal_time for record in journal.records})
    sizes = []
    for number, end in enumerate([*ends[4:-1:3], ends[-1]]):
        path = exported(tmp_path / f"{number}.bundle", Kept(topics), end)
        sizes.append(verify(Reader(path), Trust((key(1).public,))).tally.equal)
    assert sizes == sorted(sizes)
    assert sizes[-1] == sum(len(topics[topic]) for topic in OUTPUTS)


def test_a_bundle_of_an_archive_verifies_and_holds_what_one_of_the_log_does(tmp_path: Path, topics: Topics) -> None:
    log = ArchiveLog(archived(tmp_path / "archive", topics))
    found = verify(Reader(exported(tmp_path / "a.bundle", log)), Trust((key(1).public,)))
    whole = verify(Reader(exported(tmp_path / "w.bundle", Kept(topics))), Trust((key(1).public,)))
    assert 0 < found.tally.equal <= whole.tally.equal
    assert found.checkpoints == whole.checkpoints


def test_an_archive_whose_outputs_lag_its_journal_still_gives_a_right_bundle(tmp_path: Path, topics: Topics) -> None:
    for missing in (1, 3):
        shorter = {topic: list(records) if topic == JOURNAL else records[: -missing or None] for topic, records in topics.items()}
        shorter[CHECKPOINTS] = topics[CHECKPOINTS]
        path = exported(tmp_path / f"{missing}.bundle", Kept(shorter, settle_s=None))
        assert verify(Reader(path), Trust((key(1).public,))).tally.equal > 0


def command(*words: str) -> str:
    result = runner.invoke(program.program, list(words))
    assert result.exit_code in (0, 1, 5), result.output + repr(result.exception)
    return result.stdout


def test_the_commands_read_an_archive_without_kafka(tmp_path: Path, topics: Topics, monkeypatch: pytest.MonkeyPatch) -> None:
    archived(tmp_path / "archive", topics)
    monkeypatch.chdir(tmp_path)
    (closes,) = [json.loads(command("history", ENTITY, "--closes", "--archive", "archive", "--format", "json"))]
    assert {row["kind"] for row in closes} == {"close"}
    command("audit", "export", "--entity", ENTITY, "--out", "a.bundle", "--archive", "archive")
    assert json.loads(command("audit", "verify", "a.bundle", "--json", "--key", key(1).public.text))["result"] == "match"
    digest = json.loads(topics["reserve.assessments"][0].value or b"")["digest"]
    (tmp_path / "p.proof").write_text(command("audit", "prove", digest, "--archive", "archive"))
    assert command("audit", "verify", "p.proof", "--key", key(1).public.text).startswith("match")
    assert json.loads(command("archive", "verify", "archive", "--json"))["result"] == "match"
    rows = json.loads(command("archive", "list", "archive", "--json"))
    assert {row["topic"] for row in rows} == set(topics)
    assert all(row["keep_until"][:4] == str(int(row["first_time"][:4]) + 10) for row in rows)


def test_a_back_test_reads_an_archive(tmp_path: Path, journal: Journal, topics: Topics, monkeypatch: pytest.MonkeyPatch) -> None:
    archived(tmp_path / "archive", topics)
    monkeypatch.chdir(tmp_path)
    words = ["backtest", "--archive", "archive", "--method", "house.composite", "--any-date", "--json"]
    whole = json.loads(command(*words))
    assert whole["records"] == len(journal.records)
    assert {result["entity"] for result in whole["results"]} == {"jp-main", "kr-main"}
    middle = journal.records[len(journal.records) // 2].journal_time
    assert json.loads(command(*words, "--to", exact_time(middle)))["records"] < whole["records"]
    refused = runner.invoke(program.program, ["backtest", "--method", "house.composite"])
    assert "name one source" in str(refused.exception)


def test_a_figure_in_an_archive_is_explained_as_one_in_a_bundle(
    tmp_path: Path, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    archived(tmp_path / "archive", topics)
    monkeypatch.chdir(tmp_path)
    command("audit", "export", "--entity", ENTITY, "--out", "a.bundle", "--archive", "archive")
    alert = json.loads(topics["reserve.alerts"][0].value or b"")
    close = next(
        one for one in map(json.loads, (r.value or b"" for r in topics["reserve.assessments"])) if one["kind"] == "close"
    )
    middle = exact_time(topics[JOURNAL][len(topics[JOURNAL]) // 2].time)  # the bundle ends before the archive does
    asked = [
        (ENTITY, "--at", middle),
        (ENTITY, "--date", close["business_date"]),
        (close["digest"],),
        (alert["fingerprint"], "--at", middle),
    ]
    proved = 0
    for words in asked:
        found = json.loads(command("explain", *words, "--json", "--archive", "archive"))
        other = json.loads(command("explain", *words, "--json", "--bundle", "a.bundle"))
        proofs = [[one["explanation"].pop("proof") for one in several] for several in (found, other)]
        assert found == other
        assert all(one["explanation"] for one in found)
        for one, same in zip(*proofs, strict=True):
            assert one.removesuffix(" --archive archive") == same.removesuffix(" --bundle a.bundle")
            if one.startswith(PROVE):
                assert json.loads(command(*one.split()[1:])) == json.loads(command(*same.split()[1:]))
                proved += 1
    assert proved >= 3


def test_objects_of_other_days_are_not_read(tmp_path: Path, topics: Topics) -> None:
    archive = archived(tmp_path / "archive", topics)
    times = [record.time for record in topics[JOURNAL]]
    first, *_, last = archive.manifests(JOURNAL, 0)
    (tmp_path / "archive" / first.object).unlink()

    async def read(span: Span) -> list[int]:
        return [record.offset async for record in ArchiveLog(archive).records(JOURNAL, 0, span)]

    assert asyncio.run(read(Span(since=times[-1])))[-1] == last.last_offset
    with pytest.raises(BadArchive, match="is missing"):
        asyncio.run(read(Span(until=times[0])))


def test_a_report_reads_an_archive_and_tells_what_was_published(
    tmp_path: Path, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    archived(tmp_path / "archive", topics)
    monkeypatch.chdir(tmp_path)
    closes = json.loads(command("history", ENTITY, "--closes", "--archive", "archive", "--format", "json"))
    report = json.loads(command("report", ENTITY, "--month", "2026-01", "--archive", "archive", "--format", "json"))
    assert {row["digest"] for row in closes} == {one["digest"] for close in report["closes"] for one in close["revisions"]}
    assert [chain["incident_id"] for chain in report["incidents"]] == ["i-1"]
    assert (report["actions"]["at"], report["actions"]["reason"]) == (None, "an archive has no present")
