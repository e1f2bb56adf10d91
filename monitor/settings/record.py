"""From settings to the configuration record: all that outputs depend on, resolved and digested (JOURNAL 5).

Packs, holidays and zone transitions are part of the record, so the engine needs no file and no library for them.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal

from monitor.core.configuration.configuration import cell_width
from monitor.core.journal.records import Rules
from monitor.core.journal.vocabulary import BALANCES, SOURCE_TOPICS
from monitor.core.values.canonical import canonical_bytes, digest_of
from monitor.core.values.currencies import MAJOR, is_iso_4217
from monitor.core.values.money import parse_decimal
from monitor.core.values.plausible import HIGHEST_PRICES, SUPPLY
from monitor.core.values.times import HOUR, MINUTE
from monitor.errors import ConfigurationError, UsageError
from monitor.methods.loader import check_options, load_packs, pack_digest, resolve_calendars, resolve_zones
from monitor.methods.stresses import load_scenarios, scenario_object
from monitor.methods.variants import STUDY
from monitor.notify.settings import masked_url
from monitor.settings.load import Settings
from monitor.settings.sections import EntitySettings, MethodSettings

SCHEMA = "reserve.configuration/1"

_MODES: dict[str, Literal["in_force", "shadow"]] = {STUDY: "shadow"}

_INTAKE_PARTS = ("segment_records", "lookback_blocks", "lookback_h")
_VERDICT_PARTS = ("epoch", "late_after_s", "max_ahead_s", "ignore_unknown", "fields", "constants", "numbers")
_RFC3339 = "rfc3339"


def build_configuration(
    settings: Settings, any_entity_methods: Sequence[str] = (), packs: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """The content of the configuration record for `settings`.

    `any_entity_methods`: methods under which every entity that appears is assessed, in the method's own currency, zone and
    calendar and without limits, in dollars where the method names no currency (`assess --method` without a configuration).
    `packs`: packs by the name the settings know them by, beside those on file (candidates of a back-test).
    Raises ConfigurationError for an unknown method, calendar or zone, and for options a pack does not take or lacks.
    """
    named = {
        settings.exposure.pack,
        *any_entity_methods,
        *(m.id for entity in settings.entities.values() for m in entity.methods),
    }
    packs = load_packs(settings.methods.pack_dirs, named) | dict(packs or {})
    entities = {name: _entity(name, entity, packs) for name, entity in sorted(settings.entities.items())}
    any_entity = _any_entity(any_entity_methods, packs) if any_entity_methods else None
    described = [*entities.values(), *([any_entity] if any_entity else [])]
    used = sorted({method["id"] for entity in described for method in entity["methods"]} | {settings.exposure.pack})
    for method in used:
        _require_pack(method, packs, "exposure.pack")
    return {
        "schema": SCHEMA,
        "revision": settings.revision,
        "journal_partitions": settings.kafka.journal_partitions,
        "sources": {topic: _source(settings, topic) for topic in SOURCE_TOPICS},
        "entities": entities,
        "any_entity": any_entity,
        "exposure": {"pack": settings.exposure.pack},
        "packs": {method: packs[method] for method in used},
        "pack_digests": {method: pack_digest(packs[method]) for method in used},
        "prices": {
            "outlier_ratio": settings.prices.outlier_ratio,
            "highest": _given(HIGHEST_PRICES | settings.prices.highest),
        },
        "assets": _assets(settings, [packs[method] for method in used]),
        "corrections": {"horizon_days": settings.corrections.horizon_days},
        "publish_interval_s": settings.publish_interval_s,
        "alerting": {"runbook_base_url": settings.alerting.runbook_base_url},
        "intake": settings.intake.model_dump(include=set(_INTAKE_PARTS)),
        "calendars": _calendars(settings, described, [packs[method] for method in used]),
        "zones": resolve_zones(_named("time_zone", described, [packs[method] for method in used])),
        "scenarios": {name: scenario_object(scenario) for name, scenario in load_scenarios(settings.scenarios).items()},
        **_controls(settings),
    }


def method_problems(settings: Settings) -> list[str]:
    """One line for each method that no pack gives, or whose options its pack does not take."""
    try:
        packs = load_packs(settings.methods.pack_dirs)
    except ConfigurationError as error:
        return [str(error)]
    lines = []
    for name, entity in sorted(settings.entities.items()):
        for method in entity.methods:
            try:
                _method(f"entities.{name}.methods", method, packs)
            except ConfigurationError as error:
                lines.append(str(error))
    return lines


def configuration_digest(configuration: Mapping[str, Any]) -> str:
    """`sha256:<hex>` of the record's content: the `config_digest` of every output."""
    return digest_of(configuration)


