"""The status page: one HTML text from the status objects, readable on a phone and without JavaScript.

Unknown is never shown as good: figures that are too old lose their colour, and a figure that is not known is a dash.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from monitor.core.attribution.story import change_sentences
from monitor.core.components.worst import worst_rule
from monitor.core.journal.vocabulary import ALERT_SEVERITIES, SEVERITIES, WORST_FIRST
from monitor.core.values.money import plain
from monitor.core.values.times import SECOND, format_time
from monitor.core.values.wording import count_of
from monitor.settings.sections import ADMIN_SERVER, RUNBOOKS
from monitor.web import text
from monitor.web.chart import Chart, draw
from monitor.web.history import POINTS
from monitor.web.protocols import WebParts
from monitor.web.staleness import judged

DETAILED = 4
"""Up to so many entities stand in full on one page; more are a table that links to each."""

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a whole: its name, printed amount, and share in percent of the widest."""

    name: str
    amount: str
    percent: float | None


_PROBABILITY = "0.01"
"""Of the buffers that are published the page shows those of one shortfall in a hundred."""


@dataclass(frozen=True, slots=True)
class BufferRow:
    """A surplus to hold as it was published, and how much of it is missing."""

    raw: Mapping[str, Any]
    still: str | None


@dataclass(frozen=True, slots=True)
class Treasury:
    """What treasury acts on: deadlines and outlook in sentences, and the surplus to hold."""

    said: Sequence[str]
    buffers: Sequence[BufferRow]


@dataclass(frozen=True, slots=True)
class MethodView:
    """One method's card."""

    raw: Mapping[str, Any]
    state: str
    worst: str | None
    ignored: str
    coverage: str
    scope: str
    balance: str
    pair: Sequence[Bar]
    breaches: Sequence[Mapping[str, Any]]
    gaps: Sequence[Mapping[str, Any]]
    changes: Sequence[str]
    chart: Chart | None


@dataclass(frozen=True, slots=True)
class EntityView:
    """One entity's section."""

    name: str
    at: str
    age_s: float
    stale: bool
    state: str
    headline: str
    untold: str | None
    trust: str
    alerts: Sequence[Mapping[str, Any]]
    methods: Sequence[MethodView]
    raw: Mapping[str, Any]
    dates: Sequence[str]
    candidates: Sequence[str] = field(default_factory=tuple)
    exposure: Sequence[Bar] = field(default_factory=tuple)
    treasury: Treasury | None = None


def render_page(
    parts: WebParts, statuses: Sequence[Mapping[str, Any]], only: str | None = None, now_ns: int | None = None
) -> str:
    """The page for these entities: all that are held here, or the one that was asked for as `only`."""
    now = parts.clock() if now_ns is None else now_ns
    views = [entity_view(status, parts, now) for status in statuses]
    ready = parts.probes.ready()
    return (
        environment()
        .get_template("status.html")
        .render(
            entities=sorted(views, key=lambda view: (WORST_FIRST.index(view.state), view.name)),
            only=only,
            detailed=only is not None or len(views) <= DETAILED,
            assessor=parts.status is not None,
            problems=[(name, said) for name, said in ready.checks.items() if said != "ok"],
            ready=ready.ok,
            versions=parts.versions,
            now=format_time(now),
            now_ns=now,
        )
    )


def entity_view(status: Mapping[str, Any], parts: WebParts, now_ns: int) -> EntityView:
    """What the page says of one entity, fresh or stale."""
    age_s = text.seconds_between(status["at"], now_ns)
    status = judged(status, now_ns, parts.stale_after_s)
    stale = "stale_since" in status
    methods = [_method(status, assessment, parts, now_ns) for assessment in status["methods"]]
    methods.sort(key=lambda view: (view.raw["mode"] == "shadow", WORST_FIRST.index(view.state)))
    binding = [view.state for view in methods if view.raw["mode"] != "shadow"] or [view.state for view in methods]
    state = "unknown" if stale or not binding else min(binding, key=WORST_FIRST.index)
    return EntityView(
        name=status["entity"],
        at=status["at"],
        age_s=age_s,
        stale=stale,
        state=state,
        headline=_headline(methods, status, age_s),
        untold=_untold(status),
        trust=_trust(status["sources"]),
        alerts=sorted(status["alerts"], key=_urgency),
        methods=methods,
        raw=status,
        dates=parts.days.dates(status["entity"])[::-1],
        candidates=tuple(view.raw["method"] for view in methods if view.raw["mode"] == "shadow"),
        exposure=_exposure(status["exposure"]),
        treasury=None if status["exposure"] is None else _treasury(status["exposure"], methods),
    )


