"""`lag`: how far intake is behind the source topics and the assessor behind the journal, as the running workers measure it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import Config, command_app, emit, talk
from monitor.errors import UNKNOWN

if TYPE_CHECKING:
    from monitor.settings.load import Settings

app = command_app()

JOURNAL = "reserve.journal"
_INTAKE = "reserve_intake_lag_records"
_RECORDS = "reserve_journal_lag_records"
_SECONDS = "reserve_journal_lag_seconds"
_OUTBOX = "reserve_alert_outbox_oldest_timestamp_seconds"


@dataclass(frozen=True, slots=True, order=True)
class Lag:
    """Records of a partition that its reader has not reached yet; `seconds`, of the journal alone, is their age."""

    topic: str
    partition: int
    records: int
    seconds: float | None = None


@app.command(epilog="Example: reserve-monitor lag --json | jq '.partitions[] | select(.records > 0)'")
def lag(
    config: Config = None, as_json: Annotated[bool, typer.Option("--json", help="Every partition, as JSON.")] = False
) -> None:
    """Show the records not read yet of every topic, from the workers at http.port and http.peers.

    Exit 5 when a journal partition is read by none of the workers asked: its entities are then assessed elsewhere or nowhere.
    """
    from monitor.settings.load import load_settings

    settings = load_settings(config)
    found = sorted(behind(asked(settings)))
    journal = {one.partition for one in found if one.topic == JOURNAL}
    unread = sorted(set(range(settings.kafka.journal_partitions)) - journal)
    if as_json:
        emit({"partitions": [asdict(one) for one in found], "journal_partitions_not_read": unread})
    else:
        for line in lines(found):
            typer.echo(line)
    if unread:
        talk(
            f"journal partitions read by none of the workers asked: {', '.join(map(str, unread))}; name the others in http.peers"
        )
        raise typer.Exit(UNKNOWN)


def lines(found: Iterable[Lag]) -> list[str]:
    """A table of topics: partitions that are read, records behind in all, and the partition that is furthest behind."""
    topics: dict[str, list[Lag]] = {}
    for one in found:
        topics.setdefault(one.topic, []).append(one)
    table = [f"{'topic':24} {'partitions':>10} {'records behind':>14}  furthest"]
    for topic, several in topics.items():
        worst = max(several, key=lambda one: (one.records, one.seconds or 0.0))
        age = "" if worst.seconds is None else f", {worst.seconds:,.1f} s"
        furthest = f"partition {worst.partition}: {worst.records:,}{age}" if worst.records else "-"
        table.append(f"{topic:24} {len(several):>10} {sum(one.records for one in several):>14,}  {furthest}")
    return table


def asked(settings: Settings) -> list[str]:
    """The metrics of every worker that is up; ConnectionProblem when none is."""
    from monitor.cli.ask import every_text

    return list(every_text(settings, "/metrics"))


def behind(metrics: Iterable[str]) -> list[Lag]:
    """Every partition that a worker reads, from the workers' metrics."""
    from monitor.metrics.reading import samples

    records: dict[tuple[str, int], float] = {}
    seconds: dict[int, float] = {}
    for text in metrics:
        for name, labels, value in samples(text, {_INTAKE, _RECORDS, _SECONDS}):
            partition = int(labels["partition"])
            if name == _SECONDS:
                seconds[partition] = value
            else:
                records[labels.get("topic", JOURNAL), partition] = value
    return [
        Lag(topic, partition, int(count), seconds.get(partition) if topic == JOURNAL else None)
        for (topic, partition), count in records.items()
    ]


def waiting(metrics: Iterable[str]) -> list[tuple[str, str]]:
    """Channels that have not accepted an alert change yet, each with the time (RFC 3339) of the oldest."""
    from monitor.core.values.times import SECOND, format_time
    from monitor.metrics.reading import samples

    return sorted(
        (labels["channel"], format_time(int(value) * SECOND)) for text in metrics for _, labels, value in samples(text, {_OUTBOX})
    )
