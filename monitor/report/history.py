"""What was published of an entity, in the order of its chain: figures, closes with their revisions, alerts, configurations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from monitor.core.attribution.story import short_change
from monitor.core.values.times import parse_time
from monitor.report.cells import csv_text
from monitor.report.charts import over_time


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One published entry, or a change of configuration between two. Amounts are decimal texts, null where not known."""

    at: str
    kind: str
    method: str | None
    business_date: str | None
    revision: int | None
    state: str
    currency: str | None
    required: str | None
    available: str | None
    surplus: str | None
    coverage: str | None
    text: str
    digest: str


HEADER = tuple(HistoryRow.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """What is asked for; times in ns, from `since` on and before `until`."""

    method: str | None = None
    since: int | None = None
    until: int | None = None
    closes: bool = False

    def wants(self, row: HistoryRow) -> bool:
        """Whether the row is asked for. A row of no method (a configuration, an alert of none) is of every method."""
        if self.closes and row.kind != "close":
            return False
        if self.method is not None and row.method not in {None, self.method}:
            return False
        at = parse_time(row.at)
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


def history(entries: Iterable[Mapping[str, Any]], wanted: HistoryFilter) -> list[HistoryRow]:
    """The rows asked for, of entries in any order and with repeats; closes are in the order of their day and revision."""
    by_sequence = {entry["chain"]["sequence"]: entry for entry in entries}
    rows = [row for row in _rows([by_sequence[number] for number in sorted(by_sequence)]) if wanted.wants(row)]
    if wanted.closes:
        rows.sort(key=lambda row: (row.method or "", row.business_date or "", row.revision or 0))
    return rows


def history_csv(rows: Sequence[HistoryRow]) -> str:
    """The rows as CSV."""
    return csv_text(HEADER, [tuple(asdict(row).values()) for row in rows])


def history_objects(rows: Sequence[HistoryRow]) -> list[dict[str, Any]]:
    """The rows as JSON values."""
    return [asdict(row) for row in rows]


def history_svg(entity: str, rows: Sequence[HistoryRow]) -> str:
    """Coverage over time of every method, with a line at 1; where it is not known there is none."""
    points = [
        {"at": row.at, "value": None if row.coverage is None else float(row.coverage), "series": row.method}
        for row in rows
        if row.kind in {"live", "close"}
    ]
    return over_time(points, f"Coverage of {entity}", unit="available / required", line_at=1.0)


def _rows(entries: Sequence[Mapping[str, Any]]) -> Iterator[HistoryRow]:
    configuration: str | None = None
    for entry in entries:
        if entry["config_digest"] != configuration:
            change = "first configuration" if configuration is None else "configuration changed"
            configuration = entry["config_digest"]
            at = entry.get("at") or entry["updated_at"]
            yield HistoryRow(
                at, "configuration", None, None, None, "", None, None, None, None, None, change, entry["config_digest"]
            )
        if entry["schema"].startswith("reserve.assessment/"):
            yield _figures(entry)
        elif entry["schema"].startswith("reserve.alert/"):
            yield _alert(entry)


def _figures(entry: Mapping[str, Any]) -> HistoryRow:
    gaps = ", ".join(f"{gap['kind']} {gap['subject'] or ''}".strip() for gap in entry["gaps"])
    text = f"replaces {entry['replaces']}" if entry["replaces"] else ""
    return HistoryRow(
        entry["at"],
        entry["kind"],
        entry["method"],
        entry["business_date"],
        entry["revision"],
        entry["state"],
        entry["currency"],
        entry["required"],
        entry["available"],
        entry["surplus"],
        entry["coverage"],
        "; ".join(part for part in (text, f"not known: {gaps}" if gaps else "", short_change(entry)) if part),
        entry["digest"],
    )


def _alert(entry: Mapping[str, Any]) -> HistoryRow:
    name = " ".join(part for part in (entry["alertname"], entry["subject"], entry["status"], entry["reason"]) if part)
    state = str(entry["severity"])
    text = f"{name}: {entry['summary']}"
    revision, method = entry["revision"], entry["method"]
    return HistoryRow(
        entry["updated_at"], "alert", method, None, revision, state, None, None, None, None, None, text, entry["digest"]
    )
