"""Time stamps of checkpoints by an authority (RFC 3161): when at the latest a checkpoint was there, said by somebody else.

The authority sees the SHA-256 of the checkpoint's canonical JSON alone. Its answer is kept whole, and checked without a network.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509

from monitor.audit.faults import Fault, Kind
from monitor.core.values.canonical import canonical_bytes
from monitor.errors import ConnectionProblem, UsageError

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

SCHEMA = "reserve.timestamp/1"
_TIMEOUT_S = 20.0
_MOST_BYTES = 1 << 20


def stamped(checkpoint: Mapping[str, Any], url: str, roots: Sequence[x509.Certificate]) -> dict[str, Any]:
    """The checkpoint with the authority's answer, which is checked first; ConnectionProblem where there is none that holds."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    message = canonical_bytes(dict(checkpoint))
    request = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).build()
    token = base64.b64encode(_asked(url, request.as_bytes())).decode()
    record = {"schema": SCHEMA, "checkpoint": dict(checkpoint), "token": token}
    try:
        check_timestamp(record, roots)
    except Fault as fault:
        raise ConnectionProblem(f"{url} gave no time stamp that holds: {fault.cause}") from None
    return record


def authority_at(url: str, ca_file: Path) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """`stamped` by this authority under these roots; UsageError for a file that holds none."""
    roots = read_roots(ca_file)
    return lambda checkpoint: stamped(checkpoint, url, roots)


def stamp_content(record: Mapping[str, Any]) -> bytes:
    """The file of a stamped checkpoint."""
    return (json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def check_timestamp(record: Mapping[str, Any], roots: Sequence[x509.Certificate]) -> str:
    """The time (RFC 3339) that an authority below one of these roots puts on the checkpoint; `Fault` where it does not."""
    from rfc3161_client import VerificationError, VerifierBuilder

    try:
        message = canonical_bytes(dict(record["checkpoint"]))
        answer = _answer(base64.b64decode(record["token"], validate=True))
        verifier = VerifierBuilder()
        for root in roots:
            verifier = verifier.add_root_certificate(root)
        verifier.build().verify_message(answer, message)
        return answer.tst_info.gen_time.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except VerificationError as error:
        raise Fault(Kind.TIMESTAMP, "the time stamp", f"no trusted authority put it on this checkpoint: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Fault(Kind.TIMESTAMP, "the time stamp", f"it cannot be read: {error}") from error


def read_roots(path: Path) -> list[x509.Certificate]:
    """The certificates of authorities in a PEM file; UsageError for a file that holds none."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise UsageError(f"{path} holds no certificate in PEM: {error}") from None


def _answer(data: bytes) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response

    return decode_timestamp_response(data)


def _asked(url: str, query: bytes) -> bytes:
    request = urllib.request.Request(url, query, {"Content-Type": "application/timestamp-query"})  # noqa: S310 - configured
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return bytes(answer.read(_MOST_BYTES))
    except (OSError, urllib.error.URLError) as error:
        raise ConnectionProblem(f"the time stamp authority {url} does not answer: {error}") from None
