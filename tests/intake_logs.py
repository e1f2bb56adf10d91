"""Source logs of trades for tests of intake, and an oracle that reads one once, slowly, by the letter of JOURNAL 3 and 4."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from monitor.core.journal.records import Rules
from monitor.core.journal.vocabulary import SOURCE_TOPICS, TRADES
from monitor.core.values.times import DAY, HOUR, exact_time, from_ms, parse_time
from streams.intake.segment.batches import Batch
from streams.intake.segment.rules import IntakeRules
from streams.wire import Invalid, Judge, Known, SourceFormat, Trade

START_MS = 1_767_571_200_000
"""2026-01-05T00:00:00Z."""

Verdicts = dict[tuple[int, int], Any]
"""What the authority says of events, by their place."""

SMALL = {"segment_records": 7, "lookback_blocks": 2, "lookback_h": 3, "block_records": 5}
"""Sizes at which short logs meet every edge."""


def intake_rules(number: int = 1, *, partitions: int = 3, late_after_ns: int | None = None, **sizes: int) -> IntakeRules:
    """Rules for the entities `a`, `b`, `c` with small sizes unless told otherwise."""
    sources = {topic: SourceFormat(topic) for topic in SOURCE_TOPICS}
    sources[TRADES] = SourceFormat(TRADES, late_after_ns=late_after_ns)
    return IntakeRules(
        rules=Rules(number, f"sha256:{number}"),
        journal_partitions=partitions,
        known=Known(frozenset({"a", "b", "c"}), 400 * DAY),
        sources=sources,
        **dict[str, Any](SMALL | sizes),
    )


@dataclass(frozen=True, slots=True)
class Logged:
    """A record of a source partition as its log keeps it; for the oracle one of its events.

    `index`: which event; -1 where a record has none, which still is seen.
    """

    offset: int
    time_ms: int
    value: bytes | None
    index: int = 0

    @property
    def place(self) -> tuple[int, int]:
        """What orders events."""
        return self.offset, self.index


def batch_of(records: list[Logged]) -> Batch:
    """The records as a batch."""
    return Batch([r.offset for r in records], [r.time_ms for r in records], [r.value for r in records])


def trade_value(number: Any, **changes: Any) -> bytes:
    """A trade's JSON; a change to None leaves the field out."""
    record = {
        "trade_id": str(number),
        "entity": "a",
        "market": "BTC/JPY",
        "price": "100.5",
        "quantity": "2",
        "executed_at": exact_time(from_ms(START_MS)),
    } | changes
    return json.dumps({name: value for name, value in record.items() if value is not None}).encode()


@st.composite
def values(draw: st.DrawFn, time_ms: int) -> bytes | None:
    """One record's value: mostly trades with ids that come again, some busts, some rubbish."""
    shape = draw(st.integers(0, 19))
    if shape == 0:
        return draw(st.sampled_from([None, b"", b"{", b"[]", b"\xff", b"null", trade_value(1, price="NaN"), trade_value(1, x=1)]))
    number = draw(st.integers(0, 12))
    trade_id = draw(st.sampled_from([f"{number + 5000}", f"{number}", f"t-{number}", f"x{number:04d}"]))
    own = from_ms(time_ms) + draw(st.sampled_from([0, 0, 0, -1_234_567, -HOUR, -30 * HOUR, 59_999_000_000, 61_000_000_000]))
    changes: dict[str, Any] = {
        "entity": draw(st.sampled_from(["a", "a", "b", "c", "zz"])),
        "market": draw(st.sampled_from(["BTC/JPY", "BTC/JPY", "ETH/JPY"])),
        "price": draw(st.sampled_from(["1", "2.5", "10000000.123456789012345678", 7, "0", "1.0"])),
        "quantity": draw(st.sampled_from(["0.00000001", "3", "12345.6789", 5])),
        "executed_at": exact_time(max(own, 0)),
        "side": draw(st.sampled_from([None, "buy", "sell"])),
        "capacity": draw(st.sampled_from([None, None, "venue", "own_account"])),
        "instrument": draw(st.sampled_from([None, None, "spot", "derivative"])),
        "status": draw(st.sampled_from([None, None, None, "new", "busted"])),
    }
    return trade_value(trade_id, **changes)


@st.composite
def logs(draw: st.DrawFn, *, most: int = 45, disorder: bool = True) -> list[Logged]:
    """A partition's visible records: offsets with gaps, log times that jump by hours and days and run backwards."""
    offset, time_ms = draw(st.integers(0, 3)), START_MS + draw(st.integers(0, 30)) * 3_600_000
    result = []
    jumps = [0, 0, 0, 1, 400_000, 3_600_000, 7_200_000, 86_400_000] + ([-3_600_000, -7_200_000, -90_000_000] if disorder else [])
    for _ in range(draw(st.integers(0, most))):
        offset += draw(st.sampled_from([1, 1, 1, 1, 2, 6]))
        time_ms = max(0, time_ms + draw(st.sampled_from(jumps)))
        result.append(Logged(offset, time_ms, draw(values(time_ms))))
    return result


@dataclass
class Cut:
    """What the oracle says of one segment."""

    start: int
    end: int
    counts: dict[str, int] = field(default_factory=lambda: {"applied": 0, "duplicate": 0, "late": 0, "dead_letter": 0})
    cells: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    busts: list[tuple[int, str]] = field(default_factory=list)
    dead: list[tuple[int, str]] = field(default_factory=list)
    hours: dict[tuple[Any, ...], int] = field(default_factory=dict, compare=False)
    bust_trades: list[tuple[int, Trade]] = field(default_factory=list, compare=False)


