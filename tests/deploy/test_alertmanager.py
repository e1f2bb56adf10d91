"""Alertmanager: checked by amtool, routes as meant, and inhibition that can never silence the last alert standing."""

import itertools
import re
from typing import Any

import pytest
import yaml

from monitor.core.journal.vocabulary import ALERT_SEVERITIES
from tests.deploy.tools import DEPLOY, rules, run, tool

CONFIGURATION = DEPLOY / "alertmanager" / "alertmanager.yml"
INHIBITIONS = yaml.safe_load(CONFIGURATION.read_text())["inhibit_rules"]

Labels = dict[str, str]


def reserve(name: str, severity: str | None = None, **labels: str) -> Labels:
    base = {"alertname": name, "entity": "jp-main", "method": "jp.psa_custody", "severity": severity or ALERT_SEVERITIES[name][0]}
    return base | labels


def matches(matchers: list[str], labels: Labels) -> bool:
    """Whether labels satisfy matchers of the forms `a = "b"` and `a =~ "b"`, as Alertmanager reads them."""
    for matcher in matchers:
        name, operator, value = re.fullmatch(r'(\w+) (=|=~) "([^"]*)"', matcher).groups()  # type: ignore[union-attr]
        has = labels.get(name, "")
        if not (has == value if operator == "=" else re.fullmatch(value, has)):
            return False
    return True


def inhibits(source: Labels, target: Labels) -> bool:
    """Whether `source`, while it fires, silences `target`."""
    return source != target and any(
        matches(rule["source_matchers"], source)
        and matches(rule["target_matchers"], target)
        and all(source.get(name, "") == target.get(name, "") for name in rule.get("equal", ()))
        and not (matches(rule["source_matchers"], target) and matches(rule["target_matchers"], source))
        for rule in INHIBITIONS
    )


def test_amtool_accepts_the_configuration() -> None:
    checked = run(tool("amtool"), "check-config", str(CONFIGURATION))
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "Watchdog", "severity": "none"}, "dead-mans-switch"),
        ({"alertname": "DispatcherWatchdog", "severity": "none"}, "dead-mans-switch"),
        ({"alertname": "EvaluationHeartbeat", "severity": "none", "entity": "jp-main"}, "dead-mans-switch"),
        ({"alertname": "AlertDeliveryFailing", "severity": "critical", "entity": "reserve-monitor"}, "on-call"),
        ({"alertname": "ReserveMonitorHeartbeat", "severity": "none", "entity": "jp-main"}, "dead-mans-switch"),
        ({"alertname": "ReserveShortfall", "severity": "critical", "entity": "jp-main"}, "on-call"),
        ({"alertname": "ReserveMonitorChainFork", "severity": "critical"}, "on-call"),
        ({"alertname": "SourceStale", "severity": "warning", "entity": "jp-main"}, "on-call"),
        ({"alertname": "SourceUnhealthy", "severity": "warning", "entity": "jp-main"}, "on-call"),
        ({"alertname": "ReserveCoverageLow", "severity": "warning", "entity": "jp-main"}, "tickets"),
        ({"alertname": "ReserveMonitorDeadLetters", "severity": "warning"}, "tickets"),
        ({"alertname": "SecurityIncidentOpen", "severity": "info", "entity": "jp-main"}, "context"),
        ({"alertname": "ReserveShortfall", "severity": "critical", "rehearsal": "true"}, "rehearsal"),
        ({"alertname": "SourceStale", "severity": "warning", "rehearsal": "true"}, "rehearsal"),
        ({"alertname": "ReserveShortfall", "severity": "critical", "mode": "shadow"}, "nobody"),
    ],
)
def test_every_alert_goes_to_the_people_it_is_for(labels: Labels, receiver: str) -> None:
    given = [f"{name}={value}" for name, value in labels.items()]
    told = run(tool("amtool"), "config", "routes", "test", f"--config.file={CONFIGURATION}", *given)
    assert told.stdout.split() == [receiver]


def test_every_alert_that_exists_has_a_route_that_tells_somebody() -> None:
    every = [
        {"alertname": name, "severity": severity} for name, severities in ALERT_SEVERITIES.items() for severity in severities
    ]
    every += [{"alertname": rule["alert"], "severity": rule["labels"]["severity"]} for rule in rules()]
    top = yaml.safe_load(CONFIGURATION.read_text())["route"]
    for labels in every:
        receiver = next((route["receiver"] for route in top["routes"] if matches(route["matchers"], labels)), top["receiver"])
        assert receiver != "nobody", labels


@pytest.mark.parametrize("derived", ["ReserveUnknown", "ReserveCoverageLow", "ShortfallForecast"])
def test_a_dead_feed_stands_for_what_follows_from_it(derived: str) -> None:
    feed = reserve("SourceStale", method="", subject="market.prices")
    assert inhibits(feed, reserve(derived))
    assert not inhibits(feed, reserve(derived, entity="kr-main"))
    assert not inhibits(feed, reserve(derived, rehearsal="true"))


@pytest.mark.parametrize(
    "proved", ["ReserveShortfall", "ClientAssetShortfall", "SecurityIncidentOpen", "HotStorageLimitExceeded"]
)
def test_a_dead_feed_never_hides_what_is_proved(proved: str) -> None:
    for feed in ("SourceStale", "SourceUnhealthy", "ReserveUnknown"):
        assert not inhibits(reserve(feed, method=""), reserve(proved, "critical"))


def test_a_shortfall_stands_for_its_assets_and_its_warnings() -> None:
    short = reserve("ReserveShortfall")
    assert inhibits(short, reserve("SameAssetShortfall", subject="ETH"))
    assert inhibits(short, reserve("ReserveCoverageLow"))
    assert not inhibits(short, reserve("SameAssetShortfall", method="ae.vara"))
    assert not inhibits(reserve("SameAssetShortfall"), short)


def test_a_change_of_severity_is_told_from_both_sides() -> None:
    """The end of the old severity must reach people too, so the new one does not silence it."""
    high, low = (reserve("SecurityIncidentOpen", severity, subject="inc-1") for severity in ("critical", "warning"))
    assert not inhibits(high, low)
    assert not inhibits(low, high)


def test_no_set_of_alerts_can_silence_itself_entirely() -> None:
    """Alertmanager lets a silenced alert silence others, so of alerts in a circle nobody would be told."""
    every = [reserve(name, severity) for name, severities in ALERT_SEVERITIES.items() for severity in severities]
    every += [
        {"alertname": rule["alert"], "severity": rule["labels"]["severity"], "stage": "assessor", "entity": "jp-main"}
        for rule in rules()
    ]
    silences = {(a, b) for a, b in itertools.permutations(range(len(every)), 2) if inhibits(every[a], every[b])}
    reached = set(silences)
    while more := {(a, d) for a, b in reached for c, d in silences if b == c} - reached:
        reached |= more
    assert not [every[a] for a, b in reached if a == b]


def test_secrets_are_files() -> None:
    text = CONFIGURATION.read_text()
    assert not re.search(r"^\s*-?\s*(routing_key|service_key|api_url|password|bot_token):", text, re.MULTILINE)


def test_the_switch_is_asked_every_minute() -> None:
    routes: list[dict[str, Any]] = yaml.safe_load(CONFIGURATION.read_text())["route"]["routes"]
    switch = routes[0]
    assert switch["receiver"] == "dead-mans-switch"
    assert (switch["group_wait"], switch["group_interval"], switch["repeat_interval"]) == ("0s", "1m", "1m")
