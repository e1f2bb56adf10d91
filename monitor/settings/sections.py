"""The sections of the settings as CONTRACT 4 names them: types, defaults and limits of every value.

Decimals are text. Unknown keys are errors everywhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from monitor.core.journal.vocabulary import OWN_TOPICS, SOURCE_TOPICS, ControlledChange, Mode
from monitor.core.values.money import FRACTION_DIGITS, MOST_FRACTION_DIGITS, parse_decimal
from monitor.notify.settings import AnyChannelSettings
from monitor.settings.values import (
    Asset,
    Currency,
    PositiveText,
    RatioText,
    Seconds,
    SecondsFrom0,
    TimeZone,
    Whole,
    digits,
)


class Section(BaseModel):
    """A part of the settings: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class MethodSettings(Section):
    """A method an entity is assessed under."""

    id: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")
    """The pack, as `methods list` shows it."""
    mode: Mode = "in_force"
    """`in_force` pages people; `shadow` runs beside it, for the record."""
    options: dict[str, Any] = {}
    """What the pack lets a site choose, as `methods show` lists it."""


class PriceSettings(Section):
    """Age limit of current prices, and the currencies cross rates may go through."""

    max_age_s: Seconds | None = None
    """Age at which a price counts as missing: a holding is not valued at what was true yesterday. Absent: never too old."""
    pivots: tuple[Asset, ...] = ()
    """Assets over which a price may be crossed where no direct one exists, in order."""


class LevelSettings(Section):
    """Where alerts begin and end; `watch_enter` is also the state `watch` (INPUTS 1)."""

    watch_enter: PositiveText | None = None
    """Coverage below which `ReserveCoverageLow` warns, before anything is missing. Absent: no such warning."""
    watch_exit: PositiveText | None = None
    """Coverage above which the warning ends; higher than `watch_enter`, so that it does not flap."""
    shortfall_exit: PositiveText | None = None
    """Coverage above which a shortfall counts as healed; absent: 1."""
    enter_dwell_s: SecondsFrom0 = 0
    """How long a state holds before its alert fires: so long a page waits. `dwell_s` sets this and the next one."""
    exit_dwell_s: SecondsFrom0 = 60
    """How long a state is over before its alert resolves, so that it does not flap."""
    forecast_window_h: Whole | None = Field(default=None, ge=12, le=168)
    """Over how many hours the drift is taken that `ShortfallForecast` goes by. Absent: no forecast."""
    forecast_dwell_s: SecondsFrom0 = 900
    """How long a forecast holds before its alert fires."""

    @model_serializer(mode="wrap")
    def _without_what_is_off(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A forecast that is off leaves no trace, so that configurations of before keep their digest."""
        values: dict[str, Any] = write(self)
        if self.forecast_window_h is None:
            values = {name: value for name, value in values.items() if not name.startswith("forecast_")}
        return values

    @model_validator(mode="before")
    @classmethod
    def _one_dwell_sets_both(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "dwell_s" not in value:
            return value
        given = {name: seconds for name, seconds in value.items() if name != "dwell_s"}
        return {"enter_dwell_s": value["dwell_s"], "exit_dwell_s": value["dwell_s"]} | given

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
    """Silence of a feed, age of an account's newest position in it, and how far it may lie behind (absent: `max_age_s`)."""

    max_age_s: Seconds | None = None
    """Silence after which the feed counts as dead and what depends on it as unknown. Absent: silence is never noticed."""
    account_max_age_s: Seconds | None = None
    """Age at which one account's position is only a bound: a stuck wallet beside a live feed."""
    max_behind_s: Seconds | None = None
    """How far the feed's newest record may lie behind the time it came in. Absent: `max_age_s`."""


class EntitySettings(Section):
    """A licensed legal entity and how it is assessed."""

    reporting_currency: Currency
    """The currency of every figure of this entity."""
    time_zone: TimeZone = "UTC"
    """Where its business day ends."""
    calendar: str = "weekdays"
    """Business days of its deadlines: a country of the holidays library, `weekdays` or `all`."""
    methods: tuple[MethodSettings, ...] = ()
    """What it is assessed under, side by side."""
    prices: PriceSettings = PriceSettings()
    """How old a price may be, and over what it may be crossed."""
    levels: LevelSettings = LevelSettings()
    """Where alerts begin and end."""
    freshness: dict[str, FreshnessSettings] = {}
    """When a feed counts as silent, by `<topic>` or `<topic>/<source>`."""

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
    """The method whose four parts are published as the exposure; its rates are changed by a new version of the pack."""


class TopicsSettings(Section):
    """Names of the journal, the outputs and the dead letters, so that several systems can share a cluster."""

    prefixed: bool = False
    """Whether `kafka.prefix` and a point stand before these names: two systems on one cluster need it."""
    names: dict[str, Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]] = Field(default_factory=dict)
    """The name on the broker by the default one, where a site has rules for names; used as it is, without the prefix."""

    @field_validator("names")
    @classmethod
    def _own(cls, names: dict[str, str]) -> dict[str, str]:
        unknown = [name for name in names if name not in OWN_TOPICS]
        if unknown:
            raise ValueError(
                f"{unknown[0]} is no topic of ours: {', '.join(OWN_TOPICS)}; a source's stands in sources.<topic>.name"
            )
        return names


