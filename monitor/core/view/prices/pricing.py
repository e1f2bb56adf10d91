"""The price of an asset in a currency for one entity: the newest that is known, or none (INPUTS 1 Price).

Candidates are `spot` and `daily_close` of `market.prices` and the last trade of the entity in that market. Cross rates go
through configured pivots only. No price is ever replaced silently: an outlier leaves bounds from both prices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cached_property
from heapq import merge
from itertools import chain, islice
from typing import NamedTuple

from monitor.core.book.book import Book
from monitor.core.book.prices import Pair, Quote
from monitor.core.book.sources.sources import rules_of
from monitor.core.book.trades.marks import TradedPrice
from monitor.core.journal.ordering import Order
from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import PRICES, TRADES
from monitor.core.values.figure import UNKNOWN, Figure
from monitor.core.values.money import ZERO
from monitor.core.values.times import HOUR, hour_of
from monitor.core.view.gaps import Gaps
from monitor.core.view.health import SourceHealth
from monitor.core.view.prices.outliers import MOST_LOOKED_AT, DatedPrice, Guard

ONE = Figure.of(1)
_FOREVER = 1 << 63
Direct = Callable[[Pair], Figure | None]


class _Found(NamedTuple):
    """What is known of a pair at `at`: the newest price; `stale`: too old to be used."""

    newest: DatedPrice
    stale: bool


class Pricing:
    """Prices for one evaluation at `at`; `live`: at the book's clock, where the last trade counts to the instant."""

    def __init__(self, book: Book, at: int, gaps: Gaps, health: SourceHealth, *, live: bool) -> None:
        self._book = book
        self._at = at
        self._gaps = gaps
        self._health = health
        self._live = live
        self._limit = book.entity_config.price_max_age_ns
        self._found: dict[Pair, _Found | None] = {}
        self._asked: dict[Pair, None] = {}
        self._read_later = False
        self._highest = book.config.highest_prices

    @cached_property
    def _dismissed(self) -> dict[SourcePartition, tuple[int, ...]]:
        return self._book.rejections.dismissed()

    @cached_property
    def _guard(self) -> Guard | None:
        ratio, rules = self._book.config.outlier_ratio, rules_of(self._book.config.sources, PRICES)
        return None if ratio is None else Guard(ratio, rules.confirm_ns, self._dismissed)

    def read(self, asset: str, currency: str) -> tuple[Figure, tuple[str, ...], int | None]:
        """Price at `at`, the markets it was read from, and the first instant (ns) at which it may be another by time alone."""
        self._asked.clear()
        figure = self.price(asset, currency)
        until = min((instant for pair in self._asked for instant in self._turns(pair)), default=None)
        return figure, tuple(map("/".join, self._asked)), until

    def _turns(self, pair: Pair) -> Iterator[int]:
        """When the pair's price is too old next, and when what it is held against is thinned or counts otherwise: by the hour."""
        found, market = self._look_up(pair), "/".join(pair)
        if found is not None and self._absurd(found.newest, pair[1]):
            yield hour_of(self._at) + HOUR
        if self._book.trades.priced(market):
            yield hour_of(self._at + 1) + HOUR - 1 if self._all_past(market) else self._at + 1
        if found is not None and not found.stale and self._limit is not None:
            yield found.newest.order[0] + self._limit + 1

    def _all_past(self, market: str) -> bool:
        newest = self._book.trades.last_price(market, _FOREVER)
        return newest is None or newest.order[0] <= self._at

    def price(self, asset: str, currency: str) -> Figure:
        """Price at `at`; UNKNOWN with a gap where there is none."""
        figure = self._direct_or_cross(asset, currency, self._current)
        if figure is not None:
            return figure
        found = self._look_up((asset, currency))
        if found is not None and found.stale and self._limit is not None:
            return self._missing("price_stale", asset, currency, found.newest.order[0] + self._limit)
        return self._missing("price_missing", asset, currency, None)

    def stands_on(self, asset: str, currency: str) -> tuple[Pair, ...]:
        """The pairs whose newest price makes the price at `at`: one, or two across a pivot; all that were tried for none."""
        tried: list[Pair] = []
        if asset == currency:
            return ()
        if self._usable((asset, currency), tried):
            return ((asset, currency),)
        for pivot in self._book.entity_config.pivots:
            if pivot not in {asset, currency}:
                legs = (asset, pivot), (pivot, currency)
                if all(self._usable(leg, tried) for leg in legs):
                    return legs
        return tuple(tried)

    def _usable(self, pair: Pair, tried: list[Pair]) -> bool:
        tried.append(pair)
        found = self._look_up(pair)
        return found is not None and not found.stale and found.newest.price is not None

    def own_trade(self, pair: Pair) -> bool:
        """Whether the newest price of a pair is the entity's own last trade."""
        found = self._look_up(pair)
        return found is not None and found.newest.source is None

    def price_before(self, asset: str, currency: str, before: int, closed: int) -> Figure:
        """The newest price of event time below `before`, trades of UTC hours that ended by `closed`; without an age limit."""
        figure = self._direct_or_cross(asset, currency, lambda pair: self._earlier(pair, before, closed))
        return self._missing("price_missing", asset, currency, None) if figure is None else figure

    def read_before(self, asset: str, currency: str, before: int, closed: int) -> tuple[Figure, tuple[str, ...], bool]:
        """`price_before`, the markets it was read from, and whether prices after it were read too."""
        self._asked.clear()
        self._read_later = False
        figure = self.price_before(asset, currency, before, closed)
        return figure, tuple(map("/".join, self._asked)), self._read_later

    def _missing(self, kind: str, asset: str, currency: str, since: int | None) -> Figure:
        self._health.reads(PRICES)
        self._gaps.add(kind, f"{asset}/{currency}", since=since)
        return UNKNOWN

    def _direct_or_cross(self, asset: str, currency: str, direct: Direct) -> Figure | None:
        if asset == currency:
            return ONE
        figure = direct((asset, currency))
        if figure is not None:
            return figure
        for pivot in self._book.entity_config.pivots:
            if pivot not in {asset, currency}:
                first = direct((asset, pivot))
                second = None if first is None else direct((pivot, currency))
                if first is not None and second is not None:
                    return first.times(second)
        return None

    def _refusals(self, pair: Pair) -> None:
        for name, since in self._book.shared.refused_prices.of(pair, self._dismissed):
            self._gaps.add("record_rejected", name, "both", since)

    def _current(self, pair: Pair) -> Figure | None:
        self._refusals(pair)
        self._asked[pair] = None
        found = self._look_up(pair)
        if found is None or found.stale or found.newest.price is None:
            return None
        if self._impaired(found.newest):
            return UNKNOWN
        return self._guarded(pair, found.newest, found.newest.price, self._at + 1)

    def _guarded(self, pair: Pair, newest: DatedPrice, price: Decimal, before: int) -> Figure:
        """The price, or what lies between it and the one that speaks against it."""
        if self._absurd(newest, pair[1]):
            return self._unbelieved(pair, newest, price, before)
        if self._guard is None:
            return Figure.of(price)
        measure = self._measure(self._guard, pair, newest, price, before)
        if measure is None:
            return Figure.of(price)
        self._gaps.add("price_outlier", "/".join(pair), since=newest.order[0])
        return Figure.between(min(price, measure), max(price, measure))

    def _measure(self, guard: Guard, pair: Pair, newest: DatedPrice, price: Decimal, before: int) -> Decimal | None:
        """See `Guard.measure`; found once for all entities where it is of prices alone, none of them later and none dismissed."""
        prices, own = self._book.shared.prices, self._book.trades.priced("/".join(pair)) or bool(self._dismissed)
        if not own and before > self._at and (known := prices.measured.get(pair)) is not None and known[0] == newest.order:
            return known[1]
        earlier = (one for one in self._backwards(pair, before) if one.order < newest.order)
        later = self._forwards(pair, before) if before <= self._at else ()
        measure = guard.measure(newest, price, earlier, later)
        if not own and before > self._at:
            prices.measured[pair] = newest.order, measure
        return measure

    def _absurd(self, one: DatedPrice, currency: str) -> bool:
        """Whether a price is above what anything ever cost in its currency: a wrong scale, which repeats itself (CONTRACT 7)."""
        most = self._highest.get(currency)
        if most is None or one.price is None or one.price <= most:
            return False
        where = SourcePartition(one.order[3], one.order[4], one.order[5])
        return where.offset_of(one.order[6]) not in self._dismissed.get(where, ())

    def _unbelieved(self, pair: Pair, newest: DatedPrice, price: Decimal, before: int) -> Figure:
        """What lies between an absurd price and the newest before it that is not; nothing where there is none."""
        several = islice(self._backwards(pair, before), MOST_LOOKED_AT)
        measure = next((one.price for one in several if one.price is not None and not self._absurd(one, pair[1])), ZERO)
        self._gaps.add("price_outlier", "/".join(pair), since=newest.order[0])
        return Figure.between(min(price, measure), max(price, measure))

    def _backwards(self, pair: Pair, before: int) -> Iterator[DatedPrice]:
        quotes = map(_dated, self._book.shared.prices.backwards(pair, before))
        trades = self._trades_backwards("/".join(pair), before)
        first = next(trades, None)
        return quotes if first is None else merge(quotes, chain((first,), trades), key=_order, reverse=True)

    def _forwards(self, pair: Pair, before: int) -> Iterator[DatedPrice]:
        self._read_later = True
        yield from map(_dated, self._book.shared.prices.forwards(pair, before))

    def _trades_backwards(self, market: str, before: int) -> Iterator[DatedPrice]:
        """The newest trades that are kept one by one, then the last of the hour before."""
        found = self._last_trade(market, before) if self._live else None
        oldest = hour_of(before)
        while found is not None and oldest <= found.order[0] < before:
            yield DatedPrice(found.order, found.price, None)
            before = found.order[0]
            found = self._book.trades.last_price(market, before)
        closed = self._book.trades.closed_price(market, oldest)
        if closed is not None:
            yield DatedPrice(closed.order, closed.price, None)

    def _look_up(self, pair: Pair) -> _Found | None:
        if pair not in self._found:
            last = self._last_trade("/".join(pair), self._at + 1)
            newest = _newest(self._book.shared.prices.newest(pair, self._at + 1), last)
            stale = newest is not None and self._limit is not None and self._at - newest.order[0] > self._limit
            self._found[pair] = None if newest is None else _Found(newest, stale)
        return self._found[pair]

    def _last_trade(self, market: str, before: int) -> TradedPrice | None:
        return self._book.trades.last_price(market, before) if self._live else self._book.trades.closed_price(market, before)

    def _earlier(self, pair: Pair, before: int, closed: int) -> Figure | None:
        self._refusals(pair)
        self._asked[pair] = None
        quote = self._book.shared.prices.newest(pair, before)
        found = _newest(quote, self._book.trades.closed_price("/".join(pair), closed))
        if found is None or found.price is None:
            return None
        self._impaired(found)
        lost = self._health.completeness.lost(TRADES if found.source is None else PRICES)
        return UNKNOWN if lost else self._guarded(pair, found, found.price, before)  # silence now says nothing of then

    def _impaired(self, price: DatedPrice) -> bool:
        return self._health.reads(TRADES) if price.source is None else self._health.reads(PRICES, price.source)


def _newest(quote: Quote | None, last: TradedPrice | None) -> DatedPrice | None:
    """The newer of a price and a trade."""
    several = [] if quote is None else [_dated(quote)]
    if last is not None:
        several.append(DatedPrice(last.order, last.price, None))
    return max(several, key=_order, default=None)


def _dated(quote: Quote) -> DatedPrice:
    return DatedPrice(quote.order, quote.price, quote.source)


def _order(price: DatedPrice) -> Order:
    return price.order
