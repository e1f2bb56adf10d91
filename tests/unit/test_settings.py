"""Settings: the contract's example is read, every unknown key is one line that names file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.core.journal.vocabulary import SOURCE_TOPICS
from monitor.errors import CONFIGURATION, ConfigurationError
from monitor.settings.load import load_settings, settings_of

EXAMPLE = """
kafka: {bootstrap_servers: "127.0.0.1:9092", security_protocol: PLAINTEXT}
http: {host: 127.0.0.1, port: 9464}
alerting:
  channels:
    pager: {type: alertmanager, urls: ["http://127.0.0.1:9093"]}
    audit-hook: {type: webhook, url: "https://ops.example/reserve", secret_file: /run/secrets/hook}
entities:
  jp-main:
    reporting_currency: JPY
    time_zone: Asia/Tokyo
    calendar: JP
    methods:
      - {id: jp.psa_custody, mode: in_force}
      - {id: kr.vaupa_reserve, mode: shadow, options: {market: krw}}
      - {id: kr.vaupa_cold, mode: shadow, options: {skip: [holding]}}
    prices: {max_age_s: 3600, pivots: [USD]}
    levels: {watch_enter: "1.05", watch_exit: "1.10", shortfall_exit: "1.00", dwell_s: 60}
    freshness: {custody.balances: {max_age_s: 600, account_max_age_s: 86400}}
