"""What is news to a channel, how urgent it is, and what the channel knows once it was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace

from monitor.core.journal.vocabulary import SEVERITIES
from monitor.core.values.times import parse_time
from monitor.notify.alert import Alert
from monitor.notify.channel import Group, Notice, Told
from streams.dispatch.outbox import OutboxBatch, Rank

StandingCritical = tuple[str, str]
"""Entity and alert name of a critical alert that a channel was told of and that fires."""


class Accepted:
    """What a channel accepted last of each alert, and which criticals stand there."""

    def __init__(self) -> None:
        self._notices: dict[str, Notice] = {}
        self._criticals: Counter[StandingCritical] = Counter()

    def keep(self, notice: Notice) -> None:
        """The channel accepted this one."""
        self.forget(notice.alert.fingerprint)
        self._notices[notice.alert.fingerprint] = notice
        self._count(notice, 1)

    def forget(self, fingerprint: str) -> None:
        """What the channel has of this alert no longer matters."""
        notice = self._notices.pop(fingerprint, None)
        if notice is not None:
            self._count(notice, -1)

    def get(self, fingerprint: str) -> Notice | None:
        """The newest of an alert."""
        return self._notices.get(fingerprint)

    def standing(self, horizon_ns: int) -> list[Notice]:
        """What is told again: what fires, and what ended since `horizon_ns`. What ended earlier is let go."""
        for notice in list(self._notices.values()):
            if not notice.firing and parse_time(notice.alert.ends_at or notice.alert.updated_at) < horizon_ns:
                self.forget(notice.alert.fingerprint)
        return list(self._notices.values())

    @property
    def criticals(self) -> set[StandingCritical]:
        """The criticals that fire, as the channel was told."""
        return set(self._criticals)

    def _count(self, notice: Notice, change: int) -> None:
        place = notice.alert.entity, notice.alert.alertname
        if notice.firing and notice.alert.severity == "critical":
            self._criticals[place] += change
            if not self._criticals[place]:
                del self._criticals[place]


def graver(severity: str, than: str) -> bool:
    """Whether one severity is graver than another."""
    return SEVERITIES.index(severity) > SEVERITIES.index(than)


def is_news(alert: Alert, told: Told | None, *, since_ns: int, ends_unknown: bool) -> bool:
    """Whether a channel that was last told `told` has to be told `alert`.

    A shadow method's alert only ends what was told. The end of what was never told is no news, but where it costs nothing
    and an earlier end may be missing (`ends_unknown`), from `since_ns` on.
    """
    if told is None:
        if not alert.firing or alert.shadow:
            return ends_unknown and (alert.shadow or alert.updated_ns >= since_ns)
        return True
    if not told.sure:
        return True
    newer = alert.revision > told.revision or parse_time(alert.starts_at) > parse_time(told.starts_at)
    return newer and (told.firing or (alert.firing and not alert.shadow))


def rank_of(alert: Alert, told: Told | None, standing: Collection[StandingCritical]) -> Rank:
    """How urgent a change is to a channel at which these criticals stand."""
    known = told is not None and told.sure and told.firing and not told.refused
    if not alert.firing or alert.shadow or (known and told is not None and not graver(alert.severity, told.severity)):
        return Rank.CHANGE
    if alert.severity != "critical":
        return Rank.NEW
    return Rank.NEW_CRITICAL if (alert.entity, alert.alertname) in standing else Rank.FIRST_CRITICAL


def intention(alert: Alert, group: str | None) -> Told:
    """What the record says of an alert that is about to be told for the first time."""
    return Told(alert.revision, alert.starts_at, alert.severity, firing=True, rehearsal=alert.rehearsal, group=group, sure=False)


def told_of(notice: Notice, *, refused: bool = False, handle: str | None = None, group: str | None = None) -> Told:
    """What a channel knows after it accepted or refused a notice."""
    alert, before = notice.alert, notice.told
    return Told(
        revision=alert.revision,
        starts_at=alert.starts_at,
        severity=alert.severity if not refused or before is None else before.severity,
        firing=notice.firing if not refused else before is not None and before.firing,
        rehearsal=alert.rehearsal if not refused or before is None else before.rehearsal,
        refused=refused,
        handle=handle if not refused or before is None else before.handle,
        group=group,
    )


def group_of(key: str, batch: OutboxBatch, notices: tuple[Notice, ...], members: Iterable[tuple[Notice, Told]]) -> Group:
    """The group of a batch. `members`: what the channel knows of it already."""
    known = list(members)
    changed = {entry.alert.fingerprint for entry in batch}
    standing = [notice.alert for notice in notices if notice.firing]
    standing += [notice.alert for notice, told in known if told.firing and notice.alert.fingerprint not in changed]
    standing.sort(key=lambda alert: (-SEVERITIES.index(alert.severity), alert.starts_at, alert.fingerprint))
    handle = next((told.handle for _, told in known if told.handle is not None), None)
    maybe_told = any(entry.maybe_told for entry in batch)
    return Group(key, notices, tuple(standing), bool(known), handle, maybe_told)


def kept(told: Told) -> Told | None:
    """What a notice says of the past: nothing where it is not sure, or where a group that is over knew it."""
    if not told.sure:
        return None
    return told if told.firing or told.group is None else replace(told, handle=None)
