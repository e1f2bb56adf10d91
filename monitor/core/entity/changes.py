"""What was known of an event's subject before it came: the old value beside the new one in an alert's causes."""

from __future__ import annotations

from monitor.core.book.book import Book
from monitor.core.book.declarations import attributes_key
from monitor.core.book.shared import Shared
from monitor.core.journal.causes import incident_value
from monitor.core.journal.records import Statement
from monitor.core.values.money import plain


def known_before(book: Book, statement: Statement, clock: int) -> tuple[str | None, str | None]:
    """The value that a record of the book's entity is about to replace, and where the account of a position kept it until then.

    None where there is none. Asked before the book takes the record.
    """
    if statement.kind != "position":
        return _value_before(book, statement, clock), None
    body = statement.body
    position = book.positions.newest((body["role"], body["asset"], body["account"]))
    return (None, None) if position is None else (plain(position.quantity), position.storage)


def _value_before(book: Book, statement: Statement, clock: int) -> str | None:
    body = statement.body
    match statement.kind:
        case "declaration":
            found = book.declarations.in_effect(body["kind"], attributes_key(body["kind"], body["attributes"]), clock)
            return None if found is None else f"{plain(found.amount)} {found.currency}"
        case "incident":
            known = next((one for name, one in book.incidents.known(None) if name == body["incident_id"]), None)
            return None if known is None else incident_value(known.body)
    return None


def price_before(shared: Shared, statement: Statement, clock: int) -> str | None:
    """The same of a price record: the newest price of the pair, of whatever source."""
    if statement.kind != "price":
        return None
    quote = shared.prices.newest((statement.body["asset"], statement.body["currency"]), clock + 1)
    return None if quote is None else plain(quote.price)
