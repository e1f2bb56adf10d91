"""Balances as positions: newest wins by event time, a new storage moves the whole balance, closings stay correctable.

INPUTS 1 (Order, Sums over accounts), JOURNAL 2 (Corrections). The sums per (role, asset, storage, source) are kept
incrementally; so are their closings at every start of a local day, so a late balance costs as much as a timely one.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from monitor.core.book.custody.accounts import Accounts
from monitor.core.book.custody.ages import AgeLimit, Ages
from monitor.core.book.custody.client_money import MoneyByCurrency
from monitor.core.book.custody.closings import Closings
from monitor.core.book.custody.doubts import Doubts, Swing
from monitor.core.book.custody.position import (
    AccountKey,
    AccountTally,
    Position,
    RoleAsset,
    Tallies,
    by_event_order,
    by_event_time,
    counting,
    place_among,
    put_alone,
    sum_of,
    tally_of,
)
from monitor.core.journal.schedule import earliest
from monitor.core.journal.vocabulary import LIABILITY
from monitor.core.values.calendar import Zone
from monitor.core.values.changes import OLD_NS, Changes
from monitor.core.values.currencies import is_iso_4217
from monitor.core.values.ladder import Boundaries
from monitor.core.values.money import EXACT, ZERO
from monitor.core.values.times import DAY, HOUR, hour_of, quarter_of

META = "positions"
FULL_NS = 48 * HOUR
"""For so long every position of an account is kept; before that the closings."""
_SLACK_NS = 32 * DAY
_THINNED_AT_ONCE = 2000
_DERIVED_AT_ONCE = 100


class Positions:
    """All positions of an entity up to `clock`; those with an event time ahead wait for it."""

    def __init__(self, zones: Sequence[Zone], horizon_ns: int, age_limit: AgeLimit | None, dirty: set[str]) -> None:
        self.clock = 0
        self.changes: Changes[RoleAsset] = Changes()
        """Holdings whose sums at `clock` may be others."""
        self.past: Changes[RoleAsset] = Changes()
        """Holdings whose sums at the end of a quarter of an hour gone by may be others."""
        self.old: Changes[RoleAsset] = Changes()
        """Holdings of which a position came that is older than `OLD_NS`."""
        self._dirty = dirty
        self._now: Tallies = {}
        self._closings = Closings(Boundaries(zones))
        self._ages = Ages(age_limit)
        self._horizon_ns = horizon_ns
        self._accounts = Accounts(dirty)
        self._first: dict[str, dict[str, int]] = {}
        self._clients = MoneyByCurrency()
        self._ahead: list[tuple[int, AccountKey]] = []
        self._thin: deque[tuple[int, AccountKey, int]] = deque()
        self._coalesced = 0

    @property
    def boundaries(self) -> Boundaries:
        """Starts of the local days of the zones in use: of these instants closings are kept."""
        return self._closings.boundaries

    # --- taking positions

    def newest(self, key: AccountKey) -> Position | None:
        """The newest position of an account, one that lies ahead too; None if it has none."""
        return self._accounts.newest(key)

    def refuses(self, newest: Position | None, position: Position) -> bool:
        """Whether a position is too old to say anything of an account with this newest one: older than the horizon, no repeat.

        Only who knows all positions can tell: a wallet that rests says the same time again every day, and so does not lie.
        """
        if newest is None or position.logged - position.event_time <= self._horizon_ns:
            return False
        return newest[:2] != position[:2] or newest[7:9] != position[7:9]

    def swings(self, doubts: Doubts, role: str, asset: str, before: int | None = None) -> Iterator[Swing]:
        """What doubted accounts may hold besides what they say: at `clock`, or at positions of event time below `before`."""
        for key, doubt in doubts.of(role, asset):
            instant = self.clock if before is None else before - 1
            position = counting(self.history(key), instant)
            if position is None or not doubt.holds(position):
                continue
            end = self._ages.end(position)
            if end is None or end >= instant:
                other = EXACT.subtract(doubt.measure, position.quantity)
                yield Swing(position.storage, position.source, min(other, ZERO), max(other, ZERO))

    def put(self, key: AccountKey, position: Position, newest: Position | None) -> bool:
        """Take a position of an account with this newest one; False when it changes nothing (a repeat, or too old to correct)."""
        if newest is None:
            self._begin(key, position)
            return True
        entries = self._accounts.history(key, newest)
        place = place_among(entries, position)
        if place < len(entries):
            if entries[place][:7] == position[:7]:
                return False
            if place == 0 and position.event_time < self.clock - self._horizon_ns - _SLACK_NS:
                return False
        before = entries[place - 1] if place else None
        after = entries[place] if place < len(entries) else None
        entries.insert(place, position)
        self.note(key[:2], position.event_time)
        self._rewrite(key, before, position, after)
        if position.event_time > self.clock:
            heapq.heappush(self._ahead, (position.event_time, key))
        elif after is None or after.event_time > self.clock:
            self._swap(key, before, position)
        if len(entries) == 2:
            self._thin.append((self.clock + FULL_NS, key, self._coalesced))
        elif position.event_time < self._coalesced:
            entries[:] = self._kept(entries, max(0, place - 1), min(place + 2, len(entries)))
        self._accounts.keep(key, entries)
        return True

    @property
    def kept(self) -> Accounts:
        """The accounts. One that is begun here, not ahead, is to be `opened` if it is `more_than_summed`, and then `join`ed."""
        return self._accounts

    def age_limit(self, source: str | None) -> int | None:
        """The age (ns) up to which a position of a source counts; None: it always does."""
        return self._ages.limit(source)

    def more_than_summed(self, holding: RoleAsset) -> bool:
        """Whether of each account of a role and an asset more is kept than sums over all of them."""
        return self._ages.limited or _is_money_owed(holding)

    def opened(self, key: AccountKey, position: Position) -> None:
        """An account has begun: what comes of it besides sums."""
        if self._ages.limited:
            self._ages.watch(key, position, self.clock)
        if _is_money_owed(key[:2]):
            self._clients.rewrite(key[1], None, position, None, self._client_key)

    def join(self, holding: RoleAsset, storage: str, source: str | None, start: int, sums: AccountTally) -> None:
        """Add the sums over accounts that began, all with positions of one local day; `start` lies in it."""
        self.changes.note(holding)
        self.ready(holding, storage, source).join(sums)
        self._closings.put(holding, storage, self.boundaries.before(start), sums.quantity)

    def ready(self, holding: RoleAsset, storage: str, source: str | None) -> AccountTally:
        """The sum that accounts which began are to be joined to: another balance of one may come before."""
        return self._now.setdefault(holding, {}).setdefault((storage, source), AccountTally())

    def join_aged(self, holding: RoleAsset, storage: str, positions: Iterable[tuple[int, Decimal]]) -> None:
        """As `join`, to what is too old once each of the `positions` (the last instant at which it is not, quantity) is."""
        by_day: dict[int, AccountTally] = {}
        for end, quantity in positions:
            start = self.boundaries.before(end + 1)
            sums = by_day.get(start)
            if sums is None:
                sums = by_day[start] = AccountTally()
            sums.put(quantity)
        for start, sums in by_day.items():
            self._closings.put_aged(holding, storage, start, sums)

    def _begin(self, key: AccountKey, position: Position) -> None:
        """Take the first position of an account."""
        self.note(key[:2], position.event_time)
        self._rewrite(key, None, position, None)
        if position.event_time > self.clock:
            heapq.heappush(self._ahead, (position.event_time, key))
        else:
            self._swap(key, None, position)
        self._accounts.begin(key[:2], key[2], position)

    def note(self, holding: RoleAsset, event_time: int) -> None:
        """A position of a role and an asset is about this instant (ns)."""
        if event_time < quarter_of(self.clock):
            self.past.note(holding)
            if event_time < self.clock - OLD_NS:
                self.old.note(holding)
        role, asset = holding
        first = self._first.setdefault(role, {})
        if event_time < first.get(asset, event_time + 1):
            first[asset] = event_time
            self._dirty.add(META)

    def _rewrite(self, key: AccountKey, before: Position | None, new: Position, after: Position | None) -> None:
        """The history changes from `new` on until `after`."""
        role, asset, _ = key
        self._closings.replace((role, asset), before, new, after)
        if self._ages.limited:
            self._closings.age((role, asset), before, new, after, self._ages.end)
        if _is_money_owed((role, asset)):
            self._clients.rewrite(asset, before, new, after, self._client_key)

    def _client_key(self, event_time: int) -> int:
        return event_time if event_time >= self._coalesced else self.boundaries.before(event_time)

    def _swap(self, key: AccountKey, old: Position | None, new: Position) -> None:
        """`new` is what counts for the account now, in place of `old`."""
        holding = key[:2]
        self.changes.note(holding)
        if old is not None:
            self._now[holding][old.storage, old.source].take(old.quantity)
            self._ages.replaced(key, old)
        tally_of(self._now, holding, new).put(new.quantity)
        if self._ages.limited:
            self._ages.watch(key, new, self.clock)

    # --- time

    def advance(self, clock: int) -> bool:
        """The clock has come to `clock`: positions ahead come true, old ones go stale (whether any did), history is thinned."""
        if clock <= self.clock:
            return False
        previous, self.clock = self.clock, clock
        turned = bool(self._ahead and self._ahead[0][0] <= clock)
        if turned:
            self._come_true(previous, clock)
        for key in self._ages.due(clock) if self._ages.limited else ():
            current = self._current(key)
            if current is not None and key not in self._ages:
                self._ages.watch(key, current, clock)
                self.changes.note(key[:2])
                turned = turned or key in self._ages
        self._forget(clock)
        return turned

    def _come_true(self, previous: int, clock: int) -> None:
        due: dict[AccountKey, None] = {}
        while self._ahead and self._ahead[0][0] <= clock:
            due[heapq.heappop(self._ahead)[1]] = None
        for key in due:
            entries = self.history(key)
            old, new = counting(entries, previous), counting(entries, clock)
            if new is not None and new is not old:
                self._swap(key, old, new)

    def _forget(self, clock: int) -> None:
        if self._thin and self._thin[0][0] <= clock:
            self._thin_due(clock)
        if hour_of(clock) - FULL_NS > self._coalesced:
            self._coalesced = hour_of(clock) - FULL_NS
            self._dirty.add(META)
            self._clients.coalesce(self._coalesced, self.boundaries.before)
            self._closings.coalesce(self._oldest())

    def _thin_due(self, clock: int) -> None:
        for _ in range(_THINNED_AT_ONCE):
            if not self._thin or self._thin[0][0] > clock:
                break
            _, key, thinned = self._thin.popleft()
            if self._thinned(key, thinned) > 1:
                self._thin.append((clock + FULL_NS, key, self._coalesced))

    def _oldest(self) -> int:
        return self.clock - self._horizon_ns - _SLACK_NS

    def _thinned(self, key: AccountKey, since: int) -> int:
        """Thin one account's history, which is so before `since` already; the number of positions left."""
        entries, oldest = self.history(key), self._oldest()
        begin = max(0, bisect_left(entries, since, key=by_event_time) - 1)
        forgotten = 0
        while forgotten + 1 < len(entries) and entries[forgotten + 1].event_time <= oldest:
            forgotten += 1
        kept = self._kept(entries, begin, len(entries))[forgotten:]
        if len(kept) < len(entries):
            entries[:] = kept
            self._accounts.keep(key, entries)
        return len(entries)

    def _kept(self, entries: list[Position], begin: int, end: int) -> list[Position]:
        """`entries` without those in [`begin`, `end`) that are neither recent nor a closing."""
        kept = [
            entry
            for entry, after in pairwise(entries[begin:end])
            if after.event_time >= self._coalesced or self.boundaries.before(after.event_time) > entry.event_time
        ]
        return [*entries[:begin], *kept, *entries[max(begin, end - 1) :]]

    def still_until(self) -> int | None:
        """The clock before which `advance` changes nothing within the hour; None: whatever it comes to."""
        ahead = self._ahead[0][0] if self._ahead else None
        thin = self._thin[0][0] if self._thin else None
        return earliest((ahead, thin, self._ages.due_from))

    def next_change(self, after: int) -> int | None:
        """The next instant above `after` at which a position comes true or goes stale."""
        ahead = self._ahead[0][0] if self._ahead else None
        stale = self._ages.next_change(self._current)
        return min((t for t in (ahead, stale) if t is not None and t > after), default=None)

    def _current(self, key: AccountKey) -> Position | None:
        """What counts for an account at `clock`."""
        return counting(self.history(key), self.clock)

    # --- reading

    def sums(self, role: str, asset: str) -> Mapping[tuple[str, str | None], AccountTally]:
        """Sums by (storage, source) at `clock`; empty for an asset without an account."""
        return self._now.get((role, asset), {})

    def stale_sums(self, role: str, asset: str) -> Mapping[tuple[str, str | None], AccountTally]:
        """As `sums`, of the accounts whose position is too old."""
        return self._ages.sums((role, asset))

    def stale_since(self, role: str, asset: str) -> int | None:
        """The instant after which the first of the accounts too old has been so; None if none is."""
        return self._ages.since((role, asset))

    def classes(self) -> list[tuple[str, str, str, Decimal]]:
        """(role, asset, storage, quantity) at `clock` of every class with an account, sorted."""
        found: dict[tuple[str, str, str], Decimal] = {}
        for (role, asset), tallies in self._now.items():
            for (storage, _), tally in tallies.items():
                if tally.accounts:
                    found[role, asset, storage] = EXACT.add(found.get((role, asset, storage), ZERO), tally.quantity)
        return [(*key, quantity) for key, quantity in sorted(found.items())]

    def accounts(self, roles: frozenset[str]) -> Iterator[tuple[str, str, str, str, Decimal]]:
        """(role, asset, account, storage, quantity) at `clock` of every account of these roles; reads all accounts."""
        for (role, asset, account), entries in self._accounts.items():
            position = counting(entries, self.clock) if role in roles else None
            if position is not None:
                yield role, asset, account, position.storage, position.quantity

    def keys(self, begin: int, end: int) -> Iterator[AccountKey]:
        """Accounts in the order in which they were heard of, from the one of a number to the one before another."""
        return self._accounts.keys(begin, end)

    def account_count(self) -> int:
        """How many (role, asset, account) were ever seen."""
        return len(self._accounts)

    def assets(self, role: str, before: int) -> tuple[str, ...]:
        """Assets of the role with a position of event time below `before`, sorted."""
        return tuple(sorted(asset for asset, first in self._first.get(role, {}).items() if first < before))

    def seen(self, role: str, before: int) -> bool:
        """Whether there is any position of the role with an event time below `before`."""
        return any(first < before for first in self._first.get(role, {}).values())

    def first_event_time(self, role: str | None = None) -> int | None:
        """Event time of the first position of a role (None: of all)."""
        roles = self._first.values() if role is None else [self._first.get(role, {})]
        return min((first for assets in roles for first in assets.values()), default=None)

    def sum_before(self, role: str, asset: str, storages: frozenset[str] | None, instant: int) -> Decimal:
        """The sum of the positions of event time below `instant`.

        Exact at the start of a local day of a zone in use within the horizon, and at any instant of the last 48 hours;
        the latter reads all accounts.
        """
        if self.boundaries.holds(instant):
            return self._closings.held((role, asset), storages, instant)
        then = self.counting_before(role, asset, instant)
        return sum_of(p.quantity for p in then if storages is None or p.storage in storages)

    def fresh_sum_before(self, role: str, asset: str, storages: frozenset[str] | None, instant: int) -> Decimal:
        """As `sum_before` at a local day's start, without accounts whose position was too old just before it."""
        aged = self._closings.aged((role, asset), storages, instant)
        return EXACT.subtract(self.sum_before(role, asset, storages, instant), aged)

    def stale_before(self, role: str, asset: str, instant: int) -> int | None:
        """The instant after which the first of the accounts too old just before `instant` was so; None if none was.

        Reads all accounts unless it is a local day's start at which none was.
        """
        if not self._ages.limited or (self.boundaries.holds(instant) and not self._closings.any_aged((role, asset), instant)):
            return None
        ends = (self._ages.end(p) for p in self.counting_before(role, asset, instant))
        return min((end for end in ends if end is not None and end < instant - 1), default=None)

    def fresh_before(self, role: str, asset: str, instant: int) -> Iterator[Position]:
        """What counts of each account of event times below `instant`, unless it was too old just before it."""
        for position in self.counting_before(role, asset, instant):
            end = self._ages.end(position)
            if end is None or end >= instant - 1:
                yield position

    def of_source(self, source: str) -> Iterator[Position]:
        """Every position kept of a source."""
        return (entry for _, entries in self._accounts.items() for entry in entries if entry.source == source)

    def holds(self, key: AccountKey, position: Position) -> bool:
        """Whether the account's history has a position of the same event time, sequence, storage and quantity."""
        entries = self._accounts.history(key)
        place = bisect_left(entries, position[:2], key=by_event_order)
        for entry in entries[place:]:
            if entry[:2] != position[:2]:
                return False
            if (entry.storage, entry.quantity) == (position.storage, position.quantity):
                return True
        return False

    def client_levels(self, asset: str, before: int) -> Iterator[tuple[int, Decimal]]:
        """Levels of the sum over accounts of max(0, client_liability) in a currency: see `ClientMoney.levels`."""
        return self._clients.levels(asset, before)

    def counting_before(self, role: str, asset: str, instant: int) -> Iterator[Position]:
        """What counts of each account of event times below `instant`; reads all accounts."""
        for entries in self._accounts.of_holding((role, asset)):
            position = counting(entries, instant - 1)
            if position is not None:
                yield position

    def history(self, key: AccountKey) -> list[Position]:
        """What is kept of an account, the oldest first."""
        return self._accounts.history(key)

    # --- configuration and snapshots

    def anew(self, zones: Sequence[Zone], horizon_ns: int, age_limit: AgeLimit | None) -> Positions:
        """The same accounts for other zones and limits, with nothing derived of them yet: see `derive` and `adopt`."""
        found = Positions(zones, horizon_ns, age_limit, self._dirty)
        found.clock, found._coalesced, found._accounts = self.clock, self._coalesced, self._accounts
        return found

    def derive(self, former: Positions) -> Iterator[None]:
        """Derive all from the accounts of the former, which stays as it is: a step for every few accounts."""
        return self._derive(self._accounts.items(), former._clients.lows())

    def adopt(self, derived: Positions) -> None:
        """Change over to what was derived for other zones and limits. What was thinned for the former zones stays so."""
        self._closings, self._ages, self._horizon_ns = derived._closings, derived._ages, derived._horizon_ns
        self._now, self._clients, self._ahead, self._thin = derived._now, derived._clients, derived._ahead, derived._thin
        for holding in self._now:
            self.changes.note(holding)

    def _derive(self, accounts: Iterable[tuple[AccountKey, list[Position]]], lows: Sequence[Sequence[Any]]) -> Iterator[None]:
        """Build sums, closings and queues from the histories, and `lows` of client money, which they do not hold."""
        alone: dict[tuple[RoleAsset, str, str | None, int], AccountTally] = {}
        for number, (key, entries) in enumerate(accounts):
            if len(entries) > 1 or entries[0].event_time > self.clock or self.more_than_summed(key[:2]):
                self._derive_one(key, entries)
            else:
                put_alone(alone, key, entries[0], self.boundaries.before(entries[0].event_time))
            if number % _DERIVED_AT_ONCE == 0:
                yield
        for (holding, storage, source, start), sums in alone.items():
            self.join(holding, storage, source, start, sums)
        self._clients.put_lows(lows)

    def _derive_one(self, key: AccountKey, entries: Sequence[Position]) -> None:
        before = None
        for entry in entries:
            self._rewrite(key, before, entry, None)
            if entry.event_time > self.clock:
                heapq.heappush(self._ahead, (entry.event_time, key))
            before = entry
        current = counting(entries, self.clock)
        if current is not None:
            self._swap(key, None, current)
        if len(entries) > 1:
            self._thin.append((self.clock + FULL_NS, key, 0))

    def names(self) -> Iterator[str]:
        """Names of the buckets that are not empty."""
        yield META
        yield from self._accounts.names()

    def bucket(self, name: str) -> Any:
        """One bucket as JSON values; None when it is empty."""
        if name == META:
            first = [
                [role, asset, str(event_time)]
                for role, assets in sorted(self._first.items())
                for asset, event_time in sorted(assets.items())
            ]
            return {"coalesced": str(self._coalesced), "first": first, "lows": self._clients.lows()}
        return self._accounts.bucket(name)

    def restore(self, buckets: Mapping[str, Any], clock: int) -> None:
        """Take the state at `clock` of the buckets named as by `names`."""
        meta = buckets[META]
        self.clock, self._coalesced = clock, int(meta["coalesced"])
        for role, asset, event_time in meta["first"]:
            self._first.setdefault(role, {})[asset] = int(event_time)
        for _ in self._derive(self._accounts.restore(buckets), meta["lows"]):
            pass


def _is_money_owed(holding: RoleAsset) -> bool:
    role, asset = holding
    return role == LIABILITY and is_iso_4217(asset)
