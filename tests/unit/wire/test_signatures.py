"""Who signed a record: what a source takes, and each way in which it refuses."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from monitor.audit.signatures.keys import PrivateKey
from monitor.core.values.times import SECOND, parse_time
from streams.wire import Invalid
from streams.wire.signatures import HEADER, Signers, signature_header

SOURCE = "custody.balances"
NOW = parse_time("2026-01-05T00:00:00Z")
OURS, OTHER = PrivateKey(Ed25519PrivateKey.generate()), PrivateKey(Ed25519PrivateKey.generate())
VALUE = b'{"quantity": "1"}'


def signers(*keys: PrivateKey, window_s: int = 300) -> Signers:
    raw = {"signatures": {"keys": [key.public.text for key in keys], "window_s": window_s}}
    made = Signers.of(SOURCE, raw)
    assert made is not None
    return made


def reason(found: str | Invalid) -> str:
    assert isinstance(found, Invalid)
    return found.reason.value


def test_a_source_without_keys_asks_for_nothing() -> None:
    assert Signers.of(SOURCE, {}) is None


def test_a_signed_record_is_told_with_the_key_that_signed_it() -> None:
    header = signature_header(OURS, SOURCE, b"k", VALUE, NOW)
    both = signers(OTHER, OURS)
    assert both.signer(b"k", VALUE, [("origin", b"x"), header], NOW) == f"ed25519:{OURS.public.id}"
    assert both.signer(None, VALUE, [signature_header(OTHER, SOURCE, None, VALUE, NOW)], NOW) == f"ed25519:{OTHER.public.id}"


def test_the_signed_bytes_are_those_of_the_page() -> None:
    """docs/signatures.md: what others sign without this program."""
    lines = [
        "reserve-signature/1",
        SOURCE,
        "2026-01-05T00:00:00.000000Z",
        hashlib.sha256(b"k").hexdigest(),
        hashlib.sha256(VALUE).hexdigest(),
    ]
    header = f"{OURS.public.id} {lines[2]} {OURS.secret.sign(chr(10).join(lines).encode()).hex()}"
    assert signers(OURS).signer(b"k", VALUE, [(HEADER, header.encode())], NOW) == f"ed25519:{OURS.public.id}"


@pytest.mark.parametrize(
    "changed",
    [
        {"value": b'{"quantity": "2"}'},
        {"value": None},
        {"key": b"other"},
        {"key": None},
        {"source": "custody.balances/vault"},
        {"source": "market.prices"},
    ],
)
def test_what_was_signed_as_something_else_is_forged(changed: dict[str, Any]) -> None:
    signed = {"source": SOURCE, "key": b"k", "value": VALUE} | changed
    header = signature_header(OURS, signed["source"], signed["key"], signed["value"], NOW)
    assert reason(signers(OURS).signer(b"k", VALUE, [header], NOW)) == "bad_signature"


def test_a_time_that_was_changed_is_forged() -> None:
    name, header = signature_header(OURS, SOURCE, b"k", VALUE, NOW - 3600 * SECOND)
    later = header.replace(b"2026-01-04T23:00:00", b"2026-01-05T00:00:00")
    assert later != header
    assert reason(signers(OURS).signer(b"k", VALUE, [(name, later)], NOW)) == "bad_signature"


def test_the_key_of_another_source_is_unknown() -> None:
    header = signature_header(OTHER, SOURCE, b"k", VALUE, NOW)
    assert reason(signers(OURS).signer(b"k", VALUE, [header], NOW)) == "unknown_signer"


def test_another_key_under_the_id_of_ours_is_forged() -> None:
    name, header = signature_header(OTHER, SOURCE, b"k", VALUE, NOW)
    posing = header.replace(OTHER.public.id.encode(), OURS.public.id.encode())
    assert reason(signers(OURS).signer(b"k", VALUE, [(name, posing)], NOW)) == "bad_signature"


@pytest.mark.parametrize("headers", [[], [("origin", b"x")], [("Reserve-Signature", b"x")]])
def test_a_record_without_the_header_is_unsigned(headers: list[tuple[str, bytes]]) -> None:
    assert reason(signers(OURS).signer(b"k", VALUE, headers, NOW)) == "unsigned"


@pytest.mark.parametrize("content", [b"", b"x", b"\xff" * 200, b"0" * 16 + b" now " + b"0" * 128])
def test_a_header_of_another_form_is_no_signature(content: bytes) -> None:
    assert reason(signers(OURS).signer(b"k", VALUE, [(HEADER, content)], NOW)) == "bad_signature"


def test_two_signatures_are_none() -> None:
    header = signature_header(OURS, SOURCE, b"k", VALUE, NOW)
    assert reason(signers(OURS).signer(b"k", VALUE, [header, header], NOW)) == "bad_signature"


@pytest.mark.parametrize(("signed_s", "taken"), [(0, True), (-300, True), (-301, False), (60, True), (61, False)], ids=str)
def test_a_signature_is_good_from_a_minute_before_to_the_windows_end(signed_s: int, taken: bool) -> None:
    header = signature_header(OURS, SOURCE, b"k", VALUE, NOW + signed_s * SECOND)
    found = signers(OURS).signer(b"k", VALUE, [header], NOW)
    assert found == f"ed25519:{OURS.public.id}" if taken else reason(found) == "signature_expired"
