"""A lean decoder for trades: it accepts the common good record at a tenth of the authority's cost, and never decides against one.

What it refuses, or is not sure of, goes to the `Judge` for the verdict and the reason; a differential test holds the two
together. It is built once from a source's format, so a mapped foreign schema costs what the canonical one costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec
from msgspec.structs import astuple

from monitor.core.journal.vocabulary import TRADES, Capacity, Instrument, Side, TradeStatus
from streams.wire.mapping import PLACES, SourceFormat
from streams.wire.models import SCHEMAS

KEY_FIELDS = ("entity", "market", "side", "capacity", "instrument", "status", "schema")
"""What decides to which cell a trade belongs, in the order of a lean key; of those from `side` on any may be left out."""

OPTIONAL: dict[str, Any] = {
    "side": Side | None,
    "capacity": Capacity | None,
    "instrument": Instrument | None,
    "status": TradeStatus | None,
    "schema": Literal["market.trade/1"] | None,
}
_TEXTS = ("trade_id", "entity", "market", "executed_at")
_AMOUNTS = ("price", "quantity")
_MOST_KEPT = 50_000
LONGEST_AMOUNT = 20
"""Characters of an amount's text that the lean way takes: digits and a point in that are within every limit on digits."""
CHOICES: dict[str, tuple[str | None, ...]] = {
    "side": (None, *get_args(Side)),
    "capacity": (None, *get_args(Capacity)),
    "instrument": (None, *get_args(Instrument)),
    "status": (None, *get_args(TradeStatus)),
    "schema": (None, SCHEMAS[TRADES]),
}


_FIGURES = ("trade_id", "price", "quantity", "executed_at")
ColumnReader = Callable[[Sequence[Any]], list[Sequence[Any]]]
"""Of objects, at least one, the columns of some names."""


class Fewest(NamedTuple):
    """How many bytes a record of some lean key has at least, with its id, amounts and time empty; how many are blanks."""

    length: int
    blanks: int


