"""Source topics and their feeds: several topics, each with its own mapping, for one kind of events (CONTRACT 4, 7).

Here stand the keys and their shapes; what a mapping says in detail, intake's plan compiles and refuses. Mappings of known
systems ship with the product (`monitor/feeds/*.yaml`); a feed takes one with `use` and may override its keys.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, field_validator, model_validator

from monitor.settings.sections import Section
from monitor.settings.values import Asset, PositiveText, RatioText, SecondsFrom0, ShareText, Whole

_SHIPPED = files("monitor") / "feeds"


class SnapshotSettings(Section):
    """Records that are whole lists of accounts."""

    by: tuple[Literal["entity", "role", "storage", "asset"], ...] = ("entity", "role")
    """What a record is the whole list of: an account of the same that is no longer in it holds 0 from then on."""
    allow_empty: bool = False
    """Whether an empty list says that nobody holds anything; refused otherwise, since it mostly says that a query failed."""


PublicKeyText = Annotated[str, Field(pattern=r"^ed25519:[0-9a-f]{64}$")]


class SignatureSettings(Section):
    """Who signs the records of a source: without a good signature in the header `reserve-signature` a record is refused."""

    keys: tuple[PublicKeyText, ...]
    """Public keys of Ed25519, as `audit keygen` prints them; while one replaces another both stand here."""
    window_s: Whole = Field(default=300, gt=0, le=86_400)
    """Age at which a signature is no longer good: a record that was taken down cannot be brought again after it."""

    @field_validator("keys")
    @classmethod
    def _somebody_signs(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if not keys:
            raise ValueError("names no key: every record would be refused; leave `signatures` out to take everybody's")
        return keys


class FeedSettings(Section):
    """One feed of a kind: the topic it is read from, and how records there become events."""

    topic: str = Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")
    """Several feeds may read one topic: a venue sends many kinds of messages through one connection."""
    use: str | None = None
    """A shipped mapping, so that a known venue needs no mapping of one's own; keys given beside it replace its keys."""
    epoch: Whole = Field(default=0, ge=0, le=2**53)
    """One more each time the topic is made anew, so that its offsets, which begin again, are not taken for repeats."""
    max_ahead_s: SecondsFrom0 = 60
    """How far an event's own time may lie after its log time: clocks differ, forged times differ more."""
    late_after_s: SecondsFrom0 | None = None
    """Age from which an event counts as late; absent: nothing is late."""
    bad_share: ShareText | None = None
    """Share of dead letters among the events meant for the feed from which nobody should rely on it."""
    format: str = "json"
    """How a record holds JSON, as producers wrap it: json, json_lines, json_text, confluent_json, prefixed_json (behind whatever
    stands before its first bracket), gzip+ or zlib+ in front."""
    json_texts: tuple[str, ...] = ()
    """Paths of texts that hold JSON themselves, as envelopes carry messages: they are read on as what they hold."""
    where: dict[str, Any] = Field(default_factory=dict)
    """Conditions by path that records must meet: the rest of the topic is left out and counted as filtered."""
    heartbeat: dict[str, Any] = Field(default_factory=dict)
    """Conditions of records that are left out and still show that the feed is alive."""
    each: str | tuple[str, ...] | None = None
    """Path of the list whose elements are the events, where a record holds several; of several paths the first that is there."""
    fields: dict[str, Any] = Field(default_factory=dict)
    """Where each canonical field stands in the record."""
    constants: dict[str, Any] = Field(default_factory=dict)
    """Canonical fields that the record does not hold because they never change."""
    values: dict[str, Any] = Field(default_factory=dict)
    """How raw values become canonical: tables, symbols, scales, signs, times."""
    aliases: dict[str, str] = Field(default_factory=dict)
    """Names of assets in this feed, because systems call one coin differently."""
    numbers: Literal["strict", "lenient"] = "strict"
    """`lenient` takes JSON floats and exponents digit by digit; `strict` refuses them, since a float has lost digits before."""
    times: Literal["rfc3339", "s", "ms", "us", "ns"] = "rfc3339"
    """What mapped times count since 1970: many venues send integers."""
    snapshot: SnapshotSettings | None = None
    """Each record is the whole list of an entity's accounts in this feed, so that an account that is closed does not stay."""
    time_zone: str | None = None
    """Zone of mapped times without an offset, which are written year first. Those with one keep it, `+0545` and `+05` too."""
    signatures: SignatureSettings | None = None
    """Whose records are taken, so that who can write the topic still cannot invent them. Absent: everybody's."""

    @model_validator(mode="before")
    @classmethod
    def _shipped(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or not isinstance(raw.get("use"), str):
            return raw
        mapping = shipped_mapping(raw["use"])["mapping"]
        return {key: _merged(mapping.get(key), raw.get(key)) for key in (*mapping, *(key for key in raw if key not in mapping))}


class SourceSettings(Section):
    """One source topic: its name, and what intake's verdict on its records depends on."""

    name: str | None = None
    """The topic's name on the broker; absent: the default name."""
    epoch: Whole = Field(default=0, ge=0, le=2**53)
    """One more each time the topic is made anew, so that its offsets, which begin again, are not taken for repeats."""
    fields: dict[str, str] = Field(default_factory=dict)
    """Where each field stands in the source's own JSON, so that a foreign feed needs no converter."""
    constants: dict[str, Any] = Field(default_factory=dict)
    """Fields that the source does not send because they never change."""
    ignore_unknown: bool = False
    """Pass over fields that nobody reads. Off: such a field may change what a figure means, so the record is refused."""
    numbers: Literal["strict", "lenient"] = "strict"
    """`lenient` takes JSON floats and exponents digit by digit; `strict` refuses them, since a float has lost digits before."""
    times: Literal["rfc3339", "s", "ms", "us", "ns"] = "rfc3339"
    """What a mapped time counts since 1970: many venues send integers."""
    max_ahead_s: SecondsFrom0 = 60
    """How far a record's own time may lie after its log time: clocks differ, forged times differ more."""
    late_after_s: SecondsFrom0 | None = None
    """Age beyond which a record counts as late; absent: nothing is late."""
    bad_share: ShareText | None = None
    """Share of dead letters from which the source is unhealthy and its figures unknown, rather than quietly too small."""
    jump_ratio: RatioText | None = None
    """A balance this many times above or below the one before is a bound until it is confirmed; absent: no guard."""
    supply: dict[Asset, PositiveText | None] = Field(default_factory=dict)
    """Per asset the most that any account can hold: more is a wrong scale, which repeats itself; balances alone. Of coins
    with a hard cap (BTC, LTC, XRP ...) the cap holds unless another is given; null: none."""
    confirm_s: SecondsFrom0 = 60
    """How much later, by log time, the same source must say the same of a jump to be believed."""
    signatures: SignatureSettings | None = None
    """Whose records are taken, so that who can write the topic still cannot invent them. Absent: everybody's."""
    feeds: dict[Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")], FeedSettings] = Field(default_factory=dict)
    """Several topics for this kind, each with its own mapping, because no site has one topic in one format."""

    @model_validator(mode="after")
    def _one_way_to_read(self) -> Self:
        if self.feeds and (self.name or self.fields or self.constants or self.signatures):
            raise ValueError("with `feeds` only they are read: name, fields, constants and signatures belong into a feed")
        return self


def shipped_names() -> list[str]:
    """Names of the mappings that ship with the product, sorted."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _SHIPPED.iterdir() if entry.name.endswith(".yaml"))


def shipped_mapping(name: str) -> dict[str, Any]:
    """A shipped mapping: `kind`, `about`, `lacks` (what the system does not say) and `mapping`; ValueError if there is none."""
    if name not in shipped_names():
        raise ValueError(f"there is no shipped feed {name!r}: `reserve-monitor feeds list` shows those there are")
    content: dict[str, Any] = yaml.safe_load((_SHIPPED / f"{name}.yaml").read_text("utf-8"))
    return content


def shipped_text(name: str) -> str:
    """A shipped mapping as it is written; ValueError if there is none."""
    shipped_mapping(name)
    return (_SHIPPED / f"{name}.yaml").read_text("utf-8")


def _merged(shipped: Any, own: Any) -> Any:
    """Mappings are merged by key; anything else that is given replaces."""
    if own is None:
        return shipped
    return {**shipped, **own} if isinstance(shipped, dict) and isinstance(own, dict) else own
