"""Alertmanager v2. Labels are the identity there, so a new severity ends the old label set and starts the new one in one POST.

While an alert fires its `endsAt` lies `alerting.hold_s` ahead: a dispatcher that is down for minutes resolves nothing. What is
active, and what ended in the last quarter of an hour, is sent again every `resend_s`, so an Alertmanager that lost its memory
learns it anew. Each address of a cluster is sent everything. One that does not answer is left out of the direct path, so it
delays nobody, and is caught up by the next refresh it accepts, with every end it missed.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.core.journal.vocabulary import SEVERITIES
from monitor.core.values.times import SECOND, format_time
from monitor.notify import text
from monitor.notify.alert import Alert
from monitor.notify.channel import Beat, Notice, Receipt, Refused, Undelivered
from monitor.notify.http import Http, read_secret
from monitor.notify.settings import NO_LINKS, AlertmanagerSettings, Links

PATH = "/api/v2/alerts"
_BATCH = 200
_ANNOTATION = 8_192

Postable = dict[str, Any]
_Identity = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Peer:
    """One address: whether it answered last, and the ends it has not accepted yet."""

    url: str
    answers: bool = True
    owed: dict[_Identity, Postable] = field(default_factory=dict)
    catching_up: asyncio.Task[None] | None = None

    def note_missed(self, postables: Iterable[Postable], now: str) -> None:
        """Remember the ends that this address missed; what fires is sent again anyway."""
        for postable in postables:
            if postable["endsAt"] <= now:
                self.owed[_identity(postable)] = postable
            else:
                self.owed.pop(_identity(postable), None)


class AlertmanagerChannel:
    """A single Alertmanager or a cluster of them."""

    ends_disturb = False
    grouping = None

    def __init__(
        self,
        name: str,
        settings: AlertmanagerSettings,
        hold_s: float = 86_400.0,
        links: Links = NO_LINKS,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = name
        self._settings = settings
        self._hold_ns = int(hold_s * SECOND)
        self._links = links
        self._clock = clock
        self._http = Http(settings.timeout_s)
        self._peers = [_Peer(url) for url in settings.urls]

    @property
    def refresh_s(self) -> float:
        """How often all that stands is due again."""
        return self._settings.resend_s

    async def deliver(self, notice: Notice) -> Receipt:
        """POST the change to every address that answers; accepted when one accepts it."""
        change = self._change(notice)
        answering = [peer for peer in self._peers if peer.answers]
        results = await self._post_all(answering, change)
        if not any(result is None for result in results.values()):
            results |= await self._post_all([peer for peer in self._peers if peer not in answering], change)
        _raise_if_none_accepted(results.values())
        now = format_time(self._clock())
        absent = 0
        for peer in self._peers:
            if results.get(peer.url, _SKIPPED) is None:
                peer.owed = {key: value for key, value in peer.owed.items() if key not in {_identity(one) for one in change}}
            else:
                peer.note_missed(change, now)
                absent += 1
        return Receipt(absent_peers=absent)

    async def refresh(self, standing: Sequence[Notice], beats: Sequence[Beat]) -> int:
        """Send all that stands and the signs of life. An address that did not answer is tried in the background."""
        postables = [self._current(notice) for notice in standing]
        postables += [self._beat(beat) for beat in beats]
        for peer in self._peers:
            if not peer.answers and len(self._peers) > 1 and peer.catching_up is None:
                peer.catching_up = asyncio.create_task(self._catch_up(peer, postables))
        answering = [peer for peer in self._peers if peer.answers or len(self._peers) == 1]
        results = await self._send_everything(answering, postables)
        _raise_if_none_accepted(results)
        return len(self._peers) - sum(1 for result in results if result is None)

    async def close(self) -> None:
        """End connections; nothing is resolved."""
        running = [peer.catching_up for peer in self._peers if peer.catching_up is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._http.close()

    async def _catch_up(self, peer: _Peer, postables: Sequence[Postable]) -> None:
        try:
            await self._send_everything([peer], postables)
        finally:
            peer.catching_up = None

    async def _send_everything(self, peers: Sequence[_Peer], postables: Sequence[Postable]) -> list[Exception | None]:
        """To each peer all of `postables` and what it is owed, in batches; the first failure ends a peer's turn."""

        async def one(peer: _Peer) -> Exception | None:
            owed = dict(peer.owed)
            everything = [*owed.values(), *postables]
            for start in range(0, len(everything), _BATCH):
                result = (await self._post_all([peer], everything[start : start + _BATCH]))[peer.url]
                if result is not None:
                    return result
            peer.owed = {key: value for key, value in peer.owed.items() if owed.get(key) is not value}
            return None

        return list(await asyncio.gather(*(one(peer) for peer in peers)))

    async def _post_all(self, peers: Sequence[_Peer], postables: Sequence[Postable]) -> dict[str, Exception | None]:
        body = json.dumps(postables, ensure_ascii=False).encode()
        outcomes = await asyncio.gather(*(self._post(peer, body) for peer in peers))
        return dict(zip((peer.url for peer in peers), outcomes, strict=True))

    async def _post(self, peer: _Peer, body: bytes) -> Exception | None:
        try:
            headers = {}
            if self._settings.bearer_token_file is not None:
                headers["Authorization"] = f"Bearer {read_secret(self._settings.bearer_token_file)}"
            await self._http.post(peer.url + PATH, body, headers)
        except (Undelivered, Refused) as error:
            peer.answers = isinstance(error, Refused)
            return error
        peer.answers = True
        return None

    def _change(self, notice: Notice) -> list[Postable]:
        """The new state, and the ends of label sets that no longer hold.

        When an earlier attempt may have been accepted unseen, what it said is not known: every other label set is ended.
        """
        alert, told = notice.alert, notice.told
        stale: set[tuple[str, bool]] = set()
        if told is not None and told.firing:
            stale.add((told.severity, told.rehearsal))
        if notice.maybe_told:
            stale |= {(severity, mark) for severity in SEVERITIES for mark in (False, True)}
        stale.discard((alert.severity, alert.rehearsal))
        return [*(self._postable(alert, old, firing=False) for old in sorted(stale)), self._current(notice)]

    def _current(self, notice: Notice) -> Postable:
        return self._postable(notice.alert, (notice.alert.severity, notice.alert.rehearsal), notice.firing)

    def _postable(self, alert: Alert, marks: tuple[str, bool], firing: bool) -> Postable:
        ended = alert.ends_at if not alert.firing and alert.ends_at is not None else alert.updated_at
        return self._with_link(
            {
                "labels": alert.labels(*marks),
                "annotations": annotation_texts(alert, self._links),
                "startsAt": alert.starts_at,
                "endsAt": format_time(self._clock() + self._hold_ns) if firing else max(ended, alert.starts_at),
            },
            lambda url: text.page(url, alert),
        )

    def _beat(self, beat: Beat) -> Postable:
        labels = {"alertname": beat.alertname, "severity": "none"}
        if beat.entity is not None:
            labels["entity"] = beat.entity
        return self._with_link(
            {
                "labels": labels,
                "annotations": {"summary": beat.summary, "description": beat.description},
                "startsAt": beat.starts_at,
                "endsAt": format_time(beat.valid_until),
            },
            lambda url: f"{url}/",
        )

    def _with_link(self, postable: Postable, page: Callable[[str], str]) -> Postable:
        return postable if self._links.status_url is None else postable | {"generatorURL": page(self._links.status_url)}


