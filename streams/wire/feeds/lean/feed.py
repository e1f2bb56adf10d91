"""A typed decoder for a feed of trades: it takes what the plan would take, at a fraction of the cost, and leaves it the rest.

Only the paths that the feed reads are decoded. Whether an event is filtered, and to which cell it belongs, follows from a few
raw values that take few forms: the plan says it once for each form (its signature). Figures, ids and times go by column.
That each key on a path is given once is proved by counting its name in the bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

import msgspec

from monitor.core.journal.vocabulary import TRADES
from streams.wire.feeds.format import FeedFormat
from streams.wire.feeds.lean.exact import ExactRecords, spaced
from streams.wire.feeds.lean.tree import Getter, Node, NotLean, getter, getters, name_of, type_of
from streams.wire.feeds.paths import EVERY, Path, PathStep, json_text, parse_path
from streams.wire.judge import MAX_DEPTH
from streams.wire.lean import CHOICES, KEY_FIELDS, LONGEST_AMOUNT, OPTIONAL
from streams.wire.mapping import PLACES, RFC3339

_AMOUNTS = ("price", "quantity")
_BOOLEANS = frozenset({"true", "false"})
_DEEPEST_PATH = 32
_FINEST = -18
_ID = "%id"


class LeanAmount(NamedTuple):
    """How an amount is read: `raw` JSON where floats and exponents are lawful, and what its number is multiplied with.

    `factor`: of an event with a lean key, None where there is none for it; the attribute is None where nothing is multiplied.
    `quoted`: an amount of the quote, which is then divided by the price.
    """

    get: Getter
    raw: bool
    factor: Callable[[Any], Decimal | None] | None
    quoted: bool


class LeanFeed:
    """Decoder and column readers of one feed.

    `decode` raises as `LeanTrades.decode` does. `elements` gives an object's elements, None where the object is the one.
    `asked` reads what conditions ask of an object with elements. `outer` reads what a signature has of such an object, `inner`
    what it has of an element; or `key`, where nothing but names differs, reads an element's lean key. `trade_id` None: `%id`.
    `time_places`: as for `LeanTrades`, with `time_raw` in raw JSON.
    """

    __slots__ = ("_brackets", "_each", "_names", "_trees", "amounts", "asked", "decode", "elements", "inner", "key", "outer",
                 "time", "time_places", "time_raw", "trade_id")  # fmt: skip

    def __init__(self, feed: FeedFormat) -> None:
        each = _each(feed)
        root = Node()
        element = root if each is None else Node()
        if each is not None:
            root.at(each).listed = True
        self.time_places = _time_places(feed)
        self.time_raw = self.time_places == 0  # seconds have fractions, as JSON floats too
        signature, present, outer = _signature(feed)
        direct = _direct(feed, each)
        for path, kind in signature.items() if direct is None else ():
            (root if path.root == "$" else element).put(path.steps, kind)
        self.key = None if direct is None else _keyed(element, direct, feed)
        amounts = {name: (_path(feed, name, each), _lenient(feed, name)) for name in _AMOUNTS}
        for path, raw in amounts.values():
            element.put(path.steps, msgspec.Raw if raw else Annotated[str, msgspec.Meta(max_length=LONGEST_AMOUNT)] | int)
        time = _path(feed, "executed_at", each)
        element.put(time.steps, msgspec.Raw if self.time_raw else str if self.time_places is None else str | int)
        self.trade_id = None
        if feed.fields.get("trade_id") != _ID:
            identity = _path(feed, "trade_id", each)
            element.put(identity.steps, str | int)
            self.trade_id = getter(identity.steps)
        for path in present:
            (root if path.root == "$" else element).need(path.steps)
        if root.depth + element.depth > _DEEPEST_PATH:
            raise NotLean
        self._each, self._trees = each or (), (root, None if each is None else element)
        inner = None if each is None else type_of(element, None)
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(type_of(root, inner)).decode
        self.elements = None if each is None else getter(each)
        asked = [path for path in signature if path.root == "$" and each is not None]
        self.asked, self.outer = getters(asked), getters([path for path in asked if path in outer])
        self.inner = getters([path for path in signature if path not in asked])
        self.time = getter(time.steps)
        self.amounts = tuple(
            LeanAmount(getter(path.steps), raw, _factor(feed, name), "in" in (feed.values.get(name) or {}))
            for name, (path, raw) in amounts.items()
        )
        per_record = (Counter(), 0) if each is None else (root.names(), root.brackets)
        self._brackets = per_record[1], element.brackets
        self._names = {name: (per_record[0][name], element.names()[name]) for name in per_record[0] | element.names()}

    def exact(self, sample: bytes) -> ExactRecords | None:
        """What decodes records that have all the keys of the sample; None where they cannot all be required."""
        try:
            return ExactRecords(*self._trees, self._each, msgspec.json.decode(sample))
        except (NotLean, msgspec.MsgspecError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
            return None  # a sample of another kind, or one whose keys vary

    def nested(self, values: Sequence[bytes], counts: Sequence[int]) -> bool:
        """Whether what is skipped of the records may be nested too deep."""
        return not self._shallow(b"".join(values), len(values), sum(counts))

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
        sign = b"" if spaced(data) else b":"
        return all(data.count(name + sign) == outer * records + inner * events for name, (outer, inner) in self._names.items())

    def _shallow(self, data: bytes, records: int, events: int) -> bool:
        """Whether what is skipped has too few brackets to be nested too deep."""
        skipped = data.count(b"[") + data.count(b"{") - self._brackets[0] * records - self._brackets[1] * events
        return skipped <= MAX_DEPTH - _DEEPEST_PATH


def lean_feed(feed: FeedFormat) -> LeanFeed | None:
    """The lean decoder of a feed, or None where the plan alone reads it.

    That is for packed formats, several `each`, scales by an exponent, signs, local times, keys and headers.
    """
    if feed.kind != TRADES or feed.format != "json" or feed.json_texts:
        return None
    try:
        return LeanFeed(feed)
    except NotLean:
        return None


def _each(feed: FeedFormat) -> tuple[PathStep, ...] | None:
    """Steps to the one list of elements; None where a record is one."""
    if not feed.each:
        return None
    steps = parse_path(feed.each[0], feed.place, several=True).steps
    if len(feed.each) > 1 or EVERY in steps[:-1]:
        raise NotLean
    return steps[:-1]


def _direct(feed: FeedFormat, each: Any) -> dict[str, Path] | None:
    """Where the fields of a key stand that are canonical as they come; None where something has to be made of them."""
    names = [name for name in KEY_FIELDS if name in feed.fields]
    if feed.where or feed.aliases or any(name in feed.values or not isinstance(feed.fields[name], str) for name in names):
        return None
    found = {name: _simple(feed.fields[name], feed) for name in names}
    others = [
        _simple(path, feed) for name, path in feed.fields.items() if name not in found and isinstance(path, str) and path != _ID
    ]
    lawful = all(
        value in CHOICES[name] if name in CHOICES else type(value) is str
        for name, value in feed.constants.items()
        if name in KEY_FIELDS
    )
    apart = len({*found.values(), *others}) == len(found) + len(others)
    of_elements = each is None or all(path.root == "@" for path in found.values())
    return found if lawful and apart and of_elements else None


def _keyed(element: Node, fields: Mapping[str, Path], feed: FeedFormat) -> Getter:
    """What reads the lean key of an element, whose fields become part of the tree."""
    for name, path in fields.items():
        element.put(path.steps, OPTIONAL.get(name, str))
    names = {name: f"constant_{name}" for name in KEY_FIELDS if name not in fields}
    element.constants |= {attribute: feed.constants.get(name) for name, attribute in names.items()}
    return attrgetter(*(names[name] if name in names else name_of(fields[name].steps) for name in KEY_FIELDS))


def _signature(feed: FeedFormat) -> tuple[dict[Path, Any], list[Path], set[Path]]:
    """The values that say whether an event is filtered and to which cell it belongs, with what each may be.

    And what a condition only asks to be there, and which of the values are of cells.
    """
    texts: dict[Path, set[str]] = {}
    present: list[Path] = []
    of_cells: set[Path] = set()
    for raw, wanted in feed.where.items():
        if wanted == {"present": True}:
            present.append(_simple(raw, feed))
            continue
        texts.setdefault(_simple(raw, feed), set()).update(_texts(wanted))
    for name in KEY_FIELDS:
        if name in feed.fields:
            for raw in _paths(feed.fields[name]):
                of_cells.add(_simple(raw, feed))
                texts.setdefault(_simple(raw, feed), set()).update(_texts(feed.values.get(name)))
    # 1 and true are one key of a dict but two JSON texts, so a value may be one or the other
    kinds = {path: bool | str | None if found & _BOOLEANS else int | str | None for path, found in texts.items()}
    return kinds, present, of_cells


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
        raise NotLean
    root = path.root if feed.each else "$"
    return Path(f"{root}{path.steps}", root, path.steps)


def _path(feed: FeedFormat, name: str, each: Any) -> Path:
    """The one path of a column, which is of the element."""
    path = _simple(feed.fields[name], feed) if isinstance(feed.fields.get(name), str) else None
    if path is None or (each is not None and path.root == "$") or (name == "trade_id" and name in feed.values):
        raise NotLean
    return path


def _steps_of(feed: FeedFormat, name: str, known: set[str]) -> Mapping[str, Any]:
    steps = feed.values.get(name) or {}
    if not isinstance(steps, Mapping) or set(steps) - known:
        raise NotLean
    return steps


def _time_places(feed: FeedFormat) -> int | None:
    steps = _steps_of(feed, "executed_at", {"times"})
    unit = steps.get("times", feed.times)
    if unit == RFC3339 and feed.time_zone is not None:
        raise NotLean
    return None if unit == RFC3339 else PLACES[unit]


def _lenient(feed: FeedFormat, name: str) -> bool:
    steps = _steps_of(feed, name, {"numbers", "scale", "in"})
    return bool(steps.get("numbers", "lenient" if feed.lenient else "strict") == "lenient")


def _factor(feed: FeedFormat, name: str) -> Callable[[Any], Decimal | None] | None:
    """A scale, of all events or by a field of their keys, that gives whole numbers at most 18 digits."""
    raw = (feed.values.get(name) or {}).get("scale")
    if raw is None:
        return None
    if not isinstance(raw, Mapping):
        factor = _fine(raw)
        return lambda _key: factor
    if raw.get("by") not in KEY_FIELDS:
        raise NotLean
    place, other = KEY_FIELDS.index(raw["by"]), raw.get("else")
    factors = {str(key): _fine(text) for key, text in (raw.get("table") or {}).items()}
    fallback = None if other is None else _fine(other)
    return lambda key: factors.get(key[place], fallback)


def _fine(raw: Any) -> Decimal:
    factor = Decimal(str(raw)).normalize()
    if int(factor.as_tuple().exponent) < _FINEST:
        raise NotLean
    return factor
