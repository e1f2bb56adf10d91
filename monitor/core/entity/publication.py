"""What an entity has published, when a figure is due, and what an output says of its making (JOURNAL 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from monitor.core.alerts.rehearsal import Rehearsal
from monitor.core.configuration.configuration import Configuration
from monitor.core.entity.closes import Closes
from monitor.core.entity.promotions import Promotions
from monitor.core.entity.sealing import Seal
from monitor.core.evaluation.evaluation import MethodResult
from monitor.core.journal.causes import Causes
from monitor.core.journal.chain import ENGINE_VERSION, Chain, inputs_text
from monitor.core.journal.records import journal_partition
from monitor.core.values.canonical import Fixed, canonical_text, digest_of
from monitor.core.values.times import SECOND, format_time
from monitor.core.view.memory.memo import Made

SPREAD_FROM = 16
SPREAD = SECOND // 10
"""Where so many entities and more share a journal partition, their exposures with their scenarios are published at other
instants, spread over so long for each, and over half the interval at most: they take as long as many evaluations do.
"""

_PHASES = 1_000_003
"""No multiple of a count of partitions, so that those of one partition are spread too."""

UNCHAINED: dict[str, Any] = {"chain": None, "digest": None}
"""Of figures that were not published."""


@dataclass(slots=True)
class PublishedLine:
    """What was published last of one method (or of the exposure), and whether its figures have moved since.

    `shape` covers state, component states, gaps, mode and configuration. `mark` is the journal offset up to which causes
    were told, `state_since` (ns) when the present state began.
    """

    shape: str = ""
    digest: str = ""
    published_at: int = 0
    mark: int = -1
    moved: bool = False
    state: str = ""
    state_since: int = 0

    def take(self, state: str, digest: str, at: int) -> None:
        """Notes an evaluation's state and result digest."""
        if state != self.state:
            self.state, self.state_since = state, at
        self.moved = digest != self.digest

    def due(self, shape: str, at: int, interval: int) -> bool:
        """Whether the evaluation just taken is to be published by itself."""
        return shape != self.shape or (self.moved and at >= self.published_at + interval)

    def published(self, shape: str, digest: str, at: int, mark: int) -> None:
        """Notes that it was."""
        self.shape, self.digest, self.published_at, self.mark, self.moved = shape, digest, at, mark, False

    def next_instant(self, interval: int) -> int | None:
        """When moved figures are due for publication; None when they have not moved."""
        return self.published_at + interval if self.moved else None

    def state_values(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        return asdict(self) | {"published_at": str(self.published_at), "state_since": str(self.state_since)}

    @staticmethod
    def of_state(state: Mapping[str, Any]) -> PublishedLine:
        """The line that `state_values` wrote."""
        return PublishedLine(**{**state, "published_at": int(state["published_at"]), "state_since": int(state["state_since"])})


@dataclass(slots=True)
class EntityStanding:
    """What an entity has published and where it stands: all that a snapshot keeps besides the book."""

    chain: Chain = field(default_factory=Chain)
    seal: Seal = field(default_factory=Seal)
    causes: Causes = field(default_factory=Causes)
    lines: dict[str, PublishedLine] = field(default_factory=dict)
    closes: dict[str, Closes] = field(default_factory=dict)
    newest: dict[str, dict[str, Any]] = field(default_factory=dict)
    rehearsal: Rehearsal = field(default_factory=Rehearsal)
    promotions: Promotions = field(default_factory=Promotions)
    evaluated_at: int = 0
    mark: int = -1
    again: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the journal stands at an evaluation, and what had been read of it."""

    partition: int
    offset: int
    inputs: bytes
    config_digest: str

    def printed(self) -> dict[str, Any]:
        """The fields every output carries (DESIGN P7)."""
        return {
            "journal": {"partition": self.partition, "offset": self.offset},
            "inputs_digest": inputs_text(self.inputs),
            "config_digest": self.config_digest,
            "engine_version": ENGINE_VERSION,
        }


def method_fields(found: MethodResult) -> dict[str, Any]:
    """Id, version and digest of the method that made a result."""
    prepared = found.prepared
    return {"method": prepared.config.id, "method_version": prepared.version, "method_digest": prepared.digest}


def study_mark(found: MethodResult) -> dict[str, bool]:
    """The mark of a study on its assessments; nothing for any other method."""
    return {"study": True} if found.prepared.method.plan.pack.study else {}


def assessment_object(
    entity: str, found: MethodResult, at: int, evidence: Evidence, sources: list[dict[str, Any]]
) -> dict[str, Any]:
    """A result as `reserve.assessments` carries it, before it has its place in the chain (CONTRACT 2)."""
    return {
        "schema": "reserve.assessment/1",
        "entity": entity,
        **method_fields(found),
        **study_mark(found),
        "mode": found.prepared.config.mode,
        "kind": "live",
        "revision": 0,
        "replaces": None,
        "at": format_time(at),
        **found.printed,
        "sources": sources,
        **evidence.printed(),
        "result_digest": found.digest,
    }


def as_shown(value: dict[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """An evaluation as it is shown: one that was not published has the `why` of the last that was, and names it."""
    if "why" in value:
        return value | {"explained": {"at": value["at"], "digest": value["digest"]}}
    told = {} if before is None else {name: before[name] for name in ("why", "why_since", "explained")}
    return UNCHAINED | value | told


def shown_again(value: dict[str, Any], at: int, evidence: Evidence, sources: list[dict[str, Any]]) -> dict[str, Any]:
    """What was shown last, as an evaluation at `at` would show it that found the same and published nothing."""
    told = {"sources": sources} if "sources" in value else {}
    return value | UNCHAINED | {"at": format_time(at)} | evidence.printed() | told


class Shapes:
    """Digests of what is published at once when it changes: state, component states, gaps, mode, configuration."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Made[Any, Any]] = {}
        self._last: dict[str, tuple[tuple[str, ...], str]] = {}

    def of(self, found: MethodResult, config_digest: str) -> str:
        """The digest of a result; of what is the same object as the last time nothing is made anew."""
        printed, config = found.printed, found.prepared.config
        states = self._fixed(config.id, printed["components"], ("name", "state", "cure_by"))
        gaps = self._fixed(config.id, printed["gaps"], ("kind", "subject", "effect"))
        content = config_digest, config.mode, printed["state"], states.text, gaps.text
        last = self._last.get(config.id)
        if last is None or last[0] != content:
            digest = digest_of([config_digest, config.mode, printed["state"], states, gaps])
            last = self._last[config.id] = content, digest
        return last[1]

    def _fixed(self, method: str, several: Iterable[Mapping[str, Any]], fields: tuple[str, ...]) -> Fixed:
        def shape(one: Mapping[str, Any]) -> str:
            return canonical_text([one[field] for field in fields])

        made = self._made.setdefault((method, fields[0]), Made())
        found: Fixed = made.of(tuple(several), shape, lambda texts: Fixed((), texts))
        return found


def spread_of(name: str, config: Configuration) -> int:
    """How much longer than the interval (ns) the entity's exposure waits, so that not all of a partition are due at once."""
    many = len(config.entities) // config.journal_partitions
    whole = min(many * SPREAD, config.publish_interval_ns // 2) if many >= SPREAD_FROM else 0
    return whole * (journal_partition(name, _PHASES) if whole else 0) // _PHASES
