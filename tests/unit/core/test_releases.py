"""What earlier releases wrote is read by this one, and gives what it gave; what a newer one wrote is refused."""

from __future__ import annotations

import json
from importlib.metadata import version

import pytest

from monitor.core.engine import Engine
from monitor.core.journal.records import VERSION, BadRecord, decode_record, encode_statement
from monitor.core.journal.snapshot import OLDEST_READ, STATE_VERSION, NewerState, OlderState
from tests.fixtures.release import digests, read, releases


def test_this_version_has_left_one_of_its_state() -> None:
    assert version("reserve-monitor") in releases()
    assert read(version("reserve-monitor")).state_version == STATE_VERSION, "make fixture, and a line in the changelog"


@pytest.mark.parametrize("name", releases())
def test_a_journal_gives_what_it_gave(name: str) -> None:
    release = read(name)
    assert digests(Engine(0, check_journal_time=True), release.records) == release.outputs
    assert sum(map(len, release.outputs)) > 50


@pytest.mark.parametrize("name", releases())
def test_a_snapshot_goes_on_as_it_went_on(name: str) -> None:
    release = read(name)
    if release.state_version < OLDEST_READ:
        with pytest.raises(OlderState, match="the journal is read again"):
            Engine.restore(0, release.position, release.state_version, release.buckets, check_journal_time=True)
        return
    engine = Engine.restore(0, release.position, release.state_version, release.buckets, check_journal_time=True)
    behind = release.position + 1
    assert digests(engine, release.records[behind:]) == release.outputs[behind:]


def test_what_a_newer_release_wrote_is_refused() -> None:
    release = read(version("reserve-monitor"))
    newer = json.loads(encode_statement(release.records[-1].statement)) | {"v": VERSION + 1}
    with pytest.raises(BadRecord, match=f"has version {VERSION + 1}, this release reads up to {VERSION}: upgrade it first"):
        decode_record(json.dumps(newer).encode(), 7, 0)
    with pytest.raises(NewerState, match=f"has state version {STATE_VERSION + 1}, this release reads up to {STATE_VERSION}"):
        Engine.restore(0, release.position, STATE_VERSION + 1, release.buckets, check_journal_time=True)
