"""Which published records a name, a time or a date means, among the entries of an entity or of a bundle."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self

from monitor.core.values.times import DAY, parse_time
from monitor.errors import MonitorError, UsageError

_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{33,64}\Z|sha256:[0-9a-f]{4,64}\Z", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9a-f]{4,32}\Z", re.ASCII)
_ALERTNAME = re.compile(r"[A-Z][A-Za-z]+\Z", re.ASCII)
_ENTITY = re.compile(r"[a-z0-9-]{1,64}\Z", re.ASCII)

PublishedEntry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: a name, and by when (ns), of which business date, under which method (None: any)."""

    name: str
    at: int | None = None
    day: date | None = None
    method: str | None = None

    @property
    def is_digest(self) -> bool:
        """Whether the name is a digest, or the beginning of one that cannot be a fingerprint's."""
        return bool(_DIGEST.match(self.name))

    @property
    def is_alert(self) -> bool:
        """Whether it is an alert's name, its fingerprint or the beginning of that."""
        return bool(_ALERTNAME.match(self.name) or _FINGERPRINT.match(self.name))

    @property
    def is_entity(self) -> bool:
        """Whether it is an entity, whose figure a time or a date finds."""
        timed = self.at is not None or self.day is not None
        return timed and not self.is_digest and not self.is_alert and bool(_ENTITY.match(self.name))

    def or_now(self, now: int, entities: Container[str] | None) -> Self:
        """The same; an entity (one of these; None: any) without a time or a date means what holds now (ns)."""
        alone = self.at is None and self.day is None and (entities is None or self.name in entities)
        at_now = replace(self, at=now)
        return at_now if alone and at_now.is_entity else self

    def spans(self) -> Iterator[tuple[int | None, int | None]]:
        """Log times (ns) between which the figure lies, ever further back; the last one is all there is up to it."""
        if self.day is not None:
            yield parse_time(f"{self.day}T00:00:00Z") - DAY, None  # it may have been corrected long after
        elif self.at is not None:
            yield self.at - 2 * DAY, self.at
            yield self.at - 32 * DAY, self.at
            yield None, self.at
        else:
            yield None, None

    def check(self) -> None:
        """`UsageError` for a name that cannot be any of them, or for a time and a date together."""
        if self.at is not None and self.day is not None:
            raise UsageError("--at and --date name one figure each: give one of them")
        if not (self.is_digest or self.is_alert or self.is_entity):
            raise UsageError(
                f"{self.name} is no fingerprint (32 hex digits, or the first 4 and more), no alert's name and no digest "
                "(sha256: and 64), and no entity of the configuration: `status` shows those"
            )

    def of_alert(self, entry: PublishedEntry) -> bool:
        """Whether an entry is a change of the alert that is named."""
        if not entry["schema"].startswith("reserve.alert/"):
            return False
        return bool(entry["alertname"] == self.name or entry["fingerprint"].startswith(self.name))

    def in_time(self, entry: PublishedEntry) -> bool:
        """Whether an entry was published by then."""
        return self.at is None or parse_time(entry.get("at") or entry["updated_at"]) <= self.at


def choose(entries: Iterable[PublishedEntry], wanted: Wanted) -> list[PublishedEntry]:
    """The records that are meant, in their order: of an alert its changes, then the assessment behind the last one.

    `MonitorError` when there is none, `UsageError` when several alerts or digests are meant.
    """
    kept = {entry["digest"]: entry for entry in entries}
    if wanted.is_entity:
        return figures(kept.values(), wanted)
    if wanted.is_digest:
        return [_by_digest(kept.values(), wanted.name)]
    changes = sorted((one for one in kept.values() if wanted.of_alert(one) and wanted.in_time(one)), key=_revision)
    if not changes and not _ALERTNAME.match(wanted.name):
        return [_by_digest(kept.values(), wanted.name)]
    only_one(changes, wanted.name)
    changes = without_repeats(changes)
    behind = kept.get(changes[-1]["assessment_digest"] or "") if changes else None
    return [*changes, *([behind] if behind else [])]


def figures(entries: Iterable[PublishedEntry], wanted: Wanted) -> list[PublishedEntry]:
    """Of each method the live figure that held at a time, or the newest close of a date."""
    found: dict[str, PublishedEntry] = {}
    kind = "live" if wanted.day is None else "close"
    for entry in sorted(entries, key=_sequence):
        if not entry["schema"].startswith("reserve.assessment/") or entry["entity"] != wanted.name or entry["kind"] != kind:
            continue
        same_day = wanted.day is None or entry["business_date"] == wanted.day.isoformat()
        if same_day and wanted.in_time(entry) and wanted.method in {None, entry["method"]}:
            found[entry["method"]] = entry
    if not found:
        raise MonitorError(f"no figure of {wanted.name} is kept for that: `history {wanted.name}` lists those that are")
    return [found[name] for name in sorted(found)]


def found_each(entries: Iterable[PublishedEntry], wanted: Wanted) -> bool:
    """Whether of each method that these entries speak of (one closes each day) there is a figure that is meant."""
    entries = [one for one in entries if one["schema"].startswith("reserve.assessment/")]
    methods = {one["method"] for one in entries if wanted.method in {None, one["method"]}}
    try:
        return bool(methods) and methods == {one["method"] for one in figures(entries, wanted)}
    except MonitorError:
        return False


def without_repeats(changes: Sequence[PublishedEntry]) -> list[PublishedEntry]:
    """Without the hourly repeats of a change that is there itself."""
    told = {one["revision"] for one in changes if one["reason"] != "resent"}
    return [one for one in changes if one["reason"] != "resent" or one["revision"] not in told]


def only_one(changes: Iterable[PublishedEntry], name: str) -> None:
    """`UsageError` where the changes are of several alerts; those that fire come before those that are over."""
    newest = {one["fingerprint"]: one for one in changes}
    if not newest:
        raise MonitorError(f"no alert is called {name} or begins so: `alerts list --all` shows those of the last 7 days")
    if len(newest) > 1:
        listed = "; ".join(
            f"{one['fingerprint'][:12]} {one['alertname']} {one['entity']} {one['subject'] or ''}".rstrip()
            for one in newest.values()
        )
        raise UsageError(f"{name} is {len(newest)} alerts, name one: {listed}")


def _by_digest(entries: Iterable[PublishedEntry], name: str) -> PublishedEntry:
    wanted = name if name.startswith("sha256:") else f"sha256:{name}"
    found = [one for one in entries if one["digest"].startswith(wanted) or one.get("result_digest") == wanted]
    if not found:
        raise MonitorError(f"no output with the digest {wanted} is there: is it of another system, or a pack's?")
    if len({one["digest"] for one in found}) > 1 and not any(one.get("result_digest") == wanted for one in found):
        raise UsageError(f"{name} is the beginning of several digests: give more of it")
    return found[0]


def _revision(entry: PublishedEntry) -> tuple[str, int, int]:
    return entry["fingerprint"], entry["revision"], entry["chain"]["sequence"]


def _sequence(entry: PublishedEntry) -> int:
    return int(entry["chain"]["sequence"])