def rules_of(configuration: Mapping[str, Any]) -> Rules:
    """Number and digest of all that intake's verdict on a record depends on (JOURNAL 3)."""
    verdict: dict[str, Any] = {
        "schema": configuration["schema"],
        "sources": {topic: _verdict_parts(source) for topic, source in configuration["sources"].items()},
        "entities": None if configuration["any_entity"] is not None else sorted(configuration["entities"]),
        "horizon_days": configuration["corrections"]["horizon_days"],
        "intake": configuration["intake"],
    }
    cells = cell_width(configuration.get("zones", {}))
    if cells != HOUR:
        verdict["cell_minutes"] = cells // MINUTE
    assets = _verdict_on_assets(configuration["assets"])
    return Rules(configuration["revision"], digest_of(verdict | ({"assets": assets} if any(assets.values()) else {})))


def shown(settings: Settings) -> dict[str, Any]:
    """The effective settings as JSON values; user information and query of addresses are masked, since they may be secret."""
    values: dict[str, Any] = settings.model_dump(mode="json")
    for channel in values["alerting"]["channels"].values():
        if "url" in channel:
            channel["url"] = masked_url(channel["url"])
        if "urls" in channel:
            channel["urls"] = [masked_url(url) for url in channel["urls"]]
    return values


def absent_limits(settings: Settings) -> Iterator[str]:
    """One warning for each limit that is not set and therefore does not exist (CONTRACT 4)."""
    if not settings.entities:
        yield "entities is empty: nothing is assessed"
    for name, entity in settings.entities.items():
        if not entity.methods:
            yield f"entities.{name}.methods is empty: only the exposure is computed"
        if entity.prices.max_age_s is None:
            yield f"entities.{name}.prices.max_age_s is absent: no price is ever too old"
        if entity.levels.watch_enter is None:
            yield f"entities.{name}.levels.watch_enter is absent: there is no watch level"
        yield from _idle_levels(name, entity)
        if not entity.freshness:
            yield f"entities.{name}.freshness is absent: a silent source is never noticed"
        for feed, limits in entity.freshness.items():
            if limits.max_age_s is None:
                yield f"entities.{name}.freshness.{feed}.max_age_s is absent: its silence is never noticed"
    for topic in SOURCE_TOPICS:
        if settings.source(topic).bad_share is None and not settings.source(topic).feeds:
            yield f"sources.{topic}.bad_share is absent: no share of bad records makes the source unhealthy"


def deciding_lines(settings: Settings) -> Iterator[str]:
    """Of each code of ISO 4217 that may be a coin too and that the settings name: the line that says what it is."""
    said = dict.fromkeys(settings.assets.crypto, "assets.crypto makes it a coin")
    for name, entity in settings.entities.items():
        places = {entity.reporting_currency: f"entities.{name}.reporting_currency makes it money"}
        places |= dict.fromkeys(entity.prices.pivots, f"entities.{name}.prices.pivots makes it money")
        said = {code: line for code, line in places.items() if code not in said} | said
    said = dict.fromkeys(settings.assets.fiat or (), "assets.fiat makes it money") | said
    for code in sorted(said):
        if is_iso_4217(code) and code not in MAJOR:
            yield f"{code} is a currency's code and may be a coin's: {said[code]}"


def _idle_levels(name: str, entity: EntitySettings) -> Iterator[str]:
    """Levels that are set and can do nothing."""
    levels = entity.levels
    enter = None if levels.watch_enter is None else parse_decimal(levels.watch_enter)
    if enter is not None and enter <= 1:
        yield f"entities.{name}.levels.watch_enter {enter} cannot act: what is below 1 is a shortfall already"
    if enter is not None and not entity.methods:
        yield f"entities.{name}.levels cannot act: no method is assessed"
    if levels.exit_dwell_s == 0:
        yield f"entities.{name}.levels.exit_dwell_s is 0: an alert ends at the first figure that is met, and so may flap"


def _source(settings: Settings, topic: str) -> dict[str, Any]:
    values: dict[str, Any] = settings.source(topic).model_dump(mode="json", exclude={"name"})
    if values["times"] == _RFC3339:
        del values["times"]  # stands only where it says something, so that other configurations keep their digest
    for part in (values, *values["feeds"].values()):
        if part["signatures"] is None:
            del part["signatures"]
    for feed in values["feeds"].values():
        if not feed["json_texts"]:
            del feed["json_texts"]
    if not values["feeds"]:
        del values["feeds"]
    if topic == BALANCES:
        values["supply"] = _given(SUPPLY | values["supply"])
    return values


def _given(limits: Mapping[str, str | None]) -> dict[str, str]:
    return {name: limit for name, limit in limits.items() if limit is not None}


