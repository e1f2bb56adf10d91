"""Snapshots in the table: complete or not there (JOURNAL 6)."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from monitor.core.journal.snapshot import Cut
from monitor.core.values.canonical import canonical_bytes
from streams.assessor.snapshots import Manifest, SnapshotStore
from streams.slices import Slices
from tests.watching import calls_of


class Table:
    """A Faust table as far as a store sees it: `log` is what went to the changelog, in order."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.log: list[tuple[int, bytes, bytes | None]] = []

    def send_changelog(self, partition: int, key: bytes, value: bytes | None, **_: Any) -> "asyncio.Future[None]":
        self.log.append((partition, key, value))
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sent.set_result(None)
        return sent

    def recovered(self, upto: int | None = None) -> "Table":
        """The table as another worker finds it, after so many records of the changelog."""
        table = Table()
        for _, key, value in self.log[:upto]:
            if value is None:
                table.data.pop(key, None)
            else:
                table.data[key] = value
        return table


def _cut(position: int, changed: dict[str, bytes], names: Iterable[str]) -> Cut:
    return Cut(position, 1, iter(changed.items()), set(names))


async def _write(
    table: Table, position: int, changed: dict[str, bytes], names: Iterable[str], previous: Manifest | None, *, partition: int = 3
) -> Manifest:
    store = SnapshotStore(table, partition)
    begun = await store.begin(_cut(position, changed, names), previous, Slices())
    return await store.complete(begun, {"reserve.alerts": position}, {"jp-main": position})


def _buckets(table: Table, partition: int = 3) -> tuple[int, dict[str, bytes]] | None:
    snapshot = SnapshotStore(table, partition).newest()
    return None if snapshot is None else (snapshot.manifest.position, dict(snapshot.buckets))


async def test_an_empty_table_has_none() -> None:
    assert _buckets(Table()) is None


async def test_what_was_written_is_read_back_with_what_did_not_change() -> None:
    table = Table()
    first = await _write(table, 10, {"a": b"1", "b": b"2"}, "ab", None)
    await _write(table, 20, {"b": b"3", "c": b"4"}, "abc", first)
    assert _buckets(table.recovered()) == (20, {"a": b"1", "b": b"3", "c": b"4"})
    snapshot = SnapshotStore(table.recovered(), 3).newest()
    assert snapshot is not None
    assert snapshot.manifest.outputs == {"reserve.alerts": 20}
    assert snapshot.manifest.heads == {"jp-main": 20}


async def test_a_bucket_that_is_gone_stays_gone() -> None:
    table = Table()
    first = await _write(table, 10, {"a": b"1", "b": b"2"}, "ab", None)
    await _write(table, 20, {}, "a", first)
    assert _buckets(table.recovered()) == (20, {"a": b"1"})


async def test_a_crash_at_any_point_leaves_the_one_before_or_the_new_one_whole() -> None:
    table = Table()
    first = await _write(table, 10, {"a": b"1", "b": b"2"}, "ab", None)
    begun = len(table.log)
    await _write(table, 20, {"a": b"5", "b": b"6"}, "ab", first)
    seen = {upto: _buckets(table.recovered(upto)) for upto in range(begun, len(table.log) + 1)}
    old, new = (10, {"a": b"1", "b": b"2"}), (20, {"a": b"5", "b": b"6"})
    assert [found for found in seen.values() if found not in (old, new)] == []
    assert seen[begun] == old
    assert seen[len(table.log)] == new


async def test_older_generations_go_only_after_the_manifest() -> None:
    table = Table()
    first = await _write(table, 10, {"a": b"1"}, "a", None)
    begun = len(table.log)
    await _write(table, 20, {"a": b"2"}, "a", first)
    later = table.log[begun:]
    manifest = next(number for number, (_, key, _) in enumerate(later) if b"manifest/20" in key)
    removals = [number for number, (_, _, value) in enumerate(later) if value is None]
    assert removals
    assert min(removals) > manifest
    assert [key for key in table.recovered().data if b"/10" in key] == []


async def test_the_manifest_is_never_the_last_record() -> None:
    table = Table()
    await _write(table, 10, {"a": b"1"}, "a", None)
    assert b"manifest" not in table.log[-1][1]


