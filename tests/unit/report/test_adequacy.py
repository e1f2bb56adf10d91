"""The capital-adequacy report: what it says is what was published, in every format, language and for every audience."""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from typer.testing import CliRunner

from deploy.words import CATALOGUE, compiled, read_catalogue, words_of_code
from monitor.__main__ import program
from monitor.archive.checking import check_archive
from monitor.archive.target import open_target
from monitor.cli.evidence.report import _compiled, _period, _rendered
from monitor.cli.evidence.scheduling import write_due
from monitor.cli.evidence.sources import ReportSource, in_events
from monitor.cli.replayed import replayed
from monitor.core.journal.vocabulary import ALERT_REASONS, CAUSE_PARTS, EFFECTS, GAP_KINDS, MODES, SEVERITIES, STATES
from monitor.errors import UsageError
from monitor.report.adequacy import words
from monitor.report.adequacy.audience import AUDIENCES, sheet_of
from monitor.report.adequacy.model import AdequacyReport
from monitor.report.adequacy.rendering import FORMATS, ReportWanted
from monitor.report.adequacy.words import LANGUAGES, Words
from monitor.settings.sections import ArchiveSettings
from tests.archive_maker import archive_in, filled, hourly
from tests.report_days import ENTITY, written_days

FIGURES = ("state", "required", "available", "surplus", "coverage")
runner = CliRunner()


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return written_days(tmp_path_factory.mktemp("days"))


@pytest.fixture(scope="module")
def source(days: tuple[str, str]) -> ReportSource:
    return in_events([Path(days[0])], Path(days[1]), [], ENTITY)


@pytest.fixture(scope="module")
def made(source: ReportSource) -> AdequacyReport:
    return _compiled(source, _period(None, "2026-01"), [])[0]


def shown(source: ReportSource, form: Any, lang: Any = "en", audience: Any = "compliance") -> bytes:
    return _rendered(*_compiled(source, _period(None, "2026-01"), []), ReportWanted(form, lang, audience))


# --- what it says


def test_every_close_is_what_assess_prints_at_the_days_end_to_the_last_digit(days: tuple[str, str], made: AdequacyReport) -> None:
    compared = 0
    for close in made.closes:
        if len(close.revisions) > 1 or close.date > "2026-01-07":
            continue
        engine = replayed([Path(days[0])], Path(days[1]), [], close.at.replace("Z", "999Z"))
        live = next(one for one in engine.evaluations(ENTITY)["assessments"] if one["method"] == close.method)
        assert {name: live[name] for name in FIGURES} == {name: getattr(close, name) for name in FIGURES}
        compared += 1
    assert compared > 3


def test_every_close_and_revision_is_one_that_was_published(source: ReportSource, made: AdequacyReport) -> None:
    published = {entry["digest"]: entry for entry in source.found.entries}
    for close in made.closes:
        assert [one.revision for one in close.revisions] == list(range(len(close.revisions)))
        newest = published[close.digest]
        assert {name: newest[name] for name in FIGURES} == {name: getattr(close, name) for name in FIGURES}
        for before, after in pairwise(close.revisions):
            assert after.replaces == before.digest
    assert any(len(close.revisions) > 1 for close in made.closes), "a closed day was corrected"


def test_the_parts_of_a_change_sum_to_it_to_the_last_digit(made: AdequacyReport) -> None:
    closes = [close for close in made.closes if close.method == "jp.psa_custody"]
    summed = 0
    for before, after in pairwise(closes):
        firsts = before.revisions[0].required, after.revisions[0].required
        if None in firsts or after.compared_with not in {one.digest for one in before.revisions}:
            continue
        moved = sum(int(part.required_delta or 0) for part in after.changes)
        assert moved == int(firsts[1] or 0) - int(firsts[0] or 0)
        summed += 1
    assert summed > 0


def test_breaches_have_their_deadline_and_their_end(made: AdequacyReport) -> None:
    found = [
        (span.rule, span.began_at[5:16], (span.ended_at or "")[5:16], span.worst, span.cure_by, span.late)
        for span in made.breaches
    ]
    assert found == [
        ("guarantee_asset.BTC", "01-06T02:00", "01-06T05:30", "18", None, None),
        ("hot_ratio", "01-06T02:00", "01-06T05:30", "0.00414174", None, None),
        ("client_asset.BTC", "01-07T02:40", "01-09T05:00", "9", None, None),
        ("fiat_trust", "01-07T03:00", "01-08T06:00", "20000000", "2026-01-09", False),
        ("fiat_trust", "01-08T07:00", "01-11T01:00", "1000000", "2026-01-09", True),
    ]
    assert {span.end for span in made.breaches} == {"met"}
    assert [cause["event_id"] for cause in made.breaches[-1].ended_by] == ["trust_principal-2026-01-11T01:00:00Z"]


