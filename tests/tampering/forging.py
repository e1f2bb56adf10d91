"""Ways to tamper with a bundle.

The forger is the worst there is, the firm itself: whatever was changed, the manifest is made to fit and signed with the firm's
key, unless the tampering is that of a stranger or of a bare byte. Each must be found and named by one of the kinds that
fit. Where it is about chain, records, tree or signatures, the plain verifier of `examples/` must refuse the file too.

Left out is what the format says nothing shows: words of the README, the SHA-256 of a stub (the bundle of its own entity
shows it), journal times and
stubs that change no figure, and records behind the last figure.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monitor.audit.bundle import JOURNAL, MANIFEST, OUTPUTS, README, SEALS
from monitor.audit.checkpoints import content_of, signed
from monitor.audit.faults import Kind
from monitor.audit.signatures.keys import Keyring
from monitor.audit.verification import Trust
from monitor.core.values.canonical import canonical_bytes, digest_of
from tests.evidence_maker import ENTITY, FIRM, OTHER, export, key, members_of, published, put_together, two_days
from tests.journal_maker import Journal

STRANGER = Keyring((key(7),))
PINNED = (key(1).public,)
STEPS = 4
PAST, MEMBER = "another past against a kept checkpoint", "a member left out or added"

BYTES = {Kind.CONTAINER, Kind.MANIFEST, Kind.MEMBER, Kind.SEAL}
CHAIN = {Kind.ENTRY_ALTERED, Kind.ENTRY_DIFFERS, Kind.ENTRY_MISSING, Kind.ENTRY_TOO_MANY, Kind.CHECKPOINT,
         Kind.CHECKPOINT_MISSING, Kind.COMPLETENESS}  # fmt: skip
RECORDS = CHAIN | {Kind.JOURNAL_ORDER, Kind.LINE, Kind.RECORD, Kind.STUB, Kind.CONFIGURATION, Kind.APPROVAL}
SEALED = {Kind.CHECKPOINT, Kind.CHECKPOINT_MISSING, Kind.SIGNATURE, Kind.KEY, Kind.COMPLETENESS, Kind.LINE}


@dataclass
class Forgery:
    """A bundle while it is tampered with: its members unpacked, who signs it, and what the verifier knows from elsewhere."""

    members: dict[str, bytes]
    signer: Keyring = FIRM
    trust: Trust = field(default_factory=lambda: Trust(PINNED))
    bare: list[Callable[[bytes], bytes]] = field(default_factory=list)
    """What is done to the file's bytes at the end."""

    def lines(self, member: str) -> list[bytes]:
        """The lines of a member."""
        return self.members[member].splitlines()

    def put(self, member: str, lines: list[bytes]) -> None:
        """Other lines in their place."""
        self.members[member] = b"".join(line + b"\n" for line in lines)

    def change(self, member: str, at: int, value: Any) -> None:
        """One line is another object."""
        lines = self.lines(member)
        lines[at] = canonical_bytes(value)
        self.put(member, lines)

    def write(self, path: Path) -> None:
        """The file."""
        put_together(path, self.members, self.signer)
        for change in self.bare:
            path.write_bytes(change(path.read_bytes()))


@dataclass(frozen=True)
class Tampering:
    """A way to tamper: `kinds` name it; `plain`: the verifier of `examples/` sees it too."""

    name: str
    do: Callable[[random.Random, Forgery, Original], None]
    kinds: frozenset[Kind]
    plain: bool


@dataclass(frozen=True)
class Original:
    """What is tampered with, and what a forger may have at hand besides."""

    members: Mapping[str, bytes]
    others_seals: tuple[Mapping[str, Any], ...]
    others_entries: Mapping[str, tuple[bytes, ...]]
    seals: tuple[Mapping[str, Any], ...]
    pasts: tuple[Mapping[str, bytes], ...]
    """Members of other pasts of the same firm, each whole in itself and signed by its key."""


