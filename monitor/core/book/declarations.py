"""Slow facts from finance and treasury, effective-dated (INPUTS 1 Declarations, INPUTS 2).

Per (kind, attributes): of one `effective_from` the latest in the log counts; of those in effect the one with the newest
`effective_from`. Nothing is forgotten: a year's figures are read for a decade.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from monitor.core.journal.ordering import Order, order_from, order_text
from monitor.core.values.instants import Instants
from monitor.core.values.money import parse_decimal, plain
from monitor.core.values.times import exact_time, parse_time

DEFAULT_ATTRIBUTES = {
    "capital": {"part": "paid_up"},
    "fixed_overheads": {"item": "net"},
    "turnover_fiscal_year": {"months": "12"},
    "business_indicator": {"component": "total"},
}
"""Attributes that are the same as absent (INPUTS 2)."""

BY_ATTRIBUTE = {
    "capital": "part",
    "fixed_overheads": "fiscal_year and item",
    "operating_expenses_monthly": "month",
    "payment_value_month": "service and month",
    "insurance_limit": "policy",
    "guarantee_limit": "guarantee",
    "liability_reserve": "fiscal_year",
    "reserve_used": "fiscal_year",
    "turnover_fiscal_year": "line and fiscal_year",
    "accident_payouts_fiscal_year": "fiscal_year",
    "first_fiscal_year": "fiscal_year",
    "business_indicator": "component and fiscal_year",
    "annual_loss": "year",
}
"""Declarations of which a rule may ask for several, and what tells them apart (INPUTS 2)."""

Attributes = tuple[tuple[str, str], ...]


def attributes_key(kind: str, attributes: Mapping[str, str]) -> Attributes:
    """The attributes with the kind's defaults filled in, sorted."""
    return tuple(sorted((DEFAULT_ATTRIBUTES.get(kind, {}) | dict(attributes)).items()))


@dataclass(frozen=True, slots=True)
class DatedDeclaration:
    """One declaration; `order` is its place, event time `effective_from` first. `effective_to` (ns) is exclusive."""

    kind: str
    attributes: Attributes
    order: Order
    effective_to: int | None
    amount: Decimal
    currency: str

    @property
    def effective_from(self) -> int:
        """From when it is in effect (ns)."""
        return self.order[0]

    def in_effect(self, at: int) -> bool:
        """Whether `at` lies in [`effective_from`, `effective_to`)."""
        return self.effective_from <= at and (self.effective_to is None or at < self.effective_to)

    def state(self) -> list[Any]:
        """JSON values for a snapshot."""
        until = None if self.effective_to is None else exact_time(self.effective_to)
        attributes = [list(pair) for pair in self.attributes]
        return [self.kind, attributes, order_text(self.order), until, plain(self.amount), self.currency]

    @staticmethod
    def of_state(state: list[Any]) -> DatedDeclaration:
        """The declaration that `state` wrote."""
        kind, attributes, order, until, amount, currency = state
        key = tuple((k, v) for k, v in attributes)
        ends = None if until is None else parse_time(until)
        return DatedDeclaration(kind, key, order_from(order), ends, parse_decimal(amount), currency)


class Declarations:
    """All declarations of an entity."""

    def __init__(self, dirty: set[str]) -> None:
        self._dirty = dirty
        self._kinds: dict[str, dict[Attributes, list[DatedDeclaration]]] = {}
        self._changes = Instants(self._instants)

    def put(self, body: Mapping[str, Any], order: Order) -> DatedDeclaration:
        """Take the body of a `declaration` record; what it says, whether or not it changed anything."""
        kind, until = body["kind"], body["effective_to"]
        new = DatedDeclaration(
            kind=kind,
            attributes=attributes_key(kind, body["attributes"]),
            order=order,
            effective_to=None if until is None else parse_time(until),
            amount=parse_decimal(body["amount"]),
            currency=body["currency"],
        )
        several = self._kinds.setdefault(kind, {}).setdefault(new.attributes, [])
        place = bisect_left(several, new.effective_from, key=_from)
        if place == len(several) or several[place].effective_from != new.effective_from:
            several.insert(place, new)
        elif _in_log(several[place].order) < _in_log(order):
            several[place] = new
        self._changes.changed()
        self._dirty.add(f"declarations/{kind}")
        return new

    def came(self, kind: str, attributes: Mapping[str, str], at: int) -> bool:
        """Whether one of the kind with these attributes, among others or not, has `effective_from` <= `at`."""
        return any(
            several[0].effective_from <= at
            for key, several in self._kinds.get(kind, {}).items()
            if attributes.items() <= dict(key).items()
        )

    def in_effect(self, kind: str, attributes: Attributes, at: int) -> DatedDeclaration | None:
        """Of those in effect the one with the newest `effective_from`."""
        several = self._kinds.get(kind, {}).get(attributes, [])
        for place in range(bisect_right(several, at, key=_from) - 1, -1, -1):
            if several[place].in_effect(at):
                return several[place]
        return None

    def expired_at(self, kind: str, attributes: Attributes, at: int) -> int | None:
        """When the last one of exactly these attributes that had begun by `at` ended; None if none has begun."""
        several = self._kinds.get(kind, {}).get(attributes, [])
        return max((d.effective_to or 0 for d in several if d.effective_from <= at), default=None)

    def are_in(self, currency: str) -> bool:
        """Whether any declaration is in the currency."""
        return any(d.currency == currency for kinds in self._kinds.values() for several in kinds.values() for d in several)

    def of_kind(self, kind: str, at: int) -> list[DatedDeclaration]:
        """Those in effect, one per attributes, sorted by them."""
        found = (self.in_effect(kind, attributes, at) for attributes in sorted(self._kinds.get(kind, {})))
        return [declaration for declaration in found if declaration is not None]

    def all_of(self, kind: str, attributes: Attributes) -> tuple[DatedDeclaration, ...]:
        """Every declaration of the kind and attributes that counts at some time, by `effective_from`."""
        return tuple(self._kinds.get(kind, {}).get(attributes, ()))

    def next_change(self, after: int) -> int | None:
        """The next `effective_from` or `effective_to` above `after`."""
        return self._changes.after(after)

    def _instants(self) -> Iterator[int]:
        for by_attributes in self._kinds.values():
            for several in by_attributes.values():
                for declaration in several:
                    yield declaration.effective_from
                    if declaration.effective_to is not None:
                        yield declaration.effective_to

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        yield from (f"declarations/{kind}" for kind in sorted(self._kinds))

    def bucket(self, name: str) -> Any:
        """One bucket as JSON values; None when it is empty."""
        by_attributes = self._kinds.get(name.partition("/")[2], {})
        return [d.state() for attributes in sorted(by_attributes) for d in by_attributes[attributes]] or None

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the buckets named as by `names`."""
        for name in sorted(buckets):
            if name.startswith("declarations/"):
                for values in buckets[name]:
                    read = DatedDeclaration.of_state(values)
                    self._kinds.setdefault(read.kind, {}).setdefault(read.attributes, []).append(read)


def _from(declaration: DatedDeclaration) -> int:
    return declaration.effective_from


def _in_log(order: Order) -> tuple[Any, ...]:
    return order[2:]