class FewestBytes(dict[Any, Fewest]):
    """By lean key: each name and text written once, as short as JSON can be. None of a key that holds no texts."""

    def __init__(self, paths: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__()
        self._names = {name: path[0] for name, path in paths.items()}

    def __missing__(self, key: Any) -> Fewest:
        texts = {name: value for name, value in zip(KEY_FIELDS, key, strict=True) if isinstance(value, str)}
        given = [name for name in self._names if name in texts or name not in KEY_FIELDS]
        whole = [self._names[name] + texts.get(name, "") for name in given]
        signs = len('"":"",') * len(given) + len("{}") - len(",")
        if len(self) >= _MOST_KEPT:
            self.clear()
        found = self[key] = Fewest(len("".join(whole).encode()) + signs, "".join(whole).count(" "))
        return found


class Keys(dict[Any, Any]):
    """Lean keys by what differs of them from record to record. `same`: the other fields, by name."""

    def __init__(self, same: Mapping[str, Any]) -> None:
        super().__init__()
        self._same = same

    def __missing__(self, differs: tuple[Any, ...]) -> Any:
        rest = iter(differs)
        if len(self) >= _MOST_KEPT:
            self.clear()
        found = self[differs] = tuple(self._same[name] if name in self._same else next(rest) for name in KEY_FIELDS)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class LeanReading:
    """A decoder that raises `msgspec.MsgspecError`, `UnicodeDecodeError` or `RecursionError` for what it does not take.

    `columns` reads the objects it gives: those of KEY_FIELDS named by `differ`, of trade id, price, quantity and time.
    `keys` has the lean key by the first of these.
    """

    decode: Callable[[bytes], Any]
    columns: ColumnReader
    differ: tuple[str, ...]
    keys: Keys


class LeanTrades:
    """Decoders and column readers compiled for one source format.

    `whole` takes every record that can be taken; `reading` those that have no more of what may be left out than was found so
    far, and most often costs less. Amounts are not yet judged: texts of at most LONGEST_AMOUNT characters or integers, under
    lenient numbers raw JSON. Times are not yet judged either: texts or, where `time_places` says which power of ten of a second
    they count, texts or integers. The decoder takes the last of a key given twice: where `counts_keys`, what is left out is
    UNSET, so that the keys there should be can be counted; else `figure_keys` are the JSON texts of those that decide figures.
    `fewest`: how long a record is that has each key once, and nothing that is not needed; None where that cannot be said so
    simply.
    """

    __slots__ = (
        "_absent",
        "_narrows",
        "_seen",
        "_source",
        "amounts_raw",
        "checks_bytes",
        "counts_keys",
        "fewest",
        "figure_keys",
        "reading",
        "time_places",
        "whole",
    )

    def __init__(self, source: SourceFormat) -> None:
        paths, constants = source.paths(), source.constants
        self._source = source
        self._absent = None if source.mapped or source.ignore_unknown else msgspec.UNSET
        self._seen: frozenset[str] = frozenset()
        self._narrows = not source.ignore_unknown and all(len(path) == 1 for path in paths.values())
        self.whole = self.reading = _reading(source, paths, self._absent)
        self.amounts_raw = source.lenient
        self.time_places = PLACES[source.times] if "executed_at" in source.counted else None
        self.checks_bytes = source.ignore_unknown
        self.counts_keys = not (source.mapped or source.ignore_unknown)
        simple = all(
            len(path) == 1 and path[0].isascii() and msgspec.json.encode(path[0]) == b'"%b"' % path[0].encode()
            for path in paths.values()
        )
        texts = not (self.amounts_raw or "executed_at" in source.counted or {*_TEXTS, *_AMOUNTS} & constants.keys() - KEY_FIELDS)
        self.fewest = FewestBytes(paths) if simple and texts else None
        figures = [paths[name][-1] for name in ("price", "quantity", "executed_at") if name in paths]
        self.figure_keys = tuple(msgspec.json.encode(name) for name in figures)

    def told(self, of_key: Sequence[Sequence[Any]]) -> None:
        """Learn from columns that `whole` gave which of what may be left out is there: it is read from here on."""
        if not self._narrows:
            return
        columns, before = zip(self.whole.differ, of_key, strict=True), self._seen
        self._seen |= {name for name, column in columns if name in OPTIONAL and column.count(self._absent) < len(column)}
        in_vain = self.reading is not self.whole and self._seen == before  # nulls are given where nothing is
        self._narrows = not (in_vain or self._seen.issuperset(OPTIONAL.keys() & set(self.whole.differ)))
        paths = {name: path for name, path in self._source.paths().items() if name not in OPTIONAL or name in self._seen}
        self.reading = _reading(self._source, paths, self._absent) if self._narrows else self.whole


def lean_trades(source: SourceFormat) -> LeanTrades | None:
    """The lean decoder of a source's format, or None where only the authority can judge it."""
    paths = source.paths()
    if len(set(paths.values())) < len(paths) or not _plain_constants(source):
        return None
    return LeanTrades(source)


def _reading(source: SourceFormat, paths: Mapping[str, tuple[str, ...]], absent: Any) -> LeanReading:
    """Of records with no more than these paths; `absent` is what a field holds that may be left out and is."""
    root = _struct("Record", _tree(source, paths), source, absent)
    access = {name: ".".join(map(_attribute, path)) for name, path in paths.items()}
    same = {name: source.constants.get(name, absent) for name in KEY_FIELDS if name not in paths}
    differ = tuple(name for name in KEY_FIELDS if name in paths)
    names = [access.get(name, name) for name in (*differ, *_FIGURES)]
    columns = _column_reader(root, names, {name: source.constants[name] for name in _FIGURES if name in source.constants})
    return LeanReading(msgspec.json.Decoder(root).decode, columns, differ, Keys(same))


def _column_reader(root: type[msgspec.Struct], names: Sequence[str], constants: Mapping[str, Any]) -> ColumnReader:
    """Where each name is a field of the record itself, or a constant, whole objects are turned into columns at once."""
    if any("." in name for name in names):
        getters = [None if name in constants else attrgetter(name) for name in names]
        some = [constants.get(name) for name in names]
        return lambda objects: [
            [constant] * len(objects) if getter is None else list(map(getter, objects))
            for getter, constant in zip(getters, some, strict=True)
        ]
    fields = root.__struct_fields__
    places = [None if name in constants else fields.index(name) for name in names]

    def columns(objects: Sequence[Any]) -> list[Sequence[Any]]:
        found = list(zip(*map(astuple, objects), strict=True))
        return [
            [constants[name]] * len(objects) if place is None else found[place] for name, place in zip(names, places, strict=True)
        ]

    return columns


def _plain_constants(source: SourceFormat) -> bool:
    for name, value in source.constants.items():
        if name in CHOICES:
            if value not in CHOICES[name]:
                return False
        elif type(value) is not str or (name in _AMOUNTS and (source.lenient or len(value) > LONGEST_AMOUNT)):
            return False
    return True


def _attribute(step: str) -> str:
    """A Python name for any JSON name, one to one."""
    return "f_" + step.encode("utf-8").hex()


def _tree(source: SourceFormat, paths: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Nested objects by their JSON names; leaves are (type, required)."""
    tree: dict[str, Any] = {}
    for name, path in paths.items():
        node = tree
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = _leaf(source, name)
    return tree


def _leaf(source: SourceFormat, name: str) -> tuple[Any, bool]:
    if name in OPTIONAL:
        return OPTIONAL[name], False
    if name in _AMOUNTS:
        return (msgspec.Raw if source.lenient else Annotated[str, msgspec.Meta(max_length=LONGEST_AMOUNT)] | int), True
    if (name == "trade_id" and name in source.fields) or name in source.counted:
        return str | int, True
    return str, True


def _struct(name: str, tree: dict[str, Any], source: SourceFormat, absent: Any) -> type[msgspec.Struct]:
    """`absent` is what a field holds that may be left out and is: None, or UNSET where that is to be told from null."""
    required: list[Any] = []
    optional: list[Any] = []
    for step, node in tree.items():
        if isinstance(node, dict):
            inner = _struct(name + _attribute(step), node, source, absent)
            if inner.__struct_fields__ and len(inner.__struct_defaults__) == len(inner.__struct_fields__):
                optional.append((_attribute(step), inner, msgspec.field(default_factory=inner)))
            else:
                required.append((_attribute(step), inner))
        else:
            kind, needed = node
            if needed:
                required.append((_attribute(step), kind))
            else:
                optional.append((_attribute(step), kind if absent is None else kind | msgspec.UnsetType, absent))
    return msgspec.defstruct(
        name,
        required + optional,
        rename={_attribute(step): step for step in tree},
        forbid_unknown_fields=not source.ignore_unknown,
        gc=False,
    )
