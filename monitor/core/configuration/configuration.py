"""What outputs depend on besides events: the content of a `configuration` record, as frozen values (JOURNAL 5).

Made by the settings (which resolve holidays, zones and packs) and put into the journal; the engine knows no other
configuration. `parse_configuration` trusts the writer's validation and checks only what this module relies on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from monitor.core.configuration.assets import Assets
from monitor.core.configuration.controls import Controls, parse_controls
from monitor.core.journal.vocabulary import Mode
from monitor.core.values.calendar import ALL_DAYS, UTC_ZONE, WEEKDAYS, Calendar, Zone
from monitor.core.values.canonical import digest_of
from monitor.core.values.money import parse_decimal
from monitor.core.values.times import DAY, HOUR, QUARTER, SECOND, parse_time

SCHEMA = "reserve.configuration/1"
_OFFSET = re.compile(r"([+-])([0-9]{2}):(00|15|30|45)", re.ASCII)


class BadConfiguration(ValueError):
    """The content is not a configuration this version reads."""


@dataclass(frozen=True, slots=True)
class SourceRules:
    """How a source topic is read and judged (CONTRACT 4 `sources.<topic>`)."""

    epoch: int = 0
    late_after_ns: int | None = None
    max_ahead_ns: int = 60 * SECOND
    bad_share: Decimal | None = None
    jump_ratio: Decimal | None = None
    supply: Mapping[str, Decimal] = field(default_factory=dict)
    confirm_ns: int = 60 * SECOND


@dataclass(frozen=True, slots=True)
class MethodConfig:
    """A method of an entity: id of its pack, mode (`in_force` or `shadow`) and options."""

    id: str
    mode: Mode
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Levels:
    """Alert levels of an entity; a level that is None does not exist."""

    watch_enter: Decimal | None = None
    watch_exit: Decimal | None = None
    shortfall_exit: Decimal | None = None
    enter_dwell_ns: int = 0
    exit_dwell_ns: int = 0
    forecast_window_h: int | None = None
    forecast_dwell_ns: int = 0


@dataclass(frozen=True, slots=True)
class Freshness:
    """Limits of one feed: silence, age of an account's position, event time behind log time; None is no limit."""

    max_age_ns: int | None = None
    account_max_age_ns: int | None = None
    max_behind_ns: int | None = None

    @property
    def behind_ns(self) -> int | None:
        """How far the newest event time may lie behind the newest log time."""
        return self.max_age_ns if self.max_behind_ns is None else self.max_behind_ns


