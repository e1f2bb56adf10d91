"""The page "what the draft would ask of us": the methods in force and the candidates beside them, live, in one currency."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from monitor.core.values.times import format_time
from monitor.methods.describe import parameter_text
from monitor.web import text
from monitor.web.page import Bar, bars, environment
from monitor.web.protocols import WebParts
from monitor.web.staleness import judged

TITLE = "What the draft would ask of us"
_STANDINGS = (
    ("study", "study: the site's own numbers, never in force"),
    ("draft", "draft: no law sets its numbers"),
)


@dataclass(frozen=True, slots=True)
class CandidateView:
    """One method as the page shows it. `mark`: the word that stands on every figure of it, None: none does.

    `parameters`: each with its value as it is printed.
    """

    raw: Mapping[str, Any]
    state: str
    was: str | None
    standing: str
    mark: str | None
    sentence: str
    missing: Sequence[str]
    parameters: Sequence[tuple[Mapping[str, Any], str]]


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """One entity's section; `asked` holds what each method requires, on one scale."""

    raw: Mapping[str, Any]
    age_s: float
    stale: bool
    headline: str
    methods: Sequence[CandidateView]
    asked: Sequence[Bar]


def render_candidates(parts: WebParts, comparisons: Sequence[Mapping[str, Any]], only: str | None = None) -> str:
    """The page for these entities (candidates.compared): all that are held here, or the one that was asked for as `only`."""
    now = parts.clock()
    views = [comparison_view(one, now, parts.stale_after_s) for one in comparisons]
    template = environment().get_template("candidates.html")
    return template.render(
        title=TITLE,
        entities=views,
        only=only,
        assessor=parts.status is not None,
        versions=parts.versions,
        now=format_time(now),
    )


def comparison_view(found: Mapping[str, Any], now_ns: int, stale_after_s: float) -> ComparisonView:
    """What the page says of one entity at `now_ns`; of figures that are too old every state is unknown."""
    found = judged(found, now_ns, stale_after_s)
    age_s, stale = text.seconds_between(found["at"], now_ns), "stale_since" in found
    methods = [_candidate(row, found) for row in found["methods"]]
    if stale:
        headline = f"These figures are {text.age(age_s)} old: the calculation does not move. Do not rely on them."
    else:
        headline = _headline(found)
    rows = [(_name(view), view.raw["reporting"]["required"]) for view in methods]
    return ComparisonView(found, age_s, stale, headline, methods, tuple(bars(rows)))


def _name(view: CandidateView) -> str:
    return view.raw["method"] if view.mark is None else f"{view.raw['method']} ({view.mark})"


def _headline(found: Mapping[str, Any]) -> str:
    today, currency = found["today"], found["currency"]
    if today is None:
        known = any(row["mode"] == "in_force" for row in found["methods"])
        return "What is asked today is not known." if known else "No method is in force: there is nothing to compare with."
    return f"Today {today['method']} asks most: {text.amount(today['required'])} {currency}."


def _candidate(row: Mapping[str, Any], found: Mapping[str, Any]) -> CandidateView:
    mark = "study" if row["study"] else None
    standing = next((said for name, said in _STANDINGS if row[name]), "shadow: informs, never pages")
    missing = tuple(one["name"] for one in row["parameters"] if one["value"] is None)
    return CandidateView(
        raw=row,
        state=row["state"],
        was=row.get("was"),
        standing=standing if row["mode"] != "in_force" else "in force",
        mark=mark,
        sentence=". ".join(_sentences(row, found["today"], found["currency"], f" ({mark})" if mark else "")) + ".",
        missing=missing,
        parameters=[(one, _value(one["value"], one["unit"])) for one in row["parameters"]],
    )


def _value(value: str | Sequence[str] | None, unit: str) -> str:
    return "not set" if value is None else parameter_text(value, unit)


def _sentences(row: Mapping[str, Any], today: Mapping[str, Any] | None, currency: str, mark: str) -> Iterator[str]:
    """What the method asks, how that differs from today, and whether what is held would do."""
    asked, surplus = row["reporting"]["required"], row["reporting"]["surplus"]
    if asked is None:
        yield f"What it asks is not known in {currency}"
        return
    asks = "Asks" if row["mode"] == "in_force" else "Would ask"
    yield f"{asks} {text.amount(asked)} {currency}{mark}{_beyond(row, today, currency, mark)}"
    if surplus is None:
        yield "Whether what is held for it would do is not known"
    elif surplus.startswith("-"):
        yield f"Short by {text.amount(surplus[1:])} {currency}{mark}"
    else:
        yield f"Held beyond it: {text.amount(surplus)} {currency}{mark}"


def _beyond(row: Mapping[str, Any], today: Mapping[str, Any] | None, currency: str, mark: str) -> str:
    if row["more"] is None or today is None or row["method"] == today["method"]:
        return ""
    difference = Decimal(row["more"])
    if difference == 0:
        return f", as much as {today['method']}"
    word = "more" if difference > 0 else "less"
    return f", {text.amount(row['more'].lstrip('-'))} {currency}{mark} {word} than {today['method']}"
