"""A bundle of evidence (`reserve.bundle/1`): one file that holds all an entity's figures were made from, and what was published.

docs/evidence.md is its format. Members are written in the order in which they come; nothing is held in memory but what is
counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from monitor.audit.beginning import MEMBER, StartingState
from monitor.audit.container import Writer
from monitor.audit.signatures.keys import Keyring
from monitor.audit.stubs import Stubber
from monitor.core.configuration.reconfiguration import ConfigurationParts
from monitor.core.journal.records import JournalRecord, encode_statement
from monitor.core.journal.vocabulary import ALERTS, ASSESSMENTS, EXPOSURES
from monitor.core.values.canonical import canonical_bytes, digest_of
from monitor.core.values.times import exact_time
from monitor.errors import MonitorError, UsageError

SCHEMA = "reserve.bundle/1"
MANIFEST = "manifest.json"
README = "README.md"
JOURNAL = "journal.ndjson.gz"
OUTPUTS: Mapping[str, str] = {
    ASSESSMENTS: "assessments.ndjson.gz",
    EXPOSURES: "exposures.ndjson.gz",
    ALERTS: "alerts.ndjson.gz",
}
SEALS = "checkpoints.ndjson.gz"
_REPEATS = 100_000

Put = Callable[[bytes], None]


class CannotExport(MonitorError):
    """What is there does not make a bundle."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose evidence, of which journal partition. `broker_time`: the journal keeps the broker's time stamps."""

    entity: str
    partition: int
    partitions: int
    broker_time: bool


class BundleWriter:
    """Writes one bundle: perhaps `begin`, `journal`, then `outputs` of each topic, then `checkpoints`; leaving it ends it.

    `UsageError` where the file is there already, `CannotExport` for a journal with a hole or a forked chain. A file that was
    begun and not ended is removed.
    """

    def __init__(self, path: Path, origin: Origin, keys: Keyring, release: str) -> None:
        self._path, self._origin, self._keys, self._release = path, origin, keys, release
        self._stack = ExitStack()
        self._parts = ConfigurationParts()
        self._stubber = Stubber(origin.partition)
        self._configurations: dict[str, bytes] = {}
        self._packs: dict[str, bytes] = {}
        self._beginning: StartingState | None = None
        self._next = 0
        self._stubs = 0
        self._outputs: dict[str, int] = {}
        self._sequences = 0
        self._checkpoints = 0
        self._public_keys: dict[str, None] = {}

    def __enter__(self) -> Self:
        try:
            self._writer = self._stack.enter_context(Writer(self._path))
        except OSError as error:
            raise UsageError(f"{self._path} cannot be written anew ({error.strerror})") from None
        try:
            self._writer.add(README, readme(self._origin).encode())
        except OSError:
            self._leave_nothing()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._leave_nothing()
            return
        try:
            self._finish()
            self._stack.close()
        except BaseException:
            self._leave_nothing()
            raise

    def _leave_nothing(self) -> None:
        """Half a bundle is none, and the same export again must find its place free."""
        with suppress(OSError):
            self._stack.close()
        self._path.unlink(missing_ok=True)

    def begin(self, state: StartingState) -> None:
        """The bundle begins with this state, and its journal behind it. `CannotExport` for a state of other entities too."""
        others = [name for name in state.entities if name != self._origin.entity]
        if others or not state.entities:
            held = f"also holds {', '.join(others)}" if others else f"holds nothing of {self._origin.entity}"
            raise CannotExport(
                f"journal partition {self._origin.partition} {held}: a state cannot be shown without theirs; "
                "leave --from out, then their records are stubs"
            )
        self._beginning, self._next = state, state.position + 1
        self._parts = state.parts
        if state.configuration is not None and self._parts.revision is not None:
            self._carry(self._parts.revision, state.configuration)
        with self._writer.lines(MEMBER) as put:
            for line in state.lines():
                put(line)

    @contextmanager
    def journal(self) -> Iterator[Callable[[JournalRecord, bytes | None], None]]:
        """Yields what takes the next record of the partition, from offset 0 on, with its bytes where it was read somewhere."""
        with self._writer.lines(JOURNAL) as put:
            yield lambda record, data: self._record(put, record, data)

    @contextmanager
    def outputs(self, topic: str) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Yields what takes the entity's next record of an output topic; equal repeats are left out."""
        line = _OutputLine()
        with self._writer.lines(OUTPUTS[topic]) as put:
            yield lambda value: line.take(put, value)
        self._outputs[topic] = line.count
        self._sequences = max(self._sequences, line.newest)

    def checkpoints(self, records: Iterable[Mapping[str, Any]]) -> None:
        """The entity's signed checkpoints in order; equal repeats are left out."""
        written: set[bytes] = set()
        with self._writer.lines(SEALS) as put:
            for record in records:
                line = canonical_bytes(dict(record))
                if line not in written:
                    written.add(line)
                    put(line)
                    rotation = record.get("rotation") or {}
                    self._public_keys |= dict.fromkeys(text for name, text in rotation.items() if name.endswith("public_key"))
        self._checkpoints = len(written)

    def _finish(self) -> None:
        for name, content in sorted(self._configurations.items()) + sorted(self._packs.items()):
            self._writer.add(name, content)
        members = [
            {"name": name, "bytes": size, "digest": self._writer.digests[name]} for name, size in self._writer.sizes.items()
        ]
        origin = self._origin
        manifest: dict[str, Any] = {
            "schema": SCHEMA,
            "entity": origin.entity,
            "partition": origin.partition,
            "partitions": origin.partitions,
            "broker_time": origin.broker_time,
            "release": self._release,
            **({} if self._beginning is None else {"from": self._beginning.printed()}),
            "records": self._next - (0 if self._beginning is None else self._beginning.position + 1),
            "stubs": self._stubs,
            "outputs": self._outputs,
            "last_sequence": self._sequences,
            "checkpoints": self._checkpoints,
            "members": members,
            "public_keys": list(self._public_keys | dict.fromkeys(key.public.text for key in self._keys.keys)),
        }
        manifest["digest"] = digest_of(manifest)
        key = self._keys.signing
        manifest["key_id"] = None if key is None else key.public.id
        manifest["signature"] = None if key is None else key.sign(canonical_bytes(manifest))
        self._writer.add(MANIFEST, canonical_bytes(manifest))

    # --- what the contexts below hand over
    def _record(self, put: Put, record: JournalRecord, data: bytes | None) -> None:
        if record.offset != self._next:
            raise CannotExport(
                f"journal partition {self._origin.partition} has no record {self._next}, the next one is {record.offset}: "
                "export from an archive that holds it"
            )
        self._next += 1
        statement = record.statement
        line: dict[str, Any] = {"offset": record.offset, "time": exact_time(record.journal_time)}
        if statement.entity in (None, self._origin.entity):
            text = encode_statement(statement)
            if data is not None and data != text:
                raise CannotExport(f"journal record {record.offset} is not in canonical form: something else wrote it")
            put(canonical_bytes(line)[:-1] + b',"record":' + text + b"}")
        else:
            self._stubs += 1
            line |= {"digest": "sha256:" + record.digest.hex(), "stub": self._stubber.stub(statement)}
            put(canonical_bytes(line))
        if statement.kind == "configuration":
            self._configured(statement.body)

    def _configured(self, body: Mapping[str, Any]) -> None:
        complete = self._parts.add(body)
        if complete is None:
            return
        self._parts.adopt(complete)
        self._carry(complete.revision, complete.text)

    def _carry(self, revision: int, text: str) -> None:
        """A configuration that is in force, and its packs."""
        self._configurations[f"configurations/{revision}.json"] = text.encode()
        self._packs |= packs_of(text)