@dataclass(frozen=True, slots=True)
class EntityConfig:
    """One licensed legal entity. `time_zone` and `calendar` are names, None where the configuration names none."""

    reporting_currency: str | None
    time_zone: str | None = None
    calendar: str | None = None
    methods: tuple[MethodConfig, ...] = ()
    price_max_age_ns: int | None = None
    pivots: tuple[str, ...] = ()
    levels: Levels = Levels()
    freshness: Mapping[str, Freshness] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The whole content; `digest` is the `config_digest` of every output, `content` the object it is the digest of."""

    revision: int
    journal_partitions: int
    sources: Mapping[str, SourceRules]
    entities: Mapping[str, EntityConfig]
    any_entity: EntityConfig | None
    exposure_pack: str
    packs: Mapping[str, Mapping[str, Any]]
    pack_digests: Mapping[str, str]
    outlier_ratio: Decimal | None
    highest_prices: Mapping[str, Decimal]
    horizon_ns: int
    publish_interval_ns: int
    runbook_base_url: str
    calendars: Mapping[str, Calendar]
    zones: Mapping[str, Zone]
    cell_ns: int
    assets: Assets
    scenarios: Mapping[str, Mapping[str, Any]]
    controls: Controls
    digest: str
    content: Mapping[str, Any]
    _feeds: dict[str, tuple[str, ...]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def entity(self, name: str) -> EntityConfig | None:
        """The entity's configuration; that for any entity where one is given; else None: the entity is not known."""
        return self.entities.get(name, self.any_entity)

    def feeds_of(self, topic: str) -> tuple[str, ...]:
        """Names under which a source topic is read: `<topic>/<feed>` of each of its feeds, else its own."""
        known = self._feeds.get(topic)
        if known is None:
            known = self._feeds[topic] = tuple(name for name in self.sources if name.startswith(f"{topic}/")) or (topic,)
        return known

    def zone(self, name: str | None) -> Zone:
        """A zone by name; UTC for None. KeyError for one the record does not carry."""
        return UTC_ZONE if name is None or name == "UTC" else self.zones[name]

    def calendar(self, name: str | None) -> Calendar:
        """A calendar by code; `weekdays` for None. KeyError for one the record does not carry."""
        return WEEKDAYS if name is None else self.calendars[name]

    def method_zone(self, entity: str, method: MethodConfig) -> Zone:
        """Zone of a method's dates: its option, else its pack's, else the entity's, else UTC (INPUTS 1, 3)."""
        entity_config = self.entity(entity)
        pack = self.packs.get(method.id, {})
        return self.zone(
            method.options.get("time_zone") or pack.get("time_zone") or (entity_config and entity_config.time_zone) or None
        )

    def method_calendar(self, entity: str, method: MethodConfig) -> Calendar:
        """Business days of a method: its option, else its pack's, else the entity's, else `weekdays` (INPUTS 1, 3)."""
        entity_config = self.entity(entity)
        pack = self.packs.get(method.id, {})
        return self.calendar(
            method.options.get("calendar") or pack.get("calendar") or (entity_config and entity_config.calendar) or None
        )

    def zones_in_use(self, entity: str) -> tuple[Zone, ...]:
        """Every zone whose local dates matter to the entity, by name: closings are kept for them (JOURNAL 2)."""
        entity_config = self.entity(entity)
        if entity_config is None:
            return (UTC_ZONE,)
        zones = {zone.name: zone for zone in (self.method_zone(entity, m) for m in entity_config.methods)}
        zones.setdefault(self.zone(entity_config.time_zone).name, self.zone(entity_config.time_zone))
        return tuple(zones[name] for name in sorted(zones))


def cell_width(zones: Mapping[str, Iterable[Sequence[Any]]]) -> int:
    """Width (ns) of the cells in which trades are counted: an hour, or a quarter where a zone of the record needs it (JOURNAL 2).

    Cells are counted by intake and summed up by the engine, so it is part of `rules`.
    """
    return QUARTER if any(type(offset) is str for raw in zones.values() for _, offset in raw) else HOUR


def parse_configuration(content: Mapping[str, Any]) -> Configuration:
    """The configuration in a record's content; `BadConfiguration` for another schema or a part that is missing."""
    if content.get("schema") != SCHEMA:
        raise BadConfiguration(f"configuration schema {content.get('schema')!r} is not {SCHEMA!r}")
    try:
        return _parse(content)
    except (KeyError, TypeError, ValueError) as error:
        raise BadConfiguration(f"configuration of revision {content.get('revision')} cannot be read: {error!r}") from error


def _parse(content: Mapping[str, Any]) -> Configuration:
    any_entity = content["any_entity"]
    calendars = {code: _calendar(code, raw) for code, raw in content["calendars"].items()}
    return Configuration(
        revision=content["revision"],
        journal_partitions=content["journal_partitions"],
        sources=_sources(content["sources"]),
        entities={name: _entity(raw) for name, raw in content["entities"].items()},
        any_entity=None if any_entity is None else _entity(any_entity),
        exposure_pack=content["exposure"]["pack"],
        packs=content["packs"],
        pack_digests=content["pack_digests"],
        outlier_ratio=_decimal(content["prices"]["outlier_ratio"]),
        highest_prices={currency: parse_decimal(most) for currency, most in content["prices"].get("highest", {}).items()},
        horizon_ns=content["corrections"]["horizon_days"] * DAY,
        publish_interval_ns=content["publish_interval_s"] * SECOND,
        runbook_base_url=content["alerting"]["runbook_base_url"],
        calendars={"weekdays": WEEKDAYS, "all": ALL_DAYS} | calendars,
        zones={name: _zone(name, raw) for name, raw in content["zones"].items()},
        cell_ns=cell_width(content["zones"]),
        assets=_assets(content.get("assets")),
        scenarios=content.get("scenarios", {}),
        controls=parse_controls(content.get("controls")),
        digest=digest_of(content),
        content=content,
    )


