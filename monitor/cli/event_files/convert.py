"""`convert`: real captures and published files to event lines."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli import command_app, output, talk
from monitor.cli.event_files.formats import FORMATS, Given

app = command_app()


def _option(text: str, *names: str, metavar: str = "NAME") -> typer.models.OptionInfo:
    info: typer.models.OptionInfo = typer.Option(*names, metavar=metavar, help=text)
    return info


@app.command(epilog="Example: reserve-monitor convert bitflyer-executions FILE.csv.gz --entity jp-main > day.jsonl")
def convert(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The capture, plain or gzip.")],
    *,
    entity: Annotated[str | None, _option("The entity the events are of (all but prices).")] = None,
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
) -> None:
    """Turn a real capture into event lines for `assess` and `replay`.

    Log time is the recorder's, held monotone; numbers are plain decimals, exactly; a blank time is null, so that intake
    refuses and counts the row; what the file lacks is an option.
    """
    from monitor.cli.event_files.formats import reader_of
    from monitor.cli.progress import shown_lines

    said = locals()
    given = Given(**{field.name: said[field.name] for field in fields(Given)})
    read = reader_of(form)
    count = 0
    with shown_lines([file], file.name) as lines, output(out) as target:
        for event in read((text for _, text in lines), given):
            target.write(event.line())
            count += 1
    talk(f"{count} events")
