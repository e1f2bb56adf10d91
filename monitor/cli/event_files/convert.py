"""`convert`: real captures and published files to event lines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import DryRun, command_app, output, talk
from monitor.cli.completion import entities, formats
from monitor.cli.event_files.formats import FORMATS, Given
from monitor.core.values.times import DAY
from monitor.core.values.wording import count_of
from monitor.errors import MonitorError

if TYPE_CHECKING:
    from monitor.events import Event
    from streams.wire import Judge

app = command_app()

_HORIZON_NS = 400 * DAY
"""As `corrections.horizon_days` has it where it is not set."""


def _option(text: str, *names: str, metavar: str = "NAME", offers: Any = None) -> typer.models.OptionInfo:
    info: typer.models.OptionInfo = typer.Option(*names, metavar=metavar, help=text, autocompletion=offers)
    return info


@app.command(epilog="Example: reserve-monitor convert bitflyer-executions FILE.csv.gz --entity jp-main > day.jsonl")
def convert(
    form: Annotated[str, typer.Argument(metavar="FORMAT", autocompletion=formats, help=f"One of {', '.join(FORMATS)}.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The capture, plain or gzip.")],
    *,
    entity: Annotated[str | None, _option("The entity the events are of (all but prices).", offers=entities)] = None,
    out: Annotated[Path | None, _option("Write here instead of stdout.", metavar="PATH")] = None,
    market: Annotated[str | None, _option("Market, where the file's symbol does not say it.", metavar="BASE/QUOTE")] = None,
    instrument: Annotated[str | None, _option("spot or derivative, for all trades of the file.")] = None,
    capacity: Annotated[str | None, _option("client_order, own_account or venue, for all trades.")] = None,
    size_in: Annotated[str | None, _option("Unit of bybit's sizes: base or quote.")] = None,
    storage: Annotated[str | None, _option("Storage of the coins (por-balances).")] = None,
    severity: Annotated[str | None, _option("Severity (dn-incidents).")] = None,
    kind: Annotated[str | None, _option("Kind of the incidents, or spot or daily_close for prices.")] = None,
    status: Annotated[str | None, _option("Status of the incidents; confirmed when absent.")] = None,
    owner: Annotated[str | None, _option("Whose an unknown loss was: client or house (dn-incidents).")] = None,
    asset: Annotated[str | None, _option("Asset of the candles.")] = None,
    currency: Annotated[str | None, _option("Currency of the candles.")] = None,
    source: Annotated[str | None, _option("Name of the price source.")] = None,
    venue: Annotated[str | None, _option("Take only this venue or target of the file.")] = None,
    time_of_day: Annotated[
        str | None, _option("UTC time where the file has dates alone; 00:00 when absent.", metavar="HH:MM")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Turn a real capture into event lines for `assess` and `replay`.

    Log time is the recorder's, held monotone; numbers are plain decimals, exactly; a blank time is null, so that intake
    refuses and counts the row; what the file lacks is an option. What intake would refuse is said at the end. Exit 1 where
    no row of the file becomes an event.
    """
    from monitor.cli.event_files.formats import reader_of
    from monitor.cli.progress import shown_lines

    said = locals()
    given = Given(**{field.name: said[field.name] for field in fields(Given)})
    read = reader_of(form)
    tally = RowTally()
    with shown_lines([file], file.name) as lines, output(Path(os.devnull) if dry_run else out) as target:
        for event in read(tally.counted(text for _, text in lines), given):
            tally.note(event)
            target.write(event.line())
    for line in tally.report():
        talk(line)
    if tally.events == 0 and tally.rows:
        raise NothingConverted(f"{file}: no row of {tally.rows:,} is a record of {form}: see the formats in `convert --help`")


class NothingConverted(MonitorError):
    """A file with rows gave no event: it is of another format, or nothing in it was asked for."""


class RowTally:
    """Rows read, events made of them, and those that intake would refuse."""

    def __init__(self) -> None:
        self.rows = 0
        self.events = 0
        self._judges: dict[str, Judge] = {}
        self._refused: Counter[tuple[str, str]] = Counter()
        self._first: dict[tuple[str, str], str] = {}

    def counted(self, rows: Iterable[str]) -> Iterator[str]:
        """The rows, counted as they are read."""
        for row in rows:
            self.rows += 1
            yield row

    def note(self, event: Event) -> None:
        """Judge an event as intake would, whatever entities are configured there."""
        from streams.wire import Invalid, Judge, Known, SourceFormat

        self.events += 1
        judge = self._judges.get(event.topic)
        if judge is None:
            judge = self._judges[event.topic] = Judge(SourceFormat(event.topic), Known(None, _HORIZON_NS))
        verdict = judge.verdict(event.payload(), event.logged_at)
        if isinstance(verdict, Invalid):
            key = event.topic, verdict.reason.value
            self._refused[key] += 1
            self._first.setdefault(key, verdict.detail)

    def report(self) -> Iterator[str]:
        """One line for the whole, one for each reason for which intake would refuse some."""
        yield f"{count_of(self.events, 'event')} of {count_of(self.rows, 'row')}"
        for (topic, reason), count in self._refused.most_common():
            yield f"intake would refuse {count:,} of {topic} as {reason}, the first: {self._first[topic, reason]}"
