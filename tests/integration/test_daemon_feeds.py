"""Feeds of one topic through the daemon: status, metrics and page name each by itself."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from monitor.core.journal.vocabulary import BALANCES, TRADES
from monitor.core.values.times import SECOND, exact_time
from monitor.settings.load import load_settings
from streams.kafka.clients import ended, producer, started
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import create_topics, topic_names, topic_specs

from .daemon_settings import ENTITY, asked, daemon_of, status_when, written

pytestmark = [pytest.mark.broker, pytest.mark.timeout(150)]
ONE, TWO, WALLETS = f"{TRADES}/one", f"{TRADES}/two", f"{BALANCES}/wallets"
OUTCOMES = ("applied", "duplicate", "late", "dead_letter")


def sources() -> dict[str, Any]:
    """Two feeds of trades and one of balances, all of the topic `frames`."""
    fields = {"trade_id": "@.id", "market": "@.m", "price": "@.p", "quantity": "@.q", "executed_at": "$.at"}
    trades = {"topic": "frames", "each": "$.list[*]", "fields": fields, "constants": {"entity": ENTITY}}
    balances = {"event_id": "%id", "account": "@.w", "asset": "@.c", "quantity": "@.q", "as_of": "$.at"}
    held = {"entity": ENTITY, "role": "client_asset", "storage": "cold"}
    wallets = {"topic": "frames", "where": {"$.of": "w"}, "each": "$.list[*]", "fields": balances, "constants": held}
    return {
        TRADES: {"feeds": {name: trades | {"where": {"$.of": name}} for name in ("one", "two")}},
        BALANCES: {"feeds": {"wallets": wallets}},
    }


def frames(at: str) -> list[dict[str, Any]]:
    def trade(number: int, **changes: Any) -> dict[str, Any]:
        return {"id": number, "m": "BTC/JPY", "p": "100", "q": "0.5"} | changes

    return [
        {"of": "one", "at": at, "list": [trade(1), trade(2), trade(1)]},
        {"of": "two", "at": at, "list": [trade(1), trade(3, p="bad")]},
        {"of": "w", "at": at, "list": [{"w": "x", "c": "BTC", "q": "1"}]},
        {"of": "book"},
    ]


async def text_of(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.text()


async def test_feeds_of_one_topic_are_told_apart_wherever_the_daemon_is_asked(tmp_path: Path) -> None:
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 1})
        settings = load_settings(written(tmp_path, kafka, sources=sources())[0])
        await create_topics(kafka, topic_specs(kafka, topic_names(settings)))
        client = await started(producer(kafka), kafka)
        for frame in frames(exact_time(time.time_ns() - SECOND)):
            await client.send_and_wait("frames", value=json.dumps(frame).encode(), key=b"k", partition=0)
        await ended(client)
        daemon = daemon_of(tmp_path, kafka, sources=sources())
        await daemon.start()
        try:
            told = {ONE: (2, 1, 0, 0), TWO: (1, 0, 0, 1), WALLETS: (1, 0, 0, 0)}
            status = await status_when(daemon.url, lambda found: counts(found) == told)
            metrics, page = await text_of(f"{daemon.url}/metrics"), await text_of(f"{daemon.url}/?entity={ENTITY}")
            ready, _ = await asked(daemon.url, "/readyz")
        finally:
            assert await daemon.stop() == 0
    assert all(row["state"] == "ok" for row in status["sources"] if row["topic"] in told)
    for name in told:
        assert name in page
        assert f'reserve_events_total{{outcome="applied",topic="{name}"}} {float(told[name][0])}' in metrics
        assert f'reserve_intake_lag_records{{partition="0",topic="{name}"}}' in metrics
    assert f'reserve_dead_letters_total{{reason="bad_decimal",topic="{TWO}"}} 1.0' in metrics
    assert ready == 200


def counts(status: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    feeds = {ONE, TWO, WALLETS}
    return {row["topic"]: tuple(row[name] or 0 for name in OUTCOMES) for row in status["sources"] if row["topic"] in feeds}
