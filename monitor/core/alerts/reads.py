"""What a rule reads, from its pack: only such events can have moved it, so only they are named as causes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, get_args

from monitor.core.components.packs.pack import Element
from monitor.core.components.packs.plan import Plan, references, term_of
from monitor.core.components.packs.registry import RULES, TERMS
from monitor.core.journal.causes import Cause
from monitor.core.journal.vocabulary import OPERATIONS, ROLES, DeclarationKind
from monitor.core.values import currencies

_KINDS = frozenset(get_args(DeclarationKind))
_PRICED = frozenset({"role_value", "frozen_value", "mean_closing_value", "mean_traded_value", "instruments", "share"})
_INCIDENTS = frozenset({"incident_losses", "drawable", "loss_component"})
_TRADES = frozenset({"flow_24h", "year_of_trades", "mean_traded_value"})
_OWN_KINDS: Mapping[str, frozenset[str]] = {
    "overheads": frozenset({"fixed_overheads", "projected_overheads"}),
    "turnover_reserve": frozenset({"turnover_fiscal_year", "liability_reserve", "reserve_used", "first_fiscal_year"}),
    "accident_reserve": frozenset(
        {"turnover_fiscal_year", "accident_payouts_fiscal_year", "liability_reserve", "reserve_used", "first_fiscal_year"}
    ),
    "business_indicator": frozenset({"business_indicator"}),
    "loss_component": frozenset({"annual_loss"}),
    "mean_traded_value": frozenset({"method_fact"}),
}
"""Declarations that a type reads without naming them."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Roles, declaration kinds and feeds that a rule reads; `asset`: the only one that matters; `assets`: those it may value."""

    roles: frozenset[str] = frozenset()
    asked_roles: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    priced: bool = False
    trades: bool = False
    incidents: bool = False
    asset: str | None = None
    assets: frozenset[str] = frozenset()

    def concerns(self, cause: Cause) -> bool:
        """Whether the rule read the event."""
        match cause.part:
            case "balance":
                return bool(cause.subject) and cause.subject[0] in self.roles and self.asset in {None, cause.subject[1]}
            case "declaration":
                return bool(cause.subject) and cause.subject[0] in self.kinds
            case "incident":
                return self.incidents
            case "price" | "volume":
                return (self.trades and cause.part == "volume") or (self.priced and self._values(cause))
            case "method":
                return True
            case _:
                return cause.topic == OPERATIONS

    def worsens(self, cause: Cause) -> bool | None:
        """Whether a position moved against the rule: less is held, or more is asked; None where that cannot be said."""
        if cause.part != "balance" or cause.before is None or cause.after is None or not self.asked_roles:
            return None
        more = Decimal(cause.after) > Decimal(cause.before)
        return more == (cause.subject[0] in self.asked_roles)

    def _values(self, cause: Cause) -> bool:
        base = cause.subject[0].partition("/")[0] if cause.subject else ""
        wanted = self.assets if self.asset is None else frozenset({self.asset})
        return not wanted or base in wanted or currencies.is_iso_4217(base)


def reads_of(
    plan: Plan, components: Iterable[str], *, asset: str | None, assets: frozenset[str], headline: bool = False
) -> Reads:
    """What these components of a pack read; `headline`: with the headline's own terms, and valued."""
    pack = plan.pack
    elements = [pack.components[name] for name in components if name in pack.components]
    terms = [term for element in elements for term, _ in references(element, RULES[element.type].arguments)]
    if headline:
        terms += [term_of(one) for one in (pack.headline.required, pack.headline.available) if one is not None]
    everything = [*elements, *_below(plan, terms)]
    words = {word for element in everything for word in _words(element.arguments.values())}
    types = {element.type for element in everything}
    return Reads(
        roles=frozenset(words & set(ROLES)),
        asked_roles=frozenset(str(e.arguments["required_role"]) for e in elements if "required_role" in e.arguments),
        kinds=frozenset(words & _KINDS).union(*(_OWN_KINDS.get(one, frozenset()) for one in types)),
        priced=headline or bool(types & _PRICED),
        trades=bool(types & _TRADES),
        incidents=bool(types & _INCIDENTS),
        asset=asset,
        assets=assets,
    )


def _below(plan: Plan, terms: Iterable[str]) -> Iterator[Element]:
    waiting, seen = list(terms), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        element = plan.pack.terms[name]
        yield element
        waiting += [below for below, _ in references(element, TERMS[element.type].arguments)]


def _words(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | tuple):
            yield from _words(value)