def test_a_breach_that_lasts_is_told_so_and_not_ended_by_what_is_not_known(source: ReportSource) -> None:
    upto = next(e["chain"]["sequence"] for e in source.found.entries if e.get("at", "") > "2026-01-08T12:00:30")
    sight_source = ReportSource(source.found.upto(upto), source.config, source.actions)
    early = _compiled(sight_source, _period(None, "2026-01"), [])[0]
    assert {span.rule for span in early.broken_now()} == {"client_asset.BTC", "fiat_trust"}
    assert (
        "not ended"
        in _rendered(early, _compiled(source, _period(None, "2026-01"), [])[1], ReportWanted("md", "en", "compliance")).decode()
    )


def test_an_incident_has_every_revision_and_the_first_of_two_with_one_number_counts(made: AdequacyReport) -> None:
    (chain,) = made.incidents
    assert [(step.revision, step.counts, step.status) for step in chain.steps] == [
        (1, True, "suspected"), (2, True, "confirmed"), (2, False, "contained"), (3, True, "closed"),
    ]  # fmt: skip
    assert chain.steps[-1].recoveries[0]["quantity"] == "3"


def test_what_was_not_known_has_its_length(made: AdequacyReport) -> None:
    (span,) = made.unknown
    assert (span.kind, span.subject, span.noticed_at, span.seconds) == (
        "price_stale", "ETH/JPY", "2026-01-08T12:00:00.100000Z", 12 * 3600 - 1,
    )  # fmt: skip


def test_a_day_tells_what_lay_in_it_alone(source: ReportSource) -> None:
    day = _compiled(source, _period("2026-01-06", None), [])[0]
    assert {close.date for close in day.closes} == {"2026-01-06"}
    assert {span.rule for span in day.breaches} == {"guarantee_asset.BTC", "hot_ratio"}
    assert (day.incidents, day.unknown) == ((), ())
    only = _compiled(source, _period("2026-01-06", None), ["jp.capital_ratio"])[0]
    assert ([method.method for method in only.methods], only.breaches) == (["jp.capital_ratio"], ())


def test_proofs_name_the_checkpoint_that_covers_the_closes(made: AdequacyReport, source: ReportSource) -> None:
    checkpoint = made.proofs.checkpoint
    assert checkpoint is not None
    assert checkpoint["last_sequence"] >= (made.proofs.last_sequence or 0)
    earlier = [one for one in source.found.checkpoints if one["last_sequence"] < checkpoint["last_sequence"]]
    assert all(one["last_sequence"] < (made.proofs.last_sequence or 0) for one in earlier)


# --- formats, languages, audiences


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("audience", AUDIENCES)
def test_each_audience_is_told_its_own_matter_first(made: AdequacyReport, source: ReportSource, lang: Any, audience: Any) -> None:
    zone = _compiled(source, _period(None, "2026-01"), [])[1]
    sheet = sheet_of(made, lang, audience, zone)
    first = {"treasury": "What to do", "compliance": "Capital adequacy at each close", "auditor": "Evidence"}[audience]
    assert sheet.sections[0].title == Words(lang).say(first)
    assert all(len(row) == len(table.columns) for section in sheet.sections for table in section.tables for row in table.rows)


def test_all_formats_carry_the_same_figures(source: ReportSource, made: AdequacyReport) -> None:
    data = json.loads(shown(source, "json"))
    figures = {close.required for close in made.closes} - {None}
    assert {close["required"] for close in data["closes"]} - {None} == figures
    assert len(figures) > 3
    for form in ("html", "md"):
        text = shown(source, form).decode()
        assert [one for one in figures if f"{int(one or 0):,}" not in text] == []
    cells = {cell for row in csv.reader(io.StringIO(shown(source, "csv").decode("utf-8-sig"))) for cell in row}
    assert figures <= cells
    assert data["digest"] in shown(source, "html").decode()


def test_a_spreadsheet_runs_no_cell(source: ReportSource) -> None:
    rows = list(csv.reader(io.StringIO(shown(source, "csv", "ja").decode("utf-8-sig"))))
    risky = [
        cell
        for row in rows
        for cell in row
        if cell.startswith(("=", "+", "@", "-", "\t")) and not re.fullmatch(r"-?[0-9.]+", cell)
    ]
    assert risky == []
    assert any(cell.startswith("'=unknown") for row in rows for cell in row)


def test_markup_in_what_people_wrote_is_text(source: ReportSource) -> None:
    assert "&lt;b&gt;seen" in shown(source, "html").decode()
    assert "\\<b\\>seen" in shown(source, "md").decode()


