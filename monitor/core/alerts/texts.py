"""The sentences of a method's alerts: one text while it fires, and one for when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from monitor.core.alerts.record import AlertContent
from monitor.core.components.worst import rule_sentence, worst_rule
from monitor.core.configuration.configuration import Levels
from monitor.core.evaluation.assessment import Result
from monitor.core.values.money import exact_text, plain
from monitor.core.values.wording import figure, percent

_NAMED_GAPS = 8


def headline_content(entity: str, method: str, result: Result) -> AlertContent:
    """ReserveShortfall of the whole: what is short, led by the worst broken rule."""
    figures = {name: getattr(result, name) for name in ("required", "available", "surplus", "coverage", "coverage_lower")}
    worst = worst_rule(result.components)
    lead = "" if worst is None else f"{rule_sentence(worst.component)}. "
    coverage = known_figure(result.coverage, "1")
    return AlertContent(
        f"{entity}: {_short(result)} under {method}, coverage {coverage}",
        f"{lead}{_balance(method, result)}",
        figures | {"currency": result.currency},
        over=(f"{entity}: {method} is met again, coverage {coverage}", _balance(method, result)),
    )


def coverage_content(entity: str, method: str, result: Result, levels: Levels) -> AlertContent:
    """ReserveCoverageLow: by how much of what is required the least of the headline's rules is met, uncapped."""
    enter, ratio = levels.watch_enter, result.watch_ratio
    level = "the method's watch level" if enter is None else f"the watch level of {percent(plain(enter))}"
    low = None if ratio is None or ratio.low is None else exact_text(ratio.low, 20)
    share = "" if low is None else f": {percent(low)} of what is required is held"
    content = headline_content(entity, method, result)
    return replace(
        content,
        summary=f"{entity}: {method} is below {level}{share}",
        over=(f"{entity}: {method} is above {level} again{share}", _balance(method, result)),
    )


def row_content(entity: str, method: str, result: Result, printed: Mapping[str, Any]) -> AlertContent:
    """A broken rule: what it asks, what there is, and by when it is to be cured."""
    figures = {name: printed[name] for name in ("required", "held", "shortfall", "amount", "unit")}
    name, unit, amount, cure_by = printed["name"], str(printed["unit"]), printed["amount"], printed["cure_by"]
    ref = f" ({printed['ref']})" if printed["ref"] else ""
    wanted, missing = ("at least", "short") if printed["bound"] == "min" else ("at most", "above its limit")
    asks = f"{name}{ref} asks {wanted} {known_figure(printed['required'], unit)}, held {known_figure(printed['held'], unit)}"
    worth = "" if amount in {None, "0"} else f"; worth {figure(amount, result.currency)}"
    cure = "" if cure_by is None else f" To cure by {cure_by}."
    return AlertContent(
        f"{entity}: {name} is {known_figure(printed['shortfall'], unit)} {missing} under {method}",
        f"{asks}{worth}.{cure}",
        figures | {"currency": result.currency},
        cure_by,
        over=(f"{entity}: {name} is met again under {method}", f"{asks}."),
        facts=() if cure_by is None else (str(cure_by),),
    )


def cure_content(entity: str, method: str, result: Result, printed: Mapping[str, Any]) -> AlertContent:
    """CureDeadlineNear of a broken rule."""
    content = row_content(entity, method, result, printed)
    return replace(
        content,
        summary=f"{entity}: {method} {printed['name']} must be cured by {content.cure_by or 'an unknown date'}",
        over=(f"{entity}: the cure date of {method} {printed['name']} no longer presses", content.description),
    )


def unknown_content(entity: str, method: str, result: Result) -> AlertContent:
    """ReserveUnknown: that nothing can be said, and what is missing."""
    now = "has no number" if result.state == "not_computable" else "cannot be decided"
    return AlertContent(
        f"{entity}: {method} {now}",
        f"The reserve under {method} {now}.{gaps_text(result.gaps)}",
        {"state": result.state, "coverage_lower": result.coverage_lower, "coverage_upper": result.coverage_upper},
        over=(f"{entity}: {method} is decided again: {result.state}", _balance(method, result)),
        facts=tuple(sorted(f"{gap['kind']} {gap['subject']}" for gap in result.gaps)),
    )


def gaps_text(gaps: Sequence[Mapping[str, Any]]) -> str:
    """What is not known, the first few by name."""
    if not gaps:
        return ""
    named = ", ".join(f"{gap['kind']} {gap['subject']}" for gap in gaps[:_NAMED_GAPS])
    more = f" and {len(gaps) - _NAMED_GAPS} more" if len(gaps) > _NAMED_GAPS else ""
    return f" Not known: {named}{more}."


def known_figure(text: str | None, unit: str) -> str:
    """A figure with its unit, or that it is not known."""
    return "unknown" if text is None else figure(text, unit)


def _short(result: Result) -> str:
    if result.surplus is not None and result.surplus.startswith("-"):
        return f"short by {figure(result.surplus[1:], result.currency)}"
    return "short"


def _balance(method: str, result: Result) -> str:
    required, available, surplus = (
        known_figure(text, result.currency) for text in (result.required, result.available, result.surplus)
    )
    return f"{method} requires {required}, available {available}, surplus {surplus}.{gaps_text(result.gaps)}"
