"""Bundles of two days of two entities, made as an export makes them, and taken apart and put together again by tests."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from monitor.audit.bundle import MANIFEST, OUTPUTS, BundleWriter, Origin
from monitor.audit.checkpoints import signed
from monitor.audit.container import END
from monitor.audit.signatures.keys import Keyring, PrivateKey
from monitor.core.engine import Engine
from monitor.core.journal.records import encode_statement
from monitor.core.values.canonical import canonical_bytes, digest_of, digest_of_bytes
from tests.journal_maker import Journal, configuration_text, house, load

ENTITY = "jp-main"
OTHER = "kr-main"
METHODS = [
    {"id": "jp.psa_custody", "mode": "in_force", "options": {"skip": ["fiat_trust", "capital", "net_assets"]}},
    {"id": "house.composite", "mode": "shadow"},
]


def key(number: int) -> PrivateKey:
    """A key that is the same each time."""
    return PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


FIRM = Keyring((key(1),))


def two_days(steps: int = 12) -> Journal:
    """A journal of two entities over two midnights in Tokyo: balances, prices, trades, an incident, a new configuration."""
    entities = {ENTITY: house(methods=METHODS), OTHER: house(time_zone="Asia/Seoul")}
    journal = Journal()
    journal.configure(configuration_text(entities), parts=2)
    load(journal)
    load(journal, entity=OTHER)
    for step in range(steps):
        second = 60 + step * 120_000 // steps
        journal.at(second).position("hot-1", "client_asset", "hot", "BTC", ("1", "196", "40", "500")[step % 4])
        journal.position("hot-1", "client_asset", "hot", "BTC", str(step + 1), entity=OTHER)
        journal.at(second + 1).tick()
        if step % 3 == 1:
            journal.at(second + 2).price("BTC", str(5_000_000 + step))
            journal.trades(10 * step, 10 * step, str(1000 * step), entity=OTHER if step % 2 else ENTITY)
        if step == steps // 2:
            journal.incident("i-1", "confirmed")
            journal.incident("i-9", "confirmed", entity=OTHER)
            journal.at(second + 3).configure(configuration_text(entities, revision=2), parts=2)
        journal.at(second + 4).tick()
    return journal


@dataclass(frozen=True)
class Published:
    """What the system that ran the journal published of one entity."""

    outputs: Mapping[str, Sequence[Mapping[str, Any]]]
    checkpoints: Sequence[Mapping[str, Any]]


def published(journal: Journal, entity: str = ENTITY, keys: Keyring = FIRM, left_out: int | None = None) -> Published:
    """The outputs of the whole partition's engine that are of the entity, by topic, and its checkpoints.

    `left_out`: offset of a record that is stepped over.
    """
    engine = Engine(0, check_journal_time=True)
    outputs: dict[str, list[Mapping[str, Any]]] = {topic: [] for topic in OUTPUTS}
    checkpoints: list[Mapping[str, Any]] = []
    for record in journal.records:
        if record.offset == left_out:
            engine.step_over(record)
            continue
        for output in engine.apply(record):
            if output.entity == entity and output.value is not None:
                outputs[output.topic].append(output.value)
        checkpoints += [signed(one, keys) for one in engine.checkpoints() if one["entity"] == entity]
    return Published(outputs, checkpoints)


def export(path: Path, journal: Journal, found: Published, *, entity: str = ENTITY, keys: Keyring = FIRM) -> Path:
    """A bundle at `path`."""
    with BundleWriter(path, Origin(entity, 0, 1, broker_time=True), keys, "test") as bundle:
        with bundle.journal() as take:
            for record in journal.records:
                take(record, encode_statement(record.statement))
        for topic, values in found.outputs.items():
            with bundle.outputs(topic) as put:
                for value in values:
                    put(value)
        bundle.checkpoints(found.checkpoints)
    return path


def members_of(path: Path) -> dict[str, bytes]:
    """The members of a bundle, unpacked, by any tar program's reading."""
    with tarfile.open(path) as file:
        return {
            member.name: gzip.decompress(data) if member.name.endswith(".gz") else data
            for member in file
            if (data := _content(file, member)) is not None
        }


def _content(file: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = file.extractfile(member)
    assert content is not None
    return content.read()


def put_together(path: Path, members: Mapping[str, bytes], keys: Keyring | None = None) -> Path:
    """A bundle of these members whose manifest was made to fit: what a forger would hand over. Signed anew by `keys`."""
    manifest = json.loads(members[MANIFEST])
    packed = {name: _packed(data) if name.endswith(".gz") else data for name, data in members.items() if name != MANIFEST}
    manifest["members"] = [{"name": n, "bytes": len(d), "digest": digest_of_bytes(d)} for n, d in packed.items()]
    manifest = {name: value for name, value in manifest.items() if name not in {"digest", "key_id", "signature"}}
    manifest["public_keys"] = [] if keys is None else [one.public.text for one in keys.keys]
    manifest["digest"] = digest_of(manifest)
    signing = None if keys is None else keys.signing
    manifest["key_id"] = None if signing is None else signing.public.id
    manifest["signature"] = None if signing is None else signing.sign(canonical_bytes(manifest))
    content = io.BytesIO()
    for name, data in {**packed, MANIFEST: canonical_bytes(manifest)}.items():
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o444
        content.write(info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512))
    path.write_bytes(content.getvalue() + END)
    return path


def _packed(data: bytes) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 1, packed, mtime=0) as file:
        file.write(data)
    return packed.getvalue()
