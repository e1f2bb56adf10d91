"""Keys and signatures: RFC 8032's vector, files, succession, and every change of a signed checkpoint is seen."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from monitor.audit.checkpoints import content_of, digest_of_checkpoint, is_signed_by, signed
from monitor.audit.signatures.keys import Keyring, PrivateKey, PublicKey, new_key, read_keyring, vouched
from monitor.errors import ConfigurationError, UsageError

CONTENT = {
    "schema": "reserve.checkpoint/1",
    "entity": "jp-main",
    "at": "2026-01-05T15:00:00.000000Z",
    "business_date": "2026-01-06",
    "first_sequence": 1,
    "last_sequence": 7,
    "tree_size": 7,
    "root": "sha256:" + "ab" * 32,
    "previous": None,
}


def key(number: int) -> PrivateKey:
    return PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


def test_rfc_8032_vector() -> None:
    secret = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
    private = PrivateKey(Ed25519PrivateKey.from_private_bytes(secret))
    assert private.public.raw.hex() == "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
    signature = (
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    assert private.sign(bytes.fromhex("af82")) == signature
    assert private.public.verifies(bytes.fromhex("af82"), signature)


def test_a_signed_checkpoint_is_the_same_each_time_and_known_by_its_key_alone() -> None:
    record = signed(CONTENT, Keyring((key(1),)))
    assert record == signed(CONTENT, Keyring((key(1),)))
    assert is_signed_by(record, key(1).public)
    assert not is_signed_by(record, key(2).public)
    assert content_of(record) == CONTENT
    assert digest_of_checkpoint(record) == digest_of_checkpoint(CONTENT)


def test_without_a_key_it_says_so() -> None:
    record = signed(CONTENT, Keyring())
    assert (record["key_id"], record["signature"]) == (None, None)
    assert not is_signed_by(record, key(1).public)


@given(st.sampled_from(sorted(CONTENT)), st.one_of(st.integers(0, 9), st.text(max_size=3), st.none()))
def test_every_change_breaks_the_signature(field: str, value: Any) -> None:
    record = signed(CONTENT, Keyring((key(1),)))
    if record[field] != value:
        assert not is_signed_by(record | {field: value}, key(1).public)


def test_a_key_is_succeeded_on_the_record() -> None:
    record = signed(CONTENT, Keyring((key(1), key(2))))
    assert is_signed_by(record, key(2).public)
    assert vouched(record["rotation"], key(1).public) == key(2).public
    assert vouched(record["rotation"], key(3).public) is None
    assert vouched(record["rotation"] | {"public_key": key(3).public.text}, key(1).public) is None
    assert vouched(record["rotation"] | {"more": "1"}, key(1).public) is None
    assert not is_signed_by(record | {"rotation": None}, key(2).public)


def test_key_files(tmp_path: Path) -> None:
    path = tmp_path / "a.pem"
    made = new_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_keyring([path]).keys[0].public == made.public
    assert PublicKey.of(made.public.text) == made.public
    with pytest.raises(UsageError, match="never overwritten"):
        new_key(path)


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.pem cannot be read"):
        read_keyring([tmp_path / "absent.pem"])
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(ConfigurationError, match=r"wrong\.pem is not an unencrypted private key"):
        read_keyring([wrong])


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:zz", "ed25519:" + "AB" * 32, "x" * 64])
def test_a_text_that_is_no_public_key(text: str) -> None:
    with pytest.raises(ValueError, match="hex"):
        PublicKey.of(text)
