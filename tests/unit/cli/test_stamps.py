"""A checkpoint stamped by an authority made here; another authority, another checkpoint or a changed bit is found."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.audit.checkpoints import signed
from monitor.audit.faults import Fault
from monitor.audit.signatures.timestamps import authority_at, check_timestamp, read_roots, stamped
from monitor.cli.evidence.audit import app
from monitor.errors import ConnectionProblem, UsageError
from tests.evidence_maker import FIRM, export, key, published, two_days

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the authority is made with openssl")

CHECKPOINT = signed({"schema": "reserve.checkpoint/1", "entity": "jp-main", "tree_size": 3, "root": "sha256:" + "1" * 64}, FIRM)
CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
"""


def openssl(*words: str, data: bytes | None = None) -> bytes:
    return subprocess.run(["openssl", *words], input=data, check=True, capture_output=True).stdout


def authority(folder: Path) -> Path:
    """A root and a certificate for time stamps under it."""
    folder.mkdir()
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    root, tsa = (["-keyout", f"{folder}/{name}.key"] for name in ("root", "tsa"))
    openssl("req", "-x509", *new, "-days", "3650", "-subj", "/CN=Root", *root, "-out", f"{folder}/root.pem")
    openssl("req", *new, "-subj", "/CN=Stamps", *tsa, "-out", f"{folder}/tsa.csr")
    (folder / "ext").write_text("extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n")
    under = ("-CA", f"{folder}/root.pem", "-CAkey", f"{folder}/root.key", "-days", "3650", "-extfile", f"{folder}/ext")
    openssl("x509", "-req", "-in", f"{folder}/tsa.csr", *under, "-out", f"{folder}/tsa.pem")
    (folder / "config").write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01\n")
    return folder


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority(tmp_path_factory.mktemp("tsa") / "here")


@pytest.fixture(scope="module")
def url(here: Path) -> Iterator[str]:
    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = here / "query"
            query.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            reply = openssl("ts", "-reply", "-config", f"{here}/config", "-queryfile", str(query))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(reply if self.path == "/tsr" else b"no answer")

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/tsr"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def record(here: Path, url: str) -> dict[str, Any]:
    return authority_at(url, here / "root.pem")(CHECKPOINT)


def test_it_says_when_the_checkpoint_was_there(here: Path, record: dict[str, Any]) -> None:
    assert check_timestamp(record, read_roots(here / "root.pem")).endswith("Z")
    assert record["checkpoint"] == CHECKPOINT


def test_another_checkpoint_or_authority_is_found(here: Path, record: dict[str, Any], tmp_path: Path) -> None:
    roots = read_roots(here / "root.pem")
    with pytest.raises(Fault, match="no trusted authority"):
        check_timestamp(record | {"checkpoint": {**CHECKPOINT, "tree_size": 4}}, roots)
    with pytest.raises(Fault, match="no trusted authority"):
        check_timestamp(record, read_roots(authority(tmp_path / "other") / "root.pem"))
    token = bytearray(base64.b64decode(record["token"]))
    token[-1] ^= 1
    with pytest.raises(Fault):
        check_timestamp(record | {"token": base64.b64encode(token).decode()}, roots)
    with pytest.raises(Fault, match="cannot be read"):
        check_timestamp(record | {"token": "x"}, roots)


def test_an_authority_that_gives_no_stamp_is_said(here: Path, url: str) -> None:
    roots = read_roots(here / "root.pem")
    with pytest.raises(ConnectionProblem, match="gave no time stamp that holds"):
        stamped(CHECKPOINT, url.replace("/tsr", "/other"), roots)
    with pytest.raises(ConnectionProblem, match="does not answer"):
        stamped(CHECKPOINT, "http://127.0.0.1:9/tsr", roots)


def test_the_command_verifies_it_without_a_network(here: Path, record: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.stamp"
    path.write_text(json.dumps(record, indent=1))
    words = ["verify", str(path), "--authority", str(here / "root.pem")]
    told = CliRunner().invoke(app, [*words, "--key", key(1).public.text])
    assert told.stdout.startswith("match: the checkpoint of jp-main up to entry 3 was there at ")
    other = CliRunner().invoke(app, [*words, "--key", key(2).public.text, "--json"])
    assert (other.exit_code, json.loads(other.stdout)["kind"]) == (1, "signature")
    assert isinstance(CliRunner().invoke(app, words).exception, UsageError)


def test_a_trial_says_what_would_be_stamped_and_asks_nobody(tmp_path: Path) -> None:
    journal = two_days(4)
    bundle = export(tmp_path / "a.bundle", journal, published(journal))
    config = tmp_path / "reserve.yaml"
    config.write_text("audit: {timestamp_authority: {url: 'http://127.0.0.1:9/tsr', ca_file: /absent.pem}}\n")
    words = ["stamp", "--entity", "jp-main", "--bundle", str(bundle), "--config", str(config), "--dry-run", "--out"]
    told = CliRunner().invoke(app, [*words, str(tmp_path / "a.stamp")])
    assert told.exception is None, told.exception
    assert "a.stamp: the checkpoint of jp-main up to entry " in told.stderr
    assert told.stderr.endswith("stamped by http://127.0.0.1:9/tsr\n")
    assert not (tmp_path / "a.stamp").exists()
    assert "is there already" in str(CliRunner().invoke(app, [*words, str(config)]).exception)
