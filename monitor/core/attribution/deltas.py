"""The change of one figure split into parts that sum to the printed change, to its last digit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from monitor.core.journal.vocabulary import CausePart
from monitor.core.values.money import EXACT, exact_text, parse_total

_DIGITS = 200

Walk = Sequence[tuple[CausePart, Fraction | None]]
"""A figure after each part that was replaced, in their order; None where it is not known then. The last is the new figure."""


def split(before: Fraction | None, walk: Walk, printed: tuple[str | None, str | None], decimals: int) -> dict[CausePart, str]:
    """What each part did, at `decimals`; nothing where the figure was not known before or is not now.

    `printed` are the figures as they were published. A part after which the figure is not known has 0, and its share is in
    the next one's. Digits are cut toward 0; what is cut off goes to the largest part, of equal ones to the first.
    """
    old, new = printed
    if before is None or old is None or new is None or not walk or walk[-1][1] is None:
        return {}
    exact = _exact(before, walk)
    cut = {part: Fraction(int(delta * 10**decimals), 10**decimals) for part, delta in exact.items()}
    rest = Fraction(parse_total(new)) - Fraction(parse_total(old)) - sum(cut.values())
    largest = max(exact, key=lambda part: abs(exact[part]))
    if rest and not exact[largest]:
        largest = walk[-1][0]  # nothing moved but the digits that are printed: a matter of the configuration
    cut[largest] += rest
    return {part: exact_text(delta, _DIGITS) for part, delta in cut.items()}


def _exact(before: Fraction, walk: Walk) -> dict[CausePart, Fraction]:
    known, found = before, {}
    for part, value in walk:
        found[part] = Fraction(0) if value is None else value - known
        known = known if value is None else value
    return found


def summed(parts: Sequence[Mapping[str, str | None]], name: str) -> str | None:
    """The sum of one delta over the parts of a `why`; None where it is not known."""
    deltas = [part[name] for part in parts]
    if not deltas or None in deltas:
        return None
    total = parse_total("0")
    for delta in deltas:
        total = EXACT.add(total, parse_total(delta or "0"))
    return exact_text(total, _DIGITS)
