"""The published entries of a bundle, met one by one by what the engine computes (JOURNAL 7)."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.audit.bundle import OUTPUTS
from monitor.audit.container import Advance, Reader
from monitor.audit.faults import Fault, Kind, first_difference
from monitor.core.journal.chain import ENGINE_VERSION, Chain
from monitor.core.values.canonical import canonical_bytes, digest_of
from monitor.core.values.wording import count_of


@dataclass(slots=True)
class Compared:
    """Entries equal byte for byte, absent ones that the chain pins, and those of which only the result was compared."""

    equal: int = 0
    absent: int = 0
    results_only: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Entry:
    sequence: int
    member: str
    line: int
    data: bytes
    value: Mapping[str, Any]

    @property
    def place(self) -> str:
        return f"{self.member} line {self.line}, entry {self.sequence}"


class Entries:
    """The entries of all output topics by their sequence. `computed` takes what the engine gives, in order; `end` ends it."""

    def __init__(self, reader: Reader, entity: str, tally: Compared, advance: Advance) -> None:
        self._entity, self._tally = entity, tally
        self.counts = dict.fromkeys(OUTPUTS, 0)
        self.last_sequence = 0
        self.last_published = 0
        streams = [self._entries(reader, topic, advance) for topic in OUTPUTS]
        self._merged = heapq.merge(*streams, key=lambda entry: entry.sequence)
        self._next = next(self._merged, None)
        self._absent: Mapping[str, Any] | None = None
        self._matched_at = -1
        self._before: tuple[int, str | None] = (0, None)

    def begin(self, head: Chain) -> None:
        """The chain stands here before the first entry."""
        self.last_sequence, self._before = head.sequence, (head.sequence, head.digest)

    def computed(self, value: Mapping[str, Any]) -> str:
        """The next entry of the chain as the engine computes it; gives the digest under which it stands in the chain."""
        sequence = value["chain"]["sequence"]
        self.last_sequence = sequence
        entry = self._next
        if entry is not None and entry.sequence < sequence:
            raise Fault(Kind.ENTRY_TOO_MANY, entry.place, "the records give no such entry, or it is there twice")
        if entry is None or entry.sequence > sequence:
            self._left_out(value)
            return str(value["digest"])
        if self._tally.results_only or entry.value.get("engine_version") != ENGINE_VERSION:
            self._compare_results(value, entry)
        elif canonical_bytes(dict(value)) != entry.data:
            raise self._fault(value, entry)
        else:
            self._tally.equal += 1
        self._absent = None
        self._matched_at = value["journal"]["offset"]
        self._before = sequence, str(entry.value["digest"])
        self._next = next(self._merged, None)
        return self._before[1]

    def end(self) -> None:
        """The journal has ended: nothing may be left over, and nothing be owed."""
        if self._next is not None:
            raise Fault(Kind.ENTRY_TOO_MANY, self._next.place, "the records in the journal do not give this entry")
        if self._absent is not None:
            raise self._missing(self._absent, "the chain's end was cut off, or the export ran ahead of the assessor")
        if self._tally.absent:
            self._tally.notes.append(
                f"not in the file: {count_of(self._tally.absent, 'change')} of alerts; the topic keeps only the newest of each; "
                "computed again, they are what the next entries name as their predecessors"
            )
        if self._tally.results_only:
            self._tally.notes.append(
                f"made by another engine version than {ENGINE_VERSION}, or following such: "
                f"{count_of(self._tally.results_only, 'entry', 'entries')}; "
                "of these results and links were compared, not the bytes"
            )

    def _left_out(self, value: Mapping[str, Any]) -> None:
        """An entry is not in the file: only an alert may be, since its topic is compacted; the next entry names its digest."""
        if not value["schema"].startswith("reserve.alert/"):
            raise self._missing(value, "an entry was left out")
        self._tally.absent += 1
        self._absent = value

    def _missing(self, value: Mapping[str, Any], cause: str) -> Fault:
        place = f"entry {value['chain']['sequence']}"
        return Fault(Kind.ENTRY_MISSING, place, cause, f"{value['schema']} {value['digest']}", "nothing")

    def _compare_results(self, value: Mapping[str, Any], entry: _Entry) -> None:
        """Only result and link, where another engine made this entry or one before it: its own digest is of its bytes.

        Its predecessor's digest must be that of the entry before it, unless that one is left out.
        """
        if _own_digest(entry.value) != entry.value.get("digest"):
            raise self._fault(value, entry)
        made_by = entry.value.get("engine_version")
        for name in ("schema", "result_digest"):
            wanted, found = str(value.get(name)), str(entry.value.get(name))
            if found != wanted:
                raise Fault(
                    Kind.ENTRY_DIFFERS, entry.place, f"under engine version {made_by} the result is another", wanted, found
                )
        sequence, before = self._before
        found_before = entry.value["chain"].get("previous_digest")
        if sequence == entry.sequence - 1 and found_before != before:
            cause = f"under engine version {made_by} it follows another entry than the one before it"
            raise Fault(Kind.ENTRY_DIFFERS, entry.place, cause, str(before), str(found_before))
        self._tally.results_only += 1

    def _fault(self, value: Mapping[str, Any], entry: _Entry) -> Fault:
        found = dict(entry.value)
        path, expected, other = first_difference(value, found)
        if _own_digest(found) != found.get("digest"):
            cause = "it was altered after it was published: its digest is not its own"
            return Fault(Kind.ENTRY_ALTERED, f"{entry.place}, {path}", cause, expected, other)
        return Fault(Kind.ENTRY_DIFFERS, f"{entry.place}, {path}", self._why(value, found), expected, other)

    def _why(self, value: Mapping[str, Any], found: Mapping[str, Any]) -> str:
        first, last = self._matched_at + 1, value["journal"]["offset"]
        if found.get("journal") != value["journal"]:
            return "it was made at another place of the journal: records or entries were moved"
        if found.get("config_digest") != value["config_digest"]:
            return "it was made under another configuration"
        if found.get("inputs_digest") != value["inputs_digest"]:
            return f"it was made from other records: a record between journal offsets {first} and {last} was changed or replaced"
        if found.get("method_digest") != value.get("method_digest"):
            return "it was made by another method"
        if found.get("chain") != value["chain"]:
            return "the chain before it was another"
        return "the records give another figure"

    def _entries(self, reader: Reader, topic: str, advance: Advance) -> Iterator[_Entry]:
        member, before = OUTPUTS[topic], 0
        for number, data in enumerate(reader.lines(member, advance), 1):
            try:
                value = json.loads(data)
                sequence, entity = value["chain"]["sequence"], value["entity"]
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise Fault(Kind.LINE, f"{member} line {number}", f"the line cannot be read: {error!r}") from error
            place = f"{member} line {number}"
            if type(sequence) is not int or sequence <= before:
                raise Fault(Kind.ENTRY_TOO_MANY, place, "an entry is there twice or was moved", f"above {before}", str(sequence))
            if entity != self._entity:
                raise Fault(Kind.ENTRY_DIFFERS, place, "the entry is of another entity", self._entity, str(entity))
            before = sequence
            self.counts[topic] += 1
            self.last_published = max(self.last_published, sequence)
            yield _Entry(sequence, member, number, data, value)


def _own_digest(entry: Mapping[str, Any]) -> str:
    return digest_of({name: item for name, item in entry.items() if name != "digest"})
