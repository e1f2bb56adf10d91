"""What a channel is: it tells one change of one alert, and says whether that was accepted, may be tried again or is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.notify.alert import Alert

OUTCOMES = ("delivered", "failed", "refused", "peer_failed")
"""How an attempt ended: accepted; to be made again; never accepted; accepted, but not by every address of the channel."""


class Undelivered(Exception):
    """An attempt failed and may be made again; `retry_after_s` when the receiver named a time."""

    def __init__(self, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Refused(Exception):
    """The receiver will never accept this content: another attempt cannot help."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a channel was last told of an alert.

    `handle` is the channel's own name for it (at Slack the parent message); `refused` tells that the receiver did not want it;
    `group` is the group it was told in. Not `sure`: it was about to be told, and nothing says whether it was.
    """

    revision: int
    starts_at: str
    severity: str
    firing: bool
    rehearsal: bool = False
    refused: bool = False
    handle: str | None = None
    group: str | None = None
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Notice:
    """One change to tell. `told` is what came before it; `maybe_told`: an earlier attempt may have been accepted unseen."""

    alert: Alert
    told: Told | None = None
    maybe_told: bool = False

    @property
    def firing(self) -> bool:
        """Whether people are to be told that it fires: a shadow method's alert never does, so what was told of it ends."""
        return self.alert.firing and not self.alert.shadow


@dataclass(frozen=True, slots=True)
class Group:
    """Changes of several alerts of one entity that are told as one.

    `changed` are the members with news, `standing` those that fire after it, the worst first. `handle` is the channel's name
    for the group, None for one that it was not told of; `maybe_told` as for a notice.
    """

    key: str
    changed: tuple[Notice, ...]
    standing: tuple[Alert, ...]
    begun: bool = False
    handle: str | None = None
    maybe_told: bool = False

    @property
    def worst(self) -> Alert:
        """The gravest that fires; of a group that is over the first that ended."""
        return self.standing[0] if self.standing else self.changed[0].alert


@dataclass(frozen=True, slots=True)
class Receipt:
    """An accepted change: the channel's handle, and how many of its addresses did not accept it and will be caught up."""

    handle: str | None = None
    absent_peers: int = 0


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life that ends by itself when it is not repeated until `valid_until` (ns): what a dead-man's switch waits for."""

    alertname: str
    entity: str | None
    starts_at: str
    valid_until: int
    summary: str
    description: str


class Grouping(Protocol):
    """A channel that can tell many alerts as one."""

    async def deliver_group(self, group: Group) -> Receipt:
        """Tell the changes of a group as one. Raises as `Channel.deliver`."""


class Channel(Protocol):
    """One way to tell people. Methods are called one at a time, but for `close`."""

    @property
    def name(self) -> str:
        """Its name in the configuration, in metrics and in the record of what was told."""

    @property
    def refresh_s(self) -> float | None:
        """How often `refresh` is due; None for a channel that remembers by itself."""

    @property
    def ends_disturb(self) -> bool:
        """Whether people or the channel's own limits notice the end of something they were never told of."""

    @property
    def grouping(self) -> Grouping | None:
        """Itself where many alerts are better told as one; None where each is told by itself."""

    async def deliver(self, notice: Notice) -> Receipt:
        """Tell one change. Raises Undelivered or Refused; nothing else."""

    async def refresh(self, standing: Sequence[Notice], beats: Sequence[Beat]) -> int:
        """Tell again what was accepted before (firing, or ended lately) and the signs of life in `beats`; gives the absent peers.

        Raises Undelivered when no address accepted.
        """

    async def close(self) -> None:
        """End connections. Never tells an end: a daemon that stops resolves nothing."""
