"""`config init` writes what `config check` takes; `config check` finds all that a start would stumble over."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from monitor import __main__ as program
from monitor.audit.signatures.keys import new_key
from monitor.errors import CONFIGURATION, GOOD, USAGE, MonitorError
from monitor.settings.jurisdictions import JURISDICTIONS
from monitor.settings.load import load_settings
from monitor.settings.record import absent_limits

runner = CliRunner()
ENTITY = """
entities:
  a: {reporting_currency: JPY, methods: [{id: jp.psa_custody}, {id: no.method}, {id: eu.mica_67, options: {class: "9"}}]}
"""


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("RESERVE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RESERVE_HTTP__PORT", "0")
    monkeypatch.chdir(tmp_path)


def config(*arguments: str) -> Result:
    return runner.invoke(program.program, ["config", *arguments])


def code_of(result: Result) -> int:
    return result.exception.exit_code if isinstance(result.exception, MonitorError) else result.exit_code


def errors(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "site.yaml").write_text(text)
    result = config("check", "--config", "site.yaml", "--json")
    said = json.loads(result.stdout)
    assert said["good"] is (not said["errors"])
    assert code_of(result) == (CONFIGURATION if said["errors"] else GOOD)
    return list(said["errors"])


@pytest.mark.parametrize("code", sorted(JURISDICTIONS))
def test_a_first_configuration_is_good_and_leaves_no_limit_open(code: str, tmp_path: Path) -> None:
    assert config("init", "--for", code).exit_code == GOOD
    checked = json.loads(config("check", "--json").stdout)
    assert checked["errors"] == []
    runbooks, keys, archive = checked["warnings"]
    assert "runbook_base_url" in runbooks
    assert keys.startswith("audit.keys is empty")
    assert archive.startswith("archive.target is absent")
    settings = load_settings(tmp_path / "reserve.yaml")
    assert list(absent_limits(settings)) == []
    assert settings.prices.outlier_ratio is not None
    (entity,) = settings.entities.values()
    assert any(method.mode == "in_force" for method in entity.methods)
    assert entity.levels.watch_exit is not None
    assert entity.levels.shortfall_exit is not None
    assert settings.alerting.channels


def test_an_archive_kept_for_less_than_law_asks_is_told(tmp_path: Path) -> None:
    assert config("init", "--for", "kr").exit_code == GOOD
    file = tmp_path / "reserve.yaml"
    file.write_text(file.read_text() + "archive: {target: /srv/archive, keep_years: 10}\naudit: {keys: [k.pem]}\n")
    _, years = json.loads(config("check", "--json").stdout)["warnings"]
    assert years.startswith("archive.keep_years 10 is below the 15 years of the User Protection Act")


def test_an_archive_has_a_key_with_its_secret_or_neither(tmp_path: Path) -> None:
    (error,) = errors(tmp_path, "archive: {target: s3://b/p, access_key_id: a}\n")
    assert "archive.access_key_id and archive.secret_key_file belong together" in error


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "reserve.yaml").write_text("revision: 7\n")
    refused = config("init", "--for", "jp")
    assert code_of(refused) == USAGE
    assert "--force" in str(refused.exception)
    assert (tmp_path / "reserve.yaml").read_text() == "revision: 7\n"
    assert config("init", "--for", "jp", "--force").exit_code == GOOD
    assert config("init", "--for", "jp", "--out", "-").stdout == (tmp_path / "reserve.yaml").read_text()


def test_a_code_there_is_not() -> None:
    assert "one of ae, eu, hk, jp, kr, sg, uk, us" in str(config("init", "--for", "fr").exception)


def test_without_a_file_there_is_nothing_to_check() -> None:
    result = config("check")
    assert code_of(result) == CONFIGURATION
    assert "config init" in str(result.exception)


def test_every_wrong_value_is_listed(tmp_path: Path) -> None:
    found = errors(tmp_path, "http: {prot: 1}\nlog: {level: loud}\nentities: {a: {}}\n")
    assert [line.split(": ")[1] for line in found] == ["http.prot", "entities.a.reporting_currency", "log.level"]


def test_what_is_wrong_beside_wrong_values_is_listed_in_the_same_go(tmp_path: Path) -> None:
    told = errors(
        tmp_path,
        """
kafka: {security_protocol: SASL_SSL, sasl_mechanism: SCRAM-SHA-512, username: x, password_file: /absent/pw, pasword: y}
entities:
  jp-main:
    reporting_currency: JPY
    methods: [{id: jp.psa_custdy}, {id: house.composite, mode: shado}, {id: jp.nothing_like_it}]
  hk-main: {reporting_currency: HKD, time_zone: Asia/Hongkon, methods: [{id: hk.vatp}]}
alerting:
  channels: {chat: {type: slak}, hook: {type: webhook, url: "https://ops.example/h", secret_file: /absent/hook}}
sources:
  market.trades:
    feeds:
      good: {topic: a, use: bitflyer, constants: {entity: jp-main}, where: {"$.x[": 1}}
      bad: {topic: b, use: nobody}