def annotation_texts(alert: Alert, links: Links = NO_LINKS) -> dict[str, str]:
    """The texts of an alert: they may change without making it another alert."""
    texts = {
        "summary": text.summary(alert),
        "description": alert.description,
        "runbook_url": alert.runbook_url,
        "dashboard_url": "" if links.boards_url is None else text.board(links.boards_url, alert),
        "fingerprint": alert.fingerprint,
        "cure_by": alert.cure_by or "",
        "reason": alert.reason,
        "revision": str(alert.revision),
        "figures": ", ".join(f"{name} {figure}" for name, figure in text.figures(alert).items()),
        "causes": "; ".join(text.causes(alert)),
        "assessment_digest": str(alert.value.get("assessment_digest") or ""),
    }
    return {name: text.clipped(value, _ANNOTATION) for name, value in texts.items() if value}


_SKIPPED = Undelivered("left out: it did not answer last time")


def _identity(postable: Postable) -> _Identity:
    return tuple(sorted(postable["labels"].items()))


def _raise_if_none_accepted(results: Iterable[Exception | None]) -> None:
    failures = list(results)
    if any(failure is None for failure in failures):
        return
    refused = [failure for failure in failures if isinstance(failure, Refused)]
    if refused:
        raise refused[0]
    waits = [
        failure.retry_after_s for failure in failures if isinstance(failure, Undelivered) and failure.retry_after_s is not None
    ]
    raise Undelivered("; ".join(map(str, failures)) or "no address answers", max(waits, default=None))
