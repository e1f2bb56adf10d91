"""`archive`: what is kept beyond Kafka, and whether it is what was written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import AsJson, Config, command_app, emit, talk
from monitor.core.values.wording import count_of
from monitor.errors import CHECK_FAILED, UsageError

if TYPE_CHECKING:
    from monitor.archive.manifest import ObjectManifest
    from monitor.archive.reading import Archive
    from monitor.settings.load import Settings

app = command_app(no_args_is_help=True, help="What is kept beyond Kafka: list it, check it, write it back.")

ArchivePlace = Annotated[
    str | None, typer.Argument(metavar="PATH", help="A folder or s3://bucket/prefix; when absent, `archive.target`.")
]


@app.command("list", epilog="Example: reserve-monitor archive list --objects")
def list_(
    place: ArchivePlace = None,
    *,
    objects: Annotated[bool, typer.Option("--objects", help="Every object, not one line a partition.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List what is archived by topic and partition: offsets, days, sizes, and until when the oldest of it is to be kept.

    Reads manifests alone; `archive verify` reads the records.
    """
    from monitor.cli.evidence.archives import archive_at
    from monitor.settings.load import load_settings

    settings = load_settings(config)
    archive = archive_at(place, settings)
    archive.head()
    years = settings.archive.keep_years
    rows = [row for topic, partition in archive.partitions() for row in _rows(archive, topic, partition, years, objects=objects)]
    if as_json:
        emit(rows)
        return
    _table(rows)
    talk(f"{count_of(sum(row['objects'] for row in rows), 'object')}, {sum(row['object_bytes'] for row in rows) / 1e6:.1f} MB")


@app.command(epilog="Example: reserve-monitor archive verify /var/lib/reserve-monitor/archive --log")
def verify(
    place: ArchivePlace = None,
    *,
    log: Annotated[bool, typer.Option("--log", help="Also hold it against what Kafka still has, record by record.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Read the whole archive: every byte against its SHA-256, every manifest against the one before, no offset missing.

    Needs no Kafka, but with --log. Prints `match` with counts, or the first thing that is wrong, and exits with 1.
    """
    from monitor.archive.checking import check_archive
    from monitor.archive.manifest import BadArchive
    from monitor.cli.evidence.archives import archive_at
    from monitor.cli.progress import counted
    from monitor.settings.load import load_settings

    settings = load_settings(config)
    archive = archive_at(place, settings)
    try:
        with counted() as told:
            found = check_archive(archive, lambda one: told(one.topic, one.last_offset))
            compared = _compared(settings, archive, told) if log else None
    except BadArchive as error:
        if as_json:
            emit({"result": "mismatch", "detail": str(error)})
        else:
            typer.echo(f"mismatch: {error}")
        raise typer.Exit(CHECK_FAILED) from None
    if as_json:
        facts = {"objects": found.objects, "records": found.records, "object_bytes": found.bytes}
        emit({"result": "match", **facts, "compared_with_log": compared, "notes": found.notes})
        return
    size = f"{found.bytes / 1e6:.1f} MB"
    typer.echo(
        f"match: {count_of(found.records, 'record')} in {count_of(found.objects, 'object')} ({size}), none missing, none altered"
    )
    if compared is not None:
        typer.echo(f"  {compared} of them are in Kafka too, and the same there")
    for note in found.notes:
        typer.echo(f"  note: {note}")


@app.command(epilog="Example: reserve-monitor archive restore /var/lib/reserve-monitor/archive --dry-run")
def restore(
    place: ArchivePlace = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and say what would be written; write nothing.")
    ] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Write the archived journal and outputs back into the empty topics of a new cluster, the journal at its own offsets.

    Refuses a topic that is not empty, and a journal of which a part is missing. Run `archive verify` and `topics create` before,
    with every stage stopped. Source topics are not in an archive: raise `sources.<topic>.epoch` of each that is another now.
    """
    from monitor.cli.evidence.archives import archive_at
    from monitor.cli.progress import counted
    from monitor.settings.load import load_settings
    from streams.archiver.restoring import restorable, restore
    from streams.kafka.topics import topic_names

    settings = load_settings(config)
    archive, names = archive_at(place, settings), topic_names(settings)
    parts = asyncio.run(restorable(settings.kafka, names, archive))
    if not dry_run:
        with counted() as told:
            asyncio.run(restore(settings.kafka, names, archive, parts, told))
    if as_json:
        emit([{**asdict(part), "keeps_offsets": part.keeps_offsets, "written": not dry_run} for part in parts])
        return
    for part in parts:
        kept = "its own offsets" if part.keeps_offsets else "offsets from 0, since records are missing between"
        typer.echo(
            f"{'would write' if dry_run else 'wrote'} {part.topic} {part.partition}: {count_of(part.records, 'record')} at {kept}"
        )


def _compared(settings: Settings, archive: Archive, told: Any) -> int:
    from streams.kafka.topics import topic_names
    from streams.lookup.archived import compare_with_log

    head = archive.head()
    if head.partitions != settings.kafka.journal_partitions:
        raise UsageError(f"the archive is of a journal of {head.partitions} partitions: is the configuration the right one?")
    names = topic_names(settings)
    return asyncio.run(compare_with_log(settings.kafka, names, archive, told))


def _rows(archive: Archive, topic: str, partition: int, years: int, *, objects: bool) -> Iterator[dict[str, Any]]:
    manifests = list(archive.manifests(topic, partition))
    for group in [[one] for one in manifests] if objects else [manifests]:
        yield _row(group, years)


def _row(group: list[ObjectManifest], years: int) -> dict[str, Any]:
    first, last = group[0], group[-1]
    return {
        "topic": first.topic,
        "partition": first.partition,
        "first_offset": first.first_offset,
        "last_offset": last.last_offset,
        "records": sum(one.records for one in group),
        "first_time": first.first_time,
        "last_time": last.last_time,
        "objects": len(group),
        "object_bytes": sum(one.object_bytes for one in group),
        "object": first.object if len(group) == 1 else None,
        "keep_until": _keep_until(first.day, years),
    }


def _keep_until(day: str, years: int) -> str:
    """The end of the retention of what was logged on a day: the same date so many years later, in a leap year's end the next."""
    from datetime import date

    begun = date.fromisoformat(day)
    try:
        return begun.replace(year=begun.year + years).isoformat()
    except ValueError:
        return date(begun.year + years, 3, 1).isoformat()


def _table(rows: list[dict[str, Any]]) -> None:
    import sys

    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("topic", "partition", "offsets", "records", "from", "to", "objects", "MB", "keep until"):
        table.add_column(column, justify="left" if column in {"topic", "from", "to", "keep until"} else "right", overflow="fold")
    for row in rows:
        table.add_row(
            row["topic"],
            str(row["partition"]),
            f"{row['first_offset']}-{row['last_offset']}",
            str(row["records"]),
            row["first_time"][:19],
            row["last_time"][:19],
            str(row["objects"]),
            f"{row['object_bytes'] / 1e6:.2f}",
            row["keep_until"],
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)