""",
    )
    for wanted in (
        "kafka.pasword: unknown key; did you mean password_file?", "entities.jp-main.methods.1.mode", "hk-main.time_zone",
        "alerting.channels.chat", "there is no shipped feed 'nobody'",
        "kafka.password_file /absent/pw cannot be read", "alerting.channels.hook.secret_file /absent/hook cannot be read",
        "no method jp.psa_custdy; did you mean jp.psa_custody?", "no method jp.nothing_like_it: `reserve-monitor methods list`",
        "sources.market.trades.feeds.good.where",
    ):  # fmt: skip
        assert sum(wanted in line for line in told) == 1, (wanted, told)


def test_every_file_that_a_start_would_read_is_tried(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    found = errors(
        tmp_path,
        """
kafka: {security_protocol: SASL_SSL, sasl_mechanism: PLAIN, username: u, password_file: absent, ca_file: empty}
alerting: {channels: {p: {type: pagerduty, routing_key_file: no-key}, s: {type: slack, token_file: empty, channel: C1}}}
methods: {pack_dirs: [no-folder]}
""",
    )
    assert found == [
        "kafka.password_file absent cannot be read: No such file or directory",
        "kafka.ca_file empty is empty",
        "alerting.channels.p.routing_key_file no-key cannot be read: No such file or directory",
        "alerting.channels.s.token_file empty is empty",
        "methods.pack_dirs no-folder: is no folder: make it, or take it out",
    ]


def test_the_keys_of_checkpoints_are_tried(tmp_path: Path) -> None:
    new_key(tmp_path / "good.pem")
    (tmp_path / "no.pem").write_text("not a key")
    found = errors(tmp_path, "audit: {keys: [absent.pem, good.pem, no.pem]}")
    assert [line.partition(" (")[0] for line in found] == [
        "audit.keys: absent.pem cannot be read",
        "audit.keys: no.pem is not an unencrypted private key in PEM",
    ]
    (tmp_path / "good.pem").chmod(0o644)
    assert errors(tmp_path, "audit: {keys: [good.pem]}") == []
    assert "warning: audit.keys good.pem can be read by everybody: chmod 600" in config("check", "--config", "site.yaml").stderr


def test_a_file_that_is_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate\n")
    (line,) = errors(tmp_path, "kafka: {security_protocol: SSL, ca_file: ca.pem}")
    assert line.startswith("kafka.ca_file, cert_file or key_file cannot be used")


def test_the_roots_of_an_authority_for_time_stamps_are_read(tmp_path: Path) -> None:
    (tmp_path / "tsa.pem").write_text("nonsense")
    told = errors(tmp_path, 'audit: {timestamp_authority: {url: "https://tsa.example/tsr", ca_file: tsa.pem}}')
    assert [line.partition(" holds")[0] for line in told] == ["audit.timestamp_authority.ca_file: tsa.pem"]


def test_every_method_and_every_mapping_is_tried(tmp_path: Path) -> None:
    mappings = "sources: {market.trades: {fields: {nonsense: a}}, market.prices: {fields: {price: a}, constants: {price: '1'}}}"
    found = errors(tmp_path, ENTITY + mappings)
    assert len(found) == 4
    for text in ("no method no.method", "eu.mica_67", "sources.market.trades.fields.nonsense", "price stands in fields and in"):
        assert any(text in line for line in found), text


def test_what_works_and_is_hardly_meant_is_warned_of(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("x")
    secret.chmod(0o644)
    (tmp_path / "reserve.yaml").write_text(
        "kafka: {bootstrap_servers: 'kafka.example:9092', security_protocol: SASL_PLAINTEXT, sasl_mechanism: PLAIN, "
        f"username: u, password_file: {secret}}}\n"
        "entities: {a: {reporting_currency: JPY, methods: [{id: house.composite, mode: shadow}]}}\n"
    )
    result = config("check")
    assert result.exit_code == GOOD
    for text in ("channels is empty", "all shadow", "SASL_PLAINTEXT beyond this host", "chmod 600"):
        assert text in result.stderr, text
    secret.chmod(0o600)
    assert "chmod" not in config("check").stderr


def test_sources_beside_signed_ones_and_windows_beyond_the_look_back_are_warned_of(tmp_path: Path) -> None:
    key = "ed25519:" + "a" * 64
    sources = f"sources: {{market.trades: {{signatures: {{keys: ['{key}'], window_s: 7200}}}}}}\n"
    (tmp_path / "reserve.yaml").write_text(f"{sources}intake: {{lookback_h: 1}}\n")
    said = config("check").stderr
    assert "sources.market.trades.signatures.window_s 7200 is longer than intake.lookback_h" in said
    assert "sources.entity.declarations.signatures is absent while other sources ask for them" in said
    (tmp_path / "reserve.yaml").write_text("{}")
    assert "signatures" not in config("check").stderr
    found = errors(tmp_path, "sources: {market.trades: {signatures: {keys: ['abc']}}, market.prices: {signatures: {keys: []}}}")
    assert [line.split(": ")[1] for line in found] == [
        "sources.market.trades.signatures.keys.0",
        "sources.market.prices.signatures.keys",
    ]


def test_a_port_that_something_else_holds_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        other.settimeout(0.1)
        monkeypatch.setattr("monitor.cli.ask._TIMEOUT_S", 0.2)
        monkeypatch.setenv("RESERVE_HTTP__PORT", str(other.getsockname()[1]))
        (line,) = errors(tmp_path, "{}")
    assert "in use by another program" in line
