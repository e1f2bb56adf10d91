"""From one method's result to the conditions of CONTRACT 2's alert table: which hold, which are proved over, what they show.

`ReserveShortfall` inhibits `SameAssetShortfall` of the same entity and method where notifications are routed: both exist
as records, since the evidence of each asset's shortfall must stand by itself. What a dead feed leaves unknown is told by
the alerts of feeds alone: `ReserveUnknown` neither begins nor ends while nothing else explains the state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from monitor.core.alerts.conditions import Condition
from monitor.core.alerts.life import Identity, Verdict
from monitor.core.alerts.reads import Reads, reads_of
from monitor.core.alerts.record import AlertContent
from monitor.core.alerts.texts import coverage_content, cure_content, headline_content, row_content, unknown_content
from monitor.core.components.packs.computation import Row
from monitor.core.components.packs.plan import Plan
from monitor.core.configuration.configuration import Levels, MethodConfig
from monitor.core.evaluation.assessment import Result
from monitor.core.journal.vocabulary import BALANCES, PRICES, TRADES, Severity
from monitor.core.values.figure import Figure

UNKNOWN_RULE = "reserve_unknown"

OWN_ALERTS = {
    "guarantee_asset": "SameAssetShortfall",
    "reserve_asset": "SameAssetShortfall",
    "client_asset": "ClientAssetShortfall",
    "holding": "ClientAssetShortfall",
    "fiat_trust": "ClientAssetShortfall",
    "hot_ratio": "HotStorageLimitExceeded",
    "cold_ratio": "HotStorageLimitExceeded",
}
"""Component families whose shortfall has an alert of its own."""

_DERIVED_GAPS = {
    BALANCES: frozenset({"position_stale"}),
    PRICES: frozenset({"price_stale"}),
    TRADES: frozenset({"price_stale"}),
}
"""Gaps that follow from the silence of a topic and need no alert of their own beside its SourceStale."""

_SOURCE_GAPS = frozenset({"source_silent", "source_behind", "source_unhealthy"})
_FORCING_GAPS = _SOURCE_GAPS | {"records_lost", "group_incomplete", "keys_unsafe"}
_HARMLESS_GAPS = frozenset({"record_rejected", "window_short"})


def method_conditions(
    entity: str,
    method: MethodConfig,
    result: Result,
    levels: Levels,
    near: str,
    *,
    plan: Plan | None = None,
    followed: Collection[Identity] | None = None,
) -> Iterator[Condition]:
    """The conditions of one method's result but `ReserveUnknown`. `near` is the last cure date that is near (ISO).

    `plan` says what each rule reads; without it every event may be a cause. With `followed` those alone that are true or among
    these: no other makes or changes an alert, and there may be thousands.
    """
    maker = _MethodConditions(entity, method, result, levels, plan=plan, followed=followed)
    yield from maker.headline()
    for row in result.rows if followed is None else _speaking(result.rows, method.id, followed):
        yield from maker.row(row, near)
    yield from maker.coverage_low()


def _speaking(rows: Sequence[Row], method: str, followed: Collection[Identity]) -> list[Row]:
    """The rows that may have a true condition, and those of which an alert is followed."""
    names = {f"{one.rule}.{one.subject}" if one.subject else one.rule for one in followed if one.method == method}
    return [row for row in rows if row.state == "shortfall" or row.cure_by is not None or row.name in names]


def unknown_condition(entity: str, method: MethodConfig, result: Result, dead_feeds: frozenset[str]) -> Condition:
    """ReserveUnknown; covered while dead feeds, which have an alert, are all there is to explain the state."""
    verdict = Verdict.CLEAR
    if result.state in {"unknown", "not_computable"}:
        explained = result.state == "unknown" and _explained(result.gaps, dead_feeds)
        verdict = Verdict.BETWEEN if explained else Verdict.TRUE
    identity = Identity("ReserveUnknown", entity, method.id, UNKNOWN_RULE, None)
    return Condition(identity, verdict, "critical", method.mode, show=lambda: unknown_content(entity, method.id, result))


def is_skipped(method: MethodConfig, name: str) -> bool:
    """Whether a rule, by the component's name or its family, is switched off for the entity."""
    skipped = method.options.get("skip", ())
    return name in skipped or name.partition(".")[0] in skipped


def blinded(result: Result) -> bool:
    """Whether a source the result reads is dead or lost records: nothing it says is then positive evidence."""
    return any(gap["kind"] in _FORCING_GAPS and gap["effect"] != "figures" for gap in result.gaps)


