"""Where a worker begins when a source partition is assigned to it, and when it must not (JOURNAL 3, Commit metadata).

The metadata of a commit names the log (a random id and its first offset) and the rules under which the offset was
committed. So a topic made anew is told from the one before, a log whose head was cut from one that began there, and an
owner with older rules from a lawful one. Beside the start of a segment it also says how far in it all that is stated at once
was acknowledged: whoever begins there counts it anew and does not state it again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self

from monitor.core.journal.records import Rules


class PartitionRefused(Exception):
    """This worker must not read the partition; the message says why and what to do. `fatal`: nor any other."""

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


RulesChange = tuple[int, int]
"""Number of rules, and the offset from which the log was read under them."""
_CHANGES_KEPT = 20


@dataclass(frozen=True, slots=True)
class Metadata:
    """What stands beside a committed offset."""

    epoch: int
    log: str
    first_offset: int
    rules: Rules
    changes: tuple[RulesChange, ...] = ()
    """Under which rules what part of the log was read, as far as known: the newest changes, ascending."""
    stated: int = 0
    """What is stated at once of the records below this offset, and their dead letters, is acknowledged."""

    def text(self) -> str:
        """As it is committed."""
        return json.dumps(
            {
                "epoch": self.epoch,
                "log": {"id": self.log, "first": self.first_offset},
                "rules": {"number": self.rules.number, "digest": self.rules.digest},
                **({"changes": self.changes} if self.changes else {}),
                **({"stated": self.stated} if self.stated else {}),
            },
            separators=(",", ":"),
        )

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The metadata in a commit, or None where something else stands there."""
        try:
            raw: Any = json.loads(text)
            rules = Rules(int(raw["rules"]["number"]), str(raw["rules"]["digest"]))
            changes = tuple((int(number), int(offset)) for number, offset in raw.get("changes", ()))
            log, stated = raw["log"], int(raw.get("stated", 0))
            return cls(int(raw["epoch"]), str(log["id"]), int(log["first"]), rules, changes, stated)
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Committed:
    """A group's commit for a partition."""

    offset: int
    metadata: str


@dataclass(frozen=True, slots=True)
class Log:
    """What the broker says of a partition now: its first offset and the one after its last."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Beginning:
    """Begin at `start`. `commit`: put it on record first. `lost_from`: the commit that retention has passed, else None."""

    start: int
    metadata: Metadata
    log_start: int
    commit: bool
    lost_from: int | None = None

    @property
    def keeps_metadata(self) -> bool:
        """Whether what stands beside a commit is read again."""
        return self.metadata.log != UNTOLD

    @property
    def cut(self) -> bool:
        """Whether the log's head is gone: what lay below its start may have been part of the look-back."""
        return self.log_start > self.metadata.first_offset


def decide(committed: Committed | None, log: Log, epoch: int, rules: Rules, new_id: str) -> Beginning:
    """Where to begin on a broker that keeps commit metadata; `PartitionRefused` where that is not this worker's to say."""
    if committed is None:
        return Beginning(log.start, _of_new_log(epoch, new_id, log.start, rules), log.start, commit=True)
    known = Metadata.parse(committed.metadata)
    if known is None:
        raise PartitionRefused(
            f"the commit {committed.offset} was not made by intake: end the group's other users, delete its offset for this "
            "partition, and raise the source's epoch"
        )
    _check_rules(known.rules, rules)
    if known.epoch > epoch:
        raise PartitionRefused(
            f"the commit is of epoch {known.epoch}, this configuration says epoch {epoch}: start with the newer configuration",
            fatal=True,
        )
    read = max(committed.offset, known.stated)
    if read > log.end:
        if known.epoch == epoch:
            raise PartitionRefused(
                f"the log ends at {log.end}, below {read}, up to which it was read: the topic was made anew or cut off. "
                "Drain the journal, then raise the source's epoch"
            )
        return Beginning(log.start, _of_new_log(epoch, new_id, log.start, rules), log.start, commit=True)
    begun = () if rules == known.rules else ((rules.number, committed.offset),)
    stated = known.stated if (epoch, rules) == (known.epoch, known.rules) else 0  # others say something else of a record
    mine = Metadata(epoch, known.log, known.first_offset, rules, (*known.changes, *begun)[-_CHANGES_KEPT:], stated)
    if log.start > committed.offset:
        return Beginning(log.start, mine, log.start, commit=True, lost_from=committed.offset)
    return Beginning(committed.offset, mine, log.start, commit=mine != known)


def _of_new_log(epoch: int, new_id: str, start: int, rules: Rules) -> Metadata:
    return Metadata(epoch, new_id, start, rules, ((rules.number, start),))


def decide_without_metadata(committed: int | None, log: Log, epoch: int, rules: Rules) -> Beginning:
    """Where to begin on a broker that drops commit metadata: logs and rules cannot be told apart there."""
    metadata = Metadata(epoch, UNTOLD, 0, rules)
    if committed is None:
        return Beginning(log.start, metadata, log.start, commit=True)
    if log.start > committed:
        return Beginning(log.start, metadata, log.start, commit=True, lost_from=committed)
    return Beginning(committed, metadata, log.start, commit=False)


UNTOLD = "untold"
"""Id of every log on a broker that drops commit metadata."""


def _check_rules(known: Rules, mine: Rules) -> None:
    if known.number > mine.number:
        raise PartitionRefused(
            f"revision {mine.number} of the configuration is lower than {known.number}, under which the commit was made: "
            "start with the newer configuration",
            fatal=True,
        )
    if known.number == mine.number and known.digest != mine.digest:
        raise PartitionRefused(
            f"the commit was made under another configuration of the same revision {mine.number}: raise `revision`", fatal=True
        )
