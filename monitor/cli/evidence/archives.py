"""Opening the archive that a command asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from monitor.errors import UsageError

if TYPE_CHECKING:
    from monitor.archive.reading import Archive
    from monitor.settings.load import Settings

_HELP = "From this archive instead of Kafka: a folder or s3://bucket/prefix, reached as section archive says."

InArchive = Annotated[str | None, typer.Option("--archive", metavar="PATH", help=_HELP)]
"""The option `--archive` of every command that reads Kafka and an archive alike."""


def archive_at(place: str | None, settings: Settings) -> Archive:
    """The archive at `place`, else at `archive.target`; `UsageError` where neither names one."""
    from monitor.archive.reading import Archive
    from monitor.archive.target import open_target

    named = place or settings.archive.target
    if named is None:
        raise UsageError("name an archive, or set archive.target: a folder or s3://bucket/prefix")
    return Archive(open_target(named, settings.archive))
