"""The archiver has the newest checkpoint of each entity stamped, once, and tries again where the authority does not answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from monitor.archive.records import ArchivedRecord
from monitor.archive.target import Target, open_target
from monitor.core.entity.sealing import SCHEMA
from monitor.errors import ConnectionProblem
from monitor.settings.sections import ArchiveSettings
from streams.archiver.stamping import CheckpointStamps


class Authority:
    """Stamps while it is up; what it was asked for, and what the archiver told of it."""

    def __init__(self) -> None:
        self.up = True
        self.asked: list[tuple[str, int]] = []
        self.told: list[str] = []

    def __call__(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append((checkpoint["entity"], checkpoint["tree_size"]))
        if not self.up:
            raise ConnectionProblem("the time stamp authority does not answer")
        return {"schema": "reserve.timestamp/1", "checkpoint": dict(checkpoint), "token": "t"}

    def stamped(self, outcome: str) -> None:
        self.told.append(outcome)

    def archived(self, topic: str, records: int) -> None: ...

    def archive_failed(self, topic: str) -> None: ...

    def archive_oldest(self, topic: str, at_ns: int | None) -> None: ...


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return open_target(str(tmp_path / "archive"), ArchiveSettings(), make=True)


@pytest.fixture
def authority() -> Authority:
    return Authority()


def read(*checkpoints: tuple[str, int]) -> list[ArchivedRecord]:
    values = [{"schema": SCHEMA, "entity": entity, "tree_size": size} for entity, size in checkpoints]
    return [ArchivedRecord(offset, 0, None, json.dumps(value).encode()) for offset, value in enumerate(values)]


async def test_the_newest_of_each_entity_is_stamped_once(target: Target, authority: Authority) -> None:
    stamps = CheckpointStamps(target, authority, authority)
    stamps.saw([*read(("jp-main", 3), ("eu-1", 2), ("jp-main", 5)), ArchivedRecord(3, 0, b"k", None)])
    stamps.at_end()
    stamps.at_end()
    await stamps.round_done()
    assert authority.asked == [("jp-main", 5), ("eu-1", 2)]
    assert sorted(name for name, _ in target.names("stamps/")) == [f"stamps/eu-1/{2:020}.json", f"stamps/jp-main/{5:020}.json"]
    again = CheckpointStamps(target, authority, authority)
    again.saw(read(("jp-main", 5), ("eu-1", 4)))
    again.at_end()
    await again.round_done()
    assert authority.asked[2:] == [("eu-1", 4)], "a restart asks for no stamp that is there"
    assert authority.told == ["written"] * 3


async def test_one_that_could_not_be_stamped_is_tried_again_until_a_newer_one_takes_its_place(
    target: Target, authority: Authority
) -> None:
    stamps = CheckpointStamps(target, authority, authority)
    authority.up = False
    stamps.saw(read(("jp-main", 3)))
    for _ in range(2):
        stamps.at_end()
        await stamps.round_done()
    assert (authority.asked, authority.told) == ([("jp-main", 3)] * 2, ["failed"] * 2)
    authority.up = True
    stamps.saw(read(("jp-main", 8)))
    stamps.at_end()
    await stamps.round_done()
    assert [name for name, _ in target.names("stamps/")] == [f"stamps/jp-main/{8:020}.json"]


async def test_what_another_archiver_sees_to_now_is_forgotten(target: Target, authority: Authority) -> None:
    stamps = CheckpointStamps(target, authority, authority)
    stamps.saw(read(("jp-main", 3), ("eu-1", 2)))
    stamps.at_end()
    await stamps.stop()
    assert authority.asked in ([], [("jp-main", 3)])
    assert list(target.names("stamps/")) == [] or len(authority.asked) == 1


async def test_what_cannot_be_right_is_not_swallowed(target: Target, authority: Authority) -> None:
    def broken(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        raise KeyError("token")

    stamps = CheckpointStamps(target, broken, authority)
    stamps.saw(read(("jp-main", 3)))
    stamps.at_end()
    with pytest.raises(KeyError):
        await stamps.round_done()
    with pytest.raises(KeyError):
        stamps.at_end()


@pytest.mark.parametrize(
    "value",
    [
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b'{"schema": "reserve.checkpoint/1"}',
        b'{"schema": "reserve.checkpoint/1", "entity": "../x", "tree_size": 1}',
        b'{"schema": "reserve.checkpoint/1", "entity": "jp-main", "tree_size": "1"}',
    ],
)
async def test_what_is_no_checkpoint_is_passed_over_and_the_others_are_stamped(
    target: Target, authority: Authority, value: bytes
) -> None:
    stamps = CheckpointStamps(target, authority, authority)
    stamps.saw([ArchivedRecord(0, 0, None, value), *read(("jp-main", 3))])
    stamps.at_end()
    await stamps.round_done()
    assert authority.asked == [("jp-main", 3)]