def original(folder: Path) -> Original:
    """Two days of two entities, seen by one of them, and three other pasts of it."""
    journal = two_days(STEPS)
    found = published(journal)
    theirs = published(journal, OTHER)
    return Original(
        members_of(export(folder / "whole", journal, found)),
        tuple(theirs.checkpoints),
        {topic: tuple(canonical_bytes(dict(value)) for value in values) for topic, values in theirs.outputs.items()},
        tuple(found.checkpoints),
        tuple(_past(folder, number) for number in range(3)),
    )


def _past(folder: Path, number: int) -> Mapping[str, bytes]:
    """The first balances were others; all that follows fits."""
    changed, journal = Journal(), two_days(STEPS)
    balances = [one.offset for one in journal.records if one.statement.kind == "position" and one.statement.entity == ENTITY]
    for record in journal.records:
        statement = record.statement
        if record.offset == balances[number]:
            body = {**statement.body, "quantity": str(7 + number)}
            statement = type(statement)(**{name: getattr(statement, name) for name in statement.__slots__} | {"body": body})
        changed.put(statement, record.journal_time)
    return members_of(export(folder / f"past-{number}", changed, published(changed)))


# --- the file's bytes
def _bit(chance: random.Random, forgery: Forgery, _: Original) -> None:
    place = chance.random()

    def flipped(data: bytes) -> bytes:
        bit, whole = int(place * len(data) * 8), bytearray(data)
        whole[bit // 8] ^= 1 << bit % 8
        return bytes(whole)

    forgery.bare.append(flipped)


def _tail(chance: random.Random, forgery: Forgery, _: Original) -> None:
    share = chance.random()
    forgery.bare.append(lambda data: data[: int(share * len(data))])


# --- lines
LINED = (JOURNAL, *OUTPUTS.values(), SEALS)


def _dropped(chance: random.Random, forgery: Forgery, _: Original) -> None:
    member, lines, at = _line(chance, forgery)
    forgery.put(member, lines[:at] + lines[at + 1 :])


def _doubled(chance: random.Random, forgery: Forgery, _: Original) -> None:
    member, lines, at = _line(chance, forgery)
    forgery.put(member, [*lines[: at + 1], *lines[at:]])


def _moved(chance: random.Random, forgery: Forgery, _: Original) -> None:
    member, lines, at = _line(chance, forgery)
    moved = lines.pop(at)
    lines.insert(chance.choice([place for place in range(len(lines) + 1) if place != at]), moved)
    forgery.put(member, lines)


def _cut(chance: random.Random, forgery: Forgery, _: Original) -> None:
    member, lines, at = _line(chance, forgery)
    forgery.put(member, lines[: max(1, at)])


def _line(chance: random.Random, forgery: Forgery) -> tuple[str, list[bytes], int]:
    member = chance.choice([one for one in LINED if len(forgery.lines(one)) > 1])
    lines = forgery.lines(member)
    return member, lines, chance.randrange(len(lines))


# --- records
def _record(chance: random.Random, forgery: Forgery, _: Original) -> None:
    """Something that a record of the entity, or of the whole partition, says."""
    at, line = _own(chance, forgery)
    _alter(chance, line["record"]["body"] or line["record"])
    forgery.change(JOURNAL, at, line)


def _stub_for_record(chance: random.Random, forgery: Forgery, _: Original) -> None:
    at, line = _own(chance, forgery)
    told = {"at": line["record"]["at"], "entity": chance.choice([ENTITY, OTHER])}
    digest = digest_of(line["record"])
    forgery.change(JOURNAL, at, {"offset": line["offset"], "time": line["time"], "digest": digest, "stub": told})


def _record_for_stub(chance: random.Random, forgery: Forgery, _: Original) -> None:
    lines = [json.loads(line) for line in forgery.lines(JOURNAL)]
    at = chance.choice([number for number, line in enumerate(lines) if "stub" in line])
    own = _own(chance, forgery)[1]
    record = own["record"] | {"entity": chance.choice([ENTITY, OTHER])}
    forgery.change(JOURNAL, at, {"offset": lines[at]["offset"], "time": lines[at]["time"], "record": record})


def _own(chance: random.Random, forgery: Forgery) -> tuple[int, dict[str, Any]]:
    lines = [json.loads(line) for line in forgery.lines(JOURNAL)]
    last = max(json.loads(line)["journal"]["offset"] for member in OUTPUTS.values() for line in forgery.lines(member))
    at = chance.choice([number for number, line in enumerate(lines) if "record" in line and line["offset"] <= last])
    return at, lines[at]


# --- entries
def _figure(chance: random.Random, forgery: Forgery, _: Original) -> None:
    """Something that was published; one forger of two gives it a digest that fits."""
    member, lines, at = _entry(chance, forgery)
    value = json.loads(lines[at])
    _alter(chance, value, without={"chain", "digest", "entity"})
    if chance.random() < 0.5:
        value["digest"] = digest_of({name: item for name, item in value.items() if name != "digest"})
    forgery.change(member, at, value)


def _others_entry(chance: random.Random, forgery: Forgery, told: Original) -> None:
    topic = chance.choice([topic for topic, member in OUTPUTS.items() if forgery.lines(member) and told.others_entries[topic]])
    lines = forgery.lines(OUTPUTS[topic])
    lines[chance.randrange(len(lines))] = chance.choice(told.others_entries[topic])
    forgery.put(OUTPUTS[topic], lines)


def _entry(chance: random.Random, forgery: Forgery) -> tuple[str, list[bytes], int]:
    member = chance.choice([one for one in OUTPUTS.values() if forgery.lines(one)])
    lines = forgery.lines(member)
    return member, lines, chance.randrange(len(lines))


# --- configurations, packs, members
def _configured(chance: random.Random, forgery: Forgery, _: Original) -> None:
    """A configuration or a pack says another thing, or is another one of the file."""
    names = [name for name in forgery.members if name.startswith(("configurations/", "packs/"))]
    name = chance.choice(names)
    others = [other for other in names if forgery.members[other] != forgery.members[name]]
    if others and chance.random() < 0.5:
        forgery.members[name] = forgery.members[chance.choice(others)]
        return
    value = json.loads(forgery.members[name])
    _alter(chance, value)
    forgery.members[name] = canonical_bytes(value)


def _member(chance: random.Random, forgery: Forgery, _: Original) -> None:
    """A member is left out, or one is added."""
    if chance.random() < 0.5:
        forgery.members = {f"packs/{chance.randrange(1000)}.json": b"{}", **forgery.members}
        return
    name = chance.choice([name for name in forgery.members if name not in {MANIFEST, README}])
    del forgery.members[name]


def _count(chance: random.Random, forgery: Forgery, _: Original) -> None:
    """A number of the manifest."""
    manifest = json.loads(forgery.members[MANIFEST])
    manifest[chance.choice(["records", "stubs", "last_sequence", "checkpoints"])] += chance.choice([-1, 1])
    forgery.members[MANIFEST] = canonical_bytes(manifest)


# --- checkpoints and keys
def _seal(chance: random.Random, forgery: Forgery, _: Original) -> None:
    """Something that a checkpoint says; one forger of two signs it anew."""
    lines = forgery.lines(SEALS)
    at = chance.randrange(len(lines))
    value = json.loads(lines[at])
    _alter(chance, value, without={"key_id", "signature", "schema"})
    forgery.change(SEALS, at, signed(content_of(value), FIRM) if chance.random() < 0.5 else value)


def _unsigned(chance: random.Random, forgery: Forgery, _: Original) -> None:
    """A checkpoint without its signature, or with that of another, or of a stranger."""
    lines = forgery.lines(SEALS)
    at = chance.randrange(len(lines))
    value = json.loads(lines[at])
    others = [signed(content_of(value), STRANGER), value | {"key_id": None, "signature": None}]
    others += [value | {"signature": json.loads(line)["signature"]} for line in lines if line != lines[at]]
    forgery.change(SEALS, at, chance.choice(others))


def _others_seal(chance: random.Random, forgery: Forgery, told: Original) -> None:
    forgery.change(SEALS, chance.randrange(len(forgery.lines(SEALS))), dict(chance.choice(told.others_seals)))


def _stranger(chance: random.Random, forgery: Forgery, _: Original) -> None:
    """Another key signs the manifest, and perhaps every checkpoint."""
    forgery.signer = STRANGER
    if chance.random() < 0.5:
        forgery.put(SEALS, [canonical_bytes(signed(content_of(json.loads(line)), STRANGER)) for line in forgery.lines(SEALS)])


def _past_of(chance: random.Random, forgery: Forgery, told: Original) -> None:
    """Another past, whole and rightly signed; the auditor kept a checkpoint of the true one."""
    forgery.members = dict(chance.choice(told.pasts))
    forgery.trust = Trust(PINNED, (chance.choice(told.seals),))


TAMPERINGS = (
    Tampering("a bit of the file", _bit, frozenset(BYTES), plain=False),
    Tampering("the file's tail cut", _tail, frozenset(BYTES), plain=False),
    Tampering("a line dropped", _dropped, frozenset(RECORDS), plain=False),
    Tampering("a line doubled", _doubled, frozenset(RECORDS), plain=False),
    Tampering("a line moved", _moved, frozenset(RECORDS | {Kind.KEY, Kind.SIGNATURE}), plain=False),
    Tampering("a member's tail cut", _cut, frozenset(RECORDS), plain=False),
    Tampering("a record changed", _record, frozenset(RECORDS), plain=False),
    Tampering("a stub for a record", _stub_for_record, frozenset(RECORDS), plain=False),
    Tampering("a record for a stub", _record_for_stub, frozenset(RECORDS), plain=False),
    Tampering("a published figure changed", _figure, frozenset(CHAIN), plain=True),
    Tampering("another entity's entry", _others_entry, frozenset(CHAIN), plain=True),
    Tampering("a pack or configuration replaced", _configured, frozenset({Kind.PACK, Kind.CONFIGURATION}), plain=False),
    Tampering(MEMBER, _member, frozenset({Kind.CONTAINER, Kind.COMPLETENESS}), plain=False),
    Tampering("a count of the manifest", _count, frozenset({Kind.COMPLETENESS}), plain=False),
    Tampering("a checkpoint changed", _seal, frozenset(SEALED), plain=False),
    Tampering("a checkpoint with no or another signature", _unsigned, frozenset(SEALED), plain=True),
    Tampering("another entity's checkpoint", _others_seal, frozenset(SEALED), plain=True),
    Tampering("another key", _stranger, frozenset({Kind.KEY}), plain=True),
    Tampering(PAST, _past_of, frozenset({Kind.CHECKPOINT}), plain=False),
)


def _alter(chance: random.Random, value: Any, without: frozenset[str] | set[str] = frozenset()) -> None:
    """One value somewhere in an object becomes another."""
    path = chance.choice([path for path in _paths(value) if path[0] not in without])
    for step in path[:-1]:
        value = value[step]
    known = value[path[-1]]
    if isinstance(known, str):
        at = chance.randrange(len(known) + 1)
        letters = [letter for letter in "0123456789ax" if letter != known[at : at + 1]]
        value[path[-1]] = known[:at] + chance.choice(letters) + known[at + 1 :]
    elif isinstance(known, bool):
        value[path[-1]] = not known
    else:
        value[path[-1]] = 1 if known is None else known + 1


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all values that are no objects or lists."""
    if isinstance(value, (dict, list)):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(item, (*path, step))
    else:
        yield path
