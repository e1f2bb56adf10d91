"""Times as integer nanoseconds since 1970 UTC, and their RFC 3339 text. Nothing here reads a clock."""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
QUARTER = 15 * MINUTE
HOUR = 3600 * SECOND
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_FIRST = (date.min.toordinal() - _EPOCH_ORDINAL) * DAY
_LAST = (date.max.toordinal() + 1 - _EPOCH_ORDINAL) * DAY - 1
_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)
_TO_THE_MINUTE = len("2026-01-05T09:00:")
_TO_THE_MICROSECOND = len("2026-01-05T09:00:00.000000Z")
"""The form that `format_time` writes, in which nearly all times of a journal stand."""
_WITHIN_MINUTE = re.compile(r"([0-5]\d)(?:\.(\d{1,9}))?[Zz]\Z", re.ASCII)


FIRST_OWN_NS = 631_152_000 * SECOND
LAST_OWN_NS = 7_258_118_400 * SECOND - 1
"""1990-01-01 to 2199-12-31: within these lies every time that anything here is about (CONTRACT 7)."""


class BadTime(ValueError):
    """The text is not RFC 3339 with an offset."""


def parse_time(text: str) -> int:
    """Nanoseconds since 1970 UTC of an RFC 3339 text with any offset; `BadTime` else. A second of 60 is refused."""
    if len(text) == _TO_THE_MICROSECOND and text[26] == "Z" and text[19] == "." and text[17] < "6":
        digits = text[17:19] + text[20:26]
        if digits.isascii() and digits.isdigit():
            try:
                return _start_of(text[:_TO_THE_MINUTE]) + int(digits) * 1000
            except BadTime:
                return _parsed(text)
    found = _WITHIN_MINUTE.match(text, _TO_THE_MINUTE)
    if found is None:
        return _parsed(text)
    try:
        minute = _start_of(text[:_TO_THE_MINUTE])
    except BadTime:
        return _parsed(text)
    second, fraction = found.groups("0")
    return minute + int(second) * SECOND + int(fraction.ljust(9, "0"))


@lru_cache(maxsize=1024)
def recent_time(text: str) -> int:
    """As `parse_time`, of texts that come many times: records that are read together have many times in common."""
    return parse_time(text)


@lru_cache(maxsize=4096)
def _start_of(minute: str) -> int:
    """Of the UTC minute that a time lies in: most of many times lie in few of them."""
    return _parsed(f"{minute}00Z")


def _parsed(text: str) -> int:
    found = _RFC3339.match(text)
    if not found:
        raise BadTime(f"{text[:60]!r} is not an RFC 3339 time with an offset")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        ordinal = date(int(year), int(month), int(day)).toordinal()
    except ValueError as error:
        raise BadTime(f"{text!r}: {error}") from None
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59:
        raise BadTime(f"{text!r}: hour, minute or second out of range")
    seconds = (ordinal - _EPOCH_ORDINAL) * 86_400 + int(hour) * 3600 + int(minute) * 60 + int(second) - _offset_s(zone, text)
    return seconds * SECOND + int((fraction or "0").ljust(9, "0"))


def _offset_s(zone: str, text: str) -> int:
    if zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 23 or minutes > 59:
        raise BadTime(f"{text!r}: offset out of range")
    return (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)


def format_time(ns: int) -> str:
    """RFC 3339 in UTC with microseconds; truncated to them. Instants beyond the years 1 to 9999 are shown at their ends."""
    ns = min(max(ns, _FIRST), _LAST)
    seconds, rest = divmod(ns, SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z" if moment.year >= 1000 else _early(moment, rest)


def _early(moment: datetime, rest: int) -> str:
    return f"{moment.year:04d}{moment:-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def exact_time(ns: int) -> str:
    """As `format_time`, with nine digits where microseconds would lose some: the form kept in the journal."""
    text = format_time(ns)
    return text if ns % 1000 == 0 else f"{text[:-1]}{ns % 1000:03d}Z"


def hour_of(ns: int) -> int:
    """Start of the UTC hour that holds `ns`."""
    return ns - ns % HOUR


def quarter_of(ns: int) -> int:
    """Start of the quarter of a UTC hour that holds `ns`."""
    return ns - ns % QUARTER


def utc_day(ns: int) -> int:
    """Number of the UTC day since 1970."""
    return ns // DAY


def from_ms(milliseconds: int) -> int:
    """A Kafka time stamp in nanoseconds."""
    return milliseconds * 1_000_000
