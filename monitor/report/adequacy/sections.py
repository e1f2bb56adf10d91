"""The parts of a report, each from the model alone, in the words of a language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from monitor.report.adequacy import words as vocabulary
from monitor.report.adequacy.model import BreachSpan, CloseDay, IncidentStep, UnknownSpan
from monitor.report.adequacy.phrases import (
    Telling,
    alert_name,
    because,
    close_date,
    delta,
    method_name,
    missing,
    quantity,
    with_article,
)
from monitor.report.adequacy.sheet import (
    SheetCell,
    SheetColumn,
    SheetSection,
    SheetTable,
    code,
    duration,
    measured,
    number,
    percent,
    state_cell,
    text,
)
from monitor.report.adequacy.words import Words

SectionMaker = Callable[[Telling], SheetSection]


def standing(of: Telling) -> SheetSection:
    """How each method stood at its last close, and the worst of the period."""
    say, words = of.words.say, of.words
    columns = (
        SheetColumn(say("Method"), width=1.7), SheetColumn(say("Last close"), width=1.1), SheetColumn(say("State"), "state", 1.2),
        SheetColumn(say("Required"), "number", 1.6), SheetColumn(say("Available"), "number", 1.6),
        SheetColumn(say("Surplus"), "number", 1.6), SheetColumn(say("Coverage"), "number"),
        SheetColumn(say("Lowest surplus of a close"), "number", 1.8),
    )  # fmt: skip
    rows = []
    for method in of.report.methods:
        last = next(c for c in reversed(of.report.closes) if c.method == method.method)
        lowest = number(method.lowest_surplus, method.currency)
        dated = f"{lowest.shown} ({method.lowest_date})" if method.lowest_date else lowest.shown
        rows.append((
            text(method_name(method.method, method.mode, words, study=method.study)), text(last.date),
            state_cell(last.state, words), number(last.required, last.currency), number(last.available, last.currency),
            number(last.surplus, last.currency), percent(last.coverage), SheetCell(dated, method.lowest_surplus or "", "number"),
        ))  # fmt: skip
    return SheetSection(say("Position at the last close"), (), (SheetTable(columns, tuple(rows)),))


def closes(of: Telling) -> SheetSection:
    """Capital adequacy at each close, with the rules broken and their articles."""
    say = of.words.say
    return SheetSection(
        say("Capital adequacy at each close"),
        (say("Figures are those of a date's last instant in the rule's own zone, in their newest revision."),),
        tuple(_closes_of(of, method.method) for method in of.report.methods),
    )


def _closes_of(of: Telling, method: str) -> SheetTable:
    say, words = of.words.say, of.words
    own = [close for close in of.report.closes if close.method == method]
    currency = own[0].currency
    columns = (
        SheetColumn(say("Date"), width=1.5), SheetColumn(say("State"), "state", 1.2),
        SheetColumn(say("Required, {currency}", currency=currency), "number", 1.4),
        SheetColumn(say("Available, {currency}", currency=currency), "number", 1.4),
        SheetColumn(say("Surplus, {currency}", currency=currency), "number", 1.4),
        SheetColumn(say("Coverage"), "number"), SheetColumn(say("Broken rules"), width=2.6),
    )  # fmt: skip
    rows = tuple(
        (
            SheetCell(close_date(close, words), close.date), state_cell(close.state, words), number(close.required),
            number(close.available), number(close.surplus), percent(close.coverage),
            text("; ".join(with_article(rule.name, rule.ref) for rule in close.broken)),
        )
        for close in own
    )  # fmt: skip
    mode = next(one for one in of.report.methods if one.method == method)
    return SheetTable(columns, rows, method_name(method, mode.mode, words, study=mode.study))


def changes(of: Telling) -> SheetSection:
    """What moved each close from the one before, part by part, and the events behind it."""
    say = of.words.say
    columns = (
        SheetColumn(say("Date"), width=1.1), SheetColumn(say("Method"), width=1.5), SheetColumn(say("Part"), width=1.2),
        SheetColumn(say("Required by"), "number", 1.5), SheetColumn(say("Available by"), "number", 1.5),
        SheetColumn(say("Because of"), width=4),
    )  # fmt: skip
    rows = tuple(row for close in sorted(of.report.closes, key=_by_date) for row in _changes_of(close, of.words))
    told = () if rows else (say("No close differs from the one before."),)
    return SheetSection(say("What changed, and why"), told, _tables(columns, rows))


def _changes_of(close: CloseDay, words: Words) -> Iterator[tuple[SheetCell, ...]]:
    for part in close.changes:
        gaps = [words.say("now unknown: {what}", what=missing(gap, words)) for gap in part.opened]
        gaps += [words.say("known again: {what}", what=missing(gap, words)) for gap in part.closed]
        if part.required_delta in {None, "0"} and part.available_delta in {None, "0"} and not gaps:
            continue
        yield (
            text(close.date), text(close.method), text(words.of(vocabulary.PARTS, part.part)),
            delta(part.required_delta, close.currency), delta(part.available_delta, close.currency),
            text("; ".join(told for told in (*gaps, because(part.causes, words)) if told)),
        )  # fmt: skip


def breaches(of: Telling) -> SheetSection:
    """Each breach with its cure deadline and how it ended."""
    say = of.words.say
    columns = (
        SheetColumn(say("Rule"), width=2.4), SheetColumn(say("From"), width=1.5), SheetColumn(say("To"), width=1.5),
        SheetColumn(say("Greatest shortfall"), "number", 1.7), SheetColumn(say("Cure by"), width=1.2),
        SheetColumn(say("How it ended"), width=3),
    )  # fmt: skip
    rows = tuple(_breach(of, span) for span in of.report.breaches)
    told = () if rows else (say("No rule was broken."),)
    return SheetSection(say("Breaches and cure deadlines"), told, _tables(columns, rows))


def _breach(of: Telling, span: BreachSpan) -> tuple[SheetCell, ...]:
    words = of.words
    worst = measured(span.worst, span.unit)
    worth = span.unit not in {span.currency, "1"} and span.worst_amount not in {None, "0"}
    valued = f"{worst.shown} ({number(span.worst_amount, span.currency).shown})" if worth else worst.shown
    ended = words.of(vocabulary.ENDS, span.end)
    cause = because(span.ended_by, words)
    told = f"{ended}: {cause}" if cause else ended
    if span.late is not None:
        in_time = words.say("After the deadline") if span.late else words.say("Within the deadline")
        told = f"{told} ({in_time})"
    return (
        text(with_article(f"{span.method} {span.rule}", span.ref)), text(of.time(span.began_at)),
        text(of.time(span.ended_at) if span.ended_at else words.say("lasts")), SheetCell(valued, worst.exact, "number"),
        text(span.cure_by or words.say("no term")), text(told),
    )  # fmt: skip


def incidents(of: Telling) -> SheetSection:
    """Each incident with every revision of it."""
    say, words = of.words.say, of.words
    columns = (
        SheetColumn(say("Revision"), width=0.8), SheetColumn(say("Logged"), width=1.6), SheetColumn(say("Status"), width=1),
        SheetColumn(say("Severity"), width=1), SheetColumn(say("Lost"), width=2.2), SheetColumn(say("Recovered"), width=1.6),
        SheetColumn(say("Summary"), width=3),
    )  # fmt: skip
    tables = tuple(
        SheetTable(
            columns,
            tuple(_incident_step(of, step) for step in chain.steps),
            say(
                "{incident}: {kind}, occurred {occurred}, detected {detected}",
                incident=chain.incident_id,
                kind=words.of(vocabulary.INCIDENT_KINDS, chain.kind),
                occurred=of.time(chain.occurred_at),
                detected=of.time(chain.detected_at),
            ),
        )
        for chain in of.report.incidents
    )
    return SheetSection(say("Incidents"), () if tables else (say("No incident was open."),), tables)


def _incident_step(of: Telling, step: IncidentStep) -> tuple[SheetCell, ...]:
    words = of.words
    lost = [f"{quantity(one['quantity'], words)} {one['asset']} ({one['owner']})" for one in step.losses]
    if step.loss_estimate is not None:
        estimate = number(step.loss_estimate["amount"], step.loss_estimate["currency"]).shown
        lost.append(words.say("estimated {amount}", amount=estimate))
    back = [f"{number(one['quantity'], one['asset']).shown}" for one in step.recoveries]
    number_of = str(step.revision) if step.counts else words.say("{revision}, sent again, does not count", revision=step.revision)
    return (
        text(number_of), text(of.time(step.logged_at)), text(words.of(vocabulary.INCIDENT_STATUSES, step.status)),
        text(words.of(vocabulary.SEVERITIES, step.severity)), text(", ".join(lost)), text(", ".join(back)), text(step.summary),
    )  # fmt: skip


def quality(of: Telling) -> SheetSection:
    """What was not known, and for how long."""
    say = of.words.say
    columns = (
        SheetColumn(say("Method"), width=1.5), SheetColumn(say("Not known"), width=3),
        SheetColumn(say("Made uncertain"), width=1.5), SheetColumn(say("Noticed"), width=1.6),
        SheetColumn(say("Ended"), width=1.6), SheetColumn(say("In the period"), width=1.2),
    )  # fmt: skip
    rows = tuple(_unknown(of, span) for span in of.report.unknown)
    told = () if rows else (say("Everything that was asked for was known."),)
    return SheetSection(say("Data quality: what was not known, and for how long"), told, _tables(columns, rows))


def _unknown(of: Telling, span: UnknownSpan) -> tuple[SheetCell, ...]:
    words = of.words
    gap = {"kind": span.kind, "subject": span.subject}
    return (
        text(span.method), text(missing(gap, words)), text(words.of(vocabulary.EFFECTS, span.effect)),
        text(of.time(span.noticed_at)),
        text(of.time(span.ended_at) if span.ended_at else words.say("lasts")),
        SheetCell(duration(span.seconds, words), str(span.seconds), "number"),
    )  # fmt: skip


def actions(of: Telling) -> SheetSection:
    """What to move, by when."""
    say, found = of.words.say, of.report.actions
    title = say("What to do")
    if found.at is None:
        return SheetSection(title, (say("The moves that mend what is broken were not asked for: {reason}", reason=found.reason),))
    if not found.proposals:
        return SheetSection(title, (say("Nothing to do: as of {time} no rule is broken or near.", time=of.time(found.at)),))
    columns = (
        SheetColumn(say("Rule"), width=2), SheetColumn(say("Move"), width=3.5), SheetColumn(say("By"), width=1.3),
        SheetColumn(say("What it breaks"), width=1.5),
    )  # fmt: skip
    rows = tuple(row for proposal in found.proposals for row in _proposal(of, proposal))
    return SheetSection(title, (say("As of {time}.", time=of.time(found.at)),), (SheetTable(columns, rows),))


def _proposal(of: Telling, proposal: Mapping[str, Any]) -> Iterator[tuple[SheetCell, ...]]:
    words = of.words
    rule = text(with_article(f"{proposal['method']} {proposal['rule']}", proposal["ref"]))
    by = text(f"{proposal['by']} 24:00" if proposal["by"] else words.say("at once: the rule sets no term"))
    if not proposal["moves"]:
        yield rule, text(words.say("No move is known that mends it")), by, text("")
    for move in proposal["moves"]:
        yield rule, text(_move(move, words)), by, text(", ".join(proposal["costs"]))


def _move(move: Mapping[str, Any], words: Words) -> str:
    shown = number(move["quantity"], move["asset"]).shown
    told = ", ".join(f"{name} {value}" for name, value in (move.get("attributes") or {}).items())
    values = {"quantity": shown, "role": with_article(move["role"], told), "source": move["from"], "target": move["to"]}
    if move["kind"] == "transfer":
        return words.say("move {quantity} of {role} from {source} to {target}", **values)
    if move["kind"] == "designate":
        return words.say("make {quantity} of house_asset in {source} {role} in {target}", **values)
    if move["kind"] == "declare":
        return words.say("raise {role} by {quantity}", **values)
    return words.say("add {quantity} of own assets to {role} in {target}", **values)


def buffers(of: Telling) -> SheetSection:
    """How much surplus to hold against a shortfall within hours."""
    say = of.words.say
    columns = (
        SheetColumn(say("Method"), width=1.5), SheetColumn(say("Within"), width=0.7),
        SheetColumn(say("Probability"), "number", 0.9),
        SheetColumn(say("Surplus to hold"), "number", 1.6), SheetColumn(say("There is"), "number", 1.6),
        SheetColumn(say("Observations"), "number", 1), SheetColumn(say("Why not"), width=2.4),
    )  # fmt: skip
    rows = tuple(
        (
            text(one["method"]), text(say("{hours} h", hours=one["horizon_h"])), percent(one["probability"]),
            number(one["amount"], one["currency"]), number(one["margin"], one["currency"]), number(str(one["observations"])),
            text(one["reason"] or ""),
        )
        for one in of.report.buffers
    )  # fmt: skip
    told = () if rows else (say("No buffer was published."),)
    return SheetSection(say("What to hold against a shortfall"), told, _tables(columns, rows))


def revisions(of: Telling) -> SheetSection:
    """Closes that were published more than once."""
    say, words = of.words.say, of.words
    columns = (
        SheetColumn(say("Date"), width=1), SheetColumn(say("Method"), width=1.4), SheetColumn(say("Revision"), width=0.8),
        SheetColumn(say("State"), "state", 1.2), SheetColumn(say("Required"), "number", 1.5),
        SheetColumn(say("Available"), "number", 1.5), SheetColumn(say("Digest"), "code", 3),
    )  # fmt: skip
    rows = tuple(
        (
            text(close.date), text(close.method), text(str(one.revision)), state_cell(one.state, words),
            number(one.required, close.currency), number(one.available, close.currency), code(one.digest),
        )
        for close in of.report.closes
        if len(close.revisions) > 1
        for one in close.revisions
    )  # fmt: skip
    told = () if rows else (say("No close was changed after it was published."),)
    return SheetSection(say("Corrections of closed days"), told, _tables(columns, rows))


def alerts(of: Telling) -> SheetSection:
    """What people were alerted to."""
    say, words = of.words.say, of.words
    columns = (
        SheetColumn(say("Alert"), width=2.4), SheetColumn(say("Severity"), width=1), SheetColumn(say("From"), width=1.6),
        SheetColumn(say("To"), width=1.6), SheetColumn(say("Last change"), width=1.2),
        SheetColumn(say("Fingerprint"), "code", 2.4),
    )  # fmt: skip
    rows = tuple(
        (
            text(alert_name(of, one)), text(words.of(vocabulary.SEVERITIES, one.severity)), text(of.time(one.starts_at)),
            text(of.time(one.ends_at) if one.ends_at else say("fires")), text(words.of(vocabulary.ALERT_REASONS, one.reason)),
            code(one.fingerprint),
        )
        for one in of.report.alerts
    )  # fmt: skip
    return SheetSection(say("Alerts"), () if rows else (say("No alert fired."),), _tables(columns, rows))


def proofs(of: Telling) -> SheetSection:
    """The chain, the checkpoint, and the digest of every close with the command that proves it."""
    say, found = of.words.say, of.report.proofs
    columns = (SheetColumn(say("What"), width=1.2), SheetColumn(say("Value"), "code", 4))
    facts = [
        (say("Entries of the chain with these closes"), f"{found.first_sequence} \u2013 {found.last_sequence}"),
        *((say("Configuration"), digest) for digest in found.configurations),
        *((say("Engine version"), version) for version in found.engine_versions),
        *((f"{one.method} {one.version}", one.digest) for one in of.report.methods),
        *_checkpoint(of),
    ]
    digests = tuple(
        (text(close.date), text(close.method), text(str(close.revisions[-1].sequence)), code(close.digest))
        for close in of.report.closes
    )
    digest_columns = (
        SheetColumn(say("Date"), width=1), SheetColumn(say("Method"), width=1.5), SheetColumn(say("Entry"), width=0.7),
        SheetColumn(say("Digest"), "code", 5),
    )  # fmt: skip
    return SheetSection(
        say("Evidence"),
        (say("Each figure is proved by: reserve-monitor audit prove DIGEST; the whole by: audit export, audit verify."),),
        (
            SheetTable(columns, tuple((text(name), code(value)) for name, value in facts)),
            SheetTable(digest_columns, digests, say("Digests of the closes")),
        ),
    )


def _checkpoint(of: Telling) -> Iterator[tuple[str, str]]:
    say, checkpoint = of.words.say, of.report.proofs.checkpoint
    if checkpoint is None:
        yield say("Checkpoint"), say("none covers these closes yet")
        return
    entries = f"{checkpoint['first_sequence']} \u2013 {checkpoint['last_sequence']}"
    yield say("Checkpoint"), f"{checkpoint['business_date']}, {entries}"
    yield say("Root of its tree"), checkpoint["root"]
    signed = checkpoint.get("key_id")
    yield say("Signed with key"), signed or say("not signed")


def _tables(columns: Sequence[SheetColumn], rows: Sequence[tuple[SheetCell, ...]]) -> tuple[SheetTable, ...]:
    return (SheetTable(tuple(columns), tuple(rows)),) if rows else ()


def _by_date(close: CloseDay) -> tuple[str, str]:
    return close.date, close.method
