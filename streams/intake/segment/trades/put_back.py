"""Trades that were refused, and are put back when what refused them was mended (`dlq requeue`).

A worker that begins under mended rules reads the look-back by them, and finds there the very trade that was refused: what is
put back would be a repeat of it and count nowhere. So it is none where two things are known: the record first lay in a part of
the log that was read for good under the rules that refused it (the commits say which part was read under which rules), and its
identity lies there once, so that nothing else of it counted and it was not put back before. Both follow from the log, the rules
and the commits: whoever reads, whenever, says the same (JOURNAL 3). Where one is not known it stays a repeat: rather a trade
missing than one counted twice.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter

from streams.wire.feeds.requeued import RequeuedRecord, UnreadableRequeue

TradeName = tuple[str, str, str]
"""(entity, market, trade id)"""


class PastRules:
    """Under which rules parts of the log were read. `current`: the number of those in force."""

    def __init__(self, current: int, changes: Sequence[tuple[int, int]] = ()) -> None:
        self._current = current
        self._changes = tuple(changes)

    @property
    def since(self) -> int:
        """The offset from which the rules in force hold; 0 where that is not known: then nothing was refused by others."""
        return self._changes[-1][1] if self._changes and self._changes[-1][0] == self._current else 0

    def at(self, offset: int) -> int | None:
        """The number of the rules under which an offset was read for good."""
        place = bisect_right(self._changes, offset, key=itemgetter(1))
        return self._changes[place - 1][0] if place else None


class PutBack:
    """What is known of one source partition's trades that come again. `several`: identities that were seen more than once."""

    def __init__(self, past: PastRules) -> None:
        self._past = past
        self._reach = 0
        self.several: set[TradeName] = set()

    def opened(self, reach: int) -> None:
        """A segment begins whose look-back reaches to this offset."""
        self._reach = reach
        if not self.possible:
            self.several.clear()

    @property
    def possible(self) -> bool:
        """Whether the look-back holds anything that was read under other rules."""
        return self._reach < self._past.since

    def refused_before(self, headers: Sequence[tuple[str, bytes]], epoch: int) -> bool:
        """Whether a record of these headers is one that other rules refused at a place within the look-back."""
        try:
            told = RequeuedRecord.of(headers)
        except UnreadableRequeue:
            return False
        if told is None or told.rules is None or told.epoch != epoch or not self._reach <= told.offset < self._past.since:
            return False
        return told.rules == self._past.at(told.offset)
