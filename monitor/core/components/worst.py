"""The worst broken rule of a result: what every surface leads with, since a headline may be met beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from monitor.core.values.money import exact_text
from monitor.core.values.wording import grouped, percent


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A component in shortfall. `ratio`: held / required of a minimum, required / held of a maximum; None: not known."""

    component: Mapping[str, Any]
    ratio: Fraction | None

    @property
    def name(self) -> str:
        """The component's name."""
        return str(self.component["name"])


def worst_rule(components: Iterable[Mapping[str, Any]]) -> BrokenRule | None:
    """Of the printed components in shortfall the one that is furthest from being met; None when every rule is met.

    Of those that are not known how far the first, unless one is known.
    """
    broken = [BrokenRule(one, _ratio(one)) for one in components if one["state"] == "shortfall"]
    known = [rule for rule in broken if rule.ratio is not None]
    return min(known or broken, key=lambda rule: rule.ratio or Fraction(0), default=None)


def rule_sentence(component: Mapping[str, Any]) -> str:
    """A broken rule by its figures: what is held of what is required, and how much of it that is."""
    name, held, required = component["name"], component["held"], component["required"]
    if component["unit"] == "1":
        limit = "where at least {} is required" if component["bound"] == "min" else "where at most {} is allowed"
        return f"{name}: {percent(held)} {limit.format(percent(required))}"
    unit = component["unit"]
    if component["bound"] == "max":
        return f"{name}: {grouped(held)} {unit} where at most {grouped(required)} is allowed"
    ratio = _ratio(component)
    share = "" if ratio is None else f", {percent(exact_text(ratio, 20))}"
    return f"{name}: {grouped(held)} of {grouped(required)} {unit} held{share}"


def _ratio(component: Mapping[str, Any]) -> Fraction | None:
    if component["held"] is None or component["required"] is None:
        return None
    held, required = Fraction(component["held"]), Fraction(component["required"])
    part, whole = (held, required) if component["bound"] == "min" else (required, held)
    return part / whole if whole else None
