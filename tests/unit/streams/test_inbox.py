"""What is delivered and not read yet."""

import asyncio
from types import SimpleNamespace
from typing import Any

from monitor.core.journal.records import Statement, encode_statement
from streams.assessor.ticks import is_urgent
from streams.inbox import Inbox


def delivery(*kinds: str) -> Any:
    records = tuple(SimpleNamespace(value=encode_statement(Statement(kind, "e", 1, {}))) for kind in kinds)
    return SimpleNamespace(message=SimpleNamespace(records=records))


async def test_deliveries_come_out_in_their_order_and_whoever_takes_waits_for_the_next() -> None:
    inbox, first, second = Inbox(10, is_urgent), delivery("price"), delivery("price", "price")
    taking = asyncio.create_task(inbox.take())
    await asyncio.sleep(0)
    assert not taking.done()
    await inbox.put(first)
    await inbox.put(second)
    assert await taking is first
    assert await inbox.take() is second


async def test_so_many_records_unread_let_nobody_put_more_in_until_some_are_read_or_all_are_dropped() -> None:
    inbox = Inbox(3, is_urgent)
    for _ in range(2):
        await inbox.put(delivery("price", "price"))
    third = asyncio.create_task(inbox.put(delivery("price", "price")))
    await asyncio.sleep(0)
    assert not third.done(), "four records lie here"
    await inbox.take()
    await third
    fourth = asyncio.create_task(inbox.put(delivery("price")))
    await asyncio.sleep(0)
    assert not fourth.done()
    inbox.drop()
    await fourth


async def test_a_delivery_with_what_is_urgent_counts_until_it_is_done_with() -> None:
    inbox = Inbox(10, is_urgent)
    await inbox.put(delivery("price", "position", "bust"))
    await inbox.put(delivery("flow"))
    assert inbox.urgent == 1
    await inbox.take()
    assert inbox.urgent == 1, "in hand"
    await inbox.take()
    assert inbox.urgent == 0


async def test_it_is_idle_while_whoever_reads_waits_for_the_next_delivery() -> None:
    inbox = Inbox(10, is_urgent)
    assert not inbox.idle, "nobody reads yet"
    reading = asyncio.create_task(inbox.take())
    await asyncio.sleep(0)
    assert inbox.idle
    await inbox.put(delivery("price"))
    assert not inbox.idle, "there is one to read"
    await reading
    assert not inbox.idle, "in hand"
    reading = asyncio.create_task(inbox.take())
    await asyncio.sleep(0)
    assert inbox.idle
    reading.cancel()
