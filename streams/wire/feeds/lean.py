"""A typed decoder for a feed of trades: it takes what the plan would take, at a fraction of the cost, and leaves it the rest.

Only the paths that the feed reads are decoded. Whether an event is filtered, and to which cell it belongs, follows from a few
raw values that take few forms: the plan says it once for each form (its signature). Figures, ids and times go by column.
That each key on a path is given once is proved by counting its name in the bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

import msgspec

from monitor.core.journal.vocabulary import TRADES
from streams.wire.feeds.format import FeedFormat
from streams.wire.feeds.paths import EVERY, Path, PathStep, json_text, parse_path
from streams.wire.judge import MAX_DEPTH
from streams.wire.lean import KEY_FIELDS, LONGEST_AMOUNT
from streams.wire.mapping import PLACES, RFC3339

_AMOUNTS = ("price", "quantity")
_BOOLEANS = frozenset({"true", "false"})
_DEEPEST_PATH = 32
_FINEST = -18
_WHOLE = Decimal(1)
_ID = "%id"
_SPACES = (b" ", b"\t", b"\n", b"\r")

Getter = Callable[[Any], Any]


class LeanAmount(NamedTuple):
    """How an amount is read: `raw` JSON where floats and exponents are lawful, and what its number is multiplied with."""

    get: Getter
    raw: bool
    factor: Decimal | None


class _NotLean(Exception):
    """The feed is for its plan alone."""


@dataclass(slots=True)
class _Node:
    """What is read at one place: an object by names or an array by numbers, the list of elements, or a value of `kind`."""

    children: dict[PathStep, _Node] = field(default_factory=dict)
    kind: Any = None
    listed: bool = False

    def put(self, steps: Sequence[PathStep], kind: Any) -> None:
        """A value below; two readers may share one of the same kind."""
        node = self.at(steps)
        if node is self or node.children or node.listed or (node.kind is not None and node.kind != kind):
            raise _NotLean
        node.kind = kind

    def need(self, steps: Sequence[PathStep]) -> None:
        """Something has to be there, whatever it is."""
        node = self
        for number, step in enumerate(steps):
            if step not in node.children:
                node.put(steps[number:], msgspec.Raw)
                return
            node = node.children[step]

    def at(self, steps: Sequence[PathStep]) -> _Node:
        node = self
        for step in steps:
            if node.kind is not None or node.listed or (type(step) is int and step < 0):
                raise _NotLean
            node = node.children.setdefault(step, _Node())
        return node

    def every(self) -> Iterator[tuple[PathStep | None, _Node]]:
        """This place and those below, each with the step to it."""
        yield None, self
        for step, child in self.children.items():
            yield from ((step if below is child else inner, below) for inner, below in child.every())

    @property
    def depth(self) -> int:
        """Levels of objects and arrays."""
        return 0 if self.kind is not None else 1 + max((child.depth for child in self.children.values()), default=0)

    @property
    def brackets(self) -> int:
        """Objects and arrays here and below, one element's own left out."""
        return sum(node.kind is None for _, node in self.every())

    def names(self) -> Counter[bytes]:
        """JSON texts of the keys here and below, and how often each occurs."""
        return Counter(msgspec.json.encode(step) for step, _ in self.every() if type(step) is str)


