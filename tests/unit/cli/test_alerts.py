import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli.running import alerts
from monitor.cli.running.alerts import app
from monitor.errors import UsageError
from tests.alert_samples import an_alert
from tests.receivers import AlertmanagerReceiver, WebhookReceiver


class Served:
    """Receivers that live in a loop of their own thread, since the command runs a loop itself."""

    def __init__(self) -> None:
        self.hook = WebhookReceiver(secret="s3")
        self.am = AlertmanagerReceiver()
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()))

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        async with self.hook.serve(), self.am.serve():
            self._up.set()
            await self._end.wait()


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def config(served: Served, tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("s3")
    path = tmp_path / "reserve.yaml"
    path.write_text(
        "alerting: {channels: {"
        f"hook: {{type: webhook, url: '{served.hook.url}', secret_file: {tmp_path / 'secret'}}}, "
        f"pager: {{type: alertmanager, urls: ['{served.am.url}', 'http://127.0.0.1:1']}}}}}}\n"
    )
    return path


def test_a_rehearsal_and_its_end_reach_a_webhook(served: Served, config: Path) -> None:
    result = CliRunner().invoke(app, ["test", "hook", "--hold", "0", "--json", "--config", str(config)])
    assert result.exit_code == 0, result.output
    fired, ended = served.hook.alerts
    assert (fired["status"], ended["status"], fired["rehearsal"], ended["rehearsal"]) == ("firing", "resolved", True, True)
    assert ended["revision"] == fired["revision"] + 1
    assert json.loads(result.stdout) == {
        "channel": "hook",
        "fingerprint": fired["fingerprint"],
        "fired": True,
        "resolved": True,
        "detail": None,
    }


def test_at_alertmanager_it_is_marked_ends_and_an_absent_address_is_named(served: Served, config: Path) -> None:
    result = CliRunner().invoke(app, ["test", "pager", "--severity", "critical", "--hold", "0", "--config", str(config)])
    assert result.exit_code == 0, result.output
    first, second = (request.json[0] for request in served.am.accepted)
    assert (
        first["labels"]
        == second["labels"]
        == {
            "alertname": "DeliveryTest",
            "entity": "reserve-monitor",
            "rule": "delivery_test",
            "subject": "pager",
            "severity": "critical",
            "rehearsal": "true",
        }
    )
    assert served.am.firing() == []
    assert "1 of its addresses did not" in result.stderr


def test_exit_codes(served: Served, config: Path) -> None:
    served.hook.status = 503
    assert CliRunner().invoke(app, ["test", "hook", "--config", str(config)]).exit_code == 4
    served.hook.status = 400
    assert CliRunner().invoke(app, ["test", "hook", "--config", str(config)]).exit_code == 1
    for arguments in (["test", "nobody"], ["test", "hook", "--severity", "fatal"]):
        result = CliRunner().invoke(app, [*arguments, "--config", str(config)])
        assert isinstance(result.exception, UsageError)


def test_on_a_narrow_terminal_alerts_stand_one_under_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    told, untold = an_alert(), an_alert(entity="kr-main", summary="a sentence " * 12)
    alerts._show([told, untold], {untold.fingerprint: ["pager"], told.fingerprint: []})
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert said.splitlines()[0].startswith("critical ")
    assert f"explain {untold.fingerprint[:12]}" in said
    assert said.count("not told: pager") == 1
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    alerts._show([told], {})
    assert capsys.readouterr().out.splitlines()[0].startswith("fingerprint")
