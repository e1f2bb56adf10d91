"""What the archiver tells whoever watches it: metrics implement this, nothing here knows how."""

from __future__ import annotations

from typing import Literal, Protocol

StampOutcome = Literal["written", "failed"]


class ArchiveObserver(Protocol):
    """Called from the archiver's event loop; an implementation returns at once and does not raise."""

    def archived(self, topic: str, records: int) -> None:
        """An object with so many records of a topic (its default name) is in the archive."""

    def archive_failed(self, topic: str) -> None:
        """A partition of a topic could not be archived for now."""

    def stamped(self, outcome: StampOutcome) -> None:
        """A checkpoint's time stamp was written, or could not be had for now."""

    def archive_oldest(self, topic: str, at_ns: int | None) -> None:
        """Log time of the oldest record of a topic that is read and not archived yet; None: there is none."""
