"""Verification of a bundle: every figure is computed again from the records and held against what was published, byte for byte.

No Kafka, no network, no trust in whoever made the file. What is found wrong first ends it, as a `Fault`; memory does not
grow with the length of the journal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from monitor.audit.beginning import MEMBER, StartingState, beginning_of
from monitor.audit.bundle import JOURNAL, MANIFEST, SCHEMA, SEALS, Origin, packs_of
from monitor.audit.container import Advance, Reader
from monitor.audit.faults import Fault, Kind
from monitor.audit.published import Compared, Entries
from monitor.audit.sealed import Checkpoints
from monitor.audit.signatures.approvals import misjudged
from monitor.audit.signatures.keys import PublicKey
from monitor.audit.stubs import expanded
from monitor.core.configuration.controls import Controls
from monitor.core.configuration.reconfiguration import ConfigurationParts
from monitor.core.engine import Engine
from monitor.core.journal.outputs import Output
from monitor.core.journal.records import BadRecord, JournalRecord, Statement, decode_record
from monitor.core.journal.snapshot import NewerState, OlderState, TornSnapshot
from monitor.core.journal.stepping import steps_over
from monitor.core.journal.vocabulary import JOURNAL as JOURNAL_TOPIC
from monitor.core.values.canonical import canonical_bytes, digest_of
from monitor.core.values.times import BadTime, parse_time

_CHANGES_KEPT = 10_000
_DIGEST = len("sha256:")
_STUB, _STUB_STEPS = b'"stub":', b'"steps_over":'
_DISMISSAL, _OF_JOURNAL = b'"dismissal"', f'"{JOURNAL_TOPIC}"'.encode()


class _JournalLine(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    offset: int
    time: str
    record: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    digest: str | msgspec.UnsetType = msgspec.UNSET
    stub: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_LINES = msgspec.json.Decoder(_JournalLine)


@dataclass(frozen=True, slots=True)
class Trust:
    """What the verifier knows by another way than the file: the firm's public keys, and checkpoints kept from earlier."""

    keys: tuple[PublicKey, ...] = ()
    checkpoints: tuple[Mapping[str, Any], ...] = ()


