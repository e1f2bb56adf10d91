"""Feeds of balances whose records are whole lists (FEEDS, Wholeness): who is no longer in the list holds nothing any more.

What is stated of such an account is a position of quantity 0, as of the list that leaves it out: true whoever says it and
however often, like every other position. Which accounts a list leaves out is told by the one before it. A worker that has
just begun reads a block of the log again to know that one; an account that vanished while nobody read, with more than a
block of records in between, keeps its last balance until `account_max_age_s` makes it too old.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from monitor.core.journal.records import Source, Statement
from monitor.core.values.times import exact_time, from_ms
from streams.intake.segment.batches import Batch, clamped
from streams.intake.segment.content import Findings
from streams.intake.segment.events import Events, FeedEvents, Sighted, WholeList
from streams.intake.segment.records import StatedRecords
from streams.wire import Valid
from streams.wire.feeds import FeedFormat

SnapshotGroup = tuple[str, ...]
HeldAccount = tuple[str, ...]


class NewestList(NamedTuple):
    """The newest whole list of a group: when it was true (ns), and the position of each account in it."""

    as_of: int
    accounts: Mapping[HeldAccount, Mapping[str, Any]]


class WholeBalances(StatedRecords):
    """The balances of a feed with `snapshot`."""

    def __init__(self, findings: Findings, sighted: Sighted, feed: FeedFormat) -> None:
        super().__init__(findings, sighted)
        self._by = feed.snapshot_by
        self._empty: SnapshotGroup = tuple(str(feed.constants.get(name)) for name in feed.snapshot_by)
        self._known: dict[SnapshotGroup, NewestList] = {}

    def remember_from(self, start: int) -> int:
        """A block before the segment."""
        return max(0, start - self.findings.rules.block_records)

    def remember(self, batch: Batch, start: int) -> None:
        """Note the newest lists below `start`."""
        events = self.sighted(batch, 0, bisect_left(batch.offsets, start))
        for whole in _wholes(events):
            self._replace(whole, self._positions(events, whole))

    def take_in(self, events: Events, now: int) -> None:
        """State the positions, and behind each list those of the accounts that it leaves out."""
        super().take_in(events, now)
        for whole in _wholes(events):
            for number, (entity, body) in enumerate(self._replace(whole, self._positions(events, whole)), whole.next_index):
                where = self.findings.where
                told = f"{where.feed}.{where.epoch}.{where.partition}.{whole.offset}.{number}"
                source = Source(where, offset=whole.offset, index=number)
                logged_at, position = from_ms(clamped(whole.time_ms)), {**body, "event_id": told}
                self.findings.state(Statement("position", entity, now, position, source, logged_at, auth=whole.auth))

    def _positions(self, events: Events, whole: WholeList) -> list[Valid] | None:
        """The positions of a list; None where one of them is refused: what it leaves out is not known then."""
        verdicts = [events.verdict(row, from_ms(clamped(whole.time_ms))) for row in range(whole.begin, whole.end)]
        found = [verdict for verdict in verdicts if isinstance(verdict, Valid)]
        return None if len(found) < len(verdicts) else found

    def _replace(self, whole: WholeList, found: list[Valid] | None) -> list[tuple[str, Mapping[str, Any]]]:
        """Put a list in the place of the one before; entity and body of each position that is 0 from then on."""
        zeros: list[tuple[str, Mapping[str, Any]]] = []
        if found is None:
            return zeros
        lists: dict[SnapshotGroup, list[Valid]] = {}
        for position in found:
            lists.setdefault(tuple(_of(position, name) for name in self._by), []).append(position)
        if not found:
            lists[self._empty] = []
        for group, positions in sorted(lists.items()):
            as_of = max((position.event_time for position in positions), default=from_ms(clamped(whole.time_ms)))
            before = self._known.get(group)
            if before is not None and as_of < before.as_of:
                continue  # a list that was overtaken
            accounts = {_account(position): {**position.body, "entity": position.entity} for position in positions}
            self._known[group] = NewestList(as_of, accounts)
            gone = {} if before is None else {key: body for key, body in before.accounts.items() if key not in accounts}
            for _, body in sorted(gone.items()):
                zero = {name: value for name, value in body.items() if name != "entity"}
                zeros.append((body["entity"], zero | {"quantity": "0", "as_of": exact_time(as_of)}))
        return zeros


def _wholes(events: Events) -> Sequence[WholeList]:
    return events.wholes() if isinstance(events, FeedEvents) else ()


def _of(position: Valid, name: str) -> str:
    return str(position.entity if name == "entity" else position.body[name])


def _account(position: Valid) -> HeldAccount:
    return str(position.entity), *(position.body[name] for name in ("account", "asset", "role"))
