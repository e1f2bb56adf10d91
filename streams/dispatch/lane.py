"""One channel's own way: its outbox, its pace, its retries, its circuit. Lanes do not wait for each other.

In the outbox's order: while an attempt fails, the lane stands and tries the same again, later each time. Only when an alert
has failed five times and the one behind it is accepted at once, the fault is that alert's: it is parked for a minute, and
the others go on. The first critical of an entity and name waits neither for the pace nor for a wait that is under way.

Before an alert is told for the first time the record says so: after a crash the lane knows what may have been accepted, and
what was never told is never ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Literal

import stamina
import structlog
from stamina.instrumentation import set_on_retry_hooks

from monitor.core.values.times import MINUTE
from monitor.notify.alert import Alert
from monitor.notify.channel import Beat, Channel, Notice, Receipt, Refused, Told, Undelivered
from monitor.notify.settings import ChannelSettings
from streams.dispatch.news import Accepted, StandingCritical, group_of, intention, is_news, kept, rank_of, told_of
from streams.dispatch.observer import DeliveryObserver
from streams.dispatch.outbox import Outbox, OutboxBatch, OutboxEntry, Rank, Waiting, group_key
from streams.dispatch.pace import Pace, patient

ENDED_RESENT_NS = 15 * MINUTE
"""How long an end is sent again to a channel that is refreshed."""

URGENT_WITHIN_S = 5.0
"""The longest that a limit which the receiver named holds up the first critical of an entity."""

_SUSPECT_AFTER = 5
_PARKED_S = 60.0
_TELLING_S = 0.05
_MOMENT_S = 0.001
_log = structlog.get_logger(__name__)

Circuit = Literal["closed", "open"]
Recorder = Callable[[str, str, Told], None]
"""Called with channel, fingerprint and what was told, or is about to be."""


async def _at_once() -> None:
    """Nothing to wait for."""


class Lane:
    """Tells one channel. `told` and `since_ns` come from the ledger before anything is offered.

    `recorded` waits until what was recorded is kept, for a moment at most. `group_above`: so many new alerts of one entity
    and method are told one by one (None: all are).
    """

    def __init__(
        self,
        channel: Channel,
        settings: ChannelSettings,
        observer: DeliveryObserver,
        record: Recorder,
        beats: Callable[[float], Sequence[Beat]] = lambda _: (),
        *,
        recorded: Callable[[], Awaitable[object]] = _at_once,
        group_above: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = channel.name
        self.told: dict[str, Told] = {}
        self.refused: dict[str, str] = {}
        self.last_failure: str | None = None
        self._channel = channel
        self._settings = settings
        self._observer = observer
        self._record = record
        self._recorded = recorded
        self._beats = beats
        self._clock = clock
        self._grouping = channel.grouping
        self._outbox = Outbox(None if self._grouping is None else group_above)
        self._pace = Pace(settings.max_per_minute, self._clock)
        self._accepted = Accepted()
        self._failures = 0
        self._paused = False
        self._at_rest = asyncio.Event()
        """Set while nothing is being told."""
        self._at_rest.set()
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
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

    def undelivered(self) -> Iterator[Waiting]:
        """What fires and waits although it was tried or has waited for seconds, and what was refused."""
        now = self._clock()
        for entry in self._outbox.entries():
            late = entry.attempts > 0 or now - entry.waiting_since > URGENT_WITHIN_S
            if entry.alert.firing and late:
                yield Waiting(self.name, entry.alert.fingerprint, entry.due_ns, self.last_failure)
        for fingerprint, detail in self.refused.items():
            yield Waiting(self.name, fingerprint, 0, detail)

    def start(self) -> None:
        """Begin to tell."""
        set_on_retry_hooks([])  # each attempt is counted here, and logged when the circuit changes
        self._observer.outbox_oldest(self.name, None)
        self._task = asyncio.create_task(self._work(), name=f"lane {self.name}")

    def offer(self, alert: Alert, *, since_ns: int = 0, rebuilt: bool = False) -> None:
        """Tell `alert` if it is news to this channel.

        `since_ns`: ends before it are of no concern to a channel that was never told of the alert. `rebuilt`: the state was
        read after a start. Where an end disturbs nobody, an earlier attempt counts as accepted whatever the record says: an
        end that is unknown is told again then, and an alert that belongs to a shadow method by now is ended once. Where it
        disturbs, the record decides: what it does not name was never attempted, and its end is not told.
        """
        told = self.told.get(alert.fingerprint)
        waiting = self._outbox.get(alert.fingerprint)
        never_told = told is None or (told.sure and not told.firing)
        untold = waiting is not None and not waiting.maybe_told and not waiting.under_way and never_told
        if untold and not (alert.firing and not alert.shadow):
            self._outbox.drop(alert.fingerprint)
            self._changed()
            return
        ends_unknown = rebuilt and not self._channel.ends_disturb
        if waiting is None and not is_news(alert, told, since_ns=since_ns, ends_unknown=ends_unknown):
            if told is not None and told.revision == alert.revision:
                self._recall(alert, told)
            return
        unsure = told is not None and not told.sure
        rank = rank_of(alert, told, self._standing_criticals())
        group = told.group if told is not None and told.firing and self._grouping is not None else None
        self._outbox.put(alert, ends_unknown or unsure, self._clock(), rank, group)
        if rank is Rank.FIRST_CRITICAL:
            self._urgent.set()
        self._changed()

    def _standing_criticals(self) -> set[StandingCritical]:
        """What was told and fires, and what is about to be told."""
        return self._accepted.criticals | {(alert.entity, alert.alertname) for alert in self._outbox.firsts()}

    def _recall(self, alert: Alert, told: Told) -> None:
        """The channel has this state from before the start."""
        if told.refused:
            self.refused[alert.fingerprint] = "refused before the last start"
        else:
            self._accepted.keep(Notice(alert, told))

    def forget(self, fingerprint: str) -> None:
        """The alert is gone, or another dispatcher has it now."""
        self.told.pop(fingerprint, None)
        self.refused.pop(fingerprint, None)
        self._accepted.forget(fingerprint)
        self._outbox.drop(fingerprint)
        self._changed()

    async def pause(self, within_s: float) -> None:
        """Begin to tell nothing more until `go_on`, and wait for what is being told, for so long at most."""
        self._paused = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._at_rest.wait(), within_s)

    def go_on(self) -> None:
        """Tell again after `pause`."""
        self._paused = False
        self._wake.set()

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
        caller = patient(self._settings, self._retry_wait)
        while True:
            await self._wait()
            await self._try(caller)
            if self._channel.refresh_s is not None and self._clock() >= self._refresh_at:
                await self._refresh(self._channel.refresh_s)

    async def _try(self, caller: stamina.BoundAsyncRetryingCaller) -> None:
        """Tell all that is due, waiting for the channel as long as it needs; a new first critical ends a wait, not an attempt."""
        self._urgent.clear()
        trying = asyncio.create_task(caller(self._round))
        urgent = asyncio.create_task(self._urgent.wait())
        try:
            await asyncio.wait({trying, urgent}, return_when=asyncio.FIRST_COMPLETED)
            while not trying.done() and not self._at_rest.is_set():
                await asyncio.wait({trying}, timeout=_TELLING_S)
        finally:
            for task in (trying, urgent):
                task.cancel()
            await asyncio.gather(trying, urgent, return_exceptions=True)
        if not trying.cancelled():
            trying.result()

    def _retry_wait(self, error: Exception) -> bool | float:
        """Every failure is tried again; at the time the receiver named, if it did, but soon where a first critical waits."""
        if not isinstance(error, Undelivered):
            return False
        if error.retry_after_s is None:
            return True
        urgent = any(entry.rank is Rank.FIRST_CRITICAL for entry in self._outbox.entries())
        return min(error.retry_after_s, URGENT_WITHIN_S) if urgent else error.retry_after_s

    async def _wait(self) -> None:
        """Until there is something to tell or to refresh."""
        while True:
            now = self._clock()
            refresh = self._refresh_at if self._channel.refresh_s is not None else None
            due = [at for at in (refresh, self._next_at(now)) if at is not None]
            if due and min(due) <= now + _MOMENT_S:
                return
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), min(due) - now if due else None)
            except TimeoutError:
                return

    def _next_at(self, now: float) -> float | None:
        """When the next batch may be told; None when nothing waits."""
        if self._paused:
            return None
        batch = self._outbox.next(now)
        return self._free_at(batch, now) if batch else self._outbox.next_parked

    def _free_at(self, batch: OutboxBatch, now: float) -> float:
        settled = self._outbox.settled_at(batch, now)
        return settled if batch[0].rank is Rank.FIRST_CRITICAL else max(settled, now + self._pace.delay())

    async def _round(self) -> None:
        """Tell all that is due, in order. Raises Undelivered when the channel has to be waited for."""
        suspect: OutboxBatch = ()
        while True:
            now = self._clock()
            batch = self._outbox.next(now, {entry.alert.fingerprint for entry in suspect})
            if self._paused or not batch or self._free_at(batch, now) > now + _MOMENT_S:
                break
            try:
                await self._tell(batch)
            except Undelivered:
                if suspect or batch[0].attempts < _SUSPECT_AFTER:
                    raise
                suspect = batch
            else:
                self._park(suspect)
                suspect = ()
        if suspect and suspect[0].parked_until == 0:
            raise Undelivered("nothing else to try the channel with")
        self._park(suspect)

    def _park(self, suspect: OutboxBatch) -> None:
        for entry in suspect:
            entry.parked_until = self._clock() + _PARKED_S
            _log.error("alert_parked", channel=self.name, fingerprint=entry.alert.fingerprint, detail=self.last_failure)

    async def _tell(self, batch: OutboxBatch) -> None:
        if len(batch) > 1 and batch[0].group is None:
            key = group_key(batch)
            for entry in batch:
                entry.group = key
        notices = tuple(self._notice(entry) for entry in batch)
        for entry in batch:
            entry.under_way = True
        self._at_rest.clear()
        try:
            await self._intend(batch, notices)
            self._pace.take()
            receipt = await self._deliver(batch, notices)
        except Refused as error:
            for entry, notice in zip(batch, notices, strict=True):
                self._refuse(entry, notice, str(error))
        except Undelivered as error:
            self._fail(batch, str(error))
            raise
        except Exception as error:  # a fault of one channel's code must not end its lane
            _log.exception("channel_broken", channel=self.name, fingerprint=batch[0].alert.fingerprint)
            self._fail(batch, f"{type(error).__name__}: {error}")
            raise Undelivered(str(error)) from error
        else:
            self._accept(batch, notices, receipt)
        finally:
            self._at_rest.set()
            for entry in batch:
                entry.under_way = False

    def _notice(self, entry: OutboxEntry) -> Notice:
        told = self.told.get(entry.alert.fingerprint)
        return Notice(entry.alert, None if told is None else kept(told), entry.maybe_told)

    async def _intend(self, batch: OutboxBatch, notices: Sequence[Notice]) -> None:
        """Put on record what is about to be told for the first time."""
        new = [
            (entry, notice)
            for entry, notice in zip(batch, notices, strict=True)
            if notice.firing and entry.attempts == 0 and not (notice.told is not None and notice.told.firing)
        ]
        for entry, notice in new:
            self._record(self.name, notice.alert.fingerprint, intention(notice.alert, entry.group))
        if new:
            await self._recorded()

    async def _deliver(self, batch: OutboxBatch, notices: tuple[Notice, ...]) -> Receipt:
        key = batch[0].group
        if key is None or self._grouping is None:
            return await self._channel.deliver(notices[0])
        told = [(self._accepted.get(fingerprint), told) for fingerprint, told in self.told.items() if told.group == key]
        members = [(notice, one) for notice, one in told if notice is not None and one.sure]
        return await self._grouping.deliver_group(group_of(key, batch, notices, members))

    def _accept(self, batch: OutboxBatch, notices: Sequence[Notice], receipt: Receipt) -> None:
        for entry, notice in zip(batch, notices, strict=True):
            alert = notice.alert
            self.refused.pop(alert.fingerprint, None)
            self._accepted.keep(notice)
            self._settle(entry, notice, told_of(notice, handle=receipt.handle, group=entry.group))
            _log.info("alert_delivered", channel=self.name, alertname=alert.alertname, entity=alert.entity,
                      fingerprint=alert.fingerprint, revision=alert.revision, firing=notice.firing)  # fmt: skip
        self._answered()
        self._observer.delivered(self.name, "delivered")
        for _ in range(receipt.absent_peers):
            self._observer.delivered(self.name, "peer_failed")

    def _refuse(self, entry: OutboxEntry, notice: Notice, detail: str) -> None:
        alert = notice.alert
        self.refused[alert.fingerprint] = detail
        self.last_failure = detail
        self._settle(entry, notice, told_of(notice, refused=True, group=entry.group))
        self._observer.delivered(self.name, "refused")
        _log.error("alert_refused", channel=self.name, fingerprint=alert.fingerprint, revision=alert.revision, detail=detail)

    def _settle(self, entry: OutboxEntry, notice: Notice, told: Told) -> None:
        fingerprint = notice.alert.fingerprint
        if fingerprint not in self._outbox:
            return  # forgotten while it was told: whoever has the alert now keeps the record
        self.told[fingerprint] = told
        self._outbox.done(entry, notice.alert, self._clock())
        self._record(self.name, fingerprint, told)
        self._changed()

    def _fail(self, batch: OutboxBatch, detail: str) -> None:
        for entry in batch:
            entry.attempts += 1
            entry.maybe_told = True
        self.last_failure = detail
        self._failures += 1
        self._observer.delivered(self.name, "failed")
        if self._failures in {1, _SUSPECT_AFTER}:
            _log.warning("alert_undelivered", channel=self.name, fingerprint=batch[0].alert.fingerprint,
                         circuit=self.circuit, pending=self.pending, detail=detail)  # fmt: skip

    def _answered(self) -> None:
        if self.circuit == "open":
            _log.info("channel_answers_again", channel=self.name, pending=self.pending)
        self._failures = 0
        self.last_failure = None

    async def _refresh(self, every_s: float) -> None:
        self._refresh_at = self._clock() + every_s
        try:
            absent = await self._channel.refresh(self._accepted.standing(time.time_ns() - ENDED_RESENT_NS), self._beats(every_s))
        except (Undelivered, Refused) as error:
            self.last_failure = str(error)
            self._observer.delivered(self.name, "refused" if isinstance(error, Refused) else "failed")
            _log.warning("alerts_not_refreshed", channel=self.name, detail=str(error))
        except Exception:  # noqa: BLE001 - as in _tell: its lane goes on
            _log.exception("channel_broken", channel=self.name)
        else:
            for _ in range(absent):
                self._observer.delivered(self.name, "peer_failed")

    def _changed(self) -> None:
        self._observer.outbox_oldest(self.name, self._outbox.oldest_ns)
        self._wake.set()
        if len(self._outbox):
            self._empty.clear()
        else:
            self._empty.set()
