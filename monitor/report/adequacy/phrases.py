"""Phrases that several parts of a report share, in the words of a language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.core.attribution.story import grouped_if_number
from monitor.core.values.calendar import Zone
from monitor.report.adequacy import words as vocabulary
from monitor.report.adequacy.model import AdequacyReport, AlertLife, CloseDay
from monitor.report.adequacy.sheet import SheetCell, local_time, number
from monitor.report.adequacy.words import Words

CAUSES_NAMED = 3


@dataclass(frozen=True, slots=True)
class Telling:
    """A report, the words it is told in, and the zone its times are shown in."""

    report: AdequacyReport
    words: Words
    zone: Zone

    def time(self, moment: str | None) -> str:
        """A time as it is shown."""
        return local_time(moment, self.zone)


def missing(gap: Mapping[str, Any], words: Words) -> str:
    """What is not known, in a sentence."""
    return words.of(vocabulary.GAPS, gap["kind"]).format(subject=gap["subject"] or words.say("an input"))


def method_name(method: str, mode: str, words: Words, *, study: bool) -> str:
    marks = [words.of(vocabulary.MODES, mode), *([words.say("study")] if study else [])]
    return f"{method} ({', '.join(marks)})"


def close_date(close: CloseDay, words: Words) -> str:
    if close.business_day is None or close.business_day:
        return close.date
    return words.say("{date} (no business day)", date=close.date)


def with_article(rule: str, ref: str | None) -> str:
    return f"{rule} ({ref})" if ref else rule


def delta(exact: str | None, currency: str) -> SheetCell:
    cell = number(exact, currency)
    return cell if exact is None or exact == "0" or exact.startswith("-") else SheetCell(f"+{cell.shown}", cell.exact, "number")


def because(causes: Sequence[Mapping[str, Any]], words: Words) -> str:
    """The newest causes by what they changed."""
    newest = list(reversed(causes))
    named = [_cause(cause, words) for cause in newest[:CAUSES_NAMED]]
    if len(newest) > CAUSES_NAMED:
        named.append(words.say("and {count} more", count=len(newest) - CAUSES_NAMED))
    return "; ".join(named)


def _cause(cause: Mapping[str, Any], words: Words) -> str:
    """What an event changed, else its name and its place."""
    if not cause.get("subject") or cause.get("after") is None:
        place = f"{cause['topic']} {cause['partition']}/{cause.get('offset')}"
        return f"{cause['event_id']} ({place})" if cause.get("event_id") else place
    after = grouped_if_number(str(cause["after"]))
    if cause.get("before") is None:
        return words.say("{topic} {subject} new: {after}", topic=cause["topic"], subject=cause["subject"], after=after)
    return f"{cause['topic']} {cause['subject']} {grouped_if_number(str(cause['before']))} → {after}"


def quantity(exact: str | None, words: Words) -> str:
    return words.say("an unknown quantity") if exact is None else number(exact).shown


def alert_name(of: Telling, one: AlertLife) -> str:
    name = " ".join(part for part in (one.alertname, one.method, one.subject) if part)
    return of.words.say("[REHEARSAL] {alert}", alert=name) if one.rehearsal else name
