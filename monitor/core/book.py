"""The state of one entity, and what a journal partition's entities share: what `View` reads and the engine feeds.

`Shared` takes the records of the whole partition (prices, progress) and the flow and bust records of every entity, whose
acceptance is decided per source partition (JOURNAL 3); `Book` takes the other records of its entity. Every state is a
function of the records applied and the clock, whatever their order and repeats; it can be written out in buckets of plain
JSON values and read back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitor.core.configuration import Configuration
from monitor.core.records import JournalRecord


class Shared:
    """Prices, segments and sources of one journal partition."""

    dirty: set[str]

    def __init__(self, config: Configuration) -> None:
        raise NotImplementedError

    def configure(self, config: Configuration) -> None:
        """Change over to a configuration."""
        raise NotImplementedError

    def apply(self, record: JournalRecord, clock: int) -> None:
        """Take a `price` or `progress` record at the engine clock `clock` (ns)."""
        raise NotImplementedError

    def advance(self, clock: int) -> None:
        """The clock has come to `clock`: forget what retention no longer keeps. Cheap when nothing is due."""
        raise NotImplementedError

    def buckets(self) -> Iterator[tuple[str, Any]]:
        """(name, JSON value) of every bucket; `dirty` holds the names of those changed since it was last cleared."""
        raise NotImplementedError

    def bucket(self, name: str) -> Any:
        """The JSON value of one bucket by its name in `dirty`; None when it is empty now."""
        raise NotImplementedError

    @classmethod
    def restore(cls, config: Configuration, buckets: Mapping[str, Any]) -> Shared:
        """The state whose buckets these are."""
        raise NotImplementedError


class Book:
    """State of one entity. Records are applied in journal order; queries go through `monitor.core.view.View`."""

    entity: str
    shared: Shared
    clock: int
    dirty: set[str]

    def __init__(self, entity: str, config: Configuration, shared: Shared) -> None:
        raise NotImplementedError

    def configure(self, config: Configuration) -> None:
        """Change over to a configuration; call after `Shared.configure`."""
        raise NotImplementedError

    def apply(self, record: JournalRecord, clock: int) -> None:
        """Take a record of this entity (flow and bust too: they are handed to `Shared`) at the engine clock `clock` (ns)."""
        raise NotImplementedError

    def advance(self, clock: int) -> None:
        """The clock has come to `clock`: own times ahead come true, incomplete groups apply, old history is thinned.

        Call it before each evaluation; `apply` and `View` do so by themselves.
        """
        raise NotImplementedError

    def deadline(self, after: int) -> int | None:
        """The next instant (ns, above `after`) at which a figure of this entity may change by time alone; None: never."""
        raise NotImplementedError

    def buckets(self) -> Iterator[tuple[str, Any]]:
        """(name, JSON value) of every bucket; `dirty` holds the names of those changed since it was last cleared."""
        raise NotImplementedError

    def bucket(self, name: str) -> Any:
        """The JSON value of one bucket by its name in `dirty`; None when it is empty now."""
        raise NotImplementedError

    @classmethod
    def restore(cls, entity: str, config: Configuration, shared: Shared, buckets: Mapping[str, Any]) -> Book:
        """The state whose buckets these are, on an already restored `shared`."""
        raise NotImplementedError

    # --- for status and metrics (CONTRACT 5, 6); values as JSON text forms
    def trade_flow(self, start: int, end: int) -> list[dict[str, Any]]:
        """Per market with trades executed in [`start`, `end`): {market, trades, quantity, value, last_price}, sorted."""
        raise NotImplementedError

    def incident_objects(self) -> list[dict[str, Any]]:
        """Newest revision of each incident as in its journal body, sorted by id."""
        raise NotImplementedError

    def source_rows(self, at: int) -> list[dict[str, Any]]:
        """Per topic and configured feed: {topic, last_event_at: ns|None, state, applied, duplicate, late, dead_letter}.

        `topic` is the feed's key (`<topic>` or `<topic>/<source>`), `state` one of ok, silent, unhealthy, lost.
        """
        raise NotImplementedError

    def custody(self) -> list[tuple[str, str, str, Any]]:
        """(role, asset, storage, quantity: Decimal) of every position class not empty, sorted."""
        raise NotImplementedError