class CorrectionSettings(Section):
    """How far back trades and positions may be corrected."""

    horizon_days: Whole = Field(default=400, ge=1, le=20_000)
    """Older trades, prices and positions are refused. A year and a month: a closed fiscal year can still be corrected."""


class IntakeSettings(Section):
    """Segments, look-back and flush of intake (JOURNAL 3, 4)."""

    segment_records: Whole = Field(default=10_000, ge=1, le=1_000_000)
    """Records of a partition whose sums are one statement in the journal; after a crash so many are read again at most."""
    lookback_blocks: Whole = Field(default=20, ge=0, le=1000)
    """Segments in which a trade id that comes again is known as a repeat."""
    lookback_h: Whole = Field(default=72, ge=0, le=8760)
    """Hours of log time in which it is known; a longer redelivery by a venue would count twice."""
    flush_s: float = Field(default=1.0, gt=0, le=60)
    """How often sums of trades and prices go to the journal: the delay they add to an alert. Of trades of very many markets up to
    twice that while it catches up."""
    processes: Whole = Field(default=1, ge=1, le=64)
    """Processes among which one daemon spreads the partitions it is given: one uses about a core. Status and stop are its own."""


class AssessorSettings(Section):
    """How the assessor looks after itself; no figure depends on it."""

    check_evaluations: bool = False
    """Debugging: every evaluation, which reads again only what has changed, is held against one that reads everything. Where
    they differ the latter's figures stand, an error is logged and `reserve_evaluation_differences_total` counts. Costs many
    times as much."""


class AllPricesSettings(Section):
    """What holds for the prices of every entity."""

    outlier_ratio: RatioText | None = "10"
    """A price this many times above or below the last one is a bound until it is confirmed; null: no guard."""
    highest: dict[Asset, PositiveText | None] = {}
    """By currency the price above which none is believed unless a person dismisses the doubt: an integer of an oracle, read
    without its exponent, is one. Absent: about ten million dollars in each major currency; null: no limit in this one."""


class AssetSettings(Section):
    """What tickers stand for, how far they divide, and which are left out (CONTRACT 7).

    `crypto` and `fiat` override the list of ISO 4217. `fiat` is by default the major currencies; the reporting currencies and
    the pivots that are codes are always of it. `aliases`: a source's name to ours.
    """

    crypto: tuple[Asset, ...] = ()
    """Coins whose ticker is also the code of a currency, such as MNT."""
    fiat: tuple[Asset, ...] | None = None
    """Codes that are money wherever they are found; absent: the major currencies."""
    ignore: tuple[Asset, ...] = ()
    """Assets that count in no figure and are listed with their quantity: tokens that strangers send."""
    aliases: dict[str, Asset] = {}
    """A source's name of an asset, and ours."""
    minor_units: dict[Asset, digits(FRACTION_DIGITS)] = {}  # type: ignore[valid-type]
    """Decimals to which amounts of a currency are printed, where they are not those of ISO 4217."""
    decimals: dict[Asset, digits(MOST_FRACTION_DIGITS)] = {}  # type: ignore[valid-type]
    """Fraction digits of quantities of assets that divide further than 18."""

    @model_validator(mode="after")
    def _one_kind_each(self) -> Self:
        for asset in self.crypto:
            if asset in (self.fiat or ()):
                raise ValueError(f"{asset} stands in crypto and in fiat: it is one of them")
        for asset in self.ignore:
            if asset in (*self.crypto, *(self.fiat or ())):
                raise ValueError(f"{asset} stands in ignore and in crypto or fiat: what is left out is neither")
        return self


class MethodsSettings(Section):
    """Where packs of the site lie, beside those shipped."""

    pack_dirs: tuple[Path, ...] = ()
    """Folders with packs of the site, read beside those shipped."""


