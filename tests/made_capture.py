"""A made recording of a venue with every defect of real ones, planted in known numbers.

The recorder polls the venue's newest executions and writes each answer newest first, so own times run backwards and ids of
a later poll may lie below those of an earlier one. Answers overlap (repeats), some rows lost their time or side, small
sizes are written with an exponent, clocks disagree (a trade seems to be executed after it was loaded), the venue stands still
once a day, and a poll may be an hour late. The days are those of Tokyo.
"""

from __future__ import annotations

import csv
import gzip
import random
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

TOKYO = timezone(timedelta(hours=9))
BEGIN = datetime(2018, 3, 4, 22, 0, tzinfo=TOKYO)
HEADER = (
    "domain", "product_code", "loaded", "id", "exec_date", "side", "price", "size",
    "buy_child_order_acceptance_id", "sell_child_order_acceptance_id",
)  # fmt: skip
_POLL_S = 15
_MOST_IN_A_POLL = 100


@dataclass
class Planted:
    """What a made recording holds, counted while it was written."""

    rows: int = 0
    without_time: int = 0
    without_side: int = 0
    repeats: int = 0
    exponents: int = 0
    backwards: int = 0
    lower_ids: int = 0
    ahead_of_recorder: int = 0


@dataclass(frozen=True)
class _Execution:
    number: int
    at: datetime
    side: str
    price: str
    size: str


class MadeCapture:
    """Writes a recording of `polls` polls; the same seed gives the same file."""

    def __init__(self, seed: int, polls: int) -> None:
        self._random = random.Random(seed)
        self._polls = polls
        self._number = 122_000_000
        self._price = 1_200_000
        self._known: list[_Execution] = []
        self._seen: set[int] = set()
        self._last: tuple[datetime, int] | None = None
        self.planted = Planted()

    def write(self, path: Path) -> Planted:
        """The file, gzip; what was planted."""
        loaded = BEGIN
        with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(HEADER)
            for poll in range(self._polls):
                before, loaded = loaded, loaded + timedelta(seconds=self._pause(poll))
                self._trade(before, loaded)
                writer.writerows(self._row(one, loaded) for one in self._answer())
        return self.planted

    def _pause(self, poll: int) -> float:
        late = {self._polls // 3: 723, self._polls // 2: 3_600}
        return late.get(poll, _POLL_S) + self._random.random()

    def _trade(self, begin: datetime, end: datetime) -> None:
        """The venue trades between two polls; its clock runs up to 0.3 s ahead of the recorder's."""
        spread = end - begin
        moments = sorted(begin + spread * self._random.random() for _ in range(self._random.randrange(3, 60)))
        for moment in moments:
            self._number += self._random.choice((1, 1, 1, 2, 35))
            self._price += self._random.randrange(-300, 301)
            ahead = timedelta(seconds=0.3) if self._random.random() < 0.02 else timedelta()
            side = self._random.choice(("BUY", "SELL"))
            self._known.append(_Execution(self._number, moment + ahead, side, f"{self._price}.0", self._size()))
        if self._random.random() < 0.2:
            one, other = self._random.sample(range(len(self._known) - 3, len(self._known)), 2)
            self._known[one], self._known[other] = self._known[other], self._known[one]
        del self._known[:-_MOST_IN_A_POLL]

    def _size(self) -> str:
        if self._random.random() < 0.01:
            return f"{self._random.randrange(1, 10)}E-{self._random.randrange(7, 9)}"
        return f"{self._random.randrange(1, 50_000) / 10_000:.4f}"

    def _answer(self) -> list[_Execution]:
        """The newest first: what is new, and now and then some that were told before."""
        again = self._random.randrange(1, 20) if self._random.random() < 0.1 else 0
        new = [one for one in self._known if one.number not in self._seen]
        old = [one for one in self._known if one.number in self._seen]
        return list(reversed([*old[len(old) - again :], *new]))

    def _row(self, one: _Execution, loaded: datetime) -> list[str]:
        planted, first = self.planted, one.number not in self._seen
        timeless = first and self._random.random() < 0.004
        sideless = self._random.random() < 0.002
        planted.rows += 1
        planted.without_time += timeless
        planted.without_side += sideless
        planted.repeats += not first
        planted.exponents += "E" in one.size
        planted.ahead_of_recorder += not timeless and one.at > loaded
        if self._last is not None:
            planted.backwards += one.at < self._last[0]
            planted.lower_ids += one.number < self._last[1]
        self._last = (one.at, one.number)
        if not timeless:
            self._seen.add(one.number)
        when = "" if timeless else one.at.isoformat(timespec="milliseconds")
        side = "" if sideless else one.side
        orders = [f"JRF{one.number}-B", f"JRF{one.number}-S"]
        told = [loaded.isoformat(timespec="milliseconds"), str(one.number), when, side, one.price, one.size]
        return ["bitflyer.jp", "BTC_JPY", *told, *orders]