def _headline(methods: Sequence[MethodView], status: Mapping[str, Any], age_s: float) -> str:
    if "stale_since" in status:
        was = f" The last known state was {text.state_word(status['was']).lower()}."
        return f"These figures are {text.age(age_s)} old: the calculation does not move. Do not rely on them.{was}"
    binding = [view for view in methods if view.raw["mode"] != "shadow"]
    if not binding:
        return "No method in force is evaluated." if methods else "No method is configured."
    worst, alerts = binding[0], len(status["alerts"])
    fire = (
        f" {count_of(alerts, 'alert')} still {'fires' if alerts == 1 else 'fire'}."
        if alerts and worst.state == "adequate"
        else ""
    )
    return _sentence(worst, len(binding), text.refused_count(status)) + fire


def _untold(status: Mapping[str, Any]) -> str | None:
    """That people were not told of what fires, or that this is not known."""
    said = text.untold_sentence(status["alerts"], status.get("undelivered"))
    return None if said is None else f"{said[0].upper()}{said[1:]}."


def _sentence(worst: MethodView, count: int, refused: int) -> str:
    raw, name = worst.raw, worst.raw["method"]
    if worst.state == "shortfall":
        rule = worst_rule(raw["components"])
        others = len([row for row in worst.breaches if row["state"] == "shortfall"]) - 1
        more = f" {count_of(others, 'more rule')} {'is' if others == 1 else 'are'} broken." if others > 0 else ""
        said = [] if rule is None else [text.rule_sentence(rule.component)]
        if raw["surplus"] is not None and raw["surplus"].startswith("-"):
            said.append(f"Short by {text.amount(raw['surplus'][1:])} {raw['currency']} under {name}")
        elif said:
            said[0] += f", under {name}"
        return f"{'. '.join(said)}.{more}"
    if worst.state == "unknown":
        return f"{name} cannot be decided: {count_of(len(worst.gaps), 'input')} missing or too old."
    if worst.state == "not_computable":
        return f"{name} has no number yet: the rule itself is not complete."
    if refused:
        less = ", with less to spare than the watch level asks" if worst.state == "watch" else ""
        return f"{name}: {text.refused_sentence(refused)}{less}."
    if worst.state == "watch":
        return f"Every rule of {name} is met, with less to spare than the watch level asks."
    return "Every rule in force is met." if count > 1 else f"Every rule of {name} is met."


def _method(status: Mapping[str, Any], assessment: Mapping[str, Any], parts: WebParts, now_ns: int) -> MethodView:
    worst = worst_rule(assessment["components"])
    entity, method = status["entity"], assessment["method"]
    seen = parts.history.of(entity, method)
    points = [*parts.days.points(entity, method, seen[0].at_s if seen else now_ns / SECOND), *seen][-POINTS:]
    return MethodView(
        raw=assessment,
        state=assessment["state"],
        worst=None if worst is None else text.rule_sentence(worst.component),
        scope=text.scope(assessment),
        ignored=text.ignored_sentence(assessment.get("ignored") or ()),
        coverage=_coverage(assessment),
        balance=_balance(assessment),
        pair=_pair(assessment),
        breaches=[row for row in assessment["components"] if row["state"] not in {"adequate", "not_applicable"}],
        gaps=assessment["gaps"],
        changes=tuple(change_sentences(assessment)),
        chart=draw(points, now_ns / SECOND),
    )


def _coverage(assessment: Mapping[str, Any]) -> str:
    if assessment["coverage"] is not None:
        return text.percent(assessment["coverage"])
    if assessment["required"] == "0":
        return "Nothing required"
    return text.coverage_range(assessment["coverage_lower"], assessment["coverage_upper"])


def _balance(assessment: Mapping[str, Any]) -> str:
    surplus, currency = assessment["surplus"], assessment["currency"]
    mark = " (study)" if assessment.get("study") else ""
    if surplus is None:
        return "Surplus not known"
    if surplus.startswith("-"):
        return f"Short by {text.amount(surplus[1:])} {currency}{mark}"
    return f"Surplus {text.amount(surplus)} {currency}{mark}"