class LeanFeed:
    """Decoder and column readers of one feed.

    `decode` raises as `LeanTrades.decode` does. `elements` gives an object's elements, None where the object is the one.
    `outer` reads what a signature has of an object with elements, `inner` what it has of an element. `trade_id` None: `%id`.
    `time_places`: as for `LeanTrades`, with `time_raw` in raw JSON.
    """

    __slots__ = ("_brackets", "_names", "amounts", "decode", "elements", "inner", "outer", "time", "time_places", "time_raw",
                 "trade_id")  # fmt: skip

    def __init__(self, feed: FeedFormat) -> None:
        each = _each(feed)
        root = _Node()
        element = root if each is None else _Node()
        if each is not None:
            root.at(each).listed = True
        self.time_places = _time_places(feed)
        self.time_raw = self.time_places == 0  # seconds have fractions, as JSON floats too
        signature, present = _signature(feed)
        for path, kind in signature.items():
            (root if path.root == "$" else element).put(path.steps, kind)
        amounts = {name: (_path(feed, name, each), _lenient(feed, name)) for name in _AMOUNTS}
        for path, raw in amounts.values():
            element.put(path.steps, msgspec.Raw if raw else Annotated[str, msgspec.Meta(max_length=LONGEST_AMOUNT)] | int)
        time = _path(feed, "executed_at", each)
        element.put(time.steps, msgspec.Raw if self.time_raw else str if self.time_places is None else str | int)
        self.trade_id = None
        if feed.fields.get("trade_id") != _ID:
            identity = _path(feed, "trade_id", each)
            element.put(identity.steps, str | int)
            self.trade_id = _getter(identity.steps)
        for path in present:
            (root if path.root == "$" else element).need(path.steps)
        if root.depth + element.depth > _DEEPEST_PATH:
            raise _NotLean
        inner = None if each is None else _type_of(element, None)
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(_type_of(root, inner)).decode
        self.elements = None if each is None else _getter(each)
        outer = [path for path in signature if path.root == "$" and each is not None]
        self.outer = _getters(outer)
        self.inner = _getters([path for path in signature if path not in outer])
        self.time = _getter(time.steps)
        self.amounts = tuple(LeanAmount(_getter(path.steps), raw, _factor(feed, name)) for name, (path, raw) in amounts.items())
        per_record = (Counter(), 0) if each is None else (root.names(), root.brackets)
        self._brackets = per_record[1], element.brackets
        self._names = {name: (per_record[0][name], element.names()[name]) for name in per_record[0] | element.names()}

    def doubtful(self, values: Sequence[bytes], counts: Sequence[int]) -> list[int]:
        """Indices of records that may have a key on a path more than once, or whose skipped parts the decoder does not vouch for.

        `counts`: elements of each record. A decoded record has every key on a path at least once.
        """
        joined, events = b"".join(values), sum(counts)
        sure = self._plain(joined, len(values), events)
        if sure and self._shallow(joined, len(values), events):
            return []
        return [
            index
            for index, (value, count) in enumerate(zip(values, counts, strict=True))
            if not ((sure or self._plain(value, 1, count)) and self._shallow(value, 1, count))
        ]

    def _plain(self, data: bytes, records: int, events: int) -> bool:
        """Whether it is ASCII without escapes, with each key on a path as often as there are places for it."""
        if b"\\" in data or not data.isascii():
            return False
        # with a space between a key and its colon only the key is looked for, which may be a value too
        sign = b"" if any(space in data and b'"' + space in data for space in _SPACES) else b":"
        return all(data.count(name + sign) == outer * records + inner * events for name, (outer, inner) in self._names.items())

    def _shallow(self, data: bytes, records: int, events: int) -> bool:
        """Whether what is skipped has too few brackets to be nested too deep."""
        skipped = data.count(b"[") + data.count(b"{") - self._brackets[0] * records - self._brackets[1] * events
        return skipped <= MAX_DEPTH - _DEEPEST_PATH


def lean_feed(feed: FeedFormat) -> LeanFeed | None:
    """The lean decoder of a feed, or None where the plan alone reads it.

    That is for packed formats, several `each`, sizes in the quote, scales by a table, signs, local times, keys and headers.
    """
    if feed.kind != TRADES or feed.format != "json" or feed.json_texts:
        return None
    try:
        return LeanFeed(feed)
    except _NotLean:
        return None


def _each(feed: FeedFormat) -> tuple[PathStep, ...] | None:
    """Steps to the one list of elements; None where a record is one."""
    if not feed.each:
        return None
    steps = parse_path(feed.each[0], feed.place, several=True).steps
    if len(feed.each) > 1 or EVERY in steps[:-1]:
        raise _NotLean
    return steps[:-1]


def _signature(feed: FeedFormat) -> tuple[dict[Path, Any], list[Path]]:
    """The values that say whether an event is filtered and to which cell it belongs, with what each may be.

    And what a condition only asks to be there.
    """
    texts: dict[Path, set[str]] = {}
    present: list[Path] = []
    for raw, wanted in feed.where.items():
        if wanted == {"present": True}:
            present.append(_simple(raw, feed))
            continue
        texts.setdefault(_simple(raw, feed), set()).update(_texts(wanted))
    for name in KEY_FIELDS:
        if name in feed.fields:
            for raw in _paths(feed.fields[name]):
                texts.setdefault(_simple(raw, feed), set()).update(_texts(feed.values.get(name)))
    # 1 and true are one key of a dict but two JSON texts, so a value may be one or the other
    return {path: bool | str | None if found & _BOOLEANS else int | str | None for path, found in texts.items()}, present