async def test_of_one_that_is_known_already_nothing_is_unpacked() -> None:
    """Fails where a worker checks at every sharing anew all that it holds itself."""
    table = Table()
    await _write(table, 10, {"a": b"1"}, "a", None)
    store = SnapshotStore(table, 3)
    assert store.newest(9) is not None
    with calls_of(SnapshotStore._buckets_of) as asked:
        assert store.newest(10) is None
    assert asked == []


MANY = {f"name-{number}": str(number).encode() for number in range(40)}


async def test_a_manifest_that_is_more_than_a_message_takes_is_there_once_all_its_pieces_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A crash between two pieces leaves the snapshot before; the pieces go with their manifest."""
    monkeypatch.setattr("streams.assessor.snapshots.BUCKET_BYTES", 500)
    table = Table()
    first = await _write(table, 10, {"a": b"1"}, "a", None)
    second = await _write(table, 20, MANY, MANY, first)
    sent = [key for _, key, value in table.log if value]
    pieces = [at for at, key in enumerate(sent) if b"/piece/20/" in key]
    assert len(pieces) > 2
    assert sent[pieces[-1] + 1] == b"3/manifest/20", "the manifest itself comes last"
    assert max(len(value or b"") for _, _, value in table.log) <= 500
    assert {_at(table, upto) for upto in pieces} == {10}
    assert _buckets(table.recovered()) == (20, MANY)
    await _write(table, 30, {"a": b"3"}, "a", second)
    assert sorted(table.recovered().data) == [b"3/bucket/30/a", b"3/closing", b"3/manifest/30"]


def _at(table: Table, sent: int) -> int | None:
    """The position of the snapshot that is found after so many records with a value."""
    upto = [at for at, (_, _, value) in enumerate(table.log) if value][sent] + 1
    found = _buckets(table.recovered(upto))
    return None if found is None else found[0]


async def test_a_manifest_without_one_of_its_pieces_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.assessor.snapshots.BUCKET_BYTES", 500)
    table = Table()
    await _write(table, 20, MANY, MANY, None)
    del table.data[b"3/piece/20/1"]
    assert _buckets(table) is None


async def test_what_an_older_release_wrote_uncompressed_is_read() -> None:
    table = Table()
    manifest = await _write(table, 10, {"a": b"[1]"}, "a", None)
    written = {
        "position": 10,
        "version": 1,
        "generations": {"a": 10},
        "digests": dict(manifest.digests),
        "outputs": {},
        "heads": {},
    }
    table.data = {b"3/bucket/10/a": b"[1]", b"3/manifest/10": canonical_bytes(written)}
    assert _buckets(table) == (10, {"a": b"[1]"})


async def test_a_bucket_that_was_cut_off_is_not_used() -> None:
    table = Table()
    await _write(table, 10, {"a": b"1" * 1000}, "a", None)
    table.data[b"3/bucket/10/a"] = table.data[b"3/bucket/10/a"][:-3]
    assert _buckets(table) is None


async def test_a_bucket_with_another_digest_is_not_used() -> None:
    table = Table()
    await _write(table, 10, {"a": b"1"}, "a", None)
    table.data[next(key for key in table.data if b"bucket" in key)] = b"2"
    assert _buckets(table) is None


async def test_a_worker_that_lost_the_partition_cannot_undo_a_newer_snapshot() -> None:
    table = Table()
    first = await _write(table, 10, {"a": b"1", "b": b"2"}, "ab", None)
    other = table.recovered()
    await _write(other, 30, {"a": b"9", "b": b"8"}, "ab", first)
    await _write(table, 20, {"a": b"5", "b": b"2"}, "ab", first)
    joined = Table()
    joined.log = [*table.log[:4], *other.log, *table.log[4:]]
    assert _buckets(joined.recovered()) == (30, {"a": b"9", "b": b"8"})


async def test_partitions_share_a_table_without_mixing() -> None:
    table = Table()
    await _write(table, 10, {"a": b"1"}, "a", None, partition=1)
    await _write(table, 20, {"a": b"2"}, "a", None, partition=11)
    assert _buckets(table, 1) == (10, {"a": b"1"})
    assert _buckets(table, 11) == (20, {"a": b"2"})
    assert {partition for partition, key, _ in table.log if key.startswith(b"11/")} == {11}
