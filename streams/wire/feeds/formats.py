"""How a record's bytes hold JSON: see `FORMATS`, with `gzip+` or `zlib+` in front where they are packed.

Numbers keep their texts: a JSON float becomes a `JsonNumber`, an integer is exact however long it is. An object in which a key is
given twice remembers it: a path through that key is refused, while what the feed does not read says nothing. The bare words
`ping` and `pong`, with which connections keep themselves alive, are texts.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from monitor.errors import ConfigurationError
from streams.wire.feeds.paths import DoubledKeys, Path, PathStep, object_of
from streams.wire.fields import JsonNumber
from streams.wire.judge import Invalid, parse_json, too_deep
from streams.wire.reasons import Reason

MAX_FEED_BYTES = 16 * 1024 * 1024
"""A longer record, packed or unpacked, is refused unread."""
FORMATS = ("json", "json_lines", "json_text", "prefixed_json", "confluent_json")
"""One value; one a line; a JSON text that holds one; one behind whatever stands before its first bracket; one behind 5 bytes."""
PACKED = {"gzip": 31, "zlib": 15}
"""Window sizes by which zlib reads the two."""
_CONFLUENT_HEAD = 5
_ALIVE = re.compile(rb"p[io]ng\Z", re.IGNORECASE)
_BRACKET = re.compile(rb"[{\[]")

_COLON_ESCAPED = b"\\u003"

_decode = msgspec.json.Decoder(float_hook=JsonNumber).decode
_encode = msgspec.json.Encoder(enc_hook=str).encode

Documents = list[Any] | Invalid
"""The JSON values in a record, or why it holds none."""


def reader_of_format(name: str, place: str, json_texts: Sequence[Path] = ()) -> Callable[[bytes | None], Documents]:
    """What takes a record of the format apart; it never raises for any bytes. ConfigurationError for no such format.

    `json_texts`: places in a document of texts that hold JSON themselves, which are read on as what they hold.
    """
    packing, plus, inner = name.rpartition("+")
    if inner not in FORMATS or (plus and packing not in PACKED):
        known = ", ".join(FORMATS)
        raise ConfigurationError(f"{place}: {name!r} is no format; {known}, with gzip+ or zlib+ in front where it is packed")
    window = PACKED.get(packing)

    def documents(value: bytes | None) -> Documents:
        if value is None:
            return Invalid(Reason.NULL_VALUE, "a null value says nothing")
        if len(value) > MAX_FEED_BYTES:
            return Invalid(Reason.TOO_LARGE, f"{len(value)} bytes, at most {MAX_FEED_BYTES}")
        if window is not None:
            unpacked = _unpacked(value, window, packing)
            if isinstance(unpacked, Invalid):
                return unpacked
            value = unpacked
        found = _READERS[inner](value)
        if not isinstance(found, Invalid):
            for path in json_texts:
                found = [_opened(one, path.steps) for one in found]
        return found

    return documents


def _opened(node: Any, steps: Sequence[PathStep]) -> Any:
    """A document, its text at `steps` replaced by the JSON in it; what is no such text stays, and says nothing there."""
    if not steps:
        held = _json(node.encode("utf-8", "surrogatepass")) if type(node) is str else Invalid(Reason.WRONG_TYPE, "")
        return node if isinstance(held, Invalid) else held[0]
    step = steps[0]
    there = (isinstance(node, dict) and step in node) or (
        type(node) is list and type(step) is int and -len(node) <= step < len(node)
    )
    if there and not (type(node) is DoubledKeys and step in node.twice):
        node[step] = _opened(node[step], steps[1:])
    return node


def wrapped(name: str, line: bytes) -> bytes:
    """The record of the format that holds a line of JSON; what is no JSON object or list stays as it is."""
    if not line.lstrip().startswith((b"{", b"[")):
        return line
    packing, _, inner = name.rpartition("+")
    if inner == "json_text":
        line = _encode(line.decode("utf-8", "backslashreplace"))
    elif inner == "confluent_json":
        line = bytes(_CONFLUENT_HEAD) + line
    if packing:
        pack = zlib.compressobj(wbits=PACKED[packing])
        line = pack.compress(line) + pack.flush()
    return line


def _unpacked(value: bytes, window: int, packing: str) -> bytes | Invalid:
    unpack = zlib.decompressobj(window)
    try:
        data = unpack.decompress(value, MAX_FEED_BYTES + 1)
    except zlib.error as error:
        return Invalid(Reason.BAD_ENCODING, f"is not {packing}: {error}")
    if len(data) > MAX_FEED_BYTES:
        return Invalid(Reason.TOO_LARGE, f"more than {MAX_FEED_BYTES} bytes when unpacked")
    if not unpack.eof:
        return Invalid(Reason.BAD_ENCODING, f"{packing} ends before its end")
    return data


def _json(value: bytes) -> Documents:
    if not too_deep(value):
        try:
            found = _decode(value)
            if _no_key_twice(value, found):
                return [found]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
            pass  # the authority says why, or takes it
    parsed = parse_json(value, object_of)
    if isinstance(parsed, Invalid):
        return [value.decode()] if _ALIVE.match(value) else parsed
    return [parsed]


def _no_key_twice(value: bytes, found: Any) -> bool:
    """Whether no object lost a key to a later one of the same name: each key has a colon, and texts keep theirs."""
    return _COLON_ESCAPED not in value and _encode(found).count(b":") == value.count(b":")


def _json_lines(value: bytes) -> Documents:
    documents: list[Any] = []
    for line in value.split(b"\n"):
        if line.strip():
            found = _json(line)
            if isinstance(found, Invalid):
                return found
            documents += found
    return documents


def _json_text(value: bytes) -> Documents:
    found = _json(value)
    if isinstance(found, Invalid):
        return found
    if type(found[0]) is not str:
        return Invalid(Reason.WRONG_TYPE, f"a JSON {type(found[0]).__name__}, not a text that holds JSON")
    try:
        return _json(found[0].encode())
    except UnicodeEncodeError as error:
        return Invalid(Reason.BAD_ENCODING, str(error))


def _prefixed(value: bytes) -> Documents:
    begins = _BRACKET.search(value)
    return _json(value[begins.start() :]) if begins else []


def _confluent(value: bytes) -> Documents:
    if len(value) < _CONFLUENT_HEAD or value[0]:
        return Invalid(Reason.BAD_ENCODING, "does not begin with a zero byte and a schema number of four bytes")
    return _json(value[_CONFLUENT_HEAD:])


_READERS: dict[str, Callable[[bytes], Documents]] = {
    "json": _json,
    "json_lines": _json_lines,
    "json_text": _json_text,
    "prefixed_json": _prefixed,
    "confluent_json": _confluent,
}
