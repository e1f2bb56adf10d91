"""One channel's own way: its outbox, its pace, its retries, its circuit. Lanes do not wait for each other.

In order: while an attempt fails, the lane stands and tries the same alert again, later each time. Only when an alert has
failed five times and the one behind it is accepted at once, the fault is that alert's: it is parked for a minute, and the
others go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Literal

import stamina
import structlog
from stamina.instrumentation import set_on_retry_hooks

from monitor.core.values.times import MINUTE, parse_time
from monitor.notify.alert import Alert
from monitor.notify.channel import Beat, Channel, Notice, Receipt, Refused, Told, Undelivered
from monitor.notify.settings import ChannelSettings
from streams.dispatch.observer import DeliveryObserver
from streams.dispatch.outbox import Entry, Outbox
from streams.dispatch.pace import Pace

ENDED_RESENT_NS = 15 * MINUTE
"""How long an end is sent again to a channel that is refreshed."""

_SUSPECT_AFTER = 5
_PARKED_S = 60.0
_log = structlog.get_logger(__name__)

Circuit = Literal["closed", "open"]
Recorder = Callable[[str, str, Told], None]
"""Called with channel, fingerprint and what was told."""


class Lane:
    """Tells one channel. `told` and `since_ns` come from the ledger before anything is offered."""

    def __init__(
        self,
        channel: Channel,
        settings: ChannelSettings,
        observer: DeliveryObserver,
        record: Recorder,
        beats: Callable[[float], Sequence[Beat]] = lambda _: (),
    ) -> None:
        self.name = channel.name
        self.told: dict[str, Told] = {}
        self.refused: dict[str, str] = {}
        self.last_failure: str | None = None
        self._channel = channel
        self._settings = settings
        self._observer = observer
        self._record = record
        self._beats = beats
        self._clock = time.monotonic
        self._outbox = Outbox()
        self._pace = Pace(settings.max_per_minute, self._clock)
        self._accepted: dict[str, Notice] = {}
        self._failures = 0
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._refresh_at = self._clock()
        self._task: asyncio.Task[None] | None = None

    @property
    def circuit(self) -> Circuit:
        """Open after five failed attempts in a row: from then on only one probe at a time, at the longest wait."""
        return "open" if self._failures >= _SUSPECT_AFTER else "closed"

    @property
    def failing(self) -> bool:
        """Whether a change waits for longer than `undelivered_after_s`, or one was refused and nothing newer was accepted."""
        waiting = self._outbox.waiting_since
        return bool(self.refused) or (waiting is not None and self._clock() - waiting > self._settings.undelivered_after_s)

    @property
    def pending(self) -> int:
        """Alerts that wait."""
        return len(self._outbox)

    def start(self) -> None:
        """Begin to tell."""
        set_on_retry_hooks([])  # each attempt is counted here, and logged when the circuit changes
        self._observer.outbox_oldest(self.name, None)
        self._task = asyncio.create_task(self._work(), name=f"lane {self.name}")

    def offer(self, alert: Alert, *, since_ns: int = 0, rebuilt: bool = False) -> None:
        """Tell `alert` if it is news to this channel.

        `since_ns`: ends before it are of no concern to a channel that was never told of the alert. `rebuilt`: the state was
        read after a start, so an earlier attempt may have been accepted without a record; and an alert that belongs to a
        shadow method by now is ended once where that disturbs nobody.
        """
        told = self.told.get(alert.fingerprint)
        unsure = rebuilt and told is None and alert.shadow and not self._channel.ends_disturb
        if alert.fingerprint not in self._outbox and not unsure and not _is_news(alert, told, since_ns):
            if told is not None and told.revision == alert.revision:
                self._recall(alert, told)
            return
        self._outbox.put(alert, rebuilt, self._clock())
        self._changed()

    def _recall(self, alert: Alert, told: Told) -> None:
        """The channel has this state from before the start."""
        if told.refused:
            self.refused[alert.fingerprint] = "refused before the last start"
        else:
            self._accepted[alert.fingerprint] = Notice(alert, told)

    def forget(self, fingerprint: str) -> None:
        """The alert is gone, or another dispatcher has it now."""
        for known in (self.told, self._accepted, self.refused):
            known.pop(fingerprint, None)
        self._outbox.drop(fingerprint)
        self._changed()

    async def stop(self, within_s: float) -> None:
        """Tell what is left if that takes no longer than `within_s`; then end. Nothing is resolved."""
        try:
            await asyncio.wait_for(self._empty.wait(), within_s)
        except TimeoutError:
            _log.warning("alerts_left_undelivered", channel=self.name, pending=self.pending)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._channel.close()

    async def _work(self) -> None:
        caller = stamina.AsyncRetryingCaller(
            attempts=None,
            timeout=None,
            wait_initial=self._settings.retry_first_s,
            wait_max=self._settings.retry_max_s,
            wait_jitter=self._settings.retry_first_s,
        ).on(_retry_wait)
        while True:
            await self._wait()
            await caller(self._round)
            if self._channel.refresh_s is not None and self._clock() >= self._refresh_at:
                await self._refresh(self._channel.refresh_s)

    async def _wait(self) -> None:
        """Until there is something to tell or to refresh."""
        while self._outbox.next(self._clock()) is None:
            now = self._clock()
            due = [
                at
                for at in (self._refresh_at if self._channel.refresh_s is not None else None, self._outbox.next_parked)
                if at is not None
            ]
            if due and min(due) <= now:
                return
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), min(due) - now if due else None)
            except TimeoutError:
                return

    async def _round(self) -> None:
        """Tell all that is due, in order. Raises Undelivered when the channel has to be waited for."""
        suspect: Entry | None = None
        while True:
            entry = self._outbox.next(self._clock(), () if suspect is None else (suspect.alert.fingerprint,))
            if entry is None:
                break
            try:
                await self._tell(entry)
            except Undelivered:
                if suspect is not None or entry.attempts < _SUSPECT_AFTER:
                    raise
                suspect = entry
            else:
                self._park(suspect)
                suspect = None
        if suspect is not None and suspect.parked_until == 0:
            raise Undelivered("nothing else to try the channel with")
        self._park(suspect)

    def _park(self, suspect: Entry | None) -> None:
        if suspect is not None:
            suspect.parked_until = self._clock() + _PARKED_S
            _log.error("alert_parked", channel=self.name, fingerprint=suspect.alert.fingerprint, detail=self.last_failure)

    async def _tell(self, entry: Entry) -> None:
        await self._pace.wait()
        alert = entry.alert
        notice = Notice(alert, self.told.get(alert.fingerprint), entry.maybe_told)
        try:
            receipt = await self._channel.deliver(notice)
        except Refused as error:
            self._refuse(entry, notice, str(error))
        except Undelivered as error:
            self._fail(entry, str(error))
            raise
        except Exception as error:  # a fault of one channel's code must not end its lane
            _log.exception("channel_broken", channel=self.name, fingerprint=alert.fingerprint)
            self._fail(entry, f"{type(error).__name__}: {error}")
            raise Undelivered(str(error)) from error
        else:
            self._accept(entry, notice, receipt)

    def _accept(self, entry: Entry, notice: Notice, receipt: Receipt) -> None:
        alert = notice.alert
        self.refused.pop(alert.fingerprint, None)
        self._accepted[alert.fingerprint] = notice
        self._settle(entry, notice, _told(notice, handle=receipt.handle))
        self._answered()
        self._observer.delivered(self.name, "delivered")
        for _ in range(receipt.absent_peers):
            self._observer.delivered(self.name, "peer_failed")
        _log.info("alert_delivered", channel=self.name, alertname=alert.alertname, entity=alert.entity,
                  fingerprint=alert.fingerprint, revision=alert.revision, firing=notice.firing)  # fmt: skip

    def _refuse(self, entry: Entry, notice: Notice, detail: str) -> None:
        alert = notice.alert
        self.refused[alert.fingerprint] = detail
        self.last_failure = detail
        self._settle(entry, notice, _told(notice, refused=True))
        self._observer.delivered(self.name, "refused")
        _log.error("alert_refused", channel=self.name, fingerprint=alert.fingerprint, revision=alert.revision, detail=detail)

    def _settle(self, entry: Entry, notice: Notice, told: Told) -> None:
        fingerprint = notice.alert.fingerprint
        if fingerprint not in self._outbox:
            return  # forgotten while it was told: whoever has the alert now keeps the record
        self.told[fingerprint] = told
        self._outbox.done(entry, notice.alert, self._clock())
        self._record(self.name, fingerprint, told)
        self._changed()

    def _fail(self, entry: Entry, detail: str) -> None:
        entry.attempts += 1
        entry.maybe_told = True
        self.last_failure = detail
        self._failures += 1
        self._observer.delivered(self.name, "failed")
        if self._failures in {1, _SUSPECT_AFTER}:
            _log.warning("alert_undelivered", channel=self.name, fingerprint=entry.alert.fingerprint,
                         circuit=self.circuit, pending=self.pending, detail=detail)  # fmt: skip

    def _answered(self) -> None:
        if self.circuit == "open":
            _log.info("channel_answers_again", channel=self.name, pending=self.pending)
        self._failures = 0
        self.last_failure = None

    async def _refresh(self, every_s: float) -> None:
        self._refresh_at = self._clock() + every_s
        try:
            absent = await self._channel.refresh(self._standing(), self._beats(every_s))
        except (Undelivered, Refused) as error:
            self.last_failure = str(error)
            self._observer.delivered(self.name, "refused" if isinstance(error, Refused) else "failed")
            _log.warning("alerts_not_refreshed", channel=self.name, detail=str(error))
        except Exception:  # noqa: BLE001 - as in _tell: its lane goes on
            _log.exception("channel_broken", channel=self.name)
        else:
            for _ in range(absent):
                self._observer.delivered(self.name, "peer_failed")

    def _standing(self) -> list[Notice]:
        """What is told again: what fires, and what ended lately. What ended earlier is let go."""
        horizon = time.time_ns() - ENDED_RESENT_NS
        for fingerprint, notice in list(self._accepted.items()):
            if not notice.firing and parse_time(notice.alert.ends_at or notice.alert.updated_at) < horizon:
                del self._accepted[fingerprint]
        return list(self._accepted.values())

    def _changed(self) -> None:
        self._observer.outbox_oldest(self.name, self._outbox.oldest_ns)
        self._wake.set()
        if len(self._outbox):
            self._empty.clear()
        else:
            self._empty.set()


def _is_news(alert: Alert, told: Told | None, since_ns: int) -> bool:
    """Whether a channel that was last told `told` has to be told `alert`. A shadow method's alert only ends what was told."""
    if told is None:
        return not alert.shadow and (alert.firing or alert.updated_ns >= since_ns)
    newer = alert.revision > told.revision or parse_time(alert.starts_at) > parse_time(told.starts_at)
    return newer and (told.firing or not alert.shadow)


def _told(notice: Notice, *, refused: bool = False, handle: str | None = None) -> Told:
    alert, before = notice.alert, notice.told
    return Told(
        revision=alert.revision,
        starts_at=alert.starts_at,
        severity=alert.severity if not refused or before is None else before.severity,
        firing=notice.firing if not refused else before is not None and before.firing,
        rehearsal=alert.rehearsal if not refused or before is None else before.rehearsal,
        refused=refused,
        handle=handle if not refused or before is None else before.handle,
    )


def _retry_wait(error: Exception) -> bool | float:
    """Every failure is tried again; at the time the receiver named, if it did."""
    if not isinstance(error, Undelivered):
        return False
    return True if error.retry_after_s is None else error.retry_after_s
