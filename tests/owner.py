"""Plays a partition's owner for time lines: events at their seconds, and the ticks an assessor would write (JOURNAL 2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from monitor.core.engine import Engine
from monitor.core.journal.outputs import Output
from monitor.core.values.times import SECOND
from tests.journal_maker import START, Journal, configuration_text, house

TICK_WHEN_WAITING = SECOND // 10

Event = tuple[float, Callable[[Journal], None]]


@dataclass(frozen=True, slots=True)
class Told:
    """A transition as a channel would see it: when it came out of the engine (seconds after the start), and what it says."""

    second: float
    record: dict[str, Any]

    def __str__(self) -> str:
        record = self.record
        subject = f" {record['subject']}" if record["subject"] else ""
        return f"{record['alertname']}{subject} {record['status']} ({record['reason']})"


class TimeLine:
    """One entity under `jp.psa_custody`; levels, freshness and the like by keyword. `idle_s`: seconds between idle ticks."""

    def __init__(
        self, *, entities: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, start: int = START, **own: Any
    ) -> None:
        self.start = start
        self.journal = Journal(start)
        self.engine = Engine(0, check_journal_time=True)
        self.outputs: list[tuple[float, Output]] = []
        self._applied = 0
        self._last_tick = start
        self.idle_s = 60
        self.journal.configure(configuration_text(entities or {"jp-main": house(**own)}, **(settings or {})))

    def play(self, *events: Event, until: float) -> TimeLine:
        """Lets the events happen, in order, and time pass to `until` seconds."""
        for second, event in events:
            self._pass(self.start + round(second * SECOND))
            self.journal.at(second)
            event(self.journal)
            self._apply()
        self._pass(self.start + round(until * SECOND))
        return self

    def told(self, alertname: str | None = None, *, updates: bool = False) -> list[Told]:
        """Every alert transition so far, repeats (and updates, unless asked for) left out."""
        quiet = {"resent"} if updates else {"resent", "updated"}
        return [
            Told(second, output.value)
            for second, output in self.outputs
            if output.topic == "reserve.alerts"
            and output.value is not None
            and output.value["reason"] not in quiet
            and alertname in {None, output.value["alertname"]}
        ]

    def texts(self, alertname: str | None = None) -> list[str]:
        """The transitions as one line each."""
        return [str(told) for told in self.told(alertname)]

    def assessments(self, kind: str = "live", method: str = "jp.psa_custody") -> list[dict[str, Any]]:
        """The assessments published so far."""
        values = [
            output.value for _, output in self.outputs if output.topic == "reserve.assessments" and output.value is not None
        ]
        return [value for value in values if value["kind"] == kind and value["method"] == method]

    def state(self, method: str = "jp.psa_custody") -> str:
        """The newest evaluation's state."""
        newest = self.engine.evaluations("jp-main")["assessments"]
        return str(next(value["state"] for value in newest if value["method"] == method))

    def _pass(self, end: int) -> None:
        """Ticks up to `end`: soon when something waits, at the engine's deadlines, and every 60 s."""
        self._apply()
        while (due := self._next_tick()) <= end:
            self.journal.now = due
            self.journal.tick()
            self._last_tick = due
            self._apply()

    def _next_tick(self) -> int:
        now = max(self.engine.clock, self._last_tick)
        due = [self._last_tick + self.idle_s * SECOND]
        if self.engine.waiting:
            due.append(now + TICK_WHEN_WAITING)
        if self.engine.next_deadline is not None:
            due.append(max(self.engine.next_deadline, now + 1))
        return min(due)

    def _apply(self) -> None:
        for record in self.journal.records[self._applied :]:
            for output in self.engine.apply(record):
                self.outputs.append(((record.statement.at - self.start) / SECOND, output))
        self._applied = len(self.journal.records)
