"""One archived record, and the line it is in an object: offset, time, key and value, byte for byte."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import msgspec

from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import exact_time, from_ms, parse_time

_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class ArchivedRecord:
    """A record as the broker gave it: `time_ms` is the log's; a value of None is a tombstone."""

    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None

    @property
    def time(self) -> int:
        """The log's time in ns."""
        return from_ms(self.time_ms)


class _ArchivedLine(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    offset: int
    time: str
    key: str | None = None
    key_bytes: str | msgspec.UnsetType = msgspec.UNSET
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    value_bytes: str | msgspec.UnsetType = msgspec.UNSET


class BadLine(ValueError):
    """The bytes are no line of an archived object."""


_decode = msgspec.json.Decoder(_ArchivedLine).decode


def line_of(record: ArchivedRecord) -> bytes:
    """The record's line, without its end.

    A value that is JSON stands as it is, key `value`, where reading the line gives its very bytes back; any other is base64,
    key `value_bytes`. The same holds for a key that is no text.
    """
    head: dict[str, Any] = {"offset": record.offset, "time": exact_time(record.time)} | _key(record.key)
    if record.value is None:
        return canonical_bytes(head | {"value": None})
    line = canonical_bytes(head)[:-1] + b',"value":' + record.value + b"}"
    if record.value != b"null" and b"\n" not in line and _reads_as(line, record):
        return line
    return canonical_bytes(head | {"value_bytes": base64.b64encode(record.value).decode()})


def record_of(line: bytes) -> ArchivedRecord:
    """The record that `line_of` wrote; `BadLine` for anything else."""
    try:
        found = _decode(line)
        time_ms, rest = divmod(parse_time(found.time), _MS)
        key = base64.b64decode(found.key_bytes, validate=True) if isinstance(found.key_bytes, str) else _encoded(found.key)
        value = _value(found)
    except (msgspec.MsgspecError, ValueError, binascii.Error) as error:
        raise BadLine(f"{line[:80]!r} cannot be read: {error}") from error
    if rest:
        raise BadLine(f"{found.time} is not a time of whole milliseconds")
    return ArchivedRecord(found.offset, time_ms, key, value)


def _value(found: _ArchivedLine) -> bytes | None:
    if isinstance(found.value_bytes, str):
        return base64.b64decode(found.value_bytes, validate=True)
    if not isinstance(found.value, msgspec.Raw):
        raise BadLine("it has no value")
    value = bytes(found.value)
    return None if value == b"null" else value


def _key(key: bytes | None) -> dict[str, str | None]:
    if key is None:
        return {"key": None}
    try:
        return {"key": key.decode()}
    except UnicodeDecodeError:
        return {"key": None, "key_bytes": base64.b64encode(key).decode()}


def _encoded(key: str | None) -> bytes | None:
    return None if key is None else key.encode()


def _reads_as(line: bytes, record: ArchivedRecord) -> bool:
    try:
        return record_of(line) == record
    except BadLine:
        return False