@dataclass(slots=True)
class Verified:
    """What was found right."""

    entity: str
    records: int = 0
    stubs: int = 0
    tally: Compared = field(default_factory=Compared)
    checkpoints: int = 0
    signed: int = 0
    kept: int = 0
    last_sequence: int = 0
    sealed_up_to: int = 0
    key_ids: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def printed(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {
            "result": "match",
            "entity": self.entity,
            "records": self.records,
            "stubs": self.stubs,
            "entries": self.tally.equal,
            "entries_absent": self.tally.absent,
            "results_only": self.tally.results_only,
            "checkpoints": self.checkpoints,
            "checkpoints_signed": self.signed,
            "kept_checkpoints": self.kept,
            "last_sequence": self.last_sequence,
            "sealed_up_to": self.sealed_up_to,
            "key_ids": list(self.key_ids),
            "notes": self.notes,
        }


def verify(reader: Reader, trust: Trust, advance: Advance = lambda _: None) -> Verified:
    """The whole bundle. `advance` is told of bytes read, twice the file's size in all. Raises `Fault`."""
    manifest = _manifest(reader, advance)
    origin = Origin(*(manifest[name] for name in ("entity", "partition", "partitions", "broker_time")))
    passed: dict[int, str] = {}
    while True:
        try:
            return _Verification(reader, manifest, origin, trust, advance, passed=passed).run()
        except Fault as fault:
            more = _to_pass(reader, origin.partition, fault)
            if not more.keys() - passed.keys():
                raise
            passed |= more


def _manifest(reader: Reader, advance: Advance) -> dict[str, Any]:
    data = reader.content(MANIFEST)
    try:
        manifest: dict[str, Any] = json.loads(data)
        canonical = canonical_bytes(manifest)
        unsigned = {name: value for name, value in manifest.items() if name != "signature"}
        body = {name: value for name, value in unsigned.items() if name not in {"key_id", "digest"}}
        schema, digest, members = manifest["schema"], manifest["digest"], manifest["members"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Fault(Kind.MANIFEST, MANIFEST, f"the manifest cannot be read: {error!r}") from error
    if schema != SCHEMA:
        raise Fault(Kind.MANIFEST, MANIFEST, "another release of this program reads that", SCHEMA, str(schema))
    right = digest_of(body)
    if canonical != data or digest != right:
        raise Fault(Kind.MANIFEST, MANIFEST, "the manifest is not as it was written: its digest is another", str(digest), right)
    _check_seal(manifest, unsigned)
    listed = [member["name"] for member in members]
    if [*listed, MANIFEST] != list(reader.members):
        there = ", ".join(reader.members)
        raise Fault(Kind.MANIFEST, MANIFEST, "the file holds other members than the manifest lists", ", ".join(listed), there)
    for member in members:
        found = reader.digest(member["name"], advance)
        if found != member["digest"] or reader.members[member["name"]].size != member["bytes"]:
            raise Fault(Kind.MEMBER, member["name"], "the member is not as it was exported", member["digest"], found)
    return manifest


def _check_seal(manifest: Mapping[str, Any], unsigned: Mapping[str, Any]) -> None:
    """The exporter's signature over the manifest, by the last of the keys it lists."""
    if manifest["signature"] is None and manifest["key_id"] is None and not manifest["public_keys"]:
        return
    try:
        key = PublicKey.of(manifest["public_keys"][-1])
        right = key.id == manifest["key_id"] and key.verifies(canonical_bytes(dict(unsigned)), manifest["signature"])
    except (ValueError, TypeError, IndexError, AttributeError) as error:
        raise Fault(Kind.SEAL, MANIFEST, f"the manifest's key cannot be read: {error}") from error
    if not right:
        raise Fault(Kind.SEAL, MANIFEST, "the manifest is not signed by the key it names", str(manifest["key_id"]))


def _beginning(reader: Reader, manifest: Mapping[str, Any]) -> StartingState | None:
    """The state that the bundle begins with; None where it begins with the journal."""
    told = manifest.get("from")
    if told is None:
        return None
    try:
        state = beginning_of(told, reader.lines(MEMBER))
        same, _ = state.printed() == told, state.values
    except (NewerState, OlderState, TornSnapshot) as error:
        raise Fault(Kind.SNAPSHOT, MEMBER, str(error)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise Fault(Kind.SNAPSHOT, MEMBER, f"the state cannot be read: {error!r}") from error
    if not same:
        raise Fault(Kind.SNAPSHOT, MEMBER, "the state is not the one the manifest names", str(told["digest"]), state.digest)
    return state


class _Stuck(Fault):
    """The engine cannot take the journal record at `offset`; `controls` are in force there."""

    def __init__(self, offset: int, controls: Controls, error: Exception) -> None:
        super().__init__(Kind.RECORD, f"journal offset {offset}", f"the engine cannot take the record: {error!r}")
        self.offset, self.controls = offset, controls


def _to_pass(reader: Reader, partition: int, fault: Fault) -> dict[int, str]:
    """Records that operations in the journal step over, with what a note says of each, where that may explain the fault.

    A record that the engine takes is not stepped over, whatever an operation says; of another entity's, of which the file has
    a stub, only the published outputs tell.
    """
    try:
        acts = list(_stepping(reader, partition))
        wanted = {fault.offset} if isinstance(fault, _Stuck) else _stubs(reader, {offset for offset, _ in acts})
    except (Fault, msgspec.MsgspecError, BadRecord, ValueError):
        return {}  # the journal itself is at fault, and that is told already
    controls = fault.controls if isinstance(fault, _Stuck) else Controls()
    return {
        offset: f"journal offset {offset} is left out: the engine cannot take it, and offset {record.offset} steps over it"
        for offset, record in acts
        if offset in wanted and controls.dismissal_refusal(record.statement.body, record.statement.at) is None
    }


def _stepping(reader: Reader, partition: int) -> Iterator[tuple[int, JournalRecord]]:
    """The offset stepped over, and each operation that steps over an earlier record of the journal."""
    for data in reader.lines(JOURNAL):
        if _STUB_STEPS not in data and not (_DISMISSAL in data and _OF_JOURNAL in data):
            continue
        line = _LINES.decode(data)
        if isinstance(line.record, msgspec.Raw):
            record = decode_record(bytes(line.record), line.offset, 0)
        elif isinstance(line.stub, msgspec.Raw):
            record = expanded(json.loads(bytes(line.stub)), partition, line.offset, 0, b"")
        else:
            continue
        offset = steps_over(record.statement, partition)
        if offset is not None and offset < line.offset:
            yield offset, record


def _stubs(reader: Reader, offsets: set[int]) -> set[int]:
    """Those of the offsets at which the file has a stub."""
    if not offsets:
        return set()
    lines = (_LINES.decode(data) for data in reader.lines(JOURNAL) if _STUB in data)
    return {line.offset for line in lines if line.offset in offsets and isinstance(line.stub, msgspec.Raw)}


class _Verification:
    def __init__(
        self,
        reader: Reader,
        manifest: Mapping[str, Any],
        origin: Origin,
        trust: Trust,
        advance: Advance,
        *,
        passed: Mapping[int, str],
    ) -> None:
        self._passed = passed
        self._reader, self._manifest, self._origin, self._trust, self._advance = reader, manifest, origin, trust, advance
        self._found = Verified(origin.entity)
        self._parts = ConfigurationParts()
        self._unseen = {name for name in reader.members if name.startswith(("configurations/", "packs/"))}
        self._beginning = _beginning(reader, manifest)
        self._named = self._beginning is None
        self._engine = self._begun()

    def run(self) -> Verified:
        """Everything, in the order of the journal."""
        reader, found = self._reader, self._found
        keys = self._listed_keys()
        checkpoints = Checkpoints(reader.lines(SEALS), self._origin.entity, keys, self._trust.keys, self._trust.checkpoints)
        entries = Entries(reader, self._origin.entity, found.tally, self._advance)
        if self._beginning is not None:
            chain = self._beginning.chain(self._origin.entity)
            entries.begin(chain)
            checkpoints.begin(chain, self._beginning.seal(self._origin.entity).newest)
        for record in self._records():
            for output in self._applied(record):
                if output.value is not None and output.entity == self._origin.entity:
                    digest = entries.computed(output.value)
                    checkpoints.entry(digest, other_engine=digest != output.value["digest"])
            for checkpoint in self._engine.checkpoints():
                checkpoints.cut(checkpoint)
        entries.end()
        checkpoints.end()
        self._complete(entries, checkpoints)
        found.checkpoints, found.signed, found.kept = checkpoints.count, checkpoints.signed, len(self._trust.checkpoints)
        found.last_sequence, found.sealed_up_to = entries.last_sequence, checkpoints.sealed_up_to
        found.key_ids, found.notes = checkpoints.key_ids, [*self._passed.values(), *checkpoints.notes, *found.tally.notes]
        return found

    def _begun(self) -> Engine:
        """The engine at the bundle's beginning: with nothing, or in the state that the bundle holds."""
        partition, broker_time, only = self._origin.partition, self._origin.broker_time, self._origin.entity
        state = self._beginning
        if state is None:
            return Engine(partition, check_journal_time=broker_time, only=only)
        if state.entities != [only]:
            raise Fault(Kind.SNAPSHOT, MEMBER, "the state is of other entities", only, ", ".join(state.entities))
        self._parts = state.parts
        if state.configuration is not None and self._parts.revision is not None:
            self._check_configuration(self._parts.revision, state.configuration, f"the state at {state.position}")
        try:
            return Engine.restore(
                partition, state.position, state.version, state.buckets, check_journal_time=broker_time, only=only
            )
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise Fault(Kind.SNAPSHOT, MEMBER, f"the state cannot be taken up: {error!r}") from error

    def _applied(self, record: JournalRecord) -> list[Output]:
        if record.offset % _CHANGES_KEPT == 0:
            self._engine.forget_changes()
        if record.offset in self._passed:
            self._engine.step_over(record)
            return []
        try:
            return self._engine.apply(record)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            controls = Controls() if self._engine.config is None else self._engine.config.controls
            raise _Stuck(record.offset, controls, error) from error

    def _listed_keys(self) -> Sequence[PublicKey]:
        try:
            return [PublicKey.of(text) for text in self._manifest["public_keys"]]
        except (ValueError, TypeError, AttributeError) as error:
            raise Fault(Kind.KEY, MANIFEST, f"a public key cannot be read: {error}") from error

    def _records(self) -> Iterator[JournalRecord]:
        first = 0 if self._beginning is None else self._beginning.position + 1
        for number, data in enumerate(self._reader.lines(JOURNAL, self._advance), first):
            try:
                line = _LINES.decode(data)
                if line.offset != number:
                    raise Fault(
                        Kind.JOURNAL_ORDER,
                        f"{JOURNAL} line {number + 1}",
                        "a record was left out, doubled or moved",
                        f"offset {number}",
                        f"offset {line.offset}",
                    )
                yield self._record(line, data)
            except (msgspec.MsgspecError, BadRecord, BadTime, ValueError, RecursionError) as error:
                raise Fault(Kind.LINE, f"{JOURNAL} line {number + 1}", f"the line cannot be read: {error}") from error

    def _record(self, line: _JournalLine, data: bytes) -> JournalRecord:
        time = parse_time(line.time)
        place = f"journal offset {line.offset}"
        if isinstance(line.record, msgspec.Raw):
            record = decode_record(bytes(line.record), line.offset, time)
            self._found.records += 1
            if record.statement.entity not in (None, self._origin.entity):
                raise Fault(Kind.RECORD, place, "a whole record of another entity stands where a stub must")
            self._check_approval(record.statement.entity, record.statement.body, place)
            self._check_beginning(record.statement, place)
            if record.statement.kind == "configuration":
                self._configured(record)
            return record
        if isinstance(line.stub, msgspec.Raw) and isinstance(line.digest, str) and line.digest.startswith("sha256:"):
            self._found.stubs += 1
            record = expanded(
                json.loads(bytes(line.stub)), self._origin.partition, line.offset, time, bytes.fromhex(line.digest[_DIGEST:])
            )
            if record.statement.entity in (None, self._origin.entity):
                raise Fault(Kind.STUB, place, f"a stub stands for a record of {record.statement.entity or 'the whole partition'}")
            return record
        raise ValueError(f"{data[:60]!r} is neither a record nor a stub")

    def _check_approval(self, entity: str | None, body: Mapping[str, Any], place: str) -> None:
        if misjudged(entity, body):
            cause = "the journal says of a signature under this act what is not so: it was judged wrongly, or the act was changed"
            raise Fault(Kind.APPROVAL, f"{place}, {body['event_id']}", cause)

    def _configured(self, record: JournalRecord) -> None:
        complete = self._parts.add(record.statement.body)
        if complete is None:
            return
        self._parts.adopt(complete)
        for approval in json.loads(complete.text).get("controls", {}).get("approvals", ()):
            self._check_approval(approval["entity"], approval, f"configuration {complete.revision}")
        self._check_configuration(complete.revision, complete.text, f"journal offset {record.offset}")

    def _check_configuration(self, revision: int, text: str, place: str) -> None:
        wanted = {f"configurations/{revision}.json": text.encode(), **packs_of(text)}
        for name, content in wanted.items():
            self._unseen.discard(name)
            if self._reader.content(name) != content:
                kind = Kind.PACK if name.startswith("packs/") else Kind.CONFIGURATION
                raise Fault(kind, name, f"the file is not what {place} puts in force")

    def _check_beginning(self, statement: Statement, place: str) -> None:
        """The journal itself names the state that the bundle begins with."""
        same = None if self._beginning is None else self._beginning.named_by(statement)
        if same is False:
            raise Fault(Kind.SNAPSHOT, place, "the journal names another state there than the one that the file begins with")
        self._named = self._named or same is True

    def _complete(self, entries: Entries, checkpoints: Checkpoints) -> None:
        found, key_id = self._found, self._manifest["key_id"]
        if key_id is not None and not checkpoints.knows(key_id):
            raise Fault(Kind.KEY, MANIFEST, "the manifest is signed by a key that no known key vouches for", None, str(key_id))
        if not self._named:
            raise Fault(Kind.SNAPSHOT, MEMBER, "no record of the journal names the state that the bundle begins with")
        if self._unseen:
            raise Fault(Kind.COMPLETENESS, min(self._unseen), "the file belongs to no configuration in the journal")
        counted = {
            "records": found.records + found.stubs,
            "stubs": found.stubs,
            "outputs": entries.counts,
            "last_sequence": entries.last_published,
            "checkpoints": checkpoints.count,
        }
        for name, count in counted.items():
            if self._manifest[name] != count:
                wanted = str(self._manifest[name])
                raise Fault(Kind.COMPLETENESS, f"{MANIFEST} {name}", "lines were cut off or added", wanted, str(count))
