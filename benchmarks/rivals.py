"""Other ways to do the same work, each the plain way of its library: read, validate, drop repeats, add up, tell what changed.

`getmany` and `batches` only fetch: the limits of the client. `hand` is as fast as one can write it without any safety:
whole batches, msgspec, sums in place, ids that count up, no commits. `model` reads by aiokafka with a pydantic model a record.
`faust` and `faust-tables` are Faust agents, with dictionaries and with Tables. All keep exact totals of trades, quantity and
value by entity, market, side and hour, and write changed ones to a topic every `EMIT_S`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import faust
from aiokafka import TopicPartition
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from benchmarks.by_hand import HandSums
from benchmarks.children import peak_bytes, say
from benchmarks.load import Totals
from monitor.collector import rare_collections
from monitor.core.values.money import EXACT, plain
from monitor.settings.kafka import KafkaSettings
from streams.intake.fetching import WholeFetch
from streams.kafka.clients import consumer, producer

EMIT_S = 0.25
_WAIT_MS = 50
_LOOK_S = 0.02

Name = Annotated[str, Field(min_length=1, max_length=128)]


class TradeModel(BaseModel):
    """A trade as one would write it down for pydantic."""

    model_config = ConfigDict(extra="forbid")

    trade_id: Annotated[str, Field(min_length=1, max_length=64)]
    entity: Name
    market: Name
    price: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
    quantity: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
    executed_at: AwareDatetime
    side: Literal["buy", "sell"] | None = None
    capacity: Literal["client_order", "own_account", "venue"] | None = None


class Book:
    """Seen ids and totals in dictionaries."""

    def __init__(self) -> None:
        self.read = 0
        self.cells: dict[str, tuple[int, Decimal, Decimal]] = {}
        self._seen: dict[tuple[str, str], set[str]] = {}
        self._changed: set[str] = set()

    def add(self, trade: TradeModel) -> None:
        """Take in one record."""
        self.read += 1
        seen = self._seen.setdefault((trade.entity, trade.market), set())
        if trade.trade_id in seen:
            return
        seen.add(trade.trade_id)
        name = cell_name(trade)
        self.cells[name] = added(self.cells.get(name), trade)
        self._changed.add(name)

    def changed(self) -> list[tuple[str, Any]]:
        """Cells that changed since the last call."""
        names, self._changed = self._changed, set()
        return [(name, printed(self.cells[name])) for name in sorted(names)]


def cell_name(trade: TradeModel) -> str:
    """Entity, market, side and hour in one text."""
    hour = trade.executed_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return f"{trade.entity}|{trade.market}|{trade.side}|{hour:%Y-%m-%dT%H}"


def added(cell: tuple[int, Decimal, Decimal] | None, trade: TradeModel) -> tuple[int, Decimal, Decimal]:
    """The cell with the trade in it, exact."""
    count, quantity, value = cell or (0, Decimal(0), Decimal(0))
    notional = EXACT.multiply(trade.price, trade.quantity)
    return count + 1, EXACT.add(quantity, trade.quantity), EXACT.add(value, notional)


def printed(cell: tuple[int, Decimal, Decimal]) -> dict[str, Any]:
    """A cell as JSON."""
    return {"trades": cell[0], "quantity": plain(cell[1]), "value": plain(cell[2])}


def totals(cells: dict[str, tuple[int, Decimal, Decimal]]) -> Totals:
    """By entity and market, as the load has them."""
    sums: dict[str, tuple[int, Decimal, Decimal]] = {}
    for name, (count, quantity, value) in cells.items():
        market = "|".join(name.split("|")[:2])
        known = sums.get(market, (0, Decimal(0), Decimal(0)))
        sums[market] = (known[0] + count, EXACT.add(known[1], quantity), EXACT.add(known[2], value))
    return {name: (count, plain(quantity), plain(value)) for name, (count, quantity, value) in sorted(sums.items())}


async def fetch_only(job: dict[str, Any], *, whole: bool) -> dict[str, Any]:
    """Count what comes in."""
    client = consumer(KafkaSettings(**job["settings"]))
    await client.start()
    try:
        client.assign([TopicPartition(job["topic"], partition) for partition in range(job["partitions"])])
        fetch = WholeFetch(client) if whole else None
        began = _now()
        read = 0
        with rare_collections() if whole else contextlib.nullcontext():  # as intake does; getmany as one would use it
            while read < job["records"]:
                found: Any = await fetch(_WAIT_MS) if fetch is not None else await client.getmany(timeout_ms=_WAIT_MS)
                read += sum(map(len, found.values()))
        return _cost(began, read=read)
    finally:
        await client.stop()


async def by_hand(job: dict[str, Any]) -> dict[str, Any]:
    """Whole batches and one msgspec object a record; its sums go out like those of the others."""
    settings = KafkaSettings(**job["settings"])
    client, pen = consumer(settings), producer(settings)
    await client.start()
    await pen.start()
    try:
        client.assign([TopicPartition(job["topic"], partition) for partition in range(job["partitions"])])
        fetch, sums, began, due = WholeFetch(client), HandSums(job["fields"]), _now(), time.monotonic() + EMIT_S
        with rare_collections():
            while sums.read < job["records"]:
                for batch in (await fetch(_WAIT_MS)).values():
                    sums.take(batch.values)
                if time.monotonic() >= due:
                    due = time.monotonic() + EMIT_S
                    await _emit(pen, job["out"], sums)
        await _emit(pen, job["out"], sums)
        return _cost(began, read=sums.read, totals=totals(sums.cells()))
    finally:
        await client.stop()
        await pen.stop()


async def model(job: dict[str, Any]) -> dict[str, Any]:
    """aiokafka and one pydantic model a record; what is no trade is passed over."""
    names: dict[str, str] = job["fields"]
    config = ConfigDict(extra="forbid", alias_generator=lambda name: names.get(name, name))
    kind: type[TradeModel] = type("Mapped", (TradeModel,), {"model_config": config})
    settings = KafkaSettings(**job["settings"])
    client, pen = consumer(settings), producer(settings)
    await client.start()
    await pen.start()
    try:
        client.assign([TopicPartition(job["topic"], partition) for partition in range(job["partitions"])])
        book, began, due = Book(), _now(), time.monotonic() + EMIT_S
        while book.read < job["records"]:
            for records in (await client.getmany(timeout_ms=_WAIT_MS)).values():
                for record in records:
                    try:
                        book.add(kind.model_validate_json(record.value or b""))
                    except ValidationError:
                        book.read += 1
            if time.monotonic() >= due:
                due = time.monotonic() + EMIT_S
                await _emit(pen, job["out"], book)
        await _emit(pen, job["out"], book)
        return _cost(began, read=book.read, totals=totals(book.cells))
    finally:
        await client.stop()
        await pen.stop()


async def _emit(pen: Any, topic: str, book: Book | HandSums) -> None:
    sent = [await pen.send(topic, json.dumps(cell).encode(), key=name.encode()) for name, cell in book.changed()]
    if sent:
        await asyncio.gather(*sent)


async def with_faust(job: dict[str, Any], *, tables: bool) -> dict[str, Any]:
    """A Faust agent; `tables` keeps ids and totals in Tables, else in dictionaries."""
    servers = KafkaSettings(**job["settings"]).bootstrap_servers
    with tempfile.TemporaryDirectory() as folder:
        app = faust.App(
            job["name"],
            broker=f"kafka://{servers}",
            store="memory://",
            datadir=folder,
            web_enabled=False,
            topic_partitions=job["partitions"],
            consumer_auto_offset_reset="earliest",
            broker_session_timeout=6.0,
            broker_heartbeat_interval=2.0,
        )
        source = app.topic(job["topic"], value_type=bytes, value_serializer="raw", partitions=job["partitions"])
        out = app.topic(job["out"], value_serializer="json")
        work = _TableWork(app) if tables else Book()
        began: list[tuple[float, float]] = []

        async def agent(stream: Any) -> None:
            async for value in stream:
                if not began:
                    began.append(_now())
                work.add(TradeModel.model_validate_json(value))

        async def emit() -> None:
            for name, cell in work.changed():
                await out.send(key=name, value=cell)

        app.agent(source)(agent)
        app.timer(interval=EMIT_S)(emit)
        await app.start()
        while work.read < job["records"]:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(_LOOK_S)
        await emit()
        result = _cost(began[0], read=work.read, totals=totals(dict(work.cells)))
        await app.stop()
        return result


class _TableWork:
    """As `Book`, in Tables: every change goes to a changelog, so that it survives the process."""

    def __init__(self, app: faust.App) -> None:
        self.read = 0
        self._seen = app.Table("seen", key_type=str, value_type=int)
        self._kept = app.Table("cells", key_type=str, value_type=list)
        self._changed: set[str] = set()

    def add(self, trade: TradeModel) -> None:
        """Take in one record."""
        self.read += 1
        identity = f"{trade.entity}|{trade.market}|{trade.trade_id}"
        if identity in self._seen:
            return
        self._seen[identity] = 1
        name = cell_name(trade)
        known = self._kept.get(name)
        cell = added(None if known is None else (known[0], Decimal(known[1]), Decimal(known[2])), trade)
        self._kept[name] = [cell[0], str(cell[1]), str(cell[2])]
        self._changed.add(name)

    @property
    def cells(self) -> dict[str, tuple[int, Decimal, Decimal]]:
        """What the table holds."""
        return {name: (cell[0], Decimal(cell[1]), Decimal(cell[2])) for name, cell in self._kept.items()}

    def changed(self) -> list[tuple[str, Any]]:
        """Cells that changed since the last call."""
        names, self._changed = self._changed, set()
        return [(name, self._kept[name]) for name in sorted(names)]


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _cost(began: tuple[float, float], **found: Any) -> dict[str, Any]:
    return {
        "cpu_s": time.process_time() - began[0],
        "wall_s": time.perf_counter() - began[1],
        "peak_bytes": peak_bytes(),
        "whole_s": time.process_time(),
        "ended_at": datetime.now(UTC).isoformat(),
        **found,
    }


async def main(job: dict[str, Any]) -> None:
    """Run the program the job names."""
    logging.basicConfig(level=logging.ERROR)
    programs = {
        "getmany": lambda: fetch_only(job, whole=False),
        "batches": lambda: fetch_only(job, whole=True),
        "hand": lambda: by_hand(job),
        "model": lambda: model(job),
        "faust": lambda: with_faust(job, tables=False),
        "faust-tables": lambda: with_faust(job, tables=True),
    }
    say(event="result", **await programs[job["program"]]())


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.readline())))
