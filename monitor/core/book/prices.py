"""Prices of the topic `market.prices`, for every entity of a journal partition (INPUTS 1 Price, JOURNAL 2).

Per (asset, currency, kind, source) all of 48 hours are kept, then the newest of each UTC hour and every daily close; an
entry at which an incident is valued stays (a pin), so an old loss is not valued anew by forgetting.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from heapq import heappop, heappush, merge
from itertools import pairwise
from typing import Any, NamedTuple

from monitor.core.journal.ordering import Order, order_from, order_text
from monitor.core.values.calendar import Zone
from monitor.core.values.changes import OLD_NS, Changes
from monitor.core.values.instants import Instants, Newest
from monitor.core.values.money import parse_decimal, plain
from monitor.core.values.times import DAY, HOUR, hour_of, quarter_of

META = "prices"
DAILY_CLOSE = "daily_close"
FULL_NS = 48 * HOUR
_KEPT_NS = 3660 * DAY
_MONTH_NS = 32 * DAY

Pair = tuple[str, str]
"""(asset, currency)"""


class Quote(NamedTuple):
    """A price and its place: event time first. `source` is the feed of `market.prices`, None for a trade."""

    order: Order
    price: Decimal
    source: str | None


class PriceBook:
    """All prices; `pins` are the instants at which something is valued for good."""

    def __init__(self, dirty: set[str], grain: int = HOUR) -> None:
        self.changes: Changes[Pair] = Changes()
        """Pairs whose prices of the last two days, or whose closes, may be others."""
        self.past: Changes[Pair] = Changes()
        """Pairs whose prices at the end of a quarter of an hour gone by, or what those are held against, may be others."""
        self.old: Changes[Pair] = Changes()
        """Pairs of which a price came that is older than `OLD_NS`, or the oldest went."""
        self._dirty = dirty
        self._series: dict[Pair, dict[tuple[str, str], list[Quote]]] = {}
        self._pinned: dict[str, frozenset[int]] = {}
        self._pins = Instants(lambda: (t for instants in self._pinned.values() for t in instants))
        self._full_from = 0
        self.grain = grain
        """What every local midnight is a multiple of (ns): before each the newest price is kept."""
        self.clock = 0
        self._ahead: list[tuple[int, Pair]] = []
        self.newest_of = Newest()
        """By pair, written as a market is."""
        self._heard: dict[str | None, int] = {}
        self._spot: dict[str | None, tuple[int, int]] = {}
        self._versions: dict[Pair, int] = {}
        self.measured: dict[Pair, tuple[Order, Decimal | None]] = {}
        """By pair the newest price and what speaks against it (outliers), until another comes: all entities ask the same."""
        self._closes: dict[tuple[Pair, str, date, date, int], tuple[int, dict[date, Decimal]]] = {}

    def put(self, body: Mapping[str, Any], order: Order) -> Pair:
        """Take the body of a `price` record; the pair it is about."""
        pair, kind, source = (body["asset"], body["currency"]), body["kind"], body["source"]
        quotes = self._series.setdefault(pair, {}).setdefault((kind, source), [])
        new = Quote(order, parse_decimal(body["price"]), quotes[-1].source if quotes else source)
        place = len(quotes)
        if quotes and quotes[-1].order >= order:
            place = bisect_left(quotes, order, key=_order)
            if quotes[place].order == order:
                return pair
        quotes.insert(place, new)
        self.changes.note(pair)
        self.measured.pop(pair, None)
        if order[0] < quarter_of(self.clock):
            self.past.note(pair)
        if order[0] < self.clock - OLD_NS:
            self.old.note(pair)
        self._dirty.add(self._name(pair, kind, source, order[0]))
        self._note(pair, kind, source, order)
        if order[0] < self._full_from:
            self._thin(quotes, kind, max(0, place - 1), min(place + 1, bisect_left(quotes, self._full_from, key=_event_time)))
        if kind == DAILY_CLOSE:
            self._versions[pair] = self._versions.get(pair, 0) + 1
        return pair

    def refuses(self, body: Mapping[str, Any], order: Order, horizon_ns: int) -> bool:
        """Whether a price is too old to say anything: past the horizon when it came, not the first of its series, no repeat.

        Daily closes are of days past by their nature and never too old, and no record is for one that was logged after it.
        """
        quotes = self._series.get((body["asset"], body["currency"]), {}).get((body["kind"], body["source"]))
        if body["kind"] == DAILY_CLOSE or not quotes or order[2] - order[0] <= horizon_ns:
            return False
        newest = quotes[-1]
        if order[2:] <= newest.order[2:]:
            return False
        return newest.order[0] != order[0] or newest.price != parse_decimal(body["price"])

    def _note(self, pair: Pair, kind: str, source: str, order: Order) -> None:
        name = "/".join(pair)
        if order[0] > self.clock:
            heappush(self._ahead, (order[0], pair))
        if order[0] > (self.newest_of.get(name) or 0):
            self.newest_of.put(name, order[0])
        for feed in (None, source):
            if order[2] > self._heard.get(feed, 0):
                self._heard[feed] = order[2]
                self._dirty.add(META)
            log_time, event_time = self._spot.get(feed, (0, 0))
            if kind != DAILY_CLOSE and (order[2] > log_time or order[0] > event_time):
                self._spot[feed] = (max(log_time, order[2]), max(event_time, order[0]))
                self._dirty.add(META)

    def pin(self, entity: str, instants: Iterable[int]) -> None:
        """The instants at whose prices the entity's incidents are valued."""
        self._pinned[entity] = frozenset(instants)
        self._pins.changed()
        self._dirty.add(META)

    # --- reading

    def newest(self, pair: Pair, before: int) -> Quote | None:
        """The newest price of event time below `before`."""
        return max(self._candidates(pair, before), default=None)

    def backwards(self, pair: Pair, before: int) -> Iterator[Quote]:
        """The prices of event time below `before`, newest first."""
        several = ((quotes, _place(quotes, before)) for quotes in self._series.get(pair, {}).values())
        return merge(*(_descending(quotes, place) for quotes, place in several), reverse=True)

    def forwards(self, pair: Pair, start: int) -> Iterator[Quote]:
        """The prices of event time from `start` on, oldest first."""
        several = ((quotes, _place(quotes, start)) for quotes in self._series.get(pair, {}).values())
        return merge(*(_ascending(quotes, place) for quotes, place in several))

    def _candidates(self, pair: Pair, before: int) -> Iterator[Quote]:
        for quotes in self._series.get(pair, {}).values():
            place = _place(quotes, before)
            yield from quotes[max(0, place - 1) : place]

    def daily_closes(self, pair: Pair, zone: Zone, first: date, last: date, before: int) -> dict[date, Decimal]:
        """Closes of event time below `before` by local date, from `first` to `last`: the newest of each date."""
        low, high = zone.day_start(first), min(zone.day_end(last), before)
        key = (pair, zone.name, first, last, high)
        version = self._versions.get(pair, 0)
        found = self._closes.get(key)
        if found is None or found[0] != version:
            if len(self._closes) > 4096:
                self._closes.clear()
            found = self._closes[key] = (version, self._closes_between(pair, zone, low, high))
        return found[1]

    def _closes_between(self, pair: Pair, zone: Zone, low: int, high: int) -> dict[date, Decimal]:
        several = [quotes for (kind, _), quotes in self._series.get(pair, {}).items() if kind == DAILY_CLOSE]
        inside = [
            q
            for quotes in several
            for q in quotes[bisect_left(quotes, low, key=_event_time) : bisect_left(quotes, high, key=_event_time)]
        ]
        return {zone.local_date(quote.order[0]): quote.price for quote in sorted(inside)}

    def next_newest(self, after: int) -> int | None:
        """The least event time above `after` of any pair's newest price: the next to grow too old."""
        return self.newest_of.after(after)

    def next_ahead(self, after: int) -> int | None:
        """The next event time above `after` of a price that lies ahead of the clock."""
        return min((event_time for event_time, _ in self._ahead if event_time > after), default=None)

    def heard(self, source: str | None) -> int | None:
        """Log time of the newest price of a source (None: of all)."""
        return self._heard.get(source)

    def beat(self, source: str, log_time: int) -> bool:
        """A heartbeat of a source that has told a price; a past instant is judged by prices alone. Whether it is news."""
        if log_time <= self._heard.get(source, log_time):
            return False
        self._heard[source] = log_time
        self._heard[None] = max(log_time, self._heard[None])
        self._dirty.add(META)
        return True

    def heard_before(self, source: str | None, instant: int) -> int | None:
        """The newest event time below `instant` of a source (None: of all)."""
        before = (
            quotes[bisect_left(quotes, instant, key=_event_time) - 1].order[0]
            for by_kind in self._series.values()
            for (_, of), quotes in by_kind.items()
            if (source is None or of == source) and quotes[0].order[0] < instant
        )
        return max(before, default=None)

    def newest_spot(self, source: str | None) -> tuple[int, int] | None:
        """The newest log time and the newest event time of a source's spot prices (None: of all)."""
        return self._spot.get(source)

    # --- retention

    def advance(self, clock: int) -> None:
        """What lay ahead comes true; once an hour of the clock, thin what retention no longer keeps in full."""
        self.clock = max(clock, self.clock)
        while self._ahead and self._ahead[0][0] <= self.clock:
            self.changes.note(heappop(self._ahead)[1])
        full_from, before = hour_of(clock) - FULL_NS, self._full_from
        if full_from <= before:
            return
        self._full_from = full_from
        self._dirty.add(META)
        self.measured.clear()
        for pair, by_kind in self._series.items():
            for (kind, source), quotes in by_kind.items():
                begin, end = bisect_left(quotes, before, key=_event_time), bisect_left(quotes, full_from, key=_event_time)
                for quote in quotes[begin:end]:
                    self._dirty.add(_bucket(pair, kind, source, quote.order[0], 0))
                    self._dirty.add(self._name(pair, kind, source, quote.order[0]))
                known = len(quotes)
                self._thin(quotes, kind, begin, end)
                thinned = len(quotes)
                self._drop_oldest(pair, kind, source, quotes)
                if len(quotes) < thinned:
                    self.old.note(pair)
                if len(quotes) < known:
                    self.past.note(pair)
                    if not self._looks_no_further(pair):
                        self.changes.note(pair)

    def _thin(self, quotes: list[Quote], kind: str, begin: int, end: int) -> None:
        """Of those at [`begin`, `end`) keep the newest of each UTC hour (or quarter: `grain`), pinned ones and daily closes."""
        if kind != DAILY_CLOSE and begin < end:
            after = [*quotes[begin + 1 : end], quotes[end] if end < len(quotes) else None]
            quotes[begin:end] = [q for q, then in zip(quotes[begin:end], after, strict=True) if self._keeps(q, then)]

    def _looks_no_further(self, pair: Pair) -> bool:
        """Whether the newest price is so new that what is thinned is not held against it: no more than a day is (outliers)."""
        newest = self.newest_of.get("/".join(pair))
        return newest is not None and self._full_from <= newest - DAY < newest <= self.clock

    def _keeps(self, quote: Quote, then: Quote | None) -> bool:
        if then is None:
            return True
        event_time, next_time = quote.order[0], then.order[0]
        return event_time // self.grain != next_time // self.grain or self._pins.within(event_time, next_time)

    def _drop_oldest(self, pair: Pair, kind: str, source: str, quotes: list[Quote]) -> None:
        limit = self._full_from - _KEPT_NS
        if quotes[0].order[0] >= limit:
            return
        end = min(bisect_left(quotes, limit, key=_event_time), len(quotes) - 1)
        kept = [q for q, then in pairwise(quotes[: end + 1]) if self._pins.within(q.order[0], then.order[0])]
        for quote in quotes[:end]:
            self._dirty.add(self._name(pair, kind, source, quote.order[0]))
        quotes[:end] = kept

    # --- snapshots

    def _name(self, pair: Pair, kind: str, source: str, event_time: int) -> str:
        return _bucket(pair, kind, source, event_time, self._full_from)

    def names(self) -> Iterator[str]:
        """Names of the buckets: of each series an hour of event times while all is kept, then a month."""
        yield META
        for pair in sorted(self._series):
            for (kind, source), quotes in sorted(self._series[pair].items()):
                place = 0
                while place < len(quotes):
                    name = self._name(pair, kind, source, quotes[place].order[0])
                    yield name
                    place = bisect_left(quotes, self._slot(name.rpartition("/")[2])[1], key=_event_time)

    def bucket(self, name: str) -> Any:
        """One bucket as JSON values; None when it is empty."""
        if name == META:
            pinned = {entity: [str(t) for t in sorted(instants)] for entity, instants in sorted(self._pinned.items())}
            heard = [[source, str(newest)] for source, newest in self._heard.items()]
            spot = [[source, str(log_time), str(event_time)] for source, (log_time, event_time) in self._spot.items()]
            return {"full_from": str(self._full_from), "pinned": pinned, "heard": heard, "spot": spot}
        _, asset, currency, kind, feed, slot = name.split("/")
        quotes = self._series.get((asset, currency), {}).get((kind, bytes.fromhex(feed).decode()), [])
        low, high = self._slot(slot)
        inside = quotes[bisect_left(quotes, low, key=_event_time) : bisect_left(quotes, high, key=_event_time)]
        return [[*order_text(quote.order), plain(quote.price)] for quote in inside] or None

    def _slot(self, slot: str) -> tuple[int, int]:
        start = int(slot[1:])
        if slot[0] == "h":
            return max(start * HOUR, self._full_from), (start + 1) * HOUR
        return start * _MONTH_NS, min((start + 1) * _MONTH_NS, self._full_from)

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the buckets named as by `names`."""
        meta = buckets[META]
        self._full_from = int(meta["full_from"])
        self.clock = max(0, self._full_from + FULL_NS)  # the hour of it: what lies ahead of that is looked through anyway
        self._heard = {source: int(newest) for source, newest in meta["heard"]}
        self._spot = {source: (int(log_time), int(newest)) for source, log_time, newest in meta["spot"]}
        for entity, instants in meta["pinned"].items():
            self.pin(entity, (int(instant) for instant in instants))
        for name in buckets:
            if not name.startswith("prices/"):
                continue
            _, asset, currency, kind, feed, _slot = name.split("/")
            source = bytes.fromhex(feed).decode()
            quotes = self._series.setdefault((asset, currency), {}).setdefault((kind, source), [])
            quotes.extend(Quote(order_from(values[:7]), parse_decimal(values[7]), source) for values in buckets[name])
        for by_kind in self._series.values():
            for quotes in by_kind.values():
                quotes.sort()
        for pair, by_kind in self._series.items():
            for (kind, source), quotes in by_kind.items():
                for quote in quotes:
                    self._note(pair, kind, source, quote.order)


def _bucket(pair: Pair, kind: str, source: str, event_time: int, full_from: int) -> str:
    slot = f"h{event_time // HOUR}" if event_time >= full_from else f"m{event_time // _MONTH_NS}"
    return f"prices/{pair[0]}/{pair[1]}/{kind}/{source.encode().hex()}/{slot}"


def _order(quote: Quote) -> Order:
    return quote.order


def _event_time(quote: Quote) -> int:
    return quote.order[0]


def _place(quotes: list[Quote], instant: int) -> int:
    """Number of the quotes of event time below `instant`."""
    return len(quotes) if quotes[-1].order[0] < instant else bisect_left(quotes, instant, key=_event_time)


def _ascending(quotes: list[Quote], begin: int) -> Iterator[Quote]:
    return (quotes[place] for place in range(begin, len(quotes)))


def _descending(quotes: list[Quote], end: int) -> Iterator[Quote]:
    return (quotes[place] for place in range(end - 1, -1, -1))
