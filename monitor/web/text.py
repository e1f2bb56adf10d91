"""Figures, times and closed words as people read them. Exact texts are regrouped, never computed anew."""

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.core.book.declarations import BY_ATTRIBUTE
from monitor.core.components.worst import rule_sentence
from monitor.core.journal.vocabulary import OUTCOMES
from monitor.core.values import wording
from monitor.core.values.currencies import is_iso_4217
from monitor.core.values.times import SECOND, parse_time

amount, percent, figure = wording.grouped, wording.percent, wording.figure
"""The core's way to print a figure, which the page and the command line share."""

__all__ = ["amount", "figure", "percent", "rule_sentence"]

STATE_WORDS = {
    "adequate": "Adequate",
    "watch": "Watch",
    "shortfall": "Shortfall",
    "unknown": "Unknown",
    "not_computable": "Not computable",
    "not_applicable": "Not applicable",
}
STATE_SIGNS = {"adequate": "✓", "watch": "!", "shortfall": "✕", "unknown": "?", "not_computable": "∅", "not_applicable": "∅"}

NOT_KEPT = "—"
BAD_FEEDS = frozenset({"silent", "unhealthy", "lost", "behind"})
_FEED_WORDS = {"silent": "silent", "unhealthy": "too much refused", "lost": "records lost", "behind": "behind"}

PART_WORDS = {"custody": "Custody", "flow": "Trade flow", "incidents": "Open incidents", "loss_history": "Loss history"}

_GAP_SENTENCES = {
    "price_missing": "No price for {subject} of the kind that the rule reads (spot or daily_close) was ever received.",
    "price_stale": "The price of {subject} is too old.",
    "price_outlier": "The prices of {subject} disagree beyond the limit.",
    "position_outlier": "A balance in the role {subject} is far from the one before or above what there can be.",
    "asset_ambiguous": "{subject} may be a coin or a currency: a line under assets.crypto or assets.fiat decides it.",
    "position_missing": "No position in the role {subject} was ever received.",
    "position_stale": "An account of {subject} has not reported within its limit.",
    "declaration_missing": "{subject} was never declared, or its declaration has expired.",
    "source_behind": "{subject} says only what was long before.",
    "source_silent": "Nothing came from {subject} within its limit.",
    "source_unhealthy": "Too many records of {subject} are refused.",
    "keys_unsafe": "Trades of {subject} are keyed so that one may count twice: `topics check` says what to do.",
    "record_rejected": "A record of {subject} was refused and nothing newer has replaced it.",
    "records_lost": "Records of {subject} are lost or may count twice.",
    "group_incomplete": "A group of positions ({subject}) came without all its members.",
    "quantity_unknown": "What incident {subject} cost is not known in full.",
    "window_short": "{subject} has less history than the rule asks.",
    "parameter_null": "The rule's figure {subject} is not set by law yet.",
    "not_in_force": "{subject} is not in force yet.",
    "no_rate": "The rule has no rate for {subject}.",
}
_EFFECT_WORDS = {
    "required": "what is required is uncertain",
    "available": "what is available is uncertain",
    "both": "both sides are uncertain",
    "figures": "only figures beside the result are uncertain",
}


def number(value: str | None, unit: str) -> str:
    """A component's figure where its unit stands elsewhere: shares in percent, all else in threes."""
    return percent(value) if unit == "1" else amount(value)


def state_word(state: str) -> str:
    """The state in words."""
    return STATE_WORDS.get(state, state)


def state_sign(state: str) -> str:
    """A sign for the state that needs no colour."""
    return STATE_SIGNS.get(state, "?")


def feed_word(row: Mapping[str, Any]) -> str:
    """What to think of a feed; one without a limit that was never heard is not called good."""
    state = str(row["state"])
    if state in _FEED_WORDS:
        return _FEED_WORDS[state]
    return "speaks" if row["last_event_at"] is not None or _counted(row) else "not heard yet"


def feed_age(row: Mapping[str, Any]) -> str:
    """How long ago a feed was heard; a dash where it was and nobody keeps when."""
    if row["age_s"] is None:
        return NOT_KEPT if _counted(row) else "never"
    return age(float(row["age_s"]))


def _counted(row: Mapping[str, Any]) -> bool:
    return any(row.get(outcome) for outcome in OUTCOMES)


def gap_sentence(gap: Mapping[str, str | None]) -> str:
    """What is missing, in one sentence."""
    kind, subject = str(gap["kind"]), gap.get("subject") or "an input"
    if kind == "asset_ambiguous" and not is_iso_4217(subject):
        return f"{subject} is left out by assets.ignore, and clients are owed it: take it out of assets.ignore."
    sentence = _GAP_SENTENCES.get(kind, f"{kind.replace('_', ' ')}: {{subject}}").format(subject=subject)
    if kind == "declaration_missing" and subject in BY_ATTRIBUTE:
        return f"{sentence.removesuffix('.')}; which one is read, by {BY_ATTRIBUTE[subject]}, `methods show` says."
    return sentence


def effect_word(effect: str | None) -> str:
    """What a gap makes uncertain."""
    return _EFFECT_WORDS.get(effect or "", "")


def coverage_range(lower: str | None, upper: str | None) -> str:
    """The bounds of a coverage that is not known."""
    if lower is None and upper is None:
        return "Not known"
    if upper is None:
        return f"At least {percent(lower)}"
    if lower is None:
        return f"At most {percent(upper)}"
    return f"{percent(lower)} to {percent(upper)}"