def _paths(raw: Any) -> Iterable[Any]:
    if isinstance(raw, Mapping):
        return tuple(raw.get("join", ()))
    return raw if isinstance(raw, list | tuple) else (raw,)


def _texts(raw: Any) -> Iterator[str]:
    """Every key and value of a condition or of steps, by its JSON text."""
    if isinstance(raw, Mapping):
        for key, value in raw.items():
            yield from (*_texts(key), *_texts(value))
    elif isinstance(raw, list | tuple):
        for one in raw:
            yield from _texts(one)
    else:
        yield json_text(raw) or ""


def _simple(raw: Any, feed: FeedFormat) -> Path:
    """A path through the record; `@` and `$` are one where there are no elements."""
    path = parse_path(raw, feed.place)
    if path.of_kafka or path.of_names:
        raise _NotLean
    root = path.root if feed.each else "$"
    return Path(f"{root}{path.steps}", root, path.steps)


def _path(feed: FeedFormat, name: str, each: Any) -> Path:
    """The one path of a column, which is of the element."""
    path = _simple(feed.fields[name], feed) if isinstance(feed.fields.get(name), str) else None
    if path is None or (each is not None and path.root == "$") or (name == "trade_id" and name in feed.values):
        raise _NotLean
    return path


def _steps_of(feed: FeedFormat, name: str, known: set[str]) -> Mapping[str, Any]:
    steps = feed.values.get(name) or {}
    if not isinstance(steps, Mapping) or set(steps) - known:
        raise _NotLean
    return steps


def _time_places(feed: FeedFormat) -> int | None:
    steps = _steps_of(feed, "executed_at", {"times"})
    unit = steps.get("times", feed.times)
    if unit == RFC3339 and feed.time_zone is not None:
        raise _NotLean
    return None if unit == RFC3339 else PLACES[unit]


def _lenient(feed: FeedFormat, name: str) -> bool:
    steps = _steps_of(feed, name, {"numbers", "scale"})
    return bool(steps.get("numbers", "lenient" if feed.lenient else "strict") == "lenient")


def _factor(feed: FeedFormat, name: str) -> Decimal | None:
    """A scale that leaves whole numbers of lawful length lawful."""
    raw = (feed.values.get(name) or {}).get("scale")
    if raw is None:
        return None
    if isinstance(raw, Mapping):
        raise _NotLean
    factor = Decimal(str(raw)).normalize()
    if factor > _WHOLE or int(factor.as_tuple().exponent) < _FINEST:
        raise _NotLean
    return factor


def _attribute(step: PathStep) -> str:
    """A Python name for a step, one to one."""
    return f"i{step}" if type(step) is int else "f_" + str(step).encode().hex()


def _getter(steps: Sequence[PathStep]) -> Getter:
    return attrgetter(".".join(map(_attribute, steps))) if steps else _itself


def _getters(paths: Sequence[Path]) -> Getter | None:
    return attrgetter(*(".".join(map(_attribute, path.steps)) for path in paths)) if paths else None


def _itself(node: Any) -> Any:
    return node


def _type_of(node: _Node, element: Any) -> Any:
    """What msgspec is to decode: everything that is read has to be there."""
    if node.kind is not None:
        return node.kind
    if node.listed:
        return list[element]
    if not node.children:
        raise _NotLean
    steps = node.children
    if all(type(step) is int for step in steps):
        last = max(step for step in steps if type(step) is int)
        fields = [(_attribute(n), _type_of(steps[n], element) if n in steps else msgspec.Raw) for n in range(last + 1)]
        return msgspec.defstruct("Array", fields, array_like=True, gc=False)
    names = {_attribute(step): step for step in steps if type(step) is str}
    if len(names) < len(steps):
        raise _NotLean
    fields = [(_attribute(step), _type_of(child, element)) for step, child in steps.items()]
    return msgspec.defstruct("Object", fields, rename=names, gc=False)