class CalendarSettings(Section):
    """Dates by which the site departs from a calendar of the holidays library."""

    closed: tuple[str, ...] = ()
    """Days on which the site does no business although the calendar has it open."""
    open: tuple[str, ...] = ()
    """Days on which it does although the calendar has it closed."""

    @field_validator("closed", "open")
    @classmethod
    def _dates(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
                raise ValueError(f"{text!r} is not a date YYYY-MM-DD")
        return value


ADMIN_SERVER = "http://127.0.0.1:9464"
RUNBOOKS = f"{ADMIN_SERVER}/runbooks"
"""The same on every stage, since it is part of the record: not derived from an address of one process."""


class AlertingSettings(Section):
    """Where alerts go, how long an undelivered one is held, where the runbook lies."""

    hold_s: Seconds = 86_400
    """How long Alertmanager keeps an alert whose dispatcher is gone: s ahead of now that `endsAt` lies while it fires."""
    group_above: Whole | None = Field(default=10, ge=1)
    """More new alerts than this of one entity and method at once are told as one (null: never)."""
    runbook_base_url: str = RUNBOOKS
    """Where the runbook is served: what `runbook_url` of every alert begins with. Default: the admin server's own pages, as its
    own host reaches them."""
    boards_base_url: str | None = None
    """Where Grafana is: an alert then links to the board of its entity, one of the dispatcher itself to that of operations."""
    channels: dict[str, AnyChannelSettings] = {}
    """Who is told, by a name of the site's choice. Empty: nobody."""


class MetricsSettings(Section):
    """Assets that have series of their own; every other asset is `other`."""

    assets: tuple[Asset, ...] = ()
    """A closed list, because each asset is some twenty series an entity."""


class TimestampAuthoritySettings(Section):
    """Who says when a checkpoint was there (RFC 3161); asked by the archiver of each, and by `audit stamp`."""

    url: str = Field(pattern=r"^https?://[^@]+$")
    """Address that takes time stamp queries over HTTP."""
    ca_file: Path
    """Root certificates (PEM) under which its answers are checked."""


class AuditSettings(Section):
    """Private keys that sign checkpoints, in the order in which they succeeded each other: the last one signs."""

    keys: tuple[Path, ...] = ()
    """Files of Ed25519 keys (`audit keygen`); older ones stay, so that what they signed is known to be theirs."""
    timestamp_authority: TimestampAuthoritySettings | None = None
    """Absent: when checkpoints were made is what the firm says, until somebody else holds them."""


class ControlsSettings(Section):
    """What takes two people, and who they may be (docs/evidence.md)."""

    approvers: dict[str, Annotated[str, Field(pattern=r"^ed25519:[0-9a-f]{64}$")]] = {}
    """Public key of each person who may sign, by name (`audit keygen` makes keys)."""
    four_eyes: tuple[ControlledChange, ...] = ()
    """Changes of the configuration, and dismissals, that hold only with the signatures of two of them."""
    approvals: tuple[Path, ...] = ()
    """Files of signed promotions, as `promote sign` writes them, that this configuration's changes rest on."""

    @model_validator(mode="after")
    def _two_people(self) -> Self:
        if len(set(self.approvers.values())) < len(self.approvers):
            raise ValueError("two approvers have one key: each person has their own")
        if self.four_eyes and len(self.approvers) < 2:
            raise ValueError("four_eyes needs at least two approvers")
        return self


class ArchiveSettings(Section):
    """Where journal and outputs are kept for the years that law asks, beyond what Kafka keeps (docs/archive.md)."""

    target: str | None = None
    """A folder, or `s3://bucket/prefix`. Absent: nothing is archived, and what Kafka loses is lost."""
    endpoint: str | None = Field(default=None, pattern=r"^https?://[^/@?#]+/?$")
    """Address of a store other than AWS that speaks S3, such as MinIO or Ceph."""
    region: str | None = None
    """Region of the bucket."""
    access_key_id: str | None = None
    """Who writes to the bucket. Absent: the role of the host or of the service account."""
    secret_key_file: Path | None = None
    """The file that holds the secret of `access_key_id`."""
    object_mb: Whole = Field(default=64, ge=1, le=1024)
    """Size of the lines in an object, before compression, at which the next one begins within a day."""
    keep_years: Whole = Field(default=10, ge=1, le=100)
    """How long the firm must keep its records. Nothing is deleted: `archive list` says until when each object is to be kept."""

    @field_validator("target")
    @classmethod
    def _folder_or_bucket(cls, value: str | None) -> str | None:
        scheme, found, rest = (value or "").partition("://")
        if found and (scheme != "s3" or not rest.partition("/")[0]):
            raise ValueError("an archive is a folder, or s3://bucket/prefix")
        return value

    @model_validator(mode="after")
    def _key_and_secret(self) -> Self:
        if (self.access_key_id is None) != (self.secret_key_file is None):
            raise ValueError("archive.access_key_id and archive.secret_key_file belong together: set both or neither")
        return self


class LogSettings(Section):
    """Least level, and `json` or `text` (`auto`: text on a terminal)."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is written."""
    format: Literal["auto", "json", "text"] = "auto"
    """`json` for a collector, `text` for people."""
