"""What an entity declared: one declaration as methods see it, and the trust principal beside what clients are owed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from monitor.core.book.book import Book
from monitor.core.book.declarations import DatedDeclaration
from monitor.core.values.figure import Figure
from monitor.core.values.money import ZERO

_TRUST = "trust_principal"

TrustStep = tuple[int, Decimal, Decimal | None]
"""(event time in ns, money owed to clients, trust principal or None): it holds until the next."""


@dataclass(frozen=True, slots=True)
class DeclarationView:
    """A declaration in effect: its attributes (defaults filled in), amount in the view's currency, effective_from (ns)."""

    kind: str
    attributes: dict[str, str]
    amount: Figure
    effective_from: int


def trust_steps(book: Book, currency: str, upto: int, worth: Callable[[DatedDeclaration], Decimal | None]) -> Iterator[TrustStep]:
    """Steps up to `upto` (ns), ascending; `worth`: a principal in that currency, None where nobody can tell."""
    declared = book.declarations.all_of(_TRUST, ())
    turns = {t for d in declared for t in (d.effective_from, d.effective_to) if t is not None and t <= upto}
    levels = list(book.positions.client_levels(currency, upto + 1))
    changed = {instant for instant, _ in levels}
    steps: list[tuple[int, Decimal | None]] = [*levels, *((turn, None) for turn in turns - changed)]
    liability, held = ZERO, None
    for instant, level in sorted(steps, key=_instant):
        liability = liability if level is None else level
        if instant in turns:
            found = book.declarations.in_effect(_TRUST, (), instant)
            held = None if found is None else worth(found)
        yield instant, liability, held


def _instant(step: tuple[int, Decimal | None]) -> int:
    return step[0]
