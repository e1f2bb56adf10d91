"""What an event is to an entity before it is taken: the old value beside the new one, and whether any figure reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from monitor.core.book.book import Book
from monitor.core.book.declarations import attributes_key
from monitor.core.book.shared import Shared
from monitor.core.configuration.configuration import Configuration
from monitor.core.evaluation.evaluation import Evaluator
from monitor.core.journal.causes import incident_value
from monitor.core.journal.records import Statement
from monitor.core.values.money import plain
from monitor.core.values.times import HOUR, MINUTE


def value_before(book: Book, statement: Statement, clock: int) -> str | None:
    """The value that a record of the book's entity is about to replace; None where there is none, and of a position.

    Asked before the book takes the record; of a position afterwards, when the book knows it: see `Book.replaced`.
    """
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


def named(config: Configuration, evaluator: Evaluator | None) -> frozenset[str]:
    """Assets that figures may be of although the book knows nothing of them: by configuration."""
    if evaluator is None:
        return frozenset()
    words = {word for scenario in config.scenarios.values() for stress in scenario["stresses"] for word in _words(stress)}
    currencies = {prepared.currency for prepared in (*evaluator.methods, evaluator.yardstick)}
    return frozenset({*words, *currencies, *evaluator.entity_config.pivots})


def _words(stress: Mapping[str, Any]) -> Iterator[str]:
    for value in stress.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | tuple):
            yield from map(str, value)


class Rest:
    """What came since the last evaluation: whether it may be that nothing did but prices which no figure reads.

    `named`: assets whose prices are read whatever the book knows.
    """

    def __init__(self, named: frozenset[str]) -> None:
        self._named = named
        self._disturbed = True
        self._until: int | None = None
        self._looked_at = 0
        self._reads: dict[str, bool] = {}

    def disturb(self) -> None:
        """Something else came."""
        self._disturbed = True
        self._reads.clear()

    def disturb_by_price(self) -> None:
        """A price that is read came: what else is read stays as it was."""
        self._disturbed = True

    def stir(self, *, until: int | None, known: bool) -> None:
        """Such a price came first since the last evaluation. `until` (ns): when something is due by time alone, if `known`."""
        self._disturbed, self._until = not known, until

    def names(self, asset: str) -> bool:
        """Whether prices of the asset are read whatever the book knows."""
        return asset in self._named

    def reads(self, asset: str, ask: Callable[[], bool]) -> bool:
        """Whether a figure reads prices of the asset, asked once until something else comes."""
        found = self._reads.get(asset)
        if found is None:
            found = self._reads[asset] = asset in self._named or ask()
        return found

    def looked(self, at: int, *, again: bool) -> None:
        """Everything was evaluated at `at` (ns); `again`: and has to be at once."""
        self._disturbed, self._looked_at = again, at
        self._reads.clear()

    def lasts(self, at: int, spaced: int) -> bool:
        """Whether nothing else came and nothing has fallen due by `at` (ns). Of what is due before `spaced` nobody was told when.

        Each hour and each minute everything is looked at: courses go by the hour, and who reads a figure sees that it is watched.
        """
        due = self._until is not None and self._until <= max(at, spaced)
        return not (self._disturbed or due or at >= self._looked_at + MINUTE or at // HOUR != self._looked_at // HOUR)
