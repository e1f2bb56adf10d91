"""The engine's state as snapshot values, and back (JOURNAL 6). Names: `engine`, `configuration`, `shared/..`, `entity/..`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from monitor.core.alerts.rehearsal import Rehearsal
from monitor.core.book.book import Book
from monitor.core.book.shared import Shared
from monitor.core.configuration.configuration import Configuration
from monitor.core.entity.closes import Closes
from monitor.core.entity.entity import Entity
from monitor.core.entity.promotions import Promotions
from monitor.core.entity.publication import PublishedLine
from monitor.core.entity.sealing import Seal
from monitor.core.evaluation.evaluation import Evaluator
from monitor.core.journal.causes import Causes
from monitor.core.journal.chain import Chain
from monitor.core.journal.snapshot import StateValues

SHARED = "shared/"
ENTITY = "entity/"


def shared_values(shared: Shared, *, whole: bool) -> Iterator[tuple[str, Any]]:
    """Prices, segments and sources: what changed since the last cut, or the whole for the first."""
    for name in sorted(shared.names() if whole else shared.dirty):
        yield SHARED + name, shared.bucket(name)


def entity_values(entity: Entity) -> Iterator[tuple[str, Any]]:
    """An entity: what changed since the last cut, or the whole for its first."""
    prefix = f"{ENTITY}{entity.name}/"
    for name in sorted(entity.book.names() if entity.uncut else entity.book.dirty):
        yield f"{prefix}book/{name}", entity.book.bucket(name)
    for name, value in entity.footings.values(whole=entity.uncut):
        yield f"{prefix}footing/{name}", value
    for name, value in entity.courses.values(whole=entity.uncut):
        yield f"{prefix}course/{name}", value
    if not entity.changed:
        return
    standing = entity.standing
    yield f"{prefix}standing", _standing_value(entity)
    yield f"{prefix}alerts", entity.alerts.state()
    yield f"{prefix}closes", {name: closes.state() for name, closes in standing.closes.items()}
    for name, value in standing.newest.items():
        yield f"{prefix}newest/{name}", value
    for name in sorted(entity.dropped):
        yield f"{prefix}newest/{name}", standing.newest.get(name)


def taken(shared: Shared | None, entities: Mapping[str, Entity]) -> None:
    """A cut is complete: nothing has changed since."""
    if shared is not None:
        shared.dirty.clear()
    for entity in entities.values():
        entity.book.dirty.clear()
        entity.dropped.clear()
        entity.footings.taken()
        entity.courses.taken()
        entity.changed = entity.uncut = False


def restored_shared(config: Configuration, values: StateValues) -> Shared:
    """Prices, segments and sources as they were."""
    return Shared.restore(config, values.below(SHARED))


def restored_entities(
    config: Configuration, former: Configuration | None, shared: Shared, values: StateValues
) -> Iterator[Entity]:
    """The entities as they were, by name; their running inputs digests are the engine's to set.

    `former`: the configuration under which they published last, where that is another one.
    """
    for name, own in sorted(values.rooms(ENTITY).items()):
        book = Book.restore(name, config, shared, own.below("book/"))
        entity = Entity(name, book, config)
        _restore_standing(entity, own)
        entity.footings.restore(own.below("footing/"))
        entity.courses.restore(own.below("course/"))
        if former is not None and own["standing"]["former"]:
            entity.footings.former = Evaluator(name, former)
        yield entity


def _standing_value(entity: Entity) -> dict[str, Any]:
    standing = entity.standing
    rehearsal = standing.rehearsal
    return {
        "waiting": entity.waiting,
        "pressed": entity.pressed,
        "former": entity.footings.former is not None,
        "chain": standing.chain.state(),
        "seal": standing.seal.state(),
        "causes": standing.causes.state(),
        "lines": {name: line.state_values() for name, line in standing.lines.items()},
        "rehearsal": [_text(rehearsal.begins_at), _text(rehearsal.expires_at)],
        "promotions": standing.promotions.state(),
        "evaluated_at": str(standing.evaluated_at),
        "mark": standing.mark,
        "again": [[str(instant), str(event_time)] for instant, event_time in standing.again],
    }


def _restore_standing(entity: Entity, values: StateValues) -> None:
    state = values["standing"]
    standing = entity.standing
    standing.chain = Chain.of_state(state["chain"])
    standing.seal = Seal.of_state(state["seal"])
    standing.causes = Causes.of_state(state["causes"])
    standing.lines = {name: PublishedLine.of_state(line) for name, line in state["lines"].items()}
    standing.rehearsal = Rehearsal(*(None if text is None else int(text) for text in state["rehearsal"]))
    if "promotions" in state:  # before state version 5 there were none
        standing.promotions = Promotions.of_state(state["promotions"])
        entity.prepare()
    standing.evaluated_at, standing.mark = int(state["evaluated_at"]), state["mark"]
    standing.again = [(int(instant), int(event_time)) for instant, event_time in state["again"]]
    standing.closes = {name: Closes.of_state(closes) for name, closes in values["closes"].items()}
    standing.newest = dict(values.below("newest/"))
    entity.alerts.restore(values["alerts"])
    entity.restored(waiting=state["waiting"], pressed=state.get("pressed", state["waiting"]))  # not before state version 10


def configuration_of(values: Mapping[str, Any], name: str = "configuration") -> Mapping[str, Any] | None:
    """The content of the configuration in force, None before the first; or of another one that is kept."""
    text = values.get(name)
    return None if text is None else json.loads(text)


def _text(instant: int | None) -> str | None:
    return None if instant is None else str(instant)
