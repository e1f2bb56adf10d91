"""Canonical bytes: one JSON text for one value, and the digests taken over it.

The values are strings, integers within 2**53, booleans, null, lists and objects with ASCII keys; amounts are
strings. On that subset the bytes equal RFC 8785, which a property test holds.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring
from typing import Any

_LIMIT = 2**53
_AS_THEY_STAND = frozenset((str, bool, type(None)))
"""Types whose every value has a canonical form."""
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Fixed(list[Any]):
    """A list that nobody changes any more, with its canonical text. `texts` are those of its items.

    As a value of an object, or in another list, it is written from that text; copies of it are plain lists.
    """

    __slots__ = ("text",)

    def __init__(self, items: Iterable[Any], texts: Iterable[str]) -> None:
        super().__init__(items)
        self.text = f"[{','.join(texts)}]"

    def __reduce_ex__(self, _protocol: Any) -> tuple[Any, ...]:
        return list, (list(self),)


class Written(str):
    """The canonical text of a value that was put together from the texts of its parts: it is written as it stands."""

    __slots__ = ()


def fixed(items: Sequence[Any]) -> Fixed:
    """These items, that nobody changes any more."""
    return Fixed(items, map(canonical_text, items))


def canonical_bytes(value: Any) -> bytes:
    """UTF-8 bytes of `value`; TypeError for a float, a decimal or a foreign type, ValueError for an integer beyond 2**53."""
    return canonical_text(value).encode("utf-8")


def canonical_text(value: Any) -> str:
    """The same before it is encoded."""
    if type(value) is Written:
        return value
    if type(value) is str:
        return encode_basestring(value)
    if type(value) is dict and Fixed in map(type, value.values()):
        _check({key: None if type(item) is Fixed else item for key, item in value.items()})
        return "{" + ",".join(_pieces(value)) + "}"
    if type(value) is list and Fixed in map(type, value):
        _check([None if type(item) is Fixed else item for item in value])
        return "[" + ",".join(map(_item_text, value)) + "]"
    _check(value)
    return _ENCODER.encode(value)


def digest_of(value: Any) -> str:
    """`sha256:<hex>` over the canonical bytes of `value`."""
    return digest_of_bytes(canonical_bytes(value))


def digest_of_bytes(data: bytes) -> str:
    """`sha256:<hex>` over `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _pieces(value: dict[str, Any]) -> Iterator[str]:
    """The members of an object: those that are fixed, and what lies between two of them at once."""
    between = dict[str, Any]()
    for key in sorted(value):
        item = value[key]
        if type(item) is not Fixed:
            between[key] = item
            continue
        if between:
            yield _ENCODER.encode(between)[1:-1]
            between = {}
        yield f"{encode_basestring(key)}:{item.text}"
    if between:
        yield _ENCODER.encode(between)[1:-1]


def _item_text(item: Any) -> str:
    return item.text if type(item) is Fixed else _ENCODER.encode(item)


def _check(value: Any) -> None:
    kind = type(value)
    if kind in _AS_THEY_STAND:
        return
    if kind is int:
        if not -_LIMIT < value < _LIMIT:
            raise ValueError(f"integer {value} is beyond 2**53 and has no canonical form: write it as a string")
    elif kind is list or kind is tuple or kind is Fixed:
        for item in value:
            if (kind := type(item)) not in _AS_THEY_STAND and not (kind is int and -_LIMIT < item < _LIMIT):
                _check(item)
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                raise TypeError(f"object key {key!r} is not an ASCII string")
            if (kind := type(item)) not in _AS_THEY_STAND and not (kind is int and -_LIMIT < item < _LIMIT):
                _check(item)
    else:
        raise TypeError(f"{kind.__name__} {value!r} has no canonical form")
