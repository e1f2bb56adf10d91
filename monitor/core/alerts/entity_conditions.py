"""The conditions of an entity itself (CONTRACT 2's alert table): what its sources say of clients' assets, incidents and feeds.

They are of no method, and hold whatever an entity is assessed under.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction

from monitor.core.alerts.conditions import Condition
from monitor.core.alerts.life import Identity, Verdict
from monitor.core.alerts.record import AlertContent
from monitor.core.alerts.texts import known_figure
from monitor.core.book.completeness import FeedKnown
from monitor.core.book.rejections import RejectedRecord
from monitor.core.evaluation.observations import Backing, IncidentSight
from monitor.core.journal.vocabulary import INCIDENTS, OPEN_STATUSES, Severity
from monitor.core.values.money import exact_text, round_up
from monitor.core.values.wording import count_of, grouped

SEVERITY_OF_INCIDENT: dict[str, Severity] = {"low": "info", "medium": "warning", "high": "critical", "critical": "critical"}

_EXCEEDS = "LiabilityExceedsAssets"
_RULE_OF_FEEDS = {"SourceStale": "source_stale", "SourceBehind": "source_behind", "SourceUnhealthy": "source_unhealthy"}
RULES_OF_FEEDS = frozenset(_RULE_OF_FEEDS.values())

REFUSED_APART = 20
"""Refused records of one topic that have an alert each."""


def entity_conditions(
    entity: str,
    backing: Sequence[Backing],
    feeds: Sequence[FeedKnown],
    incidents: Sequence[IncidentSight],
    *,
    followed: Collection[Identity] | None = None,
) -> Iterator[Condition]:
    """The conditions of the entity itself: their method is null.

    With `followed`, of assets and feeds those alone that are true or among these.
    """
    subjects = {(one.alertname, one.subject) for one in followed or ()}
    for asset in backing:
        covered = asset.there.reaches(asset.owed)
        if followed is None or covered is False or (_EXCEEDS, asset.asset) in subjects:
            yield _liability_exceeds_assets(entity, asset, covered)
    for incident in incidents:
        yield _incident_open(entity, incident)
    for feed in feeds:
        for alertname, holds, watched, what in (
            ("SourceStale", feed.silent, feed.limited, "is silent past its freshness limit"),
            ("SourceBehind", feed.behind, feed.limited, "says only what was long before"),
            ("SourceUnhealthy", feed.unhealthy, feed.judged, "sends more bad records than its limit allows"),
        ):
            if followed is None or holds is True or (alertname, feed.name) in subjects:
                grace = feed.grace if alertname == "SourceStale" else 0
                yield _feed(entity, feed.name, alertname, holds, what, grace=grace, watched=watched)


def refused_conditions(entity: str, refused: Sequence[RejectedRecord]) -> Iterator[Condition]:
    """RecordRefused: a record of the entity was refused, and what it was to say is known to nobody but its sender.

    Of a topic that has many the first are told one by one, all others by one alert of the topic: none is lost.
    """
    by_kind: dict[str, dict[str, RejectedRecord]] = {}
    for record in sorted(refused, key=_logged):
        by_kind.setdefault(record.where.kind, {})[record.subject] = record
    for kind, records in sorted(by_kind.items()):
        apart = list(records.items())
        for subject, record in apart[:REFUSED_APART]:
            yield _record_refused(entity, subject, record)
        if len(apart) > REFUSED_APART:
            yield _many_refused(entity, kind, [record for _, record in apart[REFUSED_APART:]])


def _liability_exceeds_assets(entity: str, backing: Backing, covered: bool | None) -> Condition:
    verdict = {True: Verdict.CLEAR, False: Verdict.TRUE, None: Verdict.UNKNOWN}[covered]

    def show() -> AlertContent:
        owed, there = _bound_text(backing.owed.low), _bound_text(backing.there.high)
        said = f"client_liability in {backing.asset} is {grouped(owed)}, all other roles together hold {grouped(there)}"
        return AlertContent(
            f"{entity}: clients are owed more {backing.asset} than there is",
            f"{said}: a ledger error or a loss.",
            {"client_liability": owed, "held": there, "unit": backing.asset},
            over=(
                f"{entity}: what clients are owed in {backing.asset} is there again",
                f"{said}.",
            ),
        )

    identity = Identity(_EXCEEDS, entity, None, "liability_exceeds_assets", backing.asset)
    return Condition(identity, verdict, show=show)


def _incident_open(entity: str, incident: IncidentSight) -> Condition:
    body = incident.body
    name, status = str(body["incident_id"]), str(body["status"])

    def show() -> AlertContent:
        net = None if incident.net is None else incident.net.value
        low = None if incident.net is None else incident.net.low
        currency = incident.currency
        texts = {"net_loss": _loss_text(net, incident.decimals), "net_loss_lower": _loss_text(low, incident.decimals)}
        figures = texts | {"currency": currency}
        return AlertContent(
            f"{entity}: security incident {name} ({body['kind']}) is {status}",
            f"{_sentence(body['summary'] or body['kind'])} Revision {body['revision']}, "
            f"severity {body['severity']}, net loss {known_figure(figures['net_loss'], currency)}.",
            figures | {"status": status, "revision": str(body["revision"])},
            facts=(f"revision {body['revision']}",),
        )

    return Condition(
        Identity("SecurityIncidentOpen", entity, None, "security_incident_open", name),
        Verdict.TRUE if status in OPEN_STATUSES else Verdict.CLEAR,
        SEVERITY_OF_INCIDENT.get(str(body["severity"]), "critical"),
        dwells=False,
        ends_as="ended",
        show=show,
        concerns=lambda cause: cause.part == "incident" and cause.event_id == name,
    )


def _record_refused(entity: str, subject: str, record: RejectedRecord) -> Condition:
    where = record.where

    def show() -> AlertContent:
        return AlertContent(
            f"{entity}: a record of {where.topic} was refused",
            f"{where.topic}/{where.epoch}/{where.partition}/{record.offset} was refused; figures are of what was accepted.",
            {"event_id": record.name, "partition": str(where.partition), "offset": str(record.offset)},
        )

    return Condition(
        Identity("RecordRefused", entity, None, "record_refused", subject),
        Verdict.TRUE,
        "critical" if where.kind == INCIDENTS else "warning",
        dwells=False,
        ends_as="ended",
        show=show,
        concerns=lambda cause: (cause.topic, cause.partition, cause.offset) == (where.topic, where.partition, record.offset),
    )


def _many_refused(entity: str, kind: str, records: Sequence[RejectedRecord]) -> Condition:
    newest = records[-1]

    def show() -> AlertContent:
        return AlertContent(
            f"{entity}: more of {kind} was refused: {count_of(len(records), 'record')}",
            f"The newest is {newest.where.topic}/{newest.where.epoch}/{newest.where.partition}/{newest.offset}; "
            "figures are of what was accepted.",
            {"records": str(len(records)), "partition": str(newest.where.partition), "offset": str(newest.offset)},
        )

    return Condition(
        Identity("RecordRefused", entity, None, "record_refused", kind),
        Verdict.TRUE,
        "critical" if kind == INCIDENTS else "warning",
        dwells=False,
        ends_as="ended",
        show=show,
        concerns=lambda cause: cause.part == "data_quality" and cause.topic.partition("/")[0] == kind,
    )


def _logged(record: RejectedRecord) -> tuple[int, str]:
    return record.logged, record.subject


def _feed(entity: str, feed: str, alertname: str, holds: bool | None, what: str, *, grace: int, watched: bool) -> Condition:
    verdict = {True: Verdict.TRUE, False: Verdict.CLEAR, None: Verdict.UNKNOWN}[holds]
    return Condition(
        Identity(alertname, entity, None, _RULE_OF_FEEDS[alertname], feed),
        verdict,
        "warning",
        ends_as="recovered" if watched else "method_changed",
        grace=grace,
        watched=watched,
        show=lambda: AlertContent(
            f"{entity}: {feed} {what}",
            f"The source {feed} {what}; what depends on it is not known.",
            {},
            over=(f"{entity}: {feed} is to be relied on again", f"It no longer holds that the source {feed} {what}."),
        ),
        concerns=lambda cause: cause.topic == feed.partition("/")[0],
    )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "。")) else f"{text}."


def _bound_text(value: Fraction | None) -> str | None:
    return None if value is None else exact_text(value)


def _loss_text(value: Fraction | None, decimals: int) -> str | None:
    return None if value is None else round_up(value, decimals)
