"""Whom a report is for, and what they are told first: treasury what to do, compliance the closes, auditors the proofs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from monitor.core.values.calendar import Zone
from monitor.report.adequacy import sections
from monitor.report.adequacy.model import AdequacyReport
from monitor.report.adequacy.phrases import Telling
from monitor.report.adequacy.sections import SectionMaker
from monitor.report.adequacy.sheet import Sheet
from monitor.report.adequacy.words import Language, Words, word

Audience = Literal["treasury", "compliance", "auditor"]
AUDIENCES: Final[tuple[Audience, ...]] = get_args(Audience)

_NAMES = {"treasury": word("for treasury"), "compliance": word("for compliance"), "auditor": word("for auditors")}
_ORDER: Mapping[Audience, tuple[SectionMaker, ...]] = {
    "treasury": (
        sections.actions, sections.standing, sections.buffers, sections.breaches, sections.changes, sections.closes,
        sections.incidents, sections.quality, sections.proofs,
    ),
    "compliance": (
        sections.closes, sections.breaches, sections.incidents, sections.quality, sections.revisions, sections.alerts,
        sections.actions, sections.changes, sections.proofs,
    ),
    "auditor": (
        sections.proofs, sections.closes, sections.revisions, sections.breaches, sections.incidents, sections.quality,
        sections.alerts, sections.changes,
    ),
}  # fmt: skip


def sheet_of(report: AdequacyReport, language: Language, audience: Audience, zone: Zone) -> Sheet:
    """The report in one language for one audience; times are shown in `zone`."""
    telling = Telling(report, Words(language), zone)
    say = telling.words.say
    period = report.period
    dates = period.first.isoformat() if period.first == period.last else f"{period.first} \u2013 {period.last}"
    digest = report.printed()["digest"]
    return Sheet(
        language=language,
        title=say("Capital adequacy of {entity}", entity=report.entity),
        subtitle=f"{dates} · {telling.words.of(_NAMES, audience)}",
        lead=tuple(_lead(telling, audience)),
        bad=bool(report.broken_now()) or any(method.last_state == "shortfall" for method in report.methods),
        sections=tuple(section(telling) for section in _ORDER[audience]),
        facts=(
            say("Known up to {time}; times are of {zone}.", time=telling.time(report.known_at), zone=zone.name),
            say("Digest of this report's data: {digest}", digest=digest),
        ),
    )


def _lead(of: Telling, audience: Audience) -> list[str]:
    say, report = of.words.say, of.report
    total = sum(method.closes for method in report.methods)
    counted = {state: sum(m.states.get(state, 0) for m in report.methods) for state in ("shortfall", "unknown", "not_computable")}
    closes = say(
        "{closes} closes: {short} in shortfall, {unknown} not known.",
        closes=total,
        short=counted["shortfall"],
        unknown=counted["unknown"] + counted["not_computable"],
    )
    lasting = [f"{span.method} {span.rule}" for span in report.broken_now()]
    broken = say("Broken now: {rules}.", rules=", ".join(lasting)) if lasting else say("No rule is broken now.")
    if audience == "treasury":
        moves = sum(len(proposal["moves"]) for proposal in report.actions.proposals)
        return [broken, say("{moves} moves are proposed below.", moves=moves)] if moves else [broken, closes]
    if audience == "compliance":
        late = sum(1 for span in report.breaches if span.late)
        return [
            closes,
            say("{breaches} breaches, {late} of them past their deadline.", breaches=len(report.breaches), late=late),
            broken,
        ]
    found = report.proofs
    covered = say("A checkpoint covers them.") if found.checkpoint else say("No checkpoint covers them yet.")
    entries = say("The closes are entries {first} to {last} of the chain.", first=found.first_sequence, last=found.last_sequence)
    return [entries, covered, closes]