def age(seconds: float | None) -> str:
    """How long ago or how long, in the largest unit that says enough."""
    if seconds is None:
        return "never"
    whole = int(abs(seconds))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def clock(text: str | None) -> str:
    """An RFC 3339 time in UTC, to the second."""
    return "—" if text is None else f"{text[:10]} {text[11:19]} UTC"


def seconds_between(earlier: str, later_ns: int) -> float:
    """Seconds from an RFC 3339 time to `later_ns`."""
    return (later_ns - parse_time(earlier)) / SECOND


def refused_count(status: Mapping[str, Any]) -> int:
    """Records of an entity that were refused and still mark figures; at least 1 where a gap says so."""
    alerts = [alert for alert in status["alerts"] if alert["alertname"] == "RecordRefused"]
    more = sum(int(alert["figures"].get("records") or 1) for alert in alerts)
    marked = any(gap["kind"] == "record_rejected" for one in status["methods"] for gap in one["gaps"])
    return more or int(marked)


def refused_sentence(count: int) -> str:
    """What is said beside rules that are met, where records were refused."""
    return f"met by what was accepted; {wording.count_of(count, 'record')} refused"


UNTOLD_UNKNOWN = "whether the alerts reached anybody is not known here: the record of deliveries cannot be read"


def untold_sentence(alerts: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]] | None) -> str | None:
    """What to say of people who were not told of `alerts` that fire, by the rows of `undelivered`; None where all were told."""
    if rows is None:
        return UNTOLD_UNKNOWN if any(alert["mode"] != "shadow" for alert in alerts) else None
    if not rows:
        return None
    channels = sorted({row["channel"] for row in rows if row["channel"] is not None})
    if not channels:
        return "no channel is configured: nobody is told of these alerts"
    count = len({row["fingerprint"] for row in rows})
    said = next((row["detail"] for row in rows if row["detail"]), None)
    more = f": {said}" if said else ""
    return f"{wording.count_of(count, 'alert')} did not reach {', '.join(channels)}{more}"


def untold_mark(rows: Sequence[Mapping[str, Any]] | None, fingerprint: str) -> str | None:
    """What stands beside one alert that did not reach a channel."""
    channels = [row["channel"] for row in rows or () if row["fingerprint"] == fingerprint]
    named = sorted(name for name in channels if name is not None)
    if named:
        return f"not delivered to {', '.join(named)}"
    return "not delivered: no channel" if channels else None


def told_sentence(alert: Mapping[str, Any]) -> str | None:
    """Who has an alert's newest state; None where that is not known."""
    told = alert.get("told")
    if told is None or alert["mode"] == "shadow":
        return None
    return f"Told: {', '.join(told)}" if told else "Told nobody yet"


def alert_ends(alert: Mapping[str, Any]) -> str:
    """What ends an alert, and for how long that must stay so: a status says it, a published record does not."""
    subject = alert["subject"] or "the feed"
    ends = {
        "SecurityIncidentOpen": f"a revision says that incident {subject} is closed or withdrawn",
        "SourceStale": f"anything arrives from {subject}",
        "SourceBehind": f"{subject} says something of now",
        "SourceUnhealthy": f"the share of refused records of {subject} falls below its limit",
        "RecordRefused": "a newer valid record of the same thing arrives, or the dead letter is requeued or dismissed",
        "LiabilityExceedsAssets": f"the roles that hold {subject} together reach what clients are owed of it",
        "CureDeadlineNear": "its rule is met again, or its cure date moves",
        "ReserveUnknown": "the method can be decided again",
        "ReserveCoverageLow": "coverage is above the exit of the watch level",
        "ShortfallForecast": "no shortfall is forecast any more",
    }.get(alert["alertname"], "its rule is met again")
    return f"Ends when {ends}{_stays(alert)}"


_FACTS = frozenset({"SecurityIncidentOpen", "RecordRefused", "CureDeadlineNear"})
"""Alerts that end at once."""


def _stays(alert: Mapping[str, Any]) -> str:
    seconds = alert.get("clears_after_s")
    if alert["alertname"] in _FACTS or seconds == 0:
        return ""
    return " and stays so for " + ("as long as levels.exit_dwell_s of its entity says" if seconds is None else age(seconds))


def waiting_sentence(alert: Mapping[str, Any]) -> str:
    """What an alert that fires waits for, or when it clears."""
    clears_at = alert.get("clears_at")
    return alert_ends(alert) if clears_at is None else f"Over for now: clears at {clears_at[11:19]} UTC if it holds"


def held_twice_sentence(one: Mapping[str, Any]) -> str:
    """An account that counts more than once: {asset, account, held: [{entity, role, quantity}]}."""
    holders = [f"{amount(row['quantity'])} as {row['role']} of {row['entity']}" for row in one["held"]]
    return (
        f"{one['asset']} in account {one['account']} is held {len(holders)} times, {' and '.join(holders)}: is it one wallet "
        "that counts twice? Then the role, entity or condition of one feed is to be changed"
    )


def ignored_sentence(ignored: Sequence[Mapping[str, str]]) -> str:
    """What is left out of every figure, and how much of it is held."""
    return ", ".join(f"{amount(one['quantity'])} {one['asset']}" for one in ignored)


def scope(assessment: Mapping[str, Any]) -> str:
    """What the headline of an assessment is about: the rules it sums."""
    return ", ".join(assessment.get("headline") or ()) or "the method's own sum"
