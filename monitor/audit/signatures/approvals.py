"""Signatures of people under an operation: what they sign, how it is signed, and whether a signature is right.

They sign the canonical JSON (RFC 8785) of what the journal holds of the operation, but for the signatures: so an auditor
finds the same bytes there. docs/evidence.md is the format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monitor.audit.signatures.keys import PrivateKey, PublicKey
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import exact_time, parse_time
from monitor.errors import ConfigurationError
from monitor.nesting import json_of

SCHEMA = "reserve.operation/1"
SIGNED = ("event_id", "kind", "at", "by", "reason", "expires_at", "body")
"""The fields of the journal body that are signed, beside `schema` and `entity`."""


def signed_bytes(entity: str, body: Mapping[str, Any]) -> bytes:
    """What a signature under an operation of `entity` with this journal body is over."""
    return canonical_bytes({"schema": SCHEMA, "entity": entity, **{name: body[name] for name in SIGNED}})


def proposal(
    entity: str, kind: str, body: Mapping[str, Any], by: Sequence[str], reason: str, *, at: int, expires_at: int
) -> dict[str, Any]:
    """A record of `reserve.operations` for these people to sign; times in ns."""
    return {
        "schema": SCHEMA,
        "event_id": f"{kind}-{entity}-{at}"[:128],
        "entity": entity,
        "kind": kind,
        "at": exact_time(at),
        "by": list(by),
        "reason": reason,
        "expires_at": exact_time(expires_at),
        "body": dict(body),
        "signatures": [],
    }


def signed_by(operation: Mapping[str, Any], by: str, key: PrivateKey) -> dict[str, Any]:
    """The record with the signature of one person more, in place of an earlier one of the same person."""
    entity, body = operation["entity"], approval_of(operation)
    mine = {"by": by, "key": key.public.text, "signature": key.sign(signed_bytes(entity, body))}
    return {**operation, "signatures": [*(one for one in operation["signatures"] if one["by"] != by), mine]}


def judged(entity: str, body: Mapping[str, Any], signatures: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """The signatures as the journal holds them: each with `right`, whether it is its key's over this operation."""
    message = signed_bytes(entity, body)
    return [
        {"by": one["by"], "key": one["key"], "signature": one["signature"], "right": _right(one, message)} for one in signatures
    ]


def misjudged(entity: str | None, body: Mapping[str, Any]) -> bool:
    """Whether the journal says of a signature under this operation that it is right, or wrong, and it is not so."""
    signatures = body.get("signatures")
    return signatures is not None and judged(str(entity), body, signatures) != signatures


def read_approval(path: Path) -> dict[str, Any]:
    """A promotion in a file, as a configuration carries it; ConfigurationError for a file that holds none."""
    try:
        return approval_of(json_of(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigurationError(f"controls.approvals: {path} cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"controls.approvals: {path} is no promotion as `promote propose` and `promote sign` write it: {error!r}"
        ) from None


def approval_of(operation: Mapping[str, Any]) -> dict[str, Any]:
    """A record of `reserve.operations` in the form of the journal, with its entity and its signatures judged."""
    entity, expires_at = str(operation["entity"]), operation.get("expires_at")
    times = {
        "at": exact_time(parse_time(operation["at"])),
        "expires_at": None if expires_at is None else exact_time(parse_time(expires_at)),
    }
    body = {name: operation.get(name) for name in SIGNED} | times
    return {"entity": entity, **body, "signatures": judged(entity, body, operation.get("signatures") or [])}


def _right(one: Mapping[str, str], message: bytes) -> bool:
    try:
        return PublicKey.of(one["key"]).verifies(message, one["signature"])
    except ValueError:
        return False
