"""Holidays of one country or market, from the holidays library, without those of all others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from importlib.util import find_spec, module_from_spec

_PACKAGES = ("holidays.countries", "holidays.financial")


def closed_dates(code: str, years: range) -> set[date]:
    """The holidays of a country or market in `years`; NotImplementedError for a code the library does not know."""
    import holidays
    from holidays.registry import FINANCIAL

    market = any(code in names for _, *names in FINANCIAL.values())
    with _one_by_one():
        return set(holidays.financial_holidays(code, years=years) if market else holidays.country_holidays(code, years=years))


@contextmanager
def _one_by_one() -> Iterator[None]:
    """Lets a country be imported alone: its package stands there without having been run.

    When it is run it imports all 250, a tenth of a second of every command's start.
    """
    placed = []
    for name in _PACKAGES:
        spec = None if name in sys.modules else find_spec(name)
        if spec is not None:
            sys.modules[name] = module_from_spec(spec)
            placed.append(name)
    try:
        yield
    finally:
        for name in placed:
            del sys.modules[name]
