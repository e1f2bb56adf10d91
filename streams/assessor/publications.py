"""What one journal partition has published: what is not acknowledged yet, and where each chain stands (JOURNAL 7)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from monitor.audit.checkpoints import digest_of_checkpoint
from monitor.core.journal.outputs import Output, TooOld
from monitor.core.journal.vocabulary import ASSESSMENTS, CHECKPOINTS
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import SECOND
from monitor.errors import ConnectionProblem
from monitor.web.text import gap_sentence
from streams.assessor.observer import AssessorObserver
from streams.assessor.takeover import Found, Standing

_AMBIGUOUS = "asset_ambiguous"
_log = structlog.get_logger(__name__)

Send = Callable[[Output, int], Awaitable["asyncio.Future[Any]"]]
"""Hands an output for a journal partition to the producer; the future is its acknowledgement."""

Refuse = Callable[[TooOld], "asyncio.Future[Any]"]
"""Hands a record that the engine refused to whoever writes dead letters; the future is the letter's acknowledgement."""


class UndecidedTickers:
    """What the published assessments of a partition leave undecided (CONTRACT 7); one that comes again later is said again.

    The log says of each once which line of the configuration decides what the ticker is.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], frozenset[str]] = {}

    def heed(self, entity: str, assessment: Mapping[str, Any]) -> None:
        """Take a live assessment as it is published."""
        known = {asset for (of, _), assets in self._open.items() if of == entity for asset in assets}
        found = {str(gap["subject"]): gap for gap in assessment["gaps"] if gap["kind"] == _AMBIGUOUS}
        for asset in sorted(found.keys() - known):
            _log.warning(_AMBIGUOUS, entity=entity, asset=asset, detail=gap_sentence(found[asset]))
        self._open[entity, assessment["method"]] = frozenset(found)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """All that was published by a moment. `unsent`: what was not acknowledged then, with its topic (None: a dead letter)."""

    unsent: Mapping[asyncio.Future[Any], str | None]
    standing: Standing

    async def acknowledged(self) -> Standing:
        """Where whoever takes over begins to compare, once all of it is acknowledged; raises what kept it from that."""
        outputs = dict(self.standing.outputs)
        for sent, topic in self.unsent.items():
            if not sent.done():
                await asyncio.wait({sent})  # which leaves it alone when this task is given up
            if sent.cancelled():
                raise ConnectionProblem("the producer gave up what a snapshot waits for")
            sent.result()
            if topic is not None:
                _note(outputs, topic, sent)
        return Standing(outputs, self.standing.heads)


class Publications:
    """Of one partition. What cannot be sent stays among the unsent: the next snapshot raises it, and nothing is acknowledged."""

    def __init__(self, partition: int, *, send: Send, refuse: Refuse, observer: AssessorObserver) -> None:
        self._partition = partition
        self._send, self._refuse = send, refuse
        self._observer = observer
        self._heads: dict[str, int] = {}
        self._outputs: dict[str, int] = {}
        self._unsent: dict[asyncio.Future[Any], str | None] = {}
        self._tickers = UndecidedTickers()

    @property
    def standing(self) -> Standing:
        """Where the published outputs are to be read from."""
        return Standing(dict(self._outputs), dict(self._heads))

    @property
    def handed_over(self) -> HandedOver:
        """All of it by now."""
        return HandedOver(dict(self._unsent), self.standing)

    def goes_on(self, standing: Standing) -> None:
        """The engine begins anew behind what a snapshot knows to be published."""
        self._outputs, self._heads = dict(standing.outputs), dict(standing.heads)

    def found(self, found: Found) -> None:
        """What an earlier owner published."""
        self._outputs.update(found.outputs)
        for entity, (sequence, _) in found.newest.items():
            self._heads[entity] = max(sequence, self._heads.get(entity, 0))

    async def publish(self, output: Output) -> None:
        """Hand over one output."""
        if output.value is not None and output.topic != CHECKPOINTS:
            self._heads[output.entity] = max(output.value["chain"]["sequence"], self._heads.get(output.entity, 0))
            if output.topic == ASSESSMENTS and output.value["kind"] == "live":
                self._tickers.heed(output.entity, output.value)
        self._await(await self._send(output, self._partition), output)

    def refuse(self, refused: TooOld) -> None:
        """Hand over what the engine refused."""
        self._await(self._refuse(refused))

    async def flush(self) -> None:
        """Wait until everything published so far is acknowledged; raises what a send raised."""
        while self._unsent:
            await asyncio.gather(*self._unsent)
            await asyncio.sleep(0)  # of futures that are done already gather waits for nothing, and `_sent` has still to run

    def _await(self, sent: asyncio.Future[Any], output: Output | None = None) -> None:
        self._unsent[sent] = None if output is None else output.topic
        sent.add_done_callback(lambda done: self._sent(done, output))

    def _sent(self, done: asyncio.Future[Any], output: Output | None) -> None:
        if done.cancelled() or done.exception() is not None:
            return
        del self._unsent[done]
        if output is None:
            return
        _note(self._outputs, output.topic, done)
        if output.value is not None and output.topic != CHECKPOINTS:
            self._observer.output_published(output.entity)
        if output.caused_at is not None:
            self._observer.alert_published(max(0, time.time_ns() - output.caused_at) / SECOND)


def _note(outputs: dict[str, int], topic: str, sent: asyncio.Future[Any]) -> None:
    """Of an output's topic, the offset behind the last that is acknowledged."""
    outputs[topic] = max(sent.result().offset + 1, outputs.get(topic, 0))


def output_record(output: Output) -> tuple[bytes | None, list[tuple[str, bytes]]]:
    """Value bytes and CloudEvents 1.0 headers of an output (CONTRACT 2); a tombstone has neither."""
    value: Mapping[str, Any] | None = output.value
    if value is None:
        return None, []
    headers = {
        "ce_specversion": "1.0",
        "ce_id": value.get("digest") or digest_of_checkpoint(value),
        "ce_source": f"/reserve-monitor/{output.entity}",
        "ce_type": value["schema"],
        "ce_time": value.get("at") or value["updated_at"],
    }
    return canonical_bytes(dict(value)), [(name, text.encode()) for name, text in headers.items()]
