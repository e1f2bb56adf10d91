"""Whether any figure of a book may be of an asset: what is never asked of one that the book does not know."""

from __future__ import annotations

from monitor.core.book.book import Book
from monitor.core.book.incidents import IncidentRevision
from monitor.core.journal.vocabulary import ROLES
from monitor.core.values.currencies import is_iso_4217

_EVER = 1 << 63


def valued(book: Book, asset: str) -> bool:
    """Whether any figure of the book may be of an asset: of one that was never held, owed, traded, lost or declared none is.

    Codes of currencies always may.
    """
    return (
        is_iso_4217(asset)
        or any(asset in book.positions.assets(role, _EVER) for role in ROLES)
        or book.trades.is_traded(asset)
        or book.declarations.are_in(asset)
        or any(asset in _lost(revision) for _, revision in book.incidents.known(None))
    )


def _lost(revision: IncidentRevision) -> set[str]:
    estimate = () if revision.estimate is None else (revision.estimate,)
    return {amount.asset for amount in (*revision.losses, *revision.recoveries, *estimate)}
