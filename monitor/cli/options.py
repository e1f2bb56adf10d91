"""Values of options that several commands take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.core.values.times import FIRST_OWN_NS, LAST_OWN_NS, BadTime, parse_time
from monitor.errors import UsageError

if TYPE_CHECKING:
    from monitor.settings.load import Settings
    from streams.wire.signatures import Signing

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?\Z", re.ASCII)
_SECONDS = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def instant(option: str, text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 text; `UsageError` naming the option, also where no event can be of that time."""
    try:
        at = parse_time(text)
    except BadTime as error:
        raise UsageError(f"{option}: {error}") from None
    if not FIRST_OWN_NS <= at <= LAST_OWN_NS:
        raise UsageError(f"{option}: {text} lies outside the years 1990 to 2199: no event can be of that time")
    return at


def seconds(text: str) -> float:
    """A duration (`90`, `90s`, `5m`, `2h`) in seconds; UsageError for another form or nothing."""
    found = _DURATION.match(text)
    length = float(found[1]) * _SECONDS[found[2]] if found else 0.0
    if length <= 0:
        raise UsageError(f"{text!r} is no duration: write 90s, 5m or 2h")
    return length


def signing(settings: Settings, sign_with: Sequence[Path] | None) -> Signing:
    """What the files of `--sign-with` sign of the configured sources; ConfigurationError for a file that is no key."""
    from monitor.audit.signatures.keys import read_key
    from streams.wire.signatures import Signing, signers_of

    signers = signers_of({kind: source.model_dump(mode="json") for kind, source in settings.sources.items()})
    return Signing(signers, [read_key(path, "--sign-with") for path in sign_with or ()])
