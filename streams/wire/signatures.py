"""Signatures on source records: who wrote a record, told by one header and checked before anything in the record counts.

The signature is Ed25519 over five lines: `reserve-signature/1`, the source as the configuration names it (a kind, or
`<kind>/<feed>`), the time of signing, and the SHA-256 of key and value (`-` for none). So a record cannot be changed, put under
another key, moved to another source or brought again later. What comes of it is a function of the record, its log time and the
configured keys alone: whoever looks, whenever, says the same (JOURNAL 3).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from monitor.core.values.times import SECOND, BadTime, exact_time, parse_time
from monitor.errors import UsageError
from streams.wire.judge import Invalid
from streams.wire.reasons import Reason

if TYPE_CHECKING:
    from monitor.audit.signatures.keys import PrivateKey, PublicKey

HEADER = "reserve-signature"
ALGORITHM = "ed25519"
_SCHEMA = "reserve-signature/1"
_FORM = re.compile(rb"([0-9a-f]{16}) (\S{20,40}) ([0-9a-f]{128})", re.ASCII)

Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Signers:
    """Whose records a source takes: public keys by their id, and for how long a signature is good (ns)."""

    source: str
    keys: Mapping[str, PublicKey]
    window_ns: int
    ahead_ns: int

    @classmethod
    def of(cls, source: str, raw: Mapping[str, Any]) -> Self | None:
        """The signers in a configuration record's source or feed; None where it asks for no signatures."""
        signatures = raw.get("signatures")
        if signatures is None:
            return None
        from monitor.audit.signatures.keys import PublicKey

        keys = [PublicKey.of(text) for text in signatures["keys"]]
        window_ns, ahead_ns = int(signatures["window_s"]) * SECOND, int(raw.get("max_ahead_s", 60)) * SECOND
        return cls(source, {key.id: key for key in keys}, window_ns, ahead_ns)

    def signer(self, key: bytes | None, value: bytes | None, headers: Headers, logged_at: int) -> str | Invalid:
        """How the record, logged at `logged_at` (ns), is authenticated: `ed25519:<key id>`; or why it is refused."""
        given = [content for name, content in headers if name == HEADER]
        if not given:
            return Invalid(Reason.UNSIGNED, f"{self.source} asks for a signature in the header {HEADER}")
        form = _FORM.fullmatch(given[0]) if len(given) == 1 else None
        if form is None:
            return Invalid(Reason.BAD_SIGNATURE, f"the header {HEADER} is not one of '<key id> <time> <128 hex digits>'")
        key_id, signed_at, signature = (part.decode("ascii", "replace") for part in form.groups())
        known = self.keys.get(key_id)
        if known is None:
            return Invalid(Reason.UNKNOWN_SIGNER, f"key {key_id} is none of {self.source}")
        if not known.verifies(signed_bytes(self.source, signed_at, key, value), signature):
            return Invalid(Reason.BAD_SIGNATURE, f"not what key {key_id} signed: source, time, key or value differ")
        return self._in_time(signed_at, logged_at) or f"{ALGORITHM}:{key_id}"

    def _in_time(self, signed_at: str, logged_at: int) -> Invalid | None:
        try:
            signed_ns = parse_time(signed_at)
        except BadTime as error:
            return Invalid(Reason.BAD_SIGNATURE, f"the time of signing: {error}")
        if signed_ns > logged_at + self.ahead_ns:
            return Invalid(
                Reason.SIGNATURE_EXPIRED, f"signed for {signed_at}, more than {self.ahead_ns // SECOND} s after the log time"
            )
        if logged_at - signed_ns > self.window_ns:
            return Invalid(
                Reason.SIGNATURE_EXPIRED, f"signed at {signed_at}, more than {self.window_ns // SECOND} s before the log time"
            )
        return None


@dataclass(frozen=True, slots=True)
class Signing:
    """What a sender signs with: of each source that asks for signatures its signers, and the keys at hand."""

    signers: Mapping[str, Signers] = field(default_factory=dict)
    keys: Sequence[PrivateKey] = ()

    def headers(self, source: str, key: bytes | None, value: bytes | None, at: int) -> list[tuple[str, bytes]]:
        """The header that vouches for a record sent at `at` (ns), if its source asks for one; UsageError without a key of it."""
        asked = self.signers.get(source)
        if asked is None:
            return []
        secret = next((one for one in self.keys if one.public.id in asked.keys), None)
        if secret is None:
            raise UsageError(f"{source} asks for signatures: give with --sign-with the private key of {' or '.join(asked.keys)}")
        return [signature_header(secret, source, key, value, at)]


def signers_of(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Signers]:
    """By the name under which it is read, the signers of each source or feed that asks for signatures."""
    named = {kind: source for kind, source in sources.items() if not source.get("feeds")}
    named |= {f"{kind}/{name}": feed for kind, source in sources.items() for name, feed in (source.get("feeds") or {}).items()}
    found = {name: Signers.of(name, raw) for name, raw in named.items()}
    return {name: signers for name, signers in found.items() if signers is not None}


def signature_header(secret: PrivateKey, source: str, key: bytes | None, value: bytes | None, at: int) -> tuple[str, bytes]:
    """The header that vouches for a record of `source` signed at `at` (ns)."""
    signed_at = exact_time(at)
    signature = secret.sign(signed_bytes(source, signed_at, key, value))
    return HEADER, f"{secret.public.id} {signed_at} {signature}".encode()


def signed_bytes(source: str, signed_at: str, key: bytes | None, value: bytes | None) -> bytes:
    """What is signed."""
    return "\n".join((_SCHEMA, source, signed_at, _digest(key), _digest(value))).encode()


def _digest(data: bytes | None) -> str:
    return "-" if data is None else hashlib.sha256(data).hexdigest()