def _trust(sources: Sequence[Mapping[str, Any]]) -> str:
    """How many feeds can be relied on, and which cannot."""
    heard = [row for row in sources if text.feed_age(row) != "never"]
    bad = sorted({row["topic"] for row in sources if row["state"] in text.BAD_FEEDS})
    words = f"{len(heard)} of {len(sources)} sources heard"
    return f"{words}; not to rely on: {', '.join(bad)}" if bad else words


def _urgency(alert: Mapping[str, Any]) -> tuple[bool, int, int, str]:
    """What binds before shadow, the grave before the light, then in the order of the contract's table, the older first."""
    names, name = list(ALERT_SEVERITIES), alert["alertname"]
    place = names.index(name) if name in names else len(names)
    return alert["mode"] == "shadow", -SEVERITIES.index(alert["severity"]), place, alert["starts_at"]


def _pair(assessment: Mapping[str, Any]) -> tuple[Bar, ...]:
    mark = " (study)" if assessment.get("study") else ""
    rows = ((f"Required{mark}", assessment["required"]), (f"Available{mark}", assessment["available"]))
    return tuple(bars(rows))


def _exposure(exposure: Mapping[str, Any] | None) -> tuple[Bar, ...]:
    if exposure is None:
        return ()
    return tuple(bars([(text.PART_WORDS.get(name, name), value) for name, value in exposure["parts"].items()]))


def _treasury(exposure: Mapping[str, Any], methods: Sequence[MethodView]) -> Treasury:
    buffers = [one for one in exposure["buffers"] if one["probability"] == _PROBABILITY]
    said = []
    due = sorted((row["cure_by"], view.raw["method"], row["name"]) for view in methods for row in view.breaches if row["cure_by"])
    if due:
        said.append(f"First to cure: {due[0][2]} of {due[0][1]}, by {due[0][0]}.")
    forecast = exposure["forecast"]
    if forecast["shortfall_at"] is not None:
        said.append(f"At the present course {forecast['method']} falls short at {text.clock(forecast['shortfall_at'])}.")
    short = [one for one in exposure["scenarios"] if one["shortfall"] is not None and Decimal(one["shortfall"]) > 0]
    if short:
        worst = max(short, key=lambda one: Decimal(one["shortfall"]))
        said.append(f"Worst stress: {worst['name']}, short by {text.amount(worst['shortfall'])} {exposure['currency']}.")
    return Treasury(tuple(said), tuple(BufferRow(one, _still(one)) for one in buffers))


def _still(buffer: Mapping[str, Any]) -> str | None:
    """What is missing to the surplus to hold; None where it is not known."""
    if buffer["amount"] is None or buffer["margin"] is None:
        return None
    return plain(max(Decimal(buffer["amount"]) - Decimal(buffer["margin"]), Decimal(0)))


def bars(rows: Sequence[tuple[str, str | None]]) -> Iterator[Bar]:
    """Named amounts on one scale, that of the greatest; one that is not known has no share."""
    known = [Decimal(value) for _, value in rows if value is not None]
    widest = max([*known, Decimal(0)])
    for name, value in rows:
        percent = None if value is None else float(max(Decimal(value), Decimal(0)) / widest * 100) if widest else 0.0
        yield Bar(name, text.amount(value), None if percent is None else round(percent, 2))


def _runbook(url: str) -> str:
    """The link of an alert; to the page beside this one where the pages of the admin server are meant, whatever host shows it."""
    return url.removeprefix(ADMIN_SERVER) if url.startswith(f"{RUNBOOKS}#") else url


@cache
def environment() -> Environment:
    """The templates, with the filters that print figures."""
    found = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found.filters |= {
        "runbook": _runbook,
        "amount": text.amount,
        "percent": text.percent,
        "number": text.number,
        "age": text.age,
        "seconds_to": text.seconds_between,
        "clock": text.clock,
        "state_word": text.state_word,
        "state_sign": text.state_sign,
        "gap_sentence": text.gap_sentence,
        "held_twice": text.held_twice_sentence,
        "effect_word": text.effect_word,
        "feed_word": text.feed_word,
        "feed_age": text.feed_age,
        "untold_mark": text.untold_mark,
        "told_sentence": text.told_sentence,
        "waiting_sentence": text.waiting_sentence,
    }
    return found
