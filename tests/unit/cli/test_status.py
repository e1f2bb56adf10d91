"""`status` and `explain`: what people read, whom is asked, what the exit code says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.__main__ import program
from monitor.cli import ask
from monitor.cli.evidence import explain
from monitor.cli.evidence.choosing import Wanted
from monitor.core.values.times import SECOND, parse_time
from monitor.errors import ConnectionProblem, MonitorError
from monitor.report import explanation
from monitor.settings.load import settings_of
from monitor.web.server import summary
from monitor.web.staleness import judged
from tests import status_examples
from tests.alert_samples import alert_value
from tests.status_examples import adequate, shortfall, unknown

runner = CliRunner()


class Worker:
    """A worker's HTTP server on loopback: answers by path, and what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.texts: dict[str, str] = {}
        self.asked: list[str] = []
        worker = self

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                worker.asked.append(self.path)
                known, whole = worker.answers, self.path
                code, body = known.get(whole) or known.get(whole.partition("?")[0], (404, {"error": "none"}))
                text = worker.texts.get(self.path)
                self.send_response(code if text is None else 200)
                self.end_headers()
                self.wfile.write((json.dumps(body) if text is None else text).encode())

            def log_message(self, *_: object) -> None:
                """The test's output is the test's."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def other() -> Iterator[Worker]:
    one = Worker()
    yield one
    one.close()


@pytest.fixture
def dead() -> str:
    """An address at which nobody answers."""
    gone = Worker()
    gone.close()
    return gone.url


@pytest.mark.parametrize(("example", "code"), [(adequate, 0), (shortfall, 1), (unknown, 5)])
def test_a_status_in_full(worker: Worker, example: Any, code: int) -> None:
    value = example()
    worker.answers["/status/jp-main"] = (200, value)
    shown = runner.invoke(program, ["status", "jp-main"])
    assert shown.exit_code == code
    for method in value["methods"]:
        assert method["method"] in shown.output
        assert method["state"] in shown.output
        for component in method["components"]:
            assert (f"short: {component['name']}" in shown.output) is (component["state"] == "shortfall")
        for gap in method["gaps"]:
            assert f"not known: {gap['kind']}" in shown.output
    for firing in value["alerts"]:
        assert f"firing {firing['alertname']}" in shown.output
    for row in value["sources"]:
        assert row["topic"] in shown.output
    exact = runner.invoke(program, ["status", "jp-main", "--json"])
    assert (exact.exit_code, json.loads(exact.stdout)) == (code, value)


def test_a_stale_answer_is_unknown_says_since_when_and_exits_five(worker: Worker) -> None:
    value = dict(judged(adequate(), parse_time(adequate()["at"]) + 31 * SECOND, 30))
    worker.answers |= {"/status/jp-main": (200, value), "/status": (200, overview(value))}
    shown = runner.invoke(program, ["status", "jp-main"])
    assert shown.exit_code == 5
    assert "unknown: nothing is evaluated since 2026-01-05 03:04:05 UTC; it was adequate then" in shown.output
    assert "unknown (was adequate)" in shown.output
    every = runner.invoke(program, ["status"])
    assert every.exit_code == 5
    assert "unknown (was adequate)" in every.output
    assert "jp-main: nothing is evaluated since 2026-01-05 03:04:05 UTC" in every.output


def overview(value: dict[str, Any]) -> dict[str, Any]:
    return {"partitions": [0], "entities": [summary({**value, "undelivered": None})]}


def test_the_worst_broken_rule_leads_and_a_headline_that_is_met_does_not(worker: Worker) -> None:
    value = adequate()
    row = status_examples.component(
        "client_asset.BTC", "shortfall", required="100", held="97", shortfall="3", unit="BTC", cure_by="2026-01-07"
    )
    value["methods"][0] |= {"state": "shortfall", "components": [row]}
    worker.answers |= {"/status/jp-main": (200, value), "/status": (200, overview(value))}
    shown = runner.invoke(program, ["status", "jp-main"]).output
    assert "jp.psa_custody shortfall: client_asset.BTC: 97 of 100 BTC held, 97.00 %" in shown
    assert shown.index("97.00 %") < shown.index("100.00 %")
    assert "to cure by 2026-01-07" in shown
    assert "jp-main, jp.psa_custody: client_asset.BTC: 97 of 100 BTC held, 97.00 %" in runner.invoke(program, ["status"]).output


def test_an_alert_that_was_not_delivered_is_marked(worker: Worker) -> None:
    value = shortfall()
    rows = [{"fingerprint": value["alerts"][0]["fingerprint"], "channel": "pager", "since": None, "detail": "503"}]
    worker.answers["/status/jp-main"] = (200, value | {"undelivered": rows})
    shown = runner.invoke(program, ["status", "jp-main"]).output
    assert "(not delivered to pager)" in shown
    assert "1 alert did not reach pager: 503" in shown
    assert "is not known here" not in shown


def test_where_it_is_not_known_who_was_told_the_lines_say_so(worker: Worker) -> None:
    """Fails where a worker that cannot tell shows an alert as one that people know of."""
    value = shortfall() | {"undelivered": None}
    worker.answers |= {"/status/jp-main": (200, value), "/status": (200, overview(value))}
    for arguments in (["status", "jp-main"], ["status"]):
        assert "whether the alerts reached anybody is not known here" in runner.invoke(program, arguments).output


def test_a_past_date_shows_that_date_alone(worker: Worker) -> None:
    traded = {
        "market": "BTC/JPY",
        "window": "day",
        "date": "2026-01-04",
        "trades": 1234,
        "quantity": "5",
        "value": "6000",
        "last_price": "7",
    }
    worker.answers["/status/jp-main?date=2026-01-04"] = (200, shortfall() | {"trade_flow": [traded]})
    shown = runner.invoke(program, ["status", "jp-main", "--date", "2026-01-04"])
    assert shown.exit_code == 0, "what holds now is no verdict on that date"
    assert "jp-main, business date 2026-01-04" in shown.output
    assert "1,234" in shown.output
    assert "shortfall" not in shown.output
    assert worker.asked == ["/status/jp-main?date=2026-01-04"]


def test_a_worker_without_a_figure_yet_is_not_well(worker: Worker) -> None:
    worker.answers["/status"] = (200, {"partitions": [0], "entities": []})
    shown = runner.invoke(program, ["status"])
    assert shown.exit_code == 5
    assert "no entity has a figure yet: `reserve-monitor probe readyz`" in shown.output
    assert runner.invoke(program, ["status", "--json"]).exit_code == 5


def test_what_cannot_be_decided_is_not_said_to_be_covered(worker: Worker) -> None:
    value = unknown()
    value["methods"][0] |= {"coverage": "1", "components": []}
    worker.answers["/status/jp-main"] = (200, value)
    lead = next(line for line in runner.invoke(program, ["status", "jp-main"]).output.splitlines() if line.startswith("jp.psa"))
    assert lead == "jp.psa_custody unknown: cannot be decided"


def test_a_date_of_which_nothing_is_recorded_says_so(worker: Worker) -> None:
    worker.answers["/status/jp-main?date=1999-01-04"] = (200, adequate() | {"trade_flow": []})
    shown = runner.invoke(program, ["status", "jp-main", "--date", "1999-01-04"])
    assert shown.exit_code == 5
    assert "business date 1999-01-04" in shown.output
    assert "nothing recorded" in shown.output
    assert runner.invoke(program, ["status", "jp-main", "--date", "1999-01-04", "--json"]).exit_code == 5


def test_how_far_the_stages_are_behind_and_what_waits_to_be_told(worker: Worker) -> None:
    worker.answers["/status/jp-main"] = (200, adequate())
    assert "behind and delivery: not known" in runner.invoke(program, ["status", "jp-main"]).output
    worker.texts["/metrics"] = (
        'reserve_intake_lag_records{topic="market.trades",partition="3"} 1200\nreserve_journal_lag_records{partition="0"} 0\n'
        'reserve_alert_outbox_oldest_timestamp_seconds{channel="pager"} 1767582245\n'
    )
    shown = runner.invoke(program, ["status", "jp-main"]).output
    assert "behind: market.trades 3 by 1,200 records" in shown
    assert "delivery: pager waits since 2026-01-05 03:04:05 UTC" in shown


def test_all_entities_of_all_workers(worker: Worker, other: Worker, dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def row(entity: str, state: str) -> dict[str, Any]:
        method = {
            "method": "m.x",
            "mode": "in_force",
            "state": state,
            "coverage": None,
            "coverage_lower": "0.5",
            "coverage_upper": None,
        }
        return {"entity": entity, "at": "2026-01-05T00:00:00Z", "methods": [method], "alerts": 1}

    monkeypatch.setenv("RESERVE_HTTP__PEERS", json.dumps([f"{other.url}/", dead]))
    worker.answers["/status"] = (200, {"partitions": [0], "entities": [row("b-1", "adequate")]})
    other.answers["/status"] = (200, {"partitions": [1], "entities": [row("a-1", "unknown")]})
    shown = runner.invoke(program, ["status"])
    assert shown.exit_code == 5
    assert shown.output.index("a-1") < shown.output.index("b-1")
    assert "At least 50.00 %" in shown.output
    exact = json.loads(runner.invoke(program, ["status", "--json"]).stdout)
    assert [worker["partitions"] for worker in exact["workers"]] == [[0], [1]]


def test_the_owner_named_by_a_worker_is_asked(worker: Worker, other: Worker) -> None:
    worker.answers["/status/jp-main"] = (421, {"error": "held elsewhere", "owner": other.url})
    other.answers["/status/jp-main"] = (200, {"entity": "jp-main"})
    assert ask.of_entity(settings_of({"http": {"port": worker.port}}), "jp-main") == {"entity": "jp-main"}
    assert (len(worker.asked), len(other.asked)) == (1, 1)


def test_nobody_knows_the_entity_or_nobody_answers(worker: Worker, dead: str) -> None:
    assert ask.of_entity(settings_of({"http": {"port": worker.port}}), "x") is None
    assert runner.invoke(program, ["status", "x"]).exit_code == 5
    with pytest.raises(ConnectionProblem, match="no worker answers"):
        ask.of_entity(settings_of({"http": {"port": int(dead.rsplit(":", 1)[1])}}), "other")


def test_a_server_for_all_addresses_is_asked_on_loopback() -> None:
    assert ask.addresses(settings_of({"http": {"host": "0.0.0.0", "port": 1}})) == ["http://127.0.0.1:1"]
    assert ask.addresses(settings_of({"http": {"host": "::1", "port": 1}})) == ["http://[::1]:1"]


def explained(*records: Mapping[str, Any]) -> str:
    return "\n".join(line for record in records for line in explanation.explained(record).lines())


class Kept:
    """Outputs that are kept: the changes of one alert, and assessments by digest."""

    def __init__(self, changes: Sequence[dict[str, Any]] = (), **by_digest: dict[str, Any]) -> None:
        self._changes, self._by_digest = list(changes), by_digest

    async def alert(self, _fingerprint: str) -> list[dict[str, Any]]:
        return self._changes

    async def digest(self, digest: str) -> dict[str, Any] | None:
        return self._by_digest.get(digest)


def test_the_story_of_an_alert() -> None:
    cause = {"topic": "custody.balances", "epoch": 0, "partition": 3, "offset": 881, "event_id": "b-1"}
    changes = [alert_value(causes=[cause]), alert_value(status="resolved", revision=2)]
    text = explained(*changes, shortfall()["methods"][0])
    assert text.index("jp.psa_custody firing") < text.index("jp.psa_custody resolved") < text.index("under jp.psa_custody")
    assert "Because of b-1 (custody.balances 3/881)" in text
    assert "Runbook https://runbooks.example" in text


def test_an_assessment_says_what_is_short_and_what_is_missing() -> None:
    for example in (shortfall(), unknown()):
        record = example["methods"][0]
        text = explained(record)
        for component in record["components"]:
            open_ones = (f"Broken: {component['state']} {component['name']}", f"Undecided: {component['name']} (")
            assert any(line in text for line in open_ones) is (component["state"] != "adequate")
            assert f"unknown {component['name']}" not in text
        for gap in record["gaps"]:
            assert f"({gap['kind']} {gap['subject']}, " in text


async def test_an_alert_is_shown_with_the_assessment_behind_its_newest_change() -> None:
    first, last = alert_value(assessment_digest="first"), alert_value(assessment_digest="last", revision=2)
    behind = shortfall()["methods"][0]
    assert await explain.records_of(Kept([first, last], last=behind), Wanted("ab" * 16)) == [first, last, behind]
    assert await explain.records_of(Kept([first], last=behind), Wanted("ab" * 16)) == [first]


async def test_what_is_not_kept_is_said() -> None:
    for name, said in (("ab" * 16, "reserve.alerts"), ("ab" * 32, "output topics")):
        with pytest.raises(MonitorError, match=said):
            await explain.records_of(Kept(), Wanted(name))
