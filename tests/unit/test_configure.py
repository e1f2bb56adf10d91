"""From settings to the configuration record: whole, canonical, and only what outputs depend on."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.core.configuration.configuration import parse_configuration
from monitor.core.journal.vocabulary import SOURCE_TOPICS
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import HOUR, QUARTER
from monitor.errors import ConfigurationError, UsageError
from monitor.settings.load import settings_of
from monitor.settings.record import absent_limits, build_configuration, configuration_digest, deciding_lines, rules_of, shown
from streams.intake.segment.rules import IntakeRules

ENTITY: dict[str, Any] = {
    "reporting_currency": "JPY",
    "time_zone": "Asia/Tokyo",
    "calendar": "JP",
    "methods": [{"id": "jp.psa_custody"}],
}


def configured(**sections: Any) -> dict[str, Any]:
    return build_configuration(settings_of({"entities": {"jp-main": ENTITY}, **sections}))


def entity(**changes: Any) -> dict[str, Any]:
    return {"entities": {"jp-main": {**ENTITY, **changes}}}


def test_the_record_is_canonical_and_what_the_core_reads() -> None:
    content = configured()
    assert canonical_bytes(content)
    parsed = parse_configuration(content)
    assert set(parsed.entities) == {"jp-main"}
    assert list(content["sources"]) == list(SOURCE_TOPICS)
    assert set(content["packs"]) == {"jp.psa_custody", "house.composite"}
    assert set(content["calendars"]) >= {"JP", "weekdays", "all"}
    assert set(content["zones"]) >= {"Asia/Tokyo"}


def test_brokers_ports_channels_and_logs_are_no_part_of_it() -> None:
    before = configuration_digest(configured())
    assert before == configuration_digest(
        configured(
            kafka={"bootstrap_servers": "elsewhere:9092", "prefix": "other"},
            http={"port": 1},
            log={"level": "debug"},
            alerting={"hold_s": 5, "channels": {"a": {"type": "webhook", "url": "http://x"}}},
            intake={"flush_s": 2},
            sources={"market.trades": {"name": "renamed"}},
        )
    )


@pytest.mark.parametrize(
    "change",
    [
        {"revision": 1},
        {"publish_interval_s": 30},
        {"corrections": {"horizon_days": 10}},
        {"kafka": {"journal_partitions": 4}},
        {"prices": {"outlier_ratio": "3"}},
        {"alerting": {"runbook_base_url": "https://runbooks.example"}},
        {"calendars": {"JP": {"closed": ["2026-03-03"]}}},
        entity(levels={"watch_enter": "1.05"}),
        entity(methods=[{"id": "jp.psa_custody", "mode": "shadow"}]),
        entity(methods=[{"id": "jp.psa_custody", "options": {"skip": ["capital"]}}]),
    ],
)
def test_what_figures_depend_on_changes_the_digest(change: dict[str, Any]) -> None:
    assert configuration_digest(configured(**change)) != configuration_digest(configured())


def test_rules_are_what_intakes_verdict_depends_on() -> None:
    rules = rules_of(configured(revision=3))
    assert rules.number == 3
    before = rules_of(configured())
    felt: tuple[dict[str, Any], ...] = (
        {"sources": {"market.trades": {"late_after_s": 5}}},
        {"sources": {"market.prices": {"fields": {"price": "p"}}}},
        {"sources": {"market.prices": {"times": "ms"}}},
        {"intake": {"segment_records": 5}},
        {"intake": {"lookback_h": 5}},
        {"corrections": {"horizon_days": 5}},
        {"entities": {"other": ENTITY}},
    )
    for change in felt:
        assert rules_of(configured(**change)).digest != before.digest
    assert rules_of(configured(**entity(time_zone="Europe/Paris"))).digest == before.digest
    assert rules_of(configured(**entity(time_zone="Asia/Kathmandu"))).digest != before.digest, "cells are of a quarter then"
    assert IntakeRules.of(configured(**entity(time_zone="Asia/Kathmandu"))).cell_ns == QUARTER
    assert IntakeRules.of(configured()).cell_ns == HOUR
    not_felt: tuple[dict[str, Any], ...] = (
        entity(levels={"watch_enter": "1.05"}),
        {"publish_interval_s": 5},
        {"sources": {"market.trades": {"bad_share": "0.1"}}},
    )
    for change in not_felt:
        assert rules_of(configured(**change)).digest == before.digest


def test_times_stand_in_the_record_only_where_they_are_counts() -> None:
    """What keeps the digests of all configurations that came before the setting."""
    assert all("times" not in source for source in configured()["sources"].values())
    content = configured(sources={"market.trades": {"times": "us"}, "market.prices": {"times": "rfc3339"}})
    assert {topic for topic, source in content["sources"].items() if "times" in source} == {"market.trades"}
    explicit = {
        **configured(),
        "sources": {topic: {**source, "times": "rfc3339"} for topic, source in configured()["sources"].items()},
    }
    assert rules_of(explicit).digest == rules_of(configured()).digest


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (entity(methods=[{"id": "jp.nothing"}]), "no method jp.nothing"),
        ({"exposure": {"pack": "no.pack"}}, "exposure.pack"),
        (entity(calendar="XX"), "calendar 'XX'"),
        (entity(methods=[{"id": "jp.psa_custody", "options": {"skp": []}}]), "skp is not an option"),
        (entity(methods=[{"id": "ae.vara"}]), "activities"),
        ({"calendars": {"JP": {"closed": ["2026-02-30"]}}}, "calendars.JP"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        configured(**change)


def test_calendar_overrides() -> None:
    content = configured(calendars={"JP": {"closed": ["2026-03-03"], "open": ["2026-01-01"]}})
    assert "2026-03-03" in content["calendars"]["JP"]["closed"]
    assert "2026-01-01" not in content["calendars"]["JP"]["closed"]
    assert "2026-01-01" in content["calendars"]["JP"]["open"]


def test_any_entity_has_the_methods_own_currency_and_no_limits() -> None:
    content = build_configuration(settings_of({}), ["us.ny_custody"])
    assert content["any_entity"]["reporting_currency"] == "USD"
    assert content["any_entity"]["prices"] == {"max_age_s": None, "pivots": []}
    assert content["any_entity"]["freshness"] == {}
    assert rules_of(content) != rules_of(build_configuration(settings_of({})))
    with pytest.raises(UsageError, match="no method x\\.y"):
        build_configuration(settings_of({}), ["x.y"])


def test_every_absent_limit_is_warned_of() -> None:
    warnings = list(absent_limits(settings_of({"entities": {"jp-main": ENTITY}})))
    assert sum("bad_share" in line for line in warnings) == len(SOURCE_TOPICS)
    for key in ("prices.max_age_s", "levels.watch_enter", "freshness"):
        assert any(f"entities.jp-main.{key} is absent" in line for line in warnings)
    whole = {
        **ENTITY,
        "prices": {"max_age_s": 1},
        "levels": {"watch_enter": "1.1"},
        "freshness": {"custody.balances": {"max_age_s": 1}},
    }
    sources = {topic: {"bad_share": "0.1"} for topic in SOURCE_TOPICS}
    assert list(absent_limits(settings_of({"entities": {"jp-main": whole}, "sources": sources}))) == []


def test_addresses_are_shown_without_their_secrets() -> None:
    channels = {
        "hook": {"type": "webhook", "url": "https://sam:hush@ops.example/in?token=abc"},
        "pager": {"type": "alertmanager", "urls": ["http://name:pass@am:9093"]},
    }
    text = str(shown(settings_of({"alerting": {"channels": channels}})))
    for secret in ("hush", "abc", "pass@", "sam"):
        assert secret not in text
    assert "ops.example/in" in text


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ({"watch_enter": "1"}, "levels.watch_enter 1 cannot act"),
        ({"exit_dwell_s": 0}, "levels.exit_dwell_s is 0"),
        ({"dwell_s": 0}, "levels.exit_dwell_s is 0"),
        ({"watch_enter": "0.9"}, "levels.watch_enter 0.9 cannot act"),
    ],
)
def test_levels_that_cannot_act_are_named(levels: dict[str, Any], said: str) -> None:
    warnings = list(absent_limits(settings_of({"entities": {"jp-main": ENTITY | {"levels": levels}}})))
    assert [warning for warning in warnings if said in warning]


def test_the_line_that_decides_what_a_ticker_is_is_named() -> None:
    """What lets it fail: a ticker counts as money or as a coin, and nobody can see which line says so."""
    content = {
        "entities": {"kw-main": {"reporting_currency": "KWD", "prices": {"pivots": ["USD", "GEL"]}}},
        "assets": {"crypto": ["MNT", "BTC"], "fiat": ["TOP", "EUR"]},
    }
    said = [line.partition(": ")[2] for line in deciding_lines(settings_of(content))]
    assert said == [
        "entities.kw-main.prices.pivots makes it money",
        "entities.kw-main.reporting_currency makes it money",
        "assets.crypto makes it a coin",
        "assets.fiat makes it money",
    ]
