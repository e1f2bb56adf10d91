"""A feed as the configuration says it (FEEDS, Configuration): what is read, what of it, and how it becomes canonical."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from monitor.core.journal.vocabulary import BALANCES, PRICES
from monitor.core.values.times import SECOND
from streams.wire.mapping import RFC3339


@dataclass(frozen=True, slots=True)
class FeedFormat:
    """One feed of a kind. Times are ns; `late_after_ns` None: nothing is late. `FeedPlan` checks the rest."""

    kind: str
    name: str
    topic: str
    epoch: int = 0
    max_ahead_ns: int = 60 * SECOND
    late_after_ns: int | None = None
    format: str = "json"
    json_texts: tuple[str, ...] = ()
    """Paths of texts that hold JSON themselves."""
    where: Mapping[str, Any] = field(default_factory=dict)
    heartbeat: Mapping[str, Any] = field(default_factory=dict)
    each: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    lenient: bool = False
    times: str = RFC3339
    time_zone: str | None = None
    snapshot_by: tuple[str, ...] = ()
    """What a record is the whole list of; empty: a record is no whole list."""
    allow_empty: bool = False

    @classmethod
    def of(cls, kind: str, name: str, raw: Mapping[str, Any], aliases: Mapping[str, str]) -> Self:
        """The feed in a configuration record's `sources.<kind>.feeds.<name>`; `aliases` are those of all feeds."""
        late, each = raw.get("late_after_s"), raw.get("each") or ()
        snapshot = raw.get("snapshot")
        return cls(
            kind=kind,
            name=name,
            topic=raw["topic"],
            epoch=raw.get("epoch", 0),
            max_ahead_ns=int(raw.get("max_ahead_s", 60)) * SECOND,
            late_after_ns=None if late is None else int(late) * SECOND,
            format=raw.get("format", "json"),
            json_texts=tuple(raw.get("json_texts") or ()),
            where=dict(raw.get("where") or {}),
            heartbeat=dict(raw.get("heartbeat") or {}),
            each=(each,) if isinstance(each, str) else tuple(each),
            fields=dict(raw.get("fields") or {}),
            constants=_constants(kind, name, raw),
            values=dict(raw.get("values") or {}),
            aliases={**aliases, **(raw.get("aliases") or {})},
            lenient=raw.get("numbers") == "lenient",
            times=raw.get("times", RFC3339),
            time_zone=raw.get("time_zone"),
            snapshot_by=() if snapshot is None else tuple(snapshot.get("by", ("entity", "role"))),
            allow_empty=snapshot is not None and bool(snapshot.get("allow_empty")),
        )

    @property
    def full_name(self) -> str:
        """As lineage, gaps, metrics and freshness call it."""
        return f"{self.kind}/{self.name}"

    @property
    def place(self) -> str:
        """Where it stands in the configuration, for messages."""
        return f"sources.{self.kind}.feeds.{self.name}"


def _constants(kind: str, name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, and the feed's name as the source of its balances and prices where nothing else is."""
    constants = dict(raw.get("constants") or {})
    if kind in {BALANCES, PRICES} and "source" not in (raw.get("fields") or {}):
        constants.setdefault("source", name)
    return constants
