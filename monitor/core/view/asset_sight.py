"""What the tickers in an entity's book stand for at an instant: which count, which are left out, which nobody can tell.

A code of ISO 4217 that the configuration does not name is a coin or money. Where money is kept it is money; in a wallet, as
the base of a market, or owed, in transit or with a third party while no bank or trust holds any, it may be either, and what
depends on it is not known.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from monitor.core.book.book import Book
from monitor.core.book.custody.position import sum_of
from monitor.core.journal.vocabulary import ASSET_ROLES, LIABILITY
from monitor.core.view.gaps import Gaps

WALLETS = frozenset({"cold", "cold_equivalent", "third_party_cold", "warm", "hot"})
"""Storages that speak for a coin."""
ELSEWHERE = frozenset({"third_party", "in_transit"})
"""Storages that say nothing: coins and money both pass through, and both count there as coins at risk do."""
VAULTS = frozenset({"bank", "trust"})
"""Storages that hold money."""


class Ignored(NamedTuple):
    """An asset that is left out of every figure, and how much of it all roles but `client_liability` hold."""

    asset: str
    quantity: Decimal


class AssetSight:
    """One view's sight of what assets are, at `at` (ns)."""

    def __init__(self, book: Book, at: int, gaps: Gaps, *, live: bool) -> None:
        self._book = book
        self._assets = book.config.assets
        self._before = at + 1
        self._live = live
        self._gaps = gaps
        self._doubtful: dict[str, bool] = {}

    def minor_unit(self, currency: str) -> int:
        """Decimals to which amounts of a currency are printed."""
        return self._assets.minor_unit(currency)

    def is_fiat(self, asset: str) -> bool:
        """Whether the asset is money, as far as anybody knows."""
        return self._assets.is_fiat(asset)

    def counts(self, asset: str, *, fiat: bool | None) -> bool:
        """Whether the asset is, or may be, one of crypto (fiat False), of money (True) or of all (None)."""
        return fiat is None or self.is_fiat(asset) == fiat or self.doubtful(asset)

    def doubtful(self, asset: str) -> bool:
        """Whether nobody can tell what the asset is; its gap is noted then."""
        if asset not in self._doubtful:
            self._doubtful[asset] = self._assets.may_be_either(asset) and self._speaks_for_a_coin(asset)
        if self._doubtful[asset]:
            self._gaps.add("asset_ambiguous", asset, "both")
        return self._doubtful[asset]

    def may_vary(self, asset: str) -> bool:
        """Whether what the asset stands for, or if it counts, depends on what is held and traded of it."""
        return self._assets.may_be_either(asset) or self._assets.ignores(asset)

    def left_out(self, asset: str) -> bool:
        """Whether the asset counts in no figure; what clients are owed counts all the same, with a gap."""
        if not self._assets.ignores(asset):
            return False
        owed = self._held(asset, (LIABILITY,)) != 0
        if owed:
            self._gaps.add("asset_ambiguous", asset, "both")
        return not owed

    def market_left_out(self, market: str) -> bool:
        """Whether trades of a market (`BASE/QUOTE`) count in no figure."""
        return any(self.left_out(asset) for asset in market.split("/"))

    @property
    def leaves_out(self) -> bool:
        """Whether any asset may be left out."""
        return bool(self._assets.ignored)

    def ignored(self) -> tuple[Ignored, ...]:
        """What is left out and held, sorted."""
        found = (Ignored(asset, self._held(asset, ASSET_ROLES)) for asset in sorted(self._assets.ignored))
        return tuple(one for one in found if one.quantity and self.left_out(one.asset))

    def _speaks_for_a_coin(self, asset: str) -> bool:
        if self._held(asset, (*ASSET_ROLES, LIABILITY), WALLETS) or self._book.trades.is_base(asset):
            return True
        told = self._held(asset, (LIABILITY,)) or self._held(asset, ASSET_ROLES, ELSEWHERE)
        return told != 0 and self._held(asset, ASSET_ROLES, VAULTS) == 0

    def _held(self, asset: str, roles: tuple[str, ...], storages: frozenset[str] | None = None) -> Decimal:
        """Sum of absolute quantities by role, so that nothing cancels out."""
        return sum_of(abs(self._sum(role, asset, storages)) for role in roles)

    def _sum(self, role: str, asset: str, storages: frozenset[str] | None) -> Decimal:
        positions = self._book.positions
        if not self._live:
            return positions.sum_before(role, asset, storages, self._before)
        tallies = positions.sums(role, asset).items()
        return sum_of(tally.quantity for (storage, _), tally in tallies if storages is None or storage in storages)