class _MethodConditions:
    def __init__(
        self,
        entity: str,
        method: MethodConfig,
        result: Result,
        levels: Levels,
        *,
        plan: Plan | None,
        followed: Collection[Identity] | None,
    ) -> None:
        self.entity = entity
        self.method = method
        self.result = result
        self.levels = levels
        self.plan = plan
        self.followed = followed
        self.blind = blinded(result)

    @cached_property
    def assets(self) -> frozenset[str]:
        """Those that have a row of their own."""
        return frozenset(row.name.partition(".")[2] for row in self.result.rows) - {""}

    def condition(
        self,
        alertname: str,
        rule: str,
        subject: str | None,
        verdict: Verdict,
        show: Callable[[], AlertContent],
        *,
        severity: Severity = "critical",
    ) -> Iterator[Condition]:
        """A condition of this method, if it is wanted; what looks over is not known to be while a source is dead."""
        if verdict is Verdict.CLEAR and self.blind:
            verdict = Verdict.UNKNOWN
        identity = Identity(alertname, self.entity, self.method.id, rule, subject)
        if verdict is not Verdict.TRUE and self.followed is not None and identity not in self.followed:
            return
        found = Condition(identity, verdict, severity, self.method.mode, show=show)
        reads = None if self.plan is None else self._reads(rule, subject, self.plan)
        yield found if reads is None else replace(found, concerns=reads.concerns, worsens=reads.worsens)

    def _reads(self, rule: str, subject: str | None, plan: Plan) -> Reads:
        if rule in plan.pack.components:
            return reads_of(plan, [rule], asset=subject, assets=self.assets)
        return reads_of(plan, plan.pack.headline.components, asset=None, assets=self.assets, headline=True)

    def headline(self) -> Iterator[Condition]:
        """ReserveShortfall of the whole; none for a headline of which every part is skipped."""
        required, available = self.result.required_figure, self.result.available_figure
        if required is None or available is None:
            if self.result.state == "not_computable":
                yield from self.condition("ReserveShortfall", "headline", None, Verdict.UNKNOWN, self._show_headline)
            return
        met = available.reaches(required)
        verdict = Verdict.UNKNOWN
        if met is False and not self.result.projection:
            verdict = Verdict.TRUE
        elif met is not None:
            verdict = self._headline_left(available, required)
        yield from self.condition("ReserveShortfall", "headline", None, verdict, self._show_headline)

    def row(self, row: Row, near: str) -> Iterator[Condition]:
        """The alert of a component, and of its cure date."""
        family, _, asset = row.name.partition(".")
        subject = asset or None
        if family != "reserve":
            alertname = OWN_ALERTS.get(family, "ReserveShortfall")
            for found in self.condition(alertname, family, subject, self._row_verdict(row), lambda: self._show_row(row)):
                yield replace(found, ends_as="method_changed", dwells=False) if is_skipped(self.method, row.name) else found
        for cure in self.condition("CureDeadlineNear", family, subject, _cure_verdict(row, near), lambda: self._show_cure(row)):
            yield replace(cure, dwells=False)

    def coverage_low(self) -> Iterator[Condition]:
        """ReserveCoverageLow: the watch ratio below `watch_enter`, until above `watch_exit`; or the method's own watch level."""
        yield from self.condition(
            "ReserveCoverageLow", "reserve_coverage_low", None, self._coverage_verdict(), self._show_coverage, severity="warning"
        )

    def _row_verdict(self, row: Row) -> Verdict:
        if row.state == "shortfall":
            return Verdict.TRUE
        if row.state in {"unknown", "not_computable"}:
            return Verdict.UNKNOWN
        if row.held is None or row.required is None:
            return Verdict.CLEAR
        return self._left(row.held, row.required) if row.bound == "min" else self._left(row.required, row.held)

    def _headline_left(self, available: Figure, required: Figure) -> Verdict:
        """As `_left`, by what is held: the available side of a same-asset headline is capped at what is required."""
        ratio, level = self.result.watch_ratio, self.levels.shortfall_exit
        if ratio is None or level is None:
            return self._left(available, required)
        return Verdict.CLEAR if ratio.reaches(Figure.of(level)) is True else Verdict.BETWEEN

    def _left(self, greater: Figure, lesser: Figure) -> Verdict:
        """Whether what is met is met by the exit level too."""
        level = self.levels.shortfall_exit
        past = level is None or greater.reaches(lesser.scaled(Fraction(level))) is True
        return Verdict.CLEAR if past else Verdict.BETWEEN

    def _coverage_verdict(self) -> Verdict:
        state, ratio = self.result.state, self.result.watch_ratio
        enter, leave = self.levels.watch_enter, self.levels.watch_exit
        if state == "watch":
            return Verdict.TRUE
        if state == "not_computable":
            return Verdict.UNKNOWN
        if enter is None:
            return Verdict.CLEAR if state == "adequate" else Verdict.BETWEEN
        if ratio is None:
            return Verdict.CLEAR if state == "adequate" else Verdict.UNKNOWN
        reached = ratio.reaches(Figure.of(enter))
        if reached is not True:
            return Verdict.UNKNOWN if reached is None else Verdict.TRUE
        over = leave is None or (ratio.low is not None and ratio.low > Fraction(leave))
        return Verdict.CLEAR if over else Verdict.BETWEEN

    def _show_headline(self) -> AlertContent:
        return headline_content(self.entity, self.method.id, self.result)

    def _show_coverage(self) -> AlertContent:
        return coverage_content(self.entity, self.method.id, self.result, self.levels)

    def _show_row(self, row: Row) -> AlertContent:
        return row_content(self.entity, self.method.id, self.result, self._printed(row))

    def _show_cure(self, row: Row) -> AlertContent:
        return cure_content(self.entity, self.method.id, self.result, self._printed(row))

    def _printed(self, row: Row) -> Mapping[str, Any]:
        return next(component for component in self.result.components if component["name"] == row.name)


def _cure_verdict(row: Row, near: str) -> Verdict:
    if row.cure_by is not None and row.cure_by.isoformat() <= near:
        return Verdict.TRUE
    return Verdict.UNKNOWN if row.state in {"unknown", "not_computable"} else Verdict.CLEAR


def _explained(gaps: Sequence[Mapping[str, Any]], dead_feeds: frozenset[str]) -> bool:
    """Whether dead feeds that have an alert account for every gap that can make a state unknown."""
    dead_topics = {feed.partition("/")[0] for feed in dead_feeds}
    derived = frozenset[str]().union(*(_DERIVED_GAPS.get(topic, frozenset()) for topic in dead_topics))
    blamed = False
    for gap in gaps:
        if gap["kind"] in _HARMLESS_GAPS or gap["effect"] == "figures":
            continue
        if gap["kind"] in _SOURCE_GAPS and gap["subject"] in dead_feeds:
            blamed = True
        elif gap["kind"] not in derived:
            return False
    return blamed
