"""What a ticker stands for: coin or currency, how far it divides, whether it counts at all (section `assets`, CONTRACT 7).

Many codes of ISO 4217 are tickers of coins too (MNT, BOB, TOP). Where nobody says which is meant, and the place where it
is found speaks for a coin, nothing may be reckoned as if it were known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.core.values.currencies import COIN_MINOR_UNITS, ISO_MINOR_UNITS, MAJOR, is_iso_4217


@dataclass(frozen=True, slots=True)
class Assets:
    """The registry of assets. `crypto` and `fiat` override the list of ISO 4217; `minor_units` its decimals."""

    crypto: frozenset[str] = frozenset()
    fiat: frozenset[str] = MAJOR
    ignored: frozenset[str] = frozenset()
    minor_units: Mapping[str, int] = field(default_factory=dict)

    def is_fiat(self, asset: str) -> bool:
        """Whether an asset is money; a code of ISO 4217 that is named nowhere is, as far as anybody knows."""
        return asset in self.fiat or (asset not in self.crypto and is_iso_4217(asset))

    def may_be_either(self, asset: str) -> bool:
        """Whether the ticker alone does not say if it is money or a coin."""
        return is_iso_4217(asset) and asset not in self.fiat and asset not in self.crypto

    def ignores(self, asset: str) -> bool:
        """Whether the asset is to be left out of every figure."""
        return asset in self.ignored

    def minor_unit(self, currency: str) -> int:
        """Decimals to which amounts of a currency are printed."""
        configured = self.minor_units.get(currency)
        if configured is not None:
            return configured
        return ISO_MINOR_UNITS.get(currency, 2) if is_iso_4217(currency) else COIN_MINOR_UNITS
