"""Signed checkpoints (`reserve.checkpoint/1`): what the engine cut, with a key's name and signature (JOURNAL 7).

The signature is over the canonical bytes of the record without `signature`. A checkpoint's digest is that of what the
engine cut, without key and signature, so that `previous` is the same whoever signs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.audit.signatures.keys import Keyring, PublicKey
from monitor.core.values.canonical import canonical_bytes, digest_of

PUT_ON = ("key_id", "rotation", "signature")
"""The fields that signing puts on."""


def signed(content: Mapping[str, Any], keys: Keyring) -> dict[str, Any]:
    """The record of `reserve.checkpoints`; key and signature are null where no key is configured."""
    key = keys.signing
    if key is None:
        return {**content, "key_id": None, "signature": None}
    record = {**content, "key_id": key.public.id}
    rotation = keys.rotation()
    if rotation is not None:
        record["rotation"] = rotation
    return record | {"signature": key.sign(signed_bytes(record))}


def signed_bytes(record: Mapping[str, Any]) -> bytes:
    """What the signature of a checkpoint is over."""
    return canonical_bytes({name: value for name, value in record.items() if name != "signature"})


def content_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the engine cut."""
    return {name: value for name, value in record.items() if name not in PUT_ON}


def digest_of_checkpoint(record: Mapping[str, Any]) -> str:
    """What the next checkpoint names as `previous`."""
    return digest_of(content_of(record))


def is_signed_by(record: Mapping[str, Any], key: PublicKey) -> bool:
    """Whether the record names the key and carries its signature."""
    signature = record.get("signature")
    return record.get("key_id") == key.id and isinstance(signature, str) and key.verifies(signed_bytes(record), signature)
