"""In which buckets of a snapshot the trades of markets stand.

Of the hour before the clock's and later, of which nearly all trades are, many markets stand in a bucket together: what a market
traded before is not written again for each of its trades, and ten thousand markets are few buckets. Everything older of a market
is a bucket of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

from monitor.core.values.times import HOUR

YOUNG = "young"
SHARES = 64
"""Ten thousand markets in one bucket would hold up the loop while it is written."""
_YOUNG = tuple(f"{YOUNG}/{share}" for share in range(SHARES))


@lru_cache(maxsize=65_536)
def share_of(market: str) -> int:
    """In which share a market stands: the same wherever and whenever it is asked."""
    return hashlib.sha256(market.encode()).digest()[0] % SHARES


class MarketBuckets:
    """Which hours of a market are young. `begin`: the first of them; `old`: markets that may have older ones."""

    __slots__ = ("_dirty", "_newest", "begin", "old")

    def __init__(self, dirty: set[str]) -> None:
        self.begin = 0
        self.old: dict[str, None] = {}
        self._dirty = dirty
        self._newest: dict[int, dict[str, int]] = {}

    def turn(self, hour: int) -> None:
        """The clock is in this hour: what is no longer young moves to the bucket of its market."""
        self.begin = hour - HOUR
        before, self._newest = self._newest, {}
        for share, markets in before.items():
            self._dirty.add(_YOUNG[share])
            self._dirty.update(f"trades/{market}" for market in markets)
            self.old |= dict.fromkeys(markets)
            young = {market: newest for market, newest in markets.items() if newest >= self.begin}
            if young:
                self._newest[share] = young

    def hold(self, market: str, hour: int) -> None:
        """The market has something of this hour."""
        if hour < self.begin:
            self.old[market] = None
        else:
            markets = self._newest.setdefault(share_of(market), {})
            if hour > markets.get(market, -1):
                markets[market] = hour

    def stale(self, market: str, hour: int | None) -> None:
        """What a snapshot holds of this hour of a market is not so any more; None: of any."""
        if hour is None or hour < self.begin:
            self._dirty.add(f"trades/{market}")
        if hour is None or hour >= self.begin:
            self._dirty.add(_YOUNG[share_of(market)])
        if hour is not None:
            self.hold(market, hour)

    def names(self) -> Iterator[str]:
        """Names of the buckets of young hours."""
        yield from (_YOUNG[share] for share in sorted(self._newest))

    def young(self, name: str) -> Iterator[tuple[str, int, int]]:
        """The markets of a bucket of young hours, sorted, each with where its young hours begin and end."""
        for market, newest in sorted(self._newest.get(int(name.partition("/")[2]), {}).items()):
            yield market, self.begin, newest + HOUR