def _sources(raw: Mapping[str, Any]) -> dict[str, SourceRules]:
    found = {topic: _source(source) for topic, source in raw.items()}
    feeds = ((f"{topic}/{name}", feed) for topic, source in raw.items() for name, feed in source.get("feeds", {}).items())
    return found | {name: _source(feed) for name, feed in feeds}


def _source(raw: Mapping[str, Any]) -> SourceRules:
    return SourceRules(
        epoch=raw["epoch"],
        late_after_ns=_seconds(raw["late_after_s"]),
        max_ahead_ns=raw["max_ahead_s"] * SECOND,
        bad_share=_decimal(raw["bad_share"]),
        jump_ratio=_decimal(raw.get("jump_ratio")),
        supply={asset: parse_decimal(most) for asset, most in raw.get("supply", {}).items()},
        confirm_ns=raw.get("confirm_s", 60) * SECOND,
    )


def _entity(raw: Mapping[str, Any]) -> EntityConfig:
    levels = raw["levels"]
    return EntityConfig(
        reporting_currency=raw["reporting_currency"],
        time_zone=raw["time_zone"],
        calendar=raw["calendar"],
        methods=tuple(MethodConfig(m["id"], m["mode"], m["options"]) for m in raw["methods"]),
        price_max_age_ns=_seconds(raw["prices"]["max_age_s"]),
        pivots=tuple(raw["prices"]["pivots"]),
        levels=Levels(
            _decimal(levels["watch_enter"]),
            _decimal(levels["watch_exit"]),
            _decimal(levels["shortfall_exit"]),
            *_dwells(levels),
            levels.get("forecast_window_h"),
            levels.get("forecast_dwell_s", 0) * SECOND,
        ),
        freshness={
            feed: Freshness(
                _seconds(limits["max_age_s"]), _seconds(limits["account_max_age_s"]), _seconds(limits.get("max_behind_s"))
            )
            for feed, limits in raw["freshness"].items()
        },
    )


def _assets(raw: Mapping[str, Any] | None) -> Assets:
    """The registry; a record of an earlier release has none."""
    if raw is None:
        return Assets()
    return Assets(frozenset(raw["crypto"]), frozenset(raw["fiat"]), frozenset(raw["ignore"]), raw["minor_units"])


def _dwells(levels: Mapping[str, Any]) -> tuple[int, int]:
    """Dwell before an alert fires and before it resolves; configurations of before they were told apart have one."""
    both = levels.get("dwell_s", 0)
    return levels.get("enter_dwell_s", both) * SECOND, levels.get("exit_dwell_s", both) * SECOND


def _calendar(code: str, raw: Mapping[str, Any]) -> Calendar:
    return Calendar(code, frozenset(raw["weekend"]), _dates(raw["closed"]), _dates(raw["open"]))


def _dates(texts: list[str]) -> frozenset[date]:
    return frozenset(date.fromisoformat(text) for text in texts)


def _zone(name: str, raw: list[list[Any]]) -> Zone:
    return Zone(name, [parse_time(text) for text, _ in raw], [_hours(name, offset) for _, offset in raw])


def _hours(name: str, raw: Any) -> int | Fraction:
    if type(raw) is int:
        return raw
    found = _OFFSET.fullmatch(raw)
    if found is None:
        raise BadConfiguration(f"time zone {name} is not on quarter hours")
    sign, hours, minutes = found.groups()
    return (int(hours) + Fraction(int(minutes), 60)) * (-1 if sign == "-" else 1)


def _seconds(value: int | None) -> int | None:
    return None if value is None else value * SECOND


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else parse_decimal(value)
