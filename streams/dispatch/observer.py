"""What the dispatcher tells whoever watches it: metrics implement this, nothing here knows how."""

from __future__ import annotations

from typing import Protocol


class DeliveryObserver(Protocol):
    """Called from the dispatcher's event loop; an implementation returns at once and does not raise."""

    def delivered(self, channel: str, outcome: str) -> None:
        """An attempt ended as one of `monitor.notify.channel.OUTCOMES`."""

    def outbox_oldest(self, channel: str, at_ns: int | None) -> None:
        """Time of the oldest alert change that a channel still has to be told; None: there is none."""

    def chain_forked(self, partition: int) -> None:
        """Two different records stand at one place of an entity's chain."""
