"""A lean decoder for trades: it accepts the common good record at a tenth of the authority's cost, and never decides against one.

What it refuses, or is not sure of, goes to the `Judge` for the verdict and the reason; a differential test holds the two
together. It is built once from a source's format, so a mapped foreign schema costs what the canonical one costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


_COLUMNS = (*KEY_FIELDS, "trade_id", "price", "quantity", "executed_at")
ColumnReader = Callable[[Sequence[Any]], list[Sequence[Any]]]
"""Of objects, at least one, the columns of KEY_FIELDS, trade id, price, quantity and time."""


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


class LeanTrades:
    """Decoder and column readers compiled for one source format.

    `decode` raises `msgspec.MsgspecError`, `UnicodeDecodeError` or `RecursionError` for what it does not take. `columns` reads
    the objects it gives. Amounts are not yet judged:
    texts of at most LONGEST_AMOUNT characters or integers, under lenient numbers raw JSON. Times are not yet judged either:
    texts or, where `time_places` says which power of ten of a second they count, texts or integers. The decoder takes the last
    of a key given twice: where `counts_keys`, what is left out is UNSET, so that the keys there should be can be counted;
    else `figure_keys` are the JSON texts of those that decide figures. `fewest`: how long a record is that has each key once,
    and nothing that is not needed; None where that cannot be said so simply.
    """

    __slots__ = (
        "amounts_raw",
        "checks_bytes",
        "columns",
        "counts_keys",
        "decode",
        "fewest",
        "figure_keys",
        "ids_mixed",
        "time_places",
    )

    def __init__(self, source: SourceFormat) -> None:
        paths = source.paths()
        constants = {name: source.constants.get(name) for name in source.constants}
        absent = None if source.mapped or source.ignore_unknown else msgspec.UNSET
        root = _struct("Record", _tree(source, paths), source, constants, absent)
        access = {name: ".".join(_attribute(step) for step in path) for name, path in paths.items()}
        access |= {name: f"constant_{name}" for name in constants}
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(root).decode
        self.columns = _column_reader(root, [access[name] for name in _COLUMNS])
        self.ids_mixed = "trade_id" in source.fields
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


def lean_trades(source: SourceFormat) -> LeanTrades | None:
    """The lean decoder of a source's format, or None where only the authority can judge it."""
    paths = source.paths()
    if len(set(paths.values())) < len(paths) or not _plain_constants(source):
        return None
    return LeanTrades(source)


def _column_reader(root: type[msgspec.Struct], names: Sequence[str]) -> ColumnReader:
    """Where each name is a field of the record itself, or a constant, whole objects are turned into columns at once."""
    if any("." in name for name in names):
        getters = [attrgetter(name) for name in names]
        return lambda objects: [list(map(getter, objects)) for getter in getters]
    fields = root.__struct_fields__
    places = [(fields.index(name), None) if name in fields else (None, getattr(root, name)) for name in names]

    def columns(objects: Sequence[Any]) -> list[Sequence[Any]]:
        found = list(zip(*map(astuple, objects), strict=True))
        return [[constant] * len(objects) if place is None else found[place] for place, constant in places]

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


def _tree(source: SourceFormat, paths: dict[str, tuple[str, ...]]) -> dict[str, Any]:
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


def _struct(
    name: str, tree: dict[str, Any], source: SourceFormat, constants: dict[str, Any], absent: Any
) -> type[msgspec.Struct]:
    """`absent` is what a field holds that may be left out and is: None, or UNSET where that is to be told from null."""
    required: list[Any] = []
    optional: list[Any] = []
    for step, node in tree.items():
        if isinstance(node, dict):
            inner = _struct(name + _attribute(step), node, source, {}, absent)
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
        namespace={f"constant_{field}": value for field, value in constants.items()},
        forbid_unknown_fields=not source.ignore_unknown,
        gc=False,
    )
