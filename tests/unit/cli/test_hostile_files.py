"""Files that are not what they should be: each is told in a sentence that says what to do next."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from monitor.errors import ConfigurationError
from monitor.settings.admin.expiry import over, soon_over
from monitor.settings.checks import problems, warnings
from monitor.settings.load import settings_of
from streams.kafka.clients import security

FULL = Path("/dev/full")


def certificate(folder: Path, left: timedelta) -> dict[str, str]:
    """A pair that ends in so long a time."""
    now, key = datetime.now(UTC), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "reserve-intake")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=60)).not_valid_after(now + left).sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "own.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "own.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return {"cert_file": str(folder / "own.pem"), "key_file": str(folder / "own.key")}


def test_a_certificate_that_ended_is_an_error_and_one_that_soon_does_a_warning(tmp_path: Path) -> None:
    def told(left: timedelta) -> tuple[list[str], list[str]]:
        settings = settings_of({"kafka": {"security_protocol": "SSL"} | certificate(tmp_path, left)})
        named = ("kafka.cert_file", tmp_path / "own.pem")
        assert list(over([named])) + list(soon_over([named])) == [
            line for line in (*problems(settings), *warnings(settings)) if "cert_file" in line
        ]
        return list(over([named])), list(soon_over([named]))

    assert told(timedelta(days=90)) == ([], [])
    (ended,), none = told(timedelta(hours=-1))
    assert "whoever it is shown to refuses it: put a new one there" in ended
    assert none == []
    none, (soon,) = told(timedelta(days=3))
    assert "put a new one there before" in soon
    assert none == []


def test_a_password_file_that_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"\xff\x00\x96")
    scram = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "username": "u", "password_file": str(file)}
    settings = settings_of({"kafka": scram})
    (line,) = problems(settings)
    assert line == f"kafka.password_file {file} is not text: is it the file that is meant?"
    with pytest.raises(ConfigurationError, match="is not text"):
        security(settings.kafka)


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
def test_a_full_disk_is_a_sentence_and_no_traceback() -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "monitor", "schema", "--example", "custody.balances"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "reserve-monitor: no room is left where the output goes: make some, and call again\n"


@pytest.mark.parametrize("arguments", [("convert", "bitflyer-executions", "CAPTURE", "--entity", "jp-main"), ("schema",)])
def test_a_reader_that_has_seen_enough_ends_a_command_as_it_ends_other_filters(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    capture = tmp_path / "capture.csv"
    row = '"bitflyer.jp","BTC_JPY","2018-01-26T00:00:06+09:00","{}","2018-01-26T00:00:04+09:00","BUY","1.0","1","A","B"\n'
    heading = '"domain","product_code","loaded","id","exec_date","side","price","size","buy_child_order_acceptance_id","sell"\n'
    capture.write_text(heading + "".join(row.format(number) for number in range(5_000)))
    called = [str(capture) if one == "CAPTURE" else one for one in arguments]
    with subprocess.Popen([sys.executable, "-m", "monitor", *called], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        told = command.stderr.read()
    assert command.returncode == -signal.SIGPIPE
    assert told == b""
