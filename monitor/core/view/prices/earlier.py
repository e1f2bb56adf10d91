"""Reads of instants before the one of a view: what lies long enough back is kept until something comes so late."""

from __future__ import annotations

from collections.abc import Callable

from monitor.core.book.book import Book
from monitor.core.values.changes import OLD_NS
from monitor.core.values.figure import Figure
from monitor.core.view.asset_sight import AssetSight
from monitor.core.view.holdings import Holdings
from monitor.core.view.memory.access import MemoAccess
from monitor.core.view.memory.memo import Memo
from monitor.core.view.prices.pricing import Pricing


class Earlier:
    """Holdings and prices of earlier instants for one view at `at` (ns). `carried` is what the view's `memo` remembers in."""

    def __init__(self, book: Book, at: int, holdings: Holdings, prices: Pricing, *, memo: MemoAccess, carried: Memo) -> None:
        self._long_ago = range(book.clock - book.config.horizon_ns, at - OLD_NS)
        self._holdings = holdings
        self._prices = prices
        self._memo = memo
        self._old = carried.old
        self._settled = True

    def quantity(self, role: str, asset: str, storages: frozenset[str] | None, instant: int) -> Figure:
        """See `Holdings.quantity_before`."""
        if instant not in self._long_ago:
            self.unsettle()
            return self._holdings.quantity_before(role, asset, storages, instant)
        key = ("held_at", role, storages, instant)
        found = self._memo.old(asset, key, lambda: self._holdings.quantity_before(role, asset, storages, instant))
        self._settled = self._settled and found.known
        return found

    def price(self, asset: str, currency: str, before: int, closed: int) -> Figure:
        """See `Pricing.price_before`."""
        if closed not in self._long_ago:
            self.unsettle()
            return self._prices.price_before(asset, currency, before, closed)
        return self._memo.old(asset, ("price_at", currency, before, closed), lambda: self._read(asset, currency, before, closed))

    def unsettle(self) -> None:
        """Something else was read, which may be otherwise at any time."""
        self._settled = False

    def noting(self, make: Callable[[str], Figure], kinds: AssetSight) -> Callable[[str], Figure]:
        """`make`, which is read again at the next evaluation of an asset of which it read anything else."""

        def made(asset: str) -> Figure:
            self._settled = not kinds.may_vary(asset)
            found = make(asset)
            if not self._settled:
                self._old.unsettled[asset] = None
            return found

        return made

    def _read(self, asset: str, currency: str, before: int, closed: int) -> Figure:
        figure, markets, later = self._prices.read_before(asset, currency, before, closed)
        self._old.priced(asset, markets)
        if later:
            self._old.unsettled[asset] = None
        return figure
