"""Records that have all the keys of one that was seen: one count proves of them that no key is given twice.

Every key of that record is required, read or not, so that each is there at least once; where there are no more keys than
these, none is there twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from streams.wire.feeds.lean.tree import Node, NotLean, type_of
from streams.wire.feeds.paths import PathStep

_SCALAR: Any = int | float | str | bool | None
_KEY = b'":'
_SPACES = (b" ", b"\t", b"\n", b"\r")
_DEEPEST = 32
_MOST_FAILURES = 8


def spaced(data: bytes) -> bool:
    """Whether a quote is followed by a space, so that a key may stand apart from its colon."""
    return any(space in data and b'"' + space in data for space in _SPACES)


class ExactRecords:
    """The decoder of records with all the keys of `sample`; NotLean where it holds keys that cannot be required.

    `element`: the tree of the elements listed at `each`, None where a record is one event.
    """

    __slots__ = ("_keys", "_vouches", "decode")

    def __init__(self, root: Node, element: Node | None, each: Sequence[PathStep], sample: Any) -> None:
        inner = None
        if element is not None:
            listed = sample
            for step in each:
                listed = listed[step]
            inner = _widened(element, listed[0])
        whole = _widened(root, sample)
        if whole.depth + (inner.depth if inner else 0) > _DEEPEST:
            raise NotLean
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(type_of(whole, inner and type_of(inner, None))).decode
        self._keys = whole.keys, inner.keys if inner else 0
        self._vouches = not (whole.skips or (inner is not None and inner.skips))

    def proves(self, data: bytes, records: int, events: int) -> bool:
        """Whether no key of records that were decoded is given twice; False says nothing."""
        if b"\\" in data or not data.isascii() or spaced(data):
            return False
        return data.count(_KEY) == self._keys[0] * records + self._keys[1] * events

    @property
    def vouches(self) -> bool:
        """Whether no part is skipped, so that nothing can be nested too deep."""
        return self._vouches


def _widened(node: Node, sample: Any) -> Node:
    """A tree with all that the sample holds beside what is read."""
    if node.kind is not None or node.listed:
        return node
    children = {step: _widened(child, sample[step]) for step, child in node.children.items()}
    if isinstance(sample, dict):
        children |= {name: _unread(value) for name, value in sample.items() if name not in children}
    elif any(isinstance(value, dict) for step, value in enumerate(sample) if step not in children):
        raise NotLean
    return Node(children, constants=node.constants)


def _unread(value: Any) -> Node:
    if isinstance(value, dict) and value:
        return Node({name: _unread(inner) for name, inner in value.items()})
    if isinstance(value, dict | list):
        if b'":' in msgspec.json.encode(value):
            raise NotLean  # a list of objects has as many keys as elements
        return Node(kind=msgspec.Raw)
    return Node(kind=_SCALAR)


class ExactDecoding:
    """Decodes runs of records as the last one seen was laid out, for as long as that mostly holds."""

    __slots__ = ("_left", "_longest", "_make", "_records")

    def __init__(self, make: Callable[[bytes], ExactRecords | None], longest: int) -> None:
        self._make, self._longest = make, longest
        self._records: ExactRecords | None = None
        self._left = _MOST_FAILURES

    def decoded(self, values: Sequence[bytes | None]) -> tuple[ExactRecords, list[Any]] | None:
        """The objects of a run of records and what decoded them; None where they are not so laid out."""
        records = self._records
        if records is None:
            sample = values[-1] if self._left and values else None
            records = self._records = self._make(sample) if sample is not None else None
            if records is None:
                self._left = max(0, self._left - 1)
                return None
        try:
            if max(map(len, values), default=0) > self._longest:  # type: ignore[arg-type]
                return None
            return records, list(map(records.decode, values))  # type: ignore[arg-type]  # null is a TypeError
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError):
            self.told(held=False)
            return None

    def told(self, *, held: bool) -> None:
        """Whether the layout held for the run; another is looked for where it did not."""
        self._left = min(_MOST_FAILURES, self._left + 1) if held else max(0, self._left - 1)
        if not held:
            self._records = None