"""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RESERVE_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return path


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(written(tmp_path, text))
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.exit_code == CONFIGURATION
    return message


def test_the_example_of_the_contract(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, EXAMPLE))
    entity = settings.entities["jp-main"]
    assert [method.mode for method in entity.methods] == ["in_force", "shadow", "shadow"]
    assert entity.methods[1].options == {"market": "krw"}
    assert entity.levels.watch_exit == "1.1"
    assert entity.freshness["custody.balances"].account_max_age_s == 86_400
    assert settings.alerting.channels["pager"].type == "alertmanager"


def test_defaults_of_the_contract() -> None:
    settings = settings_of({})
    assert settings.kafka.bootstrap_servers == "127.0.0.1:9092"
    assert settings.kafka.prefix == "reserve-monitor"
    assert settings.kafka.journal_partitions == 16
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 9464)
    assert settings.corrections.horizon_days == 400
    assert settings.publish_interval_s == 60
    assert settings.alerting.hold_s == 86_400
    intake = settings.intake
    assert (intake.segment_records, intake.lookback_blocks, intake.lookback_h, intake.flush_s) == (10_000, 20, 72, 1)
    assert tuple(settings.sources) == SOURCE_TOPICS
    source = settings.source("market.trades")
    assert (source.max_ahead_s, source.late_after_s, source.bad_share, source.epoch, source.numbers) == (
        60,
        None,
        None,
        0,
        "strict",
    )
    assert settings.exposure.pack == "house.composite"
    assert settings.prices.outlier_ratio == "10"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("entity: {}", "entity: unknown key; did you mean entities?"),
        ("http: {prot: 1}", "http.prot: unknown key; did you mean port?"),
        ("entities: {a: {reporting_currency: JPY, prices: {max_age: 3}}}", "entities.a.prices.max_age: unknown key"),
        ("entities: {a: {reporting_currency: JPY, methods: [{id: a.b, mod: shadow}]}}", "entities.a.methods.0.mod: unknown key"),
        ("alerting: {channels: {a: {type: webhook, url: 'http://x', uri: x}}}", "alerting.channels.a.uri: unknown key"),
        ("entities: {a: {}}", "entities.a.reporting_currency: is missing"),
        ("entities: {a: {reporting_currency: yen}}", "three capital letters"),
        ("entities: {a: {reporting_currency: JPY, time_zone: Asia/Edo}}", "not a time zone"),
        ("entities: {A_B: {reporting_currency: JPY}}", "not an entity id"),
        ("entities: {a: {reporting_currency: JPY, freshness: {custody: {}}}}", "not <topic> or <topic>/<source>"),
        ("entities: {a: {reporting_currency: JPY, levels: {watch_enter: '1.2', watch_exit: '1.1'}}}", "below watch_enter"),
        ("entities: {a: {reporting_currency: JPY, levels: {shortfall_exit: '0.9'}}}", "shortfall_exit below 1"),
        ("entities: {a: {reporting_currency: JPY, methods: [{id: a.b}, {id: a.b}]}}", "listed twice"),
        ("sources: {market.trade: {}}", "not a source topic"),
        ("sources: {market.trades: {name: x}, market.prices: {name: x}}", "one name"),
        ("sources: {market.trades: {bad_share: '1.5'}}", "above 0 and up to 1"),
        ("sources: {market.trades: {times: min}}", "'rfc3339', 's', 'ms', 'us' or 'ns'"),
        ("http: {port: 1}\nhttp: {port: 2}", "is not YAML: key 'http' is given twice, line 2, column 1"),
        ("entities: [a]", "entities: a mapping belongs here, of names"),
        ("entities: {a: {reporting_currency: JPY, methods: [a.b]}}", "methods.0: a mapping belongs here, of id, mode, options"),
        ("assets: {ignore: BTC}", "assets.ignore: a list belongs here"),
        ("scenarios: {x: {}}", "must have title and a list stresses"),
        ("- 1", "no mapping"),
        ("a: [", "is not YAML"),
        ("? [a]\n: 1", "a list or a mapping is no key"),
        (f"revision: {'9' * 5000}", "is not YAML"),
        (f"revision: {2**53 + 1}", "revision: input should be less than or equal to 9007199254740992"),
        ("kafka: {bootstrap_servers: 'a:1,b:kafka'}", "kafka.bootstrap_servers: 'b:kafka' is not host:port"),
        ("kafka: {bootstrap_servers: ''}", "kafka.bootstrap_servers: '' is not host:port"),
        ("alerting: {channels: {a: {type: webhook, url: 'http://[::1'}}}", "alerting.channels.a.url: an address names a host"),
        ("alerting: {channels: {a: {type: webhook, url: 'http://a:b/'}}}", "alerting.channels.a.url: an address names a host"),
        ("archive: {target: 'ftp://host/x'}", "archive.target: an archive is a folder, or s3://bucket/prefix"),
        ("scenarios: {x: {title: a, stresses: [{type: {}}]}}", "scenario x, stress 1: type must be one of"),
        (f"http: {{host: {'a' * 64}}}", "http.host: string should match pattern"),
        (f"entities: {{a: {{reporting_currency: JPY, levels: {{dwell_s: {10**30}}}}}}}", "less than or equal to 1000000000"),
        (f"sources: {{market.trades: {{epoch: {10**30}}}}}", "less than or equal to 9007199254740992"),
        ("archive: {target: 's3://'}", "archive.target: an archive is a folder, or s3://bucket/prefix"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_file(tmp_path: Path, text: str, said: str) -> None:
    message = refusal(tmp_path, text)
    assert "site.yaml" in message
    assert said in message


def test_decimals_never_become_floats(tmp_path: Path) -> None:
    text = "entities: {a: {reporting_currency: JPY, levels: {watch_enter: 1.100000000000000001, watch_exit: 1.2}}}"
    assert load_settings(written(tmp_path, text)).entities["a"].levels.watch_enter == "1.100000000000000001"
    assert "not a plain decimal" in refusal(tmp_path, text.replace("1.2", "1.2e1"))


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESERVE_HTTP__PORT", "7000")
    monkeypatch.setenv("RESERVE_REVISION", "5")
    monkeypatch.setenv("RESERVE_SOURCES", '{"market.trades": {"late_after_s": 9}}')
    settings = load_settings(written(tmp_path, EXAMPLE))
    assert settings.http.port == 7000
    assert settings.http.host == "127.0.0.1"
    assert settings.revision == 5
    assert settings.source("market.trades").late_after_s == 9


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RESERVE_HTPP__PORT", "1", "RESERVE_HTPP__PORT: there is no section htpp; did you mean http?"),
        ("RESERVE_HTTP__PROT", "1", "RESERVE_HTTP__PROT: http.prot: unknown key"),
        ("RESERVE_HTTP__PORT", "x", "RESERVE_HTTP__PORT"),
        ("RESERVE_ENTITIES", "{", "entities"),
    ],
)
def test_what_is_wrong_in_the_environment_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    assert said in refusal(tmp_path, EXAMPLE)


def test_variables_of_others_are_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESERVE_MONITOR_SERVICE_HOST", "10.0.0.1")
    assert load_settings(written(tmp_path, EXAMPLE)).http.port == 9464


def test_the_file_is_found_by_variable_or_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().http.port == 9464
    (tmp_path / "reserve.yaml").write_text("http: {port: 1}")
    assert load_settings().http.port == 1
    monkeypatch.setenv("RESERVE_CONFIG", str(written(tmp_path, "http: {port: 2}")))
    assert load_settings().http.port == 2
    (tmp_path / "third.yaml").write_text("http: {port: 3}")
    assert load_settings(tmp_path / "third.yaml").http.port == 3


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_settings(tmp_path / "absent.yaml")


@pytest.mark.parametrize("key", ["revision", "publish_interval_s", "http: {port", "kafka: {journal_partitions"])
@pytest.mark.parametrize("word", ["yes", "off", "true"])
def test_yes_and_no_are_no_numbers(tmp_path: Path, key: str, word: str) -> None:
    assert "yes and no are none" in refusal(tmp_path, f"{key}: {word}{'}' * key.count('{')}")


@pytest.mark.parametrize("text", ["[" * 200_000 + "]" * 200_000, "- " * 200_000, "{a: " * 101 + "1" + "}" * 101])
def test_what_is_nested_beyond_reason_is_refused(tmp_path: Path, text: str) -> None:
    assert "nested more than 100 deep" in refusal(tmp_path, f"entities:\n  {text}\n")
