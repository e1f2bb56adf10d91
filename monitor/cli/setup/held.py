"""What is held and owed, against section `assets`: a configuration alone cannot say whether what it leaves out is owed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.errors import UsageError

if TYPE_CHECKING:
    from monitor.core.engine import Engine
    from monitor.settings.load import Settings

Statuses = Sequence[Mapping[str, Any]]
"""Status objects of entities (CONTRACT 5)."""


def of_events(settings: Settings, events: Sequence[Path], config: Path | None) -> Statuses:
    """The entities as event files leave them under their methods, none without; refused lines are named on stderr."""
    from monitor.cli.replayed import replayed

    for path in events:
        if not path.is_file():
            raise UsageError(f"--events {path}: there is no such file")
    if not any(entity.methods for entity in settings.entities.values()):
        return []
    engine = replayed(events, config, [], None)
    return [_whole(engine, entity) for entity in engine.entities()]


def _whole(engine: Engine, entity: str) -> Mapping[str, Any]:
    """The status of an entity once all accounts were looked through."""
    while not (status := engine.status(entity))["held_twice"]["complete"]:
        pass
    return status


def of_workers(settings: Settings) -> Statuses:
    """The entities as the workers that answer hold them; ConnectionProblem when none does."""
    from monitor.cli.ask import every_answer, of_entity

    answers = [body for _, code, body in every_answer(settings, "/status") if code == 200 and isinstance(body, dict)]
    names = {row["entity"] for body in answers for row in body.get("entities", ())}
    found = (of_entity(settings, name) for name in sorted(names))
    return [status for status in found if status is not None]


def owed_and_ignored(settings: Settings, statuses: Iterable[Mapping[str, Any]]) -> list[str]:
    """One error for each asset that is left out although an entity's clients are owed it."""
    ignored = frozenset(settings.assets.ignore)
    return [
        f"assets.ignore names {asset}, which clients of {status['entity']} are owed: take it out of assets.ignore; until then it "
        "counts, with gap asset_ambiguous"
        for status in statuses
        for asset in status.get("owed", ())
        if asset in ignored
    ]


def held_twice(statuses: Iterable[Mapping[str, Any]]) -> list[str]:
    """One warning for each account under which one coin is held in several roles or by several entities."""
    from monitor.web.text import held_twice_sentence

    accounts = {
        (one["asset"], one["account"]): one for status in statuses for one in status.get("held_twice", {}).get("accounts", ())
    }
    return [held_twice_sentence(one) for _, one in sorted(accounts.items())]


def either(settings: Settings, statuses: Iterable[Mapping[str, Any]]) -> list[str]:
    """One warning for each ticker that may be a coin or money, as it is held, owed or traded, and that no line decides."""
    decided = {*settings.assets.crypto, *(settings.assets.fiat or ()), *settings.assets.ignore}
    found = {
        (status["entity"], gap["subject"])
        for status in statuses
        for one in status["methods"]
        for gap in one["gaps"]
        if gap["kind"] == "asset_ambiguous" and gap["subject"] not in decided
    }
    return [
        f"{asset} of {entity} may be a coin or a currency: a line under assets.crypto or assets.fiat decides it"
        for entity, asset in sorted(found)
    ]
