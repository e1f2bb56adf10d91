"""A journal partition of a log, record by record, for those who read it from beginning to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

from monitor.archive.records import ArchivedRecord
from monitor.core.journal.records import JournalRecord, Statement, journal_partition
from monitor.core.journal.vocabulary import JOURNAL
from streams.journal.decoding import decoded
from streams.lookup.logs import TopicLog


def journal_of(log: TopicLog, partition: int, upto_ns: int | None) -> Iterator[JournalRecord]:
    """The records up to the first one of a later log time than `upto_ns` (None: all). Not within a running event loop."""
    records = log.records(JOURNAL, partition)
    with asyncio.Runner() as runner:
        try:
            while (one := runner.run(_next(records))) is not None:
                if upto_ns is not None and one.time > upto_ns:
                    return
                yield decoded(one.value or b"", one.offset, one.time)
        finally:
            runner.run(records.aclose())


async def _next(records: AsyncIterator[ArchivedRecord]) -> ArchivedRecord | None:
    return await anext(records, None)


async def incidents_of(log: TopicLog, entity: str, told: Callable[[str, int], None]) -> AsyncIterator[Statement]:
    """Every incident statement of an entity, in the order of its journal. `told` the topic and how many records so far."""
    async for one in log.records(JOURNAL, journal_partition(entity, log.partitions)):
        told(JOURNAL, one.offset + 1)
        if one.value is not None and b'"kind":"incident"' in one.value:
            statement = decoded(one.value, one.offset, one.time).statement
            if statement.kind == "incident" and statement.entity == entity:
                yield statement