def _assets(settings: Settings, packs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The registry as the core reads it: `fiat` is every ticker that is taken for money without being asked."""
    values: dict[str, Any] = settings.assets.model_dump(mode="json")
    named = {entity.reporting_currency for entity in settings.entities.values()} | {pack.get("currency") for pack in packs}
    named |= {pivot for entity in settings.entities.values() for pivot in entity.prices.pivots}
    money = {code for code in named if code is not None and is_iso_4217(code)} - set(settings.assets.crypto)
    listed = MAJOR - set(settings.assets.crypto) if settings.assets.fiat is None else settings.assets.fiat
    return {name: sorted(value) if isinstance(value, list) else value for name, value in values.items()} | {
        "fiat": sorted({*listed, *money})
    }


def _controls(settings: Settings) -> dict[str, Any]:
    """Who may approve, what needs it, and the approvals; stands only where somebody is named, so that other digests stay."""
    controls = settings.controls
    if not controls.approvers:
        return {}
    if controls.approvals:
        from monitor.audit.signatures.approvals import read_approval  # with the signatures, which most starts do without

        approvals = [read_approval(path) for path in controls.approvals]
    else:
        approvals = []
    return {"controls": {"approvers": controls.approvers, "four_eyes": sorted(controls.four_eyes), "approvals": approvals}}


def _verdict_on_assets(assets: Mapping[str, Any]) -> dict[str, Any]:
    """What intake's verdict depends on: what divides further, which tickers may be owed below 0 or may not, names in feeds."""
    fiat = [code for code in assets["fiat"] if not is_iso_4217(code)]
    aliases = {"aliases": assets["aliases"]} if assets.get("aliases") else {}
    return {"crypto": assets["crypto"], "fiat": fiat, "decimals": assets["decimals"], **aliases}


def _verdict_parts(source: Mapping[str, Any]) -> dict[str, Any]:
    parts = {part: source[part] for part in _VERDICT_PARTS}
    told = {name: source[name] for name in ("times", "feeds", "signatures") if source.get(name, _RFC3339) != _RFC3339}
    return parts | told


def _entity(name: str, entity: EntitySettings, packs: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = entity.model_dump(mode="json")
    values["methods"] = [_method(f"entities.{name}.methods", method, packs) for method in entity.methods]
    return values


def _method(place: str, method: MethodSettings, packs: Mapping[str, Any]) -> dict[str, Any]:
    pack = _require_pack(method.id, packs, place)
    if pack["status"] == STUDY and method.mode != "shadow":
        raise ConfigurationError(f"{place}: {method.id} is a study, which is never in force: give it mode: shadow")
    options = json.loads(json.dumps(method.options))
    try:
        check_options(pack, options)
        canonical_bytes(options)
    except (ConfigurationError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{place}: {method.id}: {error}") from None
    return {"id": method.id, "mode": method.mode, "options": options}


def _any_entity(methods: Sequence[str], packs: Mapping[str, Any]) -> dict[str, Any]:
    for method in methods:
        if method not in packs:
            raise UsageError(f"there is no method {method}: `reserve-monitor methods list` shows those there are")
    currency = next((packs[method]["currency"] for method in methods if packs[method].get("currency")), "USD")
    content = EntitySettings(
        reporting_currency=currency,
        methods=tuple(MethodSettings(id=method, mode=_MODES.get(packs[method]["status"], "in_force")) for method in methods),
    )
    return _entity("any", content, packs)


def _require_pack(method: str, packs: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    if method not in packs:
        near = difflib.get_close_matches(method, list(packs), 1)
        meant = f"; did you mean {near[0]}?" if near else ": `reserve-monitor methods list` shows those there are"
        raise ConfigurationError(f"{place}: there is no method {method}{meant}")
    pack: Mapping[str, Any] = packs[method]
    return pack


def _calendars(settings: Settings, entities: Iterable[Mapping[str, Any]], packs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    codes = _named("calendar", entities, packs) | {"weekdays", "all"}
    changes = {
        code: {"closed": _dates(code, local.closed), "open": _dates(code, local.open)}
        for code, local in settings.calendars.items()
    }
    return resolve_calendars(codes, changes)


def _dates(code: str, texts: Iterable[str]) -> list[date]:
    try:
        return [date.fromisoformat(text) for text in texts]
    except ValueError as error:
        raise ConfigurationError(f"calendars.{code}: {error}") from None


def _named(key: str, entities: Iterable[Mapping[str, Any]], packs: Iterable[Mapping[str, Any]]) -> set[str]:
    """Every calendar or zone that an entity, an option of a method or a pack names."""
    names = {entity[key] for entity in entities}
    names |= {method["options"][key] for entity in entities for method in entity["methods"] if method["options"].get(key)}
    return names | {pack[key] for pack in packs if pack.get(key)}
