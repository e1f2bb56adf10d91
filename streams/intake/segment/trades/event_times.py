"""Own times of trades read from their texts, a second looked up once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import add, itemgetter, mul

from monitor.core.values.times import SECOND, BadTime, parse_time
from streams.intake.segment.trades.ids import SLOTS
from streams.wire.fields import FIRST_TIME_NS, LAST_TIME_NS

_MOST_SECONDS = 20_000
_WHOLE_SECONDS = len("2026-01-05T00:00:00.Z")
_NANOSECOND_PLACES = 9
_TO_SECOND, _FRACTION = itemgetter(slice(19)), itemgetter(slice(20, -1))


class EventTimes:
    """Reads texts; the seconds seen are kept for those that follow."""

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        self._seconds: dict[str, int] = {}

    def read(self, text: str) -> int | None:
        """Nanoseconds of a time's text, or None where the authority must judge it."""
        second = self._seconds.get(text[:19])
        if second is not None and len(text) == 27 and text[19] == "." and text[26] == "Z":
            upper, lower = SLOTS.get(text[20:23]), SLOTS.get(text[23:26])
            return None if upper is None or lower is None else second + upper * 1_000_000 + lower * 1000
        return self._parsed(text)

    def of_lawful(self, text: str) -> int:
        """Nanoseconds of a text in UTC that is known to be a time."""
        if text[:19] not in self._seconds:
            self._parsed(text)
        return self._seconds[text[:19]] + int(text[20:-1].ljust(9, "0"))

    def of_one_form(self, texts: Sequence[str]) -> list[int]:
        """Nanoseconds of texts in UTC of one length that are known to be times."""
        digits, seconds = len(texts[0]) - _WHOLE_SECONDS, list(map(_TO_SECOND, texts))
        begins = {second: self.of_lawful(f"{second}Z") for second in set(seconds)}
        whole = map(begins.__getitem__, seconds)
        if digits <= 0:
            return list(whole)
        parts = map(int, map(_FRACTION, texts))
        return list(map(add, whole, map(mul, parts, repeat(10 ** (_NANOSECOND_PLACES - digits)))))

    def _parsed(self, text: str) -> int | None:
        try:
            event_time = parse_time(text)
        except BadTime:
            return None
        if not FIRST_TIME_NS <= event_time <= LAST_TIME_NS:
            return None
        if text[-1] == "Z":
            if len(self._seconds) >= _MOST_SECONDS:
                self._seconds.clear()
            self._seconds[text[:19]] = event_time - event_time % SECOND
        return event_time
