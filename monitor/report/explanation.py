"""A published record explained: what is broken, what changed it, what is not known, how it clears, where it stands, its proof."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from monitor.core.attribution.story import cause_words, change_sentences, that_changed
from monitor.core.components.worst import rule_sentence
from monitor.core.foresight.comparison import NOT_KNOWN
from monitor.core.values.wording import grouped, percent
from monitor.report.clearing import clears
from monitor.web.text import alert_ends, clock, gap_sentence

_MOST_LINES = 20
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")


PROVE = "reserve-monitor audit prove"


@dataclass(frozen=True, slots=True)
class Explained:
    """Sentences by what they answer.

    `kind`: assessment, alert or exposure; `undecided` are rules of which it is not known whether they hold; `stands` is the
    record's place, `proof` the command that proves it.
    """

    head: str
    kind: str
    broken: tuple[str, ...]
    undecided: tuple[str, ...]
    changed: tuple[str, ...]
    not_known: tuple[str, ...]
    clears: tuple[str, ...]
    stands: str
    proof: str

    def lines(self) -> Iterator[str]:
        """All of it, for a terminal."""
        yield self.head
        titles = (
            ("Says" if self.kind == "alert" else "Broken", self.broken),
            ("Undecided", self.undecided),
            ("Changed", self.changed),
            ("Not known", self.not_known),
            ("Clears", self.clears),
        )
        for title, sentences in titles:
            yield from _listed(title, sentences)
        yield f"  Stands at {_short(self.stands)}"
        yield f"  Proved by `{_short(self.proof)}`"

    def proved_from(self, place: str) -> Explained:
        """The same, proved by what was read there: `place` are options of the command, empty for Kafka."""
        return replace(self, proof=self.proof + place) if self.proof.startswith(PROVE) else self

    def printed(self) -> dict[str, Any]:
        """JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def explained(value: Mapping[str, Any]) -> Explained:
    """An assessment, an alert or an exposure, from its own words alone."""
    if value["schema"].startswith("reserve.alert/"):
        return _alert(value)
    if value["schema"].startswith("reserve.assessment/"):
        return _assessment(value)
    return _exposure(value)


def _assessment(value: Mapping[str, Any]) -> Explained:
    kind = f"close of {value['business_date']}, revision {value['revision']}" if value["kind"] == "close" else "live"
    unit = value["currency"]
    sides = f"required {grouped(value['required'])}, available {grouped(value['available'])} {unit}"
    coverage = "" if value["coverage"] is None else f", coverage {percent(value['coverage'])}"
    method = f"{value['method']} {value['method_version']}"
    head = f"{value['entity']} under {method} at {clock(value['at'])} ({kind}): {value['state']}, {sides}{coverage}"
    return Explained(
        head,
        "assessment",
        tuple(_broken(value)),
        tuple(_undecided(value)),
        tuple(change_sentences(value)) or (_uncompared(value),),
        tuple(_gap(gap) for gap in value["gaps"]),
        tuple(clears(value)),
        *_place(value),
    )


def _alert(value: Mapping[str, Any]) -> Explained:
    about = " ".join(part for part in (value["alertname"], value["entity"], value["method"], value["subject"]) if part)
    head = f"{about} {value['status']} at {clock(value['updated_at'])}: {value['reason']}"
    causes = tuple(f"Because of {cause_words(cause)}" for cause in that_changed(value["causes"]))
    ends = (f"Ended at {clock(value['ends_at'])}",) if value["status"] == "resolved" else (alert_ends(value),)
    runbook = f"Runbook {value['runbook_url']}"
    return Explained(head, "alert", (value["summary"], value["description"]), (), causes, (), (*ends, runbook), *_place(value))


def _exposure(value: Mapping[str, Any]) -> Explained:
    head = f"{value['entity']} exposure at {clock(value['at'])}: {grouped(value['total'])} {value['currency']}"
    parts = tuple(f"{name} {grouped(amount)}" for name, amount in value["parts"].items())
    return Explained(head, "exposure", (), (), parts, (), (), *_place(value))


def _broken(value: Mapping[str, Any]) -> Iterator[str]:
    for one in value["components"]:
        if one["state"] not in {"adequate", "not_applicable", *NOT_KNOWN}:
            ref = f" ({one['ref']})" if one["ref"] else ""
            worth = f", worth {grouped(one['amount'])} {value['currency']}" if one["amount"] not in {None, "0"} else ""
            yield f"{one['state']} {rule_sentence(one)}{ref}{worth}"


def _undecided(value: Mapping[str, Any]) -> Iterator[str]:
    """Rules of which it is not known whether they hold, with what of them is known."""
    for one in value["components"]:
        if one["state"] in NOT_KNOWN:
            ref = f" ({one['ref']})" if one["ref"] else ""
            yield f"{one['name']}{ref}: {_known_of(one)}"


def _known_of(component: Mapping[str, Any]) -> str:
    share = component["unit"] == "1"
    held, required = (
        None
        if component[name] is None
        else percent(component[name])
        if share
        else f"{grouped(component[name])} {component['unit']}"
        for name in ("held", "required")
    )
    limit = "at most {} is allowed" if component["bound"] == "max" else "{} is required"
    if held is None and required is None:
        return "neither what is held nor the limit is known"
    if held is None:
        return f"{limit.format(required)}; what is held is not known"
    return f"{held} is held; the limit is not known" if required is None else f"{held} is held, {limit.format(required)}"


def _side(component: Mapping[str, Any], name: str) -> str | None:
    value, unit = component[name], component["unit"]
    if value is None:
        return None
    return percent(value) if unit == "1" else f"{grouped(value)} {unit}"


def _short(text: str) -> str:
    """Digests by their beginning, which every command takes: whole, they are longer than most terminals are wide."""
    return _DIGEST.sub(r"\1", text)


def _uncompared(value: Mapping[str, Any]) -> str:
    if value.get("why_since") is None:
        causes = that_changed([cause for part in value["why"] for cause in part["causes"]])
        read = f"; it read {'; '.join(map(cause_words, causes[-3:]))}" if causes else ""
        return f"Nothing to compare it with: the first figure of its kind, or what that stood on is not kept{read}."
    return "Nothing since the figure before."


def _gap(gap: Mapping[str, Any]) -> str:
    since = f", since {clock(gap['since'])}" if gap["since"] else ""
    return f"{gap_sentence(gap)} ({gap['kind']} {gap['subject']}, {gap['effect']}{since})"


def _place(value: Mapping[str, Any]) -> tuple[str, str]:
    journal, chain = value["journal"], value["chain"]
    configuration = value["config_digest"]
    read = f"journal {journal['partition']}/{journal['offset']}, configuration {configuration}"
    if chain is None:
        return f"{read}; not published", "nothing: figures that were not published are in no chain"
    return f"{read}, entry {chain['sequence']} of its chain", f"{PROVE} {value['digest']}"


def _listed(title: str, sentences: tuple[str, ...]) -> Iterator[str]:
    for sentence in sentences[:_MOST_LINES]:
        yield f"  {title}: {sentence}"
    if len(sentences) > _MOST_LINES:
        yield f"  {title}: and {len(sentences) - _MOST_LINES} more; --json has them all"