class _OutputLine:
    """What was written of one output topic."""

    def __init__(self) -> None:
        self.newest = 0
        self.count = 0
        self._recent: dict[int, str] = {}

    def take(self, put: Put, value: Mapping[str, Any]) -> None:
        sequence, digest = value["chain"]["sequence"], value["digest"]
        if sequence <= self.newest:
            if self._recent.get(sequence, digest) != digest:
                raise CannotExport(f"the chain of {value['entity']} forks at {sequence}: two records were published under it")
            return
        self.newest = sequence
        self.count += 1
        self._recent[sequence] = digest
        if len(self._recent) > _REPEATS:
            del self._recent[next(iter(self._recent))]
        put(canonical_bytes(dict(value)))


def packs_of(configuration: str) -> dict[str, bytes]:
    """Name of the member and canonical bytes of each pack in a configuration's text."""
    packs = json.loads(configuration)["packs"]
    return {f"packs/{name}-{digest_of(pack)[7:23]}.json": canonical_bytes(pack) for name, pack in packs.items()}


def readme(origin: Origin) -> str:
    """What the auditor reads first."""
    return _README.format(origin=origin)


_README = """# Evidence of the reserve of {origin.entity}

This file holds everything that the published figures of {origin.entity} were made from, the figures themselves, and the seals on
them. Nobody who made it has to be trusted or asked: the figures are computed again from the records and compared byte for byte.

## How to check it

    pip install reserve-monitor
    reserve-monitor audit verify THIS_FILE --key PUBLIC_KEY

It needs no network. `--key` is the public key that the firm gave you by another way than this file; without it, the checkpoints
are only shown to be signed by the key that this file names itself. If you kept a checkpoint from an earlier visit, give it with
`--checkpoint FILE`: then it is also proven that nothing before it was changed since.
`match` means that every figure was found again, exactly. Else the first difference is printed, with both values and its cause.

## What is in it

- `journal.ndjson.gz`: every record of journal partition {origin.partition}, one JSON object a line. Records of other entities are
  stubs: place, times, SHA-256, and what completeness needs; no amount of theirs is in here.
- `assessments`, `exposures`, `alerts` (`.ndjson.gz`): what was published of {origin.entity}, each with its place in the chain.
- `checkpoints.ndjson.gz`: signed roots of the Merkle tree (RFC 6962) over that chain.
- `configurations/`, `packs/`: what was configured, and the methods with their parameters and legal sources, from the journal.
- `manifest.json`: counts, the SHA-256 of every file here, the public keys; signed where the exporter had a key.

The format is described in docs/evidence.md of the program, so that you can write your own verifier; its examples/verify_bundle.py
is a small one in plain Python, which checks chain, tree and signatures.
"""
