"""What intake tells whoever watches it: metrics implement this, tests may, nothing here knows how."""

from __future__ import annotations

from typing import Protocol


class IntakeObserver(Protocol):
    """Called from intake's event loop; an implementation returns at once and does not raise."""

    def counted(self, topic: str, outcome: str, count: int) -> None:
        """`count` records of a source topic (its default name) became `outcome`."""

    def dead_letter(self, topic: str, reason: str) -> None:
        """A record was refused; its outcome is told to `counted` like every other."""

    def keys_unsafe(self, topic: str, count: int) -> None:
        """`count` records of a topic of several partitions have a key that may part the records of one trade id."""

    def lag(self, topic: str, partition: int, records: int | None) -> None:
        """Records of a source partition not read yet; None when it is no longer read here."""
