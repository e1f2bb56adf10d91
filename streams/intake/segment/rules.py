"""What intake goes by: compiled once from a configuration record's content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from monitor.core.configuration.configuration import cell_width
from monitor.core.journal.records import Rules, journal_partition
from monitor.core.journal.vocabulary import SOURCE_TOPICS
from monitor.core.values.times import DAY, HOUR
from monitor.settings.record import rules_of
from streams.wire import Judge, Known, Reading, SourceFormat
from streams.wire.feeds import FeedPlan, plans_of
from streams.wire.signatures import Signers, signers_of


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """All that the content of segments depends on, and the number under which it is said (JOURNAL 3, 4)."""

    rules: Rules
    journal_partitions: int
    known: Known
    sources: Mapping[str, SourceFormat]
    segment_records: int = 10_000
    lookback_blocks: int = 20
    lookback_h: int = 72
    block_records: int = 10_000
    """Offsets of one block of the look-back: fixed by JOURNAL 4, smaller in simulations only."""
    plans: Mapping[str, FeedPlan] = field(default_factory=dict)
    cell_ns: int = HOUR
    """Width of the cells in which trades are counted."""
    signers: Mapping[str, Signers] = field(default_factory=dict)
    """By the name under which it is read, who signs the records of a source that asks for signatures."""

    @classmethod
    def of(cls, configuration: Mapping[str, Any]) -> Self:
        """The rules in a configuration's content; `ConfigurationError` for a mapping that cannot be."""
        entities = configuration["entities"]
        intake = configuration["intake"]
        known = Known(
            entities=None if configuration["any_entity"] is not None else frozenset(entities),
            horizon_ns=configuration["corrections"]["horizon_days"] * DAY,
            assets=_assets(configuration["assets"]),
        )
        plans = plans_of(configuration)
        sources = {topic: SourceFormat.of(topic, configuration["sources"].get(topic, {})) for topic in SOURCE_TOPICS}
        return cls(
            rules=rules_of(configuration),
            journal_partitions=configuration["journal_partitions"],
            known=known,
            sources=sources | {name: _judged_as(plan) for name, plan in plans.items()},
            plans=plans,
            cell_ns=cell_width(configuration.get("zones", {})),
            signers=signers_of(configuration["sources"]),
            segment_records=intake["segment_records"],
            lookback_blocks=intake["lookback_blocks"],
            lookback_h=intake["lookback_h"],
        )

    def judge(self, topic: str) -> Judge:
        """The authority on records of a source topic, or on the events of a feed."""
        return Judge(self.sources[topic], self.known)

    def plan(self, name: str) -> FeedPlan | None:
        """What makes events of a feed's records (`<kind>/<feed>`); None for a kind that is read as it is."""
        return self.plans.get(name)

    def read_as(self, topic: str) -> tuple[str, ...]:
        """The names under which a kind is read: its feeds', or its own."""
        return tuple(name for name in self.plans if name.startswith(f"{topic}/")) or (topic,)

    def partition_of(self, entity: str) -> int:
        """Journal partition of an entity."""
        return journal_partition(entity, self.journal_partitions)


def _assets(raw: Mapping[str, Any]) -> Reading:
    return Reading(decimals=raw["decimals"], crypto=frozenset(raw["crypto"]), fiat=frozenset(raw["fiat"]))


def _judged_as(plan: FeedPlan) -> SourceFormat:
    feed = plan.feed
    return SourceFormat(feed.kind, feed.epoch, feed.max_ahead_ns, feed.late_after_ns)
