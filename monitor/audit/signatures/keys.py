"""Ed25519 keys that sign checkpoints: made, read, named, and one succeeding another on the record.

A key's id is the first 16 hex digits of the SHA-256 of its 32 public bytes. Private keys are PKCS#8 files in PEM, as
openssl writes them; a public key is written as `ed25519:<64 hex digits>`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.core.values.canonical import canonical_bytes
from monitor.errors import ConfigurationError, UsageError
from monitor.files import write_new

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_PREFIX = "ed25519:"
ROTATION = "reserve.key-rotation/1"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The 32 bytes that check signatures."""

    raw: bytes

    @property
    def id(self) -> str:
        """What records call the key."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def text(self) -> str:
        """The key itself, as records and files carry it."""
        return PUBLIC_PREFIX + self.raw.hex()

    def verifies(self, message: bytes, signature: str) -> bool:
        """Whether `signature` (128 hex digits) is this key's over `message`."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(bytes.fromhex(signature), message)
        except (InvalidSignature, ValueError):
            return False
        return True

    @staticmethod
    def of(text: str) -> PublicKey:
        """The key that `text` writes; ValueError for anything else."""
        digits = text.removeprefix(PUBLIC_PREFIX)
        if text == digits or not re.fullmatch(r"[0-9a-f]{64}", digits):
            raise ValueError(f"{text[:80]!r} is not a public key: {PUBLIC_PREFIX} and 64 hex digits")
        return PublicKey(bytes.fromhex(digits))


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that signs."""

    secret: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        """The key that checks what this one signs."""
        return PublicKey(self.secret.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> str:
        """The signature over `message` as 128 hex digits; the same for the same message."""
        return self.secret.sign(message).hex()


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys in the order in which they succeeded each other; the last one signs, and the one before it vouches for it."""

    keys: tuple[PrivateKey, ...] = ()

    @property
    def signing(self) -> PrivateKey | None:
        """The key in use; None where none is configured."""
        return self.keys[-1] if self.keys else None

    def rotation(self) -> dict[str, Any] | None:
        """The statement by which the key before the last vouches for the last; None for a single key."""
        if len(self.keys) < 2:
            return None
        before, after = self.keys[-2], self.keys[-1].public
        statement = rotation_statement(before.public, after)
        return statement | {"signature": before.sign(canonical_bytes(statement))}


def rotation_statement(before: PublicKey, after: PublicKey) -> dict[str, Any]:
    """What the key `before` signs to vouch for `after`."""
    return {"schema": ROTATION, "previous_public_key": before.text, "public_key": after.text}


def vouched(rotation: Mapping[str, Any], by: PublicKey) -> PublicKey | None:
    """The key a rotation puts in place of `by`; None when it is not signed by it or says something else."""
    try:
        after = PublicKey.of(rotation["public_key"])
        statement = rotation_statement(by, after)
        right = {**statement, "signature": rotation["signature"]} == dict(rotation)
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
    return after if right and by.verifies(canonical_bytes(statement), rotation["signature"]) else None


def new_key(path: Path) -> PrivateKey:
    """A new key in a new file that only its owner may read; UsageError for a file that is there or cannot be written."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        write_new(path, pem, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} is there already: a key is never overwritten, name another file") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror})") from None
    return PrivateKey(key)


def read_keyring(paths: Sequence[Path]) -> Keyring:
    """The keys of `audit.keys`; ConfigurationError for a file that is none."""
    return Keyring(tuple(read_key(path, "audit.keys") for path in paths))


def read_key(path: Path, named: str) -> PrivateKey:
    """The private key in a file that `named` names; ConfigurationError for a file that is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise ConfigurationError(f"{named}: {path} cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(
            f"{named}: {path} is not an unencrypted private key in PEM ({error}): make one with `audit keygen`"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{named}: {path} is not an Ed25519 key: make one with `audit keygen`")
    return PrivateKey(key)