def test_a_pdf_is_of_a4_in_japanese_with_its_figures_and_the_same_bytes_each_time(source: ReportSource) -> None:
    first = shown(source, "pdf", "ja")
    assert first == shown(source, "pdf", "ja")
    document = pypdfium2.PdfDocument(first)
    text = "".join(page.get_textpage().get_text_range() for page in document)
    assert [round(side) for side in document[0].get_size()] == [595, 842]
    for wanted in ("資本充足状況", "1,046,400,000", "ホットウォレットから", "チェックポイント", "是正期限"):
        assert wanted in text, wanted


# --- the catalogue


def test_every_word_has_its_translation_with_the_same_values_and_is_compiled() -> None:
    catalogue = read_catalogue()
    known = {str(message.id): str(message.string) for message in catalogue if message.id}
    assert sorted(known) == sorted(words_of_code()), "make words"
    assert [text for text, said in known.items() if not said] == []
    assert [t for t, said in known.items() if sorted(re.findall(r"\{\w+\}", t)) != sorted(re.findall(r"\{\w+\}", said))] == []
    assert CATALOGUE.with_suffix(".mo").read_bytes() == compiled(catalogue), "make words"


def test_every_closed_vocabulary_has_its_words() -> None:
    assert words.GAPS.keys() == set(GAP_KINDS)
    assert words.STATES.keys() == set(STATES)
    assert words.PARTS.keys() == set(CAUSE_PARTS)
    assert words.EFFECTS.keys() == set(EFFECTS)
    assert words.MODES.keys() == set(MODES)
    assert words.ALERT_REASONS.keys() == set(ALERT_REASONS) - {"resent"}
    assert set(SEVERITIES) <= words.SEVERITIES.keys()


# --- the command, and reports in the archive


def test_the_command_writes_a_file(days: tuple[str, str], made: AdequacyReport, tmp_path: Path) -> None:
    events, config = days
    out = tmp_path / "r.json"
    asked = ["report", ENTITY, "--events", events, "--config", config, "--month", "2026-01", "--format", "json"]
    asked += ["--out", str(out)]
    result = runner.invoke(program, asked)
    assert result.exit_code == 0, result.output
    assert json.loads(out.read_text()) == made.printed()


@pytest.mark.parametrize(
    ("words_given", "told"),
    [
        ([ENTITY], "name one period"),
        ([ENTITY, "--date", "2026-13-01"], "2026-13-01 is no date"),
        ([ENTITY, "--month", "2026-1"], "2026-1 is no month"),
        ([ENTITY, "--date", "2026-01-06", "--format", "doc"], "one of html, pdf, csv, md, json"),
        (["--date", "2026-01-06"], "name the entity"),
        ([ENTITY, "--date", "2026-01-06", "--schedule"], "leave out --date"),
        ([ENTITY, "--once", "--date", "2026-01-06"], "--once belongs to --schedule"),
    ],
)
def test_a_wrong_question_is_told_so_before_anything_is_read(words_given: list[str], told: str) -> None:
    result = runner.invoke(
        program,
        ["report", *words_given, "--events", "nowhere.jsonl"] if "--schedule" not in words_given else ["report", *words_given],
    )
    assert isinstance(result.exception, UsageError)
    assert told in str(result.exception)


def test_a_period_without_a_close_names_those_there_are(source: ReportSource) -> None:
    with pytest.raises(UsageError, match="closes go from 2026-01-05 to 2026-01-10"):
        _compiled(source, _period("2026-02-01", None), [])


def test_a_schedule_writes_each_closed_day_once_and_again_when_it_is_corrected(source: ReportSource, tmp_path: Path) -> None:
    filled(tmp_path, hourly(3))
    target = open_target(str(tmp_path), ArchiveSettings())
    wanted = ReportWanted("html", "ja", "treasury")
    corrected = max(len(close.revisions) for close in _compiled(source, _period(None, "2026-01"), [])[0].closes)
    assert corrected > 1
    before = next(e for e in source.found.entries if e.get("kind") == "close" and e["revision"] > 0)["chain"]["sequence"] - 1
    early = ReportSource(source.found.upto(before), source.config, source.actions)
    first = list(write_due(early, target, wanted))
    assert len(first) == 2 * len({name.split("/")[2] for name in first})
    assert list(write_due(early, target, wanted)) == []
    again = list(write_due(source, target, wanted))
    assert {name.split("/")[2] for name in again} & {name.split("/")[2] for name in first}
    assert list(write_due(source, target, wanted)) == []
    assert json.loads((tmp_path / first[0]).read_bytes())["schema"] == "reserve.report/1"
    assert check_archive(archive_in(tmp_path)).notes == []
    assert [path.name for path in (tmp_path / "reports").iterdir()] == [ENTITY]


def test_every_format_is_offered() -> None:
    assert set(FORMATS) == {"html", "pdf", "csv", "md", "json"}
