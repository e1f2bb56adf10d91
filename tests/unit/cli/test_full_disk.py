"""Files on a disk that is full: none is half there, none that was there is gone, and the same call again does it."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.__main__ import program
from monitor.audit.signatures.keys import new_key
from monitor.cli.control.signing import write
from monitor.errors import UsageError
from monitor.files import write_new, write_over
from tests.evidence_maker import export, published, two_days

RUN = CliRunner()
BEFORE = b"what was there"


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file takes more bytes than this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


WRITERS: dict[str, Callable[[Path], object]] = {
    "new": lambda path: write_new(path, b"x" * 100),
    "over": lambda path: write_over(path, b"x" * 100),
    "key": new_key,
    "proposal": lambda path: write(path, {"body": "x" * 100}, new=True),
}


@pytest.mark.parametrize("name", WRITERS)
def test_no_half_of_a_new_file_is_left_and_the_same_again_writes_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file"
    with room_for(10), pytest.raises((OSError, UsageError)) as told:
        WRITERS[name](path)
    assert str(path) in str(told.value)
    assert list(tmp_path.iterdir()) == []
    WRITERS[name](path)
    assert path.stat().st_size >= 100


@pytest.mark.parametrize("size", [0, 10])
def test_what_a_file_held_stays_where_nothing_can_be_written_in_its_place(tmp_path: Path, size: int) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(BEFORE)
    path.chmod(0o640)
    link.symlink_to(path)
    with room_for(size), pytest.raises(UsageError, match="cannot be written"):
        write(path, {"signatures": "x" * 100})
    assert (path.read_bytes(), sorted(tmp_path.iterdir())) == (BEFORE, [path, link])
    write_over(link, b"y")
    assert (path.read_bytes(), path.stat().st_mode & 0o777, link.is_symlink()) == (b"y", 0o640, True)


def test_a_pipe_and_a_link_to_nothing_are_written_to(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    write_over(Path(f"/dev/fd/{writing}"), BEFORE)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == BEFORE
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "file")
    write_over(link, BEFORE)
    assert (tmp_path / "file").read_bytes() == BEFORE


def test_a_configuration_written_over_with_force_is_there_or_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "reserve.yaml"
    path.write_bytes(BEFORE)
    wanted = ["config", "init", "--for", "jp", "--out", str(path), "--force"]
    with room_for(10):
        done = RUN.invoke(program, wanted)
    assert (done.exit_code != 0, path.read_bytes()) == (True, BEFORE)
    assert RUN.invoke(program, wanted).exit_code == 0
    assert path.read_bytes() != BEFORE


def test_no_half_of_a_bundle_is_left_wherever_the_disk_ends(tmp_path: Path) -> None:
    journal = two_days()
    found = published(journal)
    whole = export(tmp_path / "whole", journal, found)
    for size in range(0, whole.stat().st_size, max(1, whole.stat().st_size // 40)):
        with room_for(size), pytest.raises((OSError, UsageError)):
            export(tmp_path / "half", journal, found)
        assert list(tmp_path.iterdir()) == [whole], size
    with room_for(whole.stat().st_size - 1), pytest.raises((OSError, UsageError)):
        export(tmp_path / "half", journal, found)
    assert list(tmp_path.iterdir()) == [whole]


def test_a_file_that_is_mounted_by_itself_is_written_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, _target: Path) -> Path:
        raise OSError(errno.EBUSY, "Device or resource busy")

    mounted = tmp_path / "report.pdf"
    mounted.write_bytes(BEFORE)
    monkeypatch.setattr("pathlib.Path.replace", refuse)
    write_over(mounted, b"x")
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"x"], "and nothing is left beside it"
