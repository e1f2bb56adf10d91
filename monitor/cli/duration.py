"""Durations on the command line: `90`, `90s`, `5m`, `2h`."""

from __future__ import annotations

import re

from monitor.errors import UsageError

_FORM = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?\Z", re.ASCII)
_SECONDS = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds(text: str) -> float:
    """The duration in seconds; UsageError for another form or nothing."""
    found = _FORM.match(text)
    length = float(found[1]) * _SECONDS[found[2]] if found else 0.0
    if length <= 0:
        raise UsageError(f"{text!r} is no duration: write 90s, 5m or 2h")
    return length
