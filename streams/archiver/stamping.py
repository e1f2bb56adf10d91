"""Time stamps of checkpoints by the configured authority (RFC 3161), kept in the archive beside the record.

Of each entity the newest checkpoint alone is stamped: it seals all that earlier ones do, so none of them needs a stamp of its
own. One that could not be stamped is tried again until it is, or until a newer one takes its place.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from monitor.archive.manifest import stamp_name
from monitor.archive.records import ArchivedRecord
from monitor.archive.target import Target
from monitor.audit.signatures.timestamps import stamp_content
from monitor.core.entity.sealing import SCHEMA
from monitor.errors import ConnectionProblem
from streams.archiver.observer import ArchiveObserver

Stamp = Callable[[Mapping[str, Any]], dict[str, Any]]
"""The stamped checkpoint (`reserve.timestamp/1`); blocks; ConnectionProblem where the authority gives none that holds."""

_ENTITY = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
_log = structlog.get_logger(__name__)


class CheckpointStamps:
    """`saw` takes what is read of `reserve.checkpoints`, `at_end` stamps once it is read to its end, in a task of its own."""

    def __init__(self, target: Target, stamp: Stamp, observer: ArchiveObserver) -> None:
        self._target, self._stamp, self._observer = target, stamp, observer
        self._newest: dict[str, Mapping[str, Any]] = {}
        self._working: asyncio.Task[None] | None = None

    def saw(self, records: Iterable[ArchivedRecord]) -> None:
        """Records of the topic in their order; what is no checkpoint is archived like the rest, and not stamped."""
        for record in records:
            checkpoint = _checkpoint(record.value)
            if checkpoint is not None:
                self._newest[checkpoint["entity"]] = checkpoint

    def at_end(self) -> None:
        """Begin to stamp what waits, unless that is under way. Raises what the last round ended by."""
        if self._working is not None and self._working.done():
            self._working.result()
            self._working = None
        if self._newest and self._working is None:
            self._working = asyncio.create_task(self._work())

    def forget(self) -> None:
        """Another archiver may see to them now; whoever does reads the newest ones again."""
        self._newest.clear()

    async def stop(self) -> None:
        """Wait for the stamp that is being asked for; what waits behind it is forgotten."""
        self.forget()
        await self.round_done()

    async def round_done(self) -> None:
        """Wait for the round that is under way, if any."""
        if self._working is not None:
            await self._working

    async def _work(self) -> None:
        for entity, checkpoint in list(self._newest.items()):
            if self._newest.get(entity) is not checkpoint:
                continue  # forgotten meanwhile, or a newer one came
            try:
                written = await asyncio.to_thread(self._written, checkpoint)
            except ConnectionProblem as error:
                _log.error("checkpoint_unstamped", entity=entity, tree_size=checkpoint["tree_size"], detail=str(error))
                self._observer.stamped("failed")
                return  # nor would the authority, or the archive, take the others now
            if self._newest.get(entity) is checkpoint:
                del self._newest[entity]
            if written:
                _log.info("checkpoint_stamped", entity=entity, tree_size=checkpoint["tree_size"])
                self._observer.stamped("written")

    def _written(self, checkpoint: Mapping[str, Any]) -> bool:
        """Whether it was stamped now; False where its stamp is there already."""
        name = stamp_name(checkpoint["entity"], checkpoint["tree_size"])
        if self._target.get(name) is not None:
            return False
        return self._target.put_new(name, stamp_content(self._stamp(checkpoint)))


def _checkpoint(value: bytes | None) -> Mapping[str, Any] | None:
    try:
        found = json.loads(value or b"null")
    except (ValueError, RecursionError):
        return None
    named = isinstance(found, dict) and found.get("schema") == SCHEMA and _ENTITY.fullmatch(str(found.get("entity")))
    return found if named and type(found.get("tree_size")) is int else None
