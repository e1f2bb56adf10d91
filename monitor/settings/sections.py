"""The sections of the settings as CONTRACT 4 names them: types, defaults and limits of every value.

Decimals are text. Unknown keys are errors everywhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from monitor.core.journal.vocabulary import SOURCE_TOPICS, Mode
from monitor.core.values.money import parse_decimal, plain
from monitor.notify.settings import AnyChannelSettings

_CURRENCY = re.compile(r"[A-Z]{3}\Z", re.ASCII)
_ASSET = re.compile(r"[A-Z0-9.-]{1,20}\Z", re.ASCII)


def _decimal_text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("a decimal is written as text or as an integer")  # noqa: TRY004 - pydantic reports ValueError
    return plain(parse_decimal(str(value)))


def _share(text: str) -> str:
    if not 0 < parse_decimal(text) <= 1:
        raise ValueError("a share lies above 0 and up to 1")
    return text


def _positive(text: str) -> str:
    if parse_decimal(text) <= 0:
        raise ValueError("must be above 0")
    return text


def _asset(text: str) -> str:
    if not _ASSET.match(text):
        raise ValueError("an asset is 1 to 20 of A-Z, 0-9, '.' and '-'")
    return text


def _currency(text: str) -> str:
    if not _CURRENCY.match(text):
        raise ValueError("a currency is three capital letters (ISO 4217)")
    return text


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"{name!r} is not a time zone of the IANA data base") from None
    return name


DecimalText = Annotated[str, BeforeValidator(_decimal_text)]
PositiveText = Annotated[DecimalText, AfterValidator(_positive)]
ShareText = Annotated[DecimalText, AfterValidator(_share)]
Asset = Annotated[str, AfterValidator(_asset)]
Currency = Annotated[str, AfterValidator(_currency)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Seconds = Annotated[int, Field(gt=0)]
Partitions = Annotated[int, Field(ge=1, le=1000)]


class Section(BaseModel):
    """A part of the settings: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSettings(Section):
    """One source topic: its name, and what intake's verdict on its records depends on."""

    name: str | None = None
    epoch: int = Field(default=0, ge=0)
    fields: dict[str, str] = {}
    constants: dict[str, Any] = {}
    ignore_unknown: bool = False
    numbers: Literal["strict", "lenient"] = "strict"
    times: Literal["rfc3339", "s", "ms", "us", "ns"] = "rfc3339"
    max_ahead_s: int = Field(default=60, ge=0)
    late_after_s: int | None = Field(default=None, ge=0)
    bad_share: ShareText | None = None


class MethodSettings(Section):
    """A method an entity is assessed under."""

    id: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")
    mode: Mode = "in_force"
    options: dict[str, Any] = {}


class PriceSettings(Section):
    """Age limit of current prices, and the currencies cross rates may go through."""

    max_age_s: Seconds | None = None
    pivots: tuple[Asset, ...] = ()


class LevelSettings(Section):
    """Where alerts begin and end; `watch_enter` is also the state `watch` (INPUTS 1)."""

    watch_enter: PositiveText | None = None
    watch_exit: PositiveText | None = None
    shortfall_exit: PositiveText | None = None
    dwell_s: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _exit_is_not_below_enter(self) -> Self:
        if self.watch_exit is not None:
            if self.watch_enter is None:
                raise ValueError("watch_exit needs watch_enter")
            if parse_decimal(self.watch_exit) < parse_decimal(self.watch_enter):
                raise ValueError(f"watch_exit {self.watch_exit} is below watch_enter {self.watch_enter}")
        if self.shortfall_exit is not None and parse_decimal(self.shortfall_exit) < 1:
            raise ValueError("shortfall_exit below 1 would resolve a shortfall that still holds")
        return self


class FreshnessSettings(Section):
    """Silence of a feed, and age of an account's newest position in it."""

    max_age_s: Seconds | None = None
    account_max_age_s: Seconds | None = None


class EntitySettings(Section):
    """A licensed legal entity and how it is assessed."""

    reporting_currency: Currency
    time_zone: TimeZone = "UTC"
    calendar: str = "weekdays"
    methods: tuple[MethodSettings, ...] = ()
    prices: PriceSettings = PriceSettings()
    levels: LevelSettings = LevelSettings()
    freshness: dict[str, FreshnessSettings] = {}

    @field_validator("freshness")
    @classmethod
    def _feeds_are_of_source_topics(cls, value: dict[str, FreshnessSettings]) -> dict[str, FreshnessSettings]:
        for feed in value:
            if feed.split("/", 1)[0] not in SOURCE_TOPICS:
                raise ValueError(f"{feed!r} is not <topic> or <topic>/<source> of {', '.join(SOURCE_TOPICS)}")
        return value

    @field_validator("methods")
    @classmethod
    def _each_method_once(cls, value: tuple[MethodSettings, ...]) -> tuple[MethodSettings, ...]:
        ids = [method.id for method in value]
        for twice in {method for method in ids if ids.count(method) > 1}:
            raise ValueError(f"method {twice} is listed twice")
        return value


class ExposureSettings(Section):
    """The pack whose four parts are the published exposure."""

    pack: str = "house.composite"


class CorrectionSettings(Section):
    """How far back trades and positions may be corrected."""

    horizon_days: int = Field(default=400, ge=1, le=20_000)


class IntakeSettings(Section):
    """Segments, look-back and flush of intake (JOURNAL 3, 4)."""

    segment_records: int = Field(default=10_000, ge=1, le=1_000_000)
    lookback_blocks: int = Field(default=20, ge=0, le=1000)
    lookback_h: int = Field(default=72, ge=0, le=8760)
    flush_s: float = Field(default=1.0, gt=0, le=60)


class AllPricesSettings(Section):
    """What holds for the prices of every entity."""

    outlier_ratio: PositiveText | None = None


class MethodsSettings(Section):
    """Where packs of the site lie, beside those shipped."""

    pack_dirs: tuple[Path, ...] = ()


class CalendarSettings(Section):
    """Dates by which the site departs from a calendar of the holidays library."""

    closed: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    @field_validator("closed", "open")
    @classmethod
    def _dates(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
                raise ValueError(f"{text!r} is not a date YYYY-MM-DD")
        return value


class AlertingSettings(Section):
    """Where alerts go, how long an undelivered one is held, where the runbook lies."""

    hold_s: Seconds = 86_400
    group_above: int | None = Field(default=10, ge=1)
    """More new alerts than this of one entity and method at once are told as one (null: never)."""
    runbook_base_url: str = "deploy/runbooks/README.md"
    channels: dict[str, AnyChannelSettings] = {}


class HttpSettings(Section):
    """The admin server, and the other workers the command line may ask."""

    host: str = "127.0.0.1"
    port: int = Field(default=9464, ge=0, le=65_535)
    advertised_url: str | None = None
    peers: tuple[str, ...] = ()


class MetricsSettings(Section):
    """Assets that have series of their own; every other asset is `other`."""

    assets: tuple[Asset, ...] = ()


class AuditSettings(Section):
    """Private keys that sign checkpoints, in the order in which they succeeded each other: the last one signs."""

    keys: tuple[Path, ...] = ()


class LogSettings(Section):
    """Least level, and `json` or `text` (`auto`: text on a terminal)."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "text"] = "auto"
