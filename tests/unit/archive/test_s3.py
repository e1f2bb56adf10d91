"""The same archive in a bucket: moto's server speaks S3 to the client that ships."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from monitor.archive.checking import check_archive
from monitor.archive.manifest import HEAD, ArchiveHead
from monitor.archive.reading import Archive
from monitor.archive.target import Target, open_target
from monitor.core.journal.vocabulary import JOURNAL
from monitor.errors import ConnectionProblem
from monitor.settings.sections import ArchiveSettings
from streams.archiver.partition import ArchivePartition
from tests.archive_maker import LIMIT, RELEASE, files, filled, hourly


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    address = "http://127.0.0.1:{1}".format(*server.get_host_and_port())
    urllib.request.urlopen(urllib.request.Request(f"{address}/reserve-archive", method="PUT")).close()
    yield address
    server.stop()


def bucket(endpoint: str, folder: Path, place: str = "s3://reserve-archive/jp/main") -> Target:
    secret = folder / "secret"
    secret.write_text("s3cr3t\n")
    return open_target(place, ArchiveSettings(endpoint=endpoint, region="us-east-1", access_key_id="a", secret_key_file=secret))


def test_a_bucket_holds_what_a_folder_holds(endpoint: str, tmp_path: Path) -> None:
    target = bucket(endpoint, tmp_path)
    assert target.put_new(HEAD, ArchiveHead(1, broker_time=False).content())
    archive = Archive(target)
    writer = ArchivePartition(archive, JOURNAL, 0, LIMIT, RELEASE)
    assert writer.begin() == 0
    writer.take(hourly(50))
    writer.settle(10**19)
    assert check_archive(archive).records == 50
    assert list(archive.records(JOURNAL, 0, 40)) == hourly(50)[40:]
    filled(tmp_path / "folder", hourly(50))
    assert {name: target.get(name) for name, _ in target.names("")} == files(tmp_path / "folder")
    again = ArchivePartition(archive, JOURNAL, 0, LIMIT, RELEASE)
    assert again.begin() == 49


def test_nothing_in_a_bucket_is_written_over(endpoint: str, tmp_path: Path) -> None:
    target = bucket(endpoint, tmp_path, "s3://reserve-archive/once")
    assert target.put_new("a/b.json", b"first")
    assert not target.put_new("a/b.json", b"second")
    assert target.get("a/b.json") == b"first"
    assert target.get("a/c.json") is None
    assert list(target.names("a/")) == [("a/b.json", 5)]


def test_a_bucket_that_is_not_there_is_said_in_one_line(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(ConnectionProblem, match=r"archive s3://none/x: a.json cannot be written: [^\n]+: check section archive"):
        bucket(endpoint, tmp_path, "s3://none/x").put_new("a.json", b"1")
