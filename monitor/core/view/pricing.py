"""The price of an asset in a currency for one entity: the newest that is known, or none (INPUTS 1 Price).

Candidates are `spot` and `daily_close` of `market.prices` and the last trade of the entity in that market. Cross rates go
through configured pivots only. No price is ever replaced silently: an outlier leaves bounds from both prices.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from monitor.core.book.book import Book
from monitor.core.book.prices import Pair, Quote
from monitor.core.book.trades.marks import Candidate
from monitor.core.journal.ordering import Order
from monitor.core.journal.vocabulary import PRICES, TRADES
from monitor.core.values.figure import UNKNOWN, Figure
from monitor.core.values.money import EXACT
from monitor.core.values.times import DAY
from monitor.core.view.gaps import Gaps
from monitor.core.view.health import SourceHealth

ONE = Figure.of(1)
Direct = Callable[[Pair], Figure | None]


class _Price(NamedTuple):
    """A candidate; `price` None: busts leave it unknown. `source` is a feed of `market.prices`, None of a trade."""

    order: Order
    price: Decimal | None
    source: str | None


class _Found(NamedTuple):
    """What is known of a pair at `at`: the newest price and the one before it, if any; `stale`: too old to be used."""

    newest: _Price
    before: _Price | None
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

    def price(self, asset: str, currency: str) -> Figure:
        """Price at `at`; UNKNOWN with a gap where there is none."""
        figure = self._direct_or_cross(asset, currency, self._current)
        if figure is not None:
            return figure
        found = self._look_up((asset, currency))
        if found is not None and found.stale and self._limit is not None:
            return self._missing("price_stale", asset, currency, found.newest.order[0] + self._limit)
        return self._missing("price_missing", asset, currency, None)

    def price_before(self, asset: str, currency: str, before: int, closed: int) -> Figure:
        """The newest price of event time below `before`, trades of UTC hours that ended by `closed`; without an age limit."""
        figure = self._direct_or_cross(asset, currency, lambda pair: self._earlier(pair, before, closed))
        return self._missing("price_missing", asset, currency, None) if figure is None else figure

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

    def _current(self, pair: Pair) -> Figure | None:
        found = self._look_up(pair)
        if found is None or found.stale or found.newest.price is None:
            return None
        if self._impaired(found.newest):
            return UNKNOWN
        price, before, ratio = found.newest.price, found.before, self._book.config.outlier_ratio
        apart = DAY if before is None else found.newest.order[0] - before.order[0]
        if ratio is not None and before is not None and before.price is not None and apart < DAY:
            low, high = sorted((price, before.price))
            if high > EXACT.multiply(low, ratio):
                self._gaps.add("price_outlier", "/".join(pair), since=found.newest.order[0])
                return Figure.between(low, high)
        return Figure.of(price)

    def _look_up(self, pair: Pair) -> _Found | None:
        if pair not in self._found:
            last = self._last_trade("/".join(pair), self._at + 1)
            several = _ordered(self._book.shared.prices.newest_two(pair, self._at + 1), last)
            stale = bool(several) and self._limit is not None and self._at - several[0].order[0] > self._limit
            before = several[1] if len(several) > 1 else None
            self._found[pair] = _Found(several[0], before, stale) if several else None
        return self._found[pair]

    def _last_trade(self, market: str, before: int) -> Candidate | None:
        return self._book.trades.last_price(market, before) if self._live else self._book.trades.closed_price(market, before)

    def _earlier(self, pair: Pair, before: int, closed: int) -> Figure | None:
        quote = self._book.shared.prices.newest(pair, before)
        several = _ordered([] if quote is None else [quote], self._book.trades.closed_price("/".join(pair), closed))
        if not several or several[0].price is None:
            return None
        self._impaired(several[0])
        lost = self._book.lost_since(TRADES if several[0].source is None else PRICES)[0]
        return UNKNOWN if lost else Figure.of(several[0].price)  # silence now says nothing of then

    def _impaired(self, price: _Price) -> bool:
        return self._health.reads(TRADES) if price.source is None else self._health.reads(PRICES, price.source)


def _ordered(quotes: list[Quote], last: Candidate | None) -> list[_Price]:
    """Newest first."""
    several = [_Price(quote.order, quote.price, quote.source) for quote in quotes]
    if last is not None:
        several.append(_Price(last.order, last.price, None))
    return sorted(several, key=_order, reverse=True)


def _order(price: _Price) -> Order:
    return price.order