def oracle(log: list[Logged], rules: IntakeRules, upto: int, start: int = 0) -> list[Cut]:
    """The segments of [start, upto) of a log; the last one is cut at `upto`."""
    cuts = []
    judge = Judge(rules.sources[TRADES], rules.known)
    verdicts = {r.place: judge.verdict(r.value, from_ms(r.time_ms)) for r in log}
    while start < upto:
        cut = cut_of(log, rules, start, upto, verdicts)
        cuts.append(cut)
        start = cut.end
    return cuts


def cut_of(log: list[Logged], rules: IntakeRules, start: int, upto: int, verdicts: Verdicts | None = None) -> Cut:
    """The segment that begins at `start`, or what of it lies below `upto`; `verdicts` by place if they are known."""
    reach = (start // rules.block_records - rules.lookback_blocks) * rules.block_records
    near = [r for r in log if reach <= r.offset < start + rules.segment_records]
    if verdicts is None:
        judge = Judge(rules.sources[TRADES], rules.known)
        verdicts = {r.place: judge.verdict(r.value, from_ms(r.time_ms)) for r in near}
    end = start + rules.segment_records
    inside = [r for r in near if start <= r.offset < min(end, upto)]
    if inside:
        day = inside[0].time_ms // 86_400_000
        end = min([end, *(r.offset for r in inside if r.time_ms // 86_400_000 > day)])
        inside = [r for r in inside if r.offset < end]
    return _cut(near, verdicts, rules, inside, Cut(start, min(end, upto)))


def _cut(log: list[Logged], verdicts: Verdicts, rules: IntakeRules, inside: list[Logged], cut: Cut) -> Cut:
    start = cut.start
    hour = inside[0].time_ms // 3_600_000 if inside else 0
    first_block = start // rules.block_records - rules.lookback_blocks
    before = [
        r
        for r in log
        if first_block * rules.block_records <= r.offset < start and r.time_ms // 3_600_000 >= hour - rules.lookback_h
    ]
    seen = {_identity(verdicts[r.place]) for r in before if _is_trade(verdicts[r.place])}
    newest = {
        _identity(verdicts[r.place]): _figures(verdicts[r.place])
        for r in log
        if inside and r.place < inside[0].place and _is_trade(verdicts[r.place])
    }
    source = rules.sources[TRADES]
    kept = defaultdict(list)
    for record in inside:
        verdict = verdicts[record.place]
        told_before = None
        if _is_trade(verdict):
            told_before, newest[_identity(verdict)] = newest.get(_identity(verdict)), _figures(verdict)
        if record.index < 0:
            continue
        if isinstance(verdict, Invalid):
            cut.counts["dead_letter"] += 1
            cut.dead.append((record.offset, verdict.reason.value))
            continue
        if not verdict.busted and _identity(verdict) in seen:
            outcome = "duplicate" if told_before == _figures(verdict) else "conflict"
            cut.counts[outcome] = cut.counts.get(outcome, 0) + 1
            continue
        late = source.late_after_ns is not None and from_ms(record.time_ms) - verdict.executed_at > source.late_after_ns
        cut.counts["late" if late else "applied"] += 1
        if verdict.busted:
            cut.busts.append((record.offset, verdict.trade_id))
            cut.bust_trades.append((record.offset, verdict))
            continue
        seen.add(_identity(verdict))
        key = (
            verdict.entity,
            verdict.market,
            verdict.capacity,
            verdict.instrument,
            verdict.side,
            exact_time(verdict.executed_at // rules.cell_ns * rules.cell_ns),
        )
        cut.hours[key] = verdict.executed_at // rules.cell_ns * rules.cell_ns
        cell = cut.cells.setdefault(key, {"trades": 0, "quantity": Fraction(0), "value": Fraction(0)})
        cell["trades"] += 1
        cell["quantity"] += Fraction(verdict.quantity)
        cell["value"] += Fraction(verdict.quantity) * Fraction(verdict.price)
        logged = from_ms(record.time_ms)
        if verdict.instrument == "spot":
            kept[key].append((min(verdict.executed_at, logged), logged, record.offset, verdict.trade_id, Fraction(verdict.price)))
    for key, cell in cut.cells.items():
        cell["newest"] = sorted(kept[key], reverse=True)[:4]
    return cut


def _figures(verdict: Trade) -> tuple[Decimal, Decimal]:
    return verdict.price, verdict.quantity


def _is_trade(verdict: Any) -> bool:
    return isinstance(verdict, Trade) and not verdict.busted


def _identity(verdict: Trade) -> tuple[str, str, str]:
    return verdict.entity, verdict.market, verdict.trade_id


def cells_said(statements: list[Any]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The cells of flow statements, in the oracle's form; later ones replace earlier ones."""
    result = {}
    for statement in statements:
        for cell in statement.body["cells"]:
            key = (statement.entity, cell["market"], cell["capacity"], cell["instrument"], cell["side"], cell["hour"])
            result[key] = {
                "trades": cell["trades"],
                "quantity": _exact(cell["quantity"]),
                "value": _exact(cell["value"]),
                "newest": [
                    (parse_time(one["time"]), parse_time(one["logged_at"]), one["offset"], one["trade_id"], _exact(one["price"]))
                    for one in cell["newest"]
                ],
            }
    return result


def _exact(text: str) -> Fraction:
    return Fraction(Decimal(text))
