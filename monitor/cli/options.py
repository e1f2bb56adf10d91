"""Values of options that several commands take."""

from __future__ import annotations

from monitor.core.values.times import FIRST_OWN_NS, LAST_OWN_NS, BadTime, parse_time
from monitor.errors import UsageError


def instant(option: str, text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 text; `UsageError` naming the option, also where no event can be of that time."""
    try:
        at = parse_time(text)
    except BadTime as error:
        raise UsageError(f"{option}: {error}") from None
    if not FIRST_OWN_NS <= at <= LAST_OWN_NS:
        raise UsageError(f"{option}: {text} lies outside the years 1990 to 2199: no event can be of that time")
    return at
