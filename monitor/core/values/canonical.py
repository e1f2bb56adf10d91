"""Canonical bytes: one JSON text for one value, and the digests taken over it.

The values are strings, integers within 2**53, booleans, null, lists and objects with ASCII keys; amounts are
strings. On that subset the bytes equal RFC 8785, which a property test holds.
"""

import hashlib
import json
from typing import Any

_LIMIT = 2**53
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_bytes(value: Any) -> bytes:
    """UTF-8 bytes of `value`; TypeError for a float, a decimal or a foreign type, ValueError for an integer beyond 2**53."""
    _check(value)
    return _ENCODER.encode(value).encode("utf-8")


def digest_of(value: Any) -> str:
    """`sha256:<hex>` over the canonical bytes of `value`."""
    return digest_of_bytes(canonical_bytes(value))


def digest_of_bytes(data: bytes) -> str:
    """`sha256:<hex>` over `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _check(value: Any) -> None:
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return
    if kind is int:
        if not -_LIMIT < value < _LIMIT:
            raise ValueError(f"integer {value} is beyond 2**53 and has no canonical form: write it as a string")
    elif kind is list or kind is tuple:
        for item in value:
            _check(item)
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                raise TypeError(f"object key {key!r} is not an ASCII string")
            _check(item)
    else:
        raise TypeError(f"{kind.__name__} {value!r} has no canonical form")
