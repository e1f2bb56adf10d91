"""How a source topic is read: limits on times, and the mapping of a foreign schema (CONTRACT 1, last part).

A canonical name that `fields` maps is taken by its path through the source's own objects; one that `constants` fills is
never read (null fills it as absent); any other is read under its own name. What is left over in the source's object is an
unknown field. A text field that is mapped may be a JSON integer: its digits are the text, as venues number their trades. A time
field that is mapped is RFC 3339 or, where `times` names a unit, a count of that unit since 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, Self

from monitor.core.values.times import SECOND, exact_time
from monitor.errors import ConfigurationError
from streams.wire.fields import LAST_TIME_NS, JsonNumber
from streams.wire.models import MODELS

TEXT_FIELDS = frozenset({"trade_id", "event_id", "incident_id", "account", "source", "group", "summary", "reason"})
"""Fields that hold any text, where a mapped integer stands for its digits."""
TIME_FIELDS = frozenset(
    {"executed_at", "as_of", "occurred_at", "detected_at", "updated_at", "effective_from", "effective_to", "at", "expires_at"}
)
"""Fields that hold a time, where a mapped count stands for its RFC 3339 text."""
RFC3339 = "rfc3339"
PLACES = {"s": 0, "ms": 3, "us": 6, "ns": 9}
"""The units in which a source may count its times, and the decimal places of a second that each has."""
_MOST_DIGITS = len(str(LAST_TIME_NS))


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """What intake must know to judge one record of a topic. Times are ns; `late_after_ns` None: nothing is late."""

    topic: str
    epoch: int = 0
    max_ahead_ns: int = 60 * SECOND
    late_after_ns: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    ignore_unknown: bool = False
    lenient: bool = False
    times: str = RFC3339

    @classmethod
    def of(cls, topic: str, raw: Mapping[str, Any]) -> Self:
        """The format in a configuration record's `sources.<topic>`; `ConfigurationError` for a name that does not exist."""
        late = raw.get("late_after_s")
        made = cls(
            topic=topic,
            epoch=raw.get("epoch", 0),
            max_ahead_ns=int(raw.get("max_ahead_s", 60)) * SECOND,
            late_after_ns=None if late is None else int(late) * SECOND,
            fields=dict(raw.get("fields") or {}),
            constants=dict(raw.get("constants") or {}),
            ignore_unknown=bool(raw.get("ignore_unknown", False)),
            lenient=raw.get("numbers") == "lenient",
            times=raw.get("times", RFC3339),
        )
        made.check()
        return made

    @property
    def mapped(self) -> bool:
        """Whether the source's own objects differ from the canonical form."""
        return bool(self.fields or self.constants)

    @property
    def counted(self) -> frozenset[str]:
        """The fields whose times are counts: the mapped ones, where `times` names a unit."""
        return frozenset() if self.times == RFC3339 else TIME_FIELDS & self.fields.keys()

    def check(self) -> None:
        """Refuse names the topic does not have, a field both mapped and fixed, and paths that run through each other."""
        if self.times != RFC3339 and self.times not in PLACES:
            raise ConfigurationError(f"sources.{self.topic}.times: {self.times!r} is none of {', '.join((RFC3339, *PLACES))}")
        known = set(MODELS[self.topic].model_fields) - {"schema_"} | {"schema"}
        for section, names in (("fields", self.fields), ("constants", self.constants)):
            for name in names:
                if name not in known:
                    raise ConfigurationError(f"sources.{self.topic}.{section}.{name}: {self.topic} has no such field")
        for name in self.fields.keys() & self.constants.keys():
            raise ConfigurationError(f"sources.{self.topic}: {name} stands in fields and in constants, choose one")
        paths = sorted(self.paths().values())
        for path in paths:
            if not all(path):
                raise ConfigurationError(f"sources.{self.topic}.fields: {'.'.join(path)!r} has an empty step")
        for one, other in pairwise(paths):
            if one != other and one == other[: len(one)]:
                raise ConfigurationError(f"sources.{self.topic}.fields: {'.'.join(other)} runs through {'.'.join(one)}")

    def paths(self) -> dict[str, tuple[str, ...]]:
        """The path of each canonical field that is read, by its canonical name."""
        names = [name for name in (*MODELS[self.topic].model_fields, "schema") if name != "schema_"]
        return {
            name: tuple(self.fields[name].split(".")) if name in self.fields else (name,)
            for name in names
            if name not in self.constants
        }


class Mapper:
    """Takes a source's own object apart into the canonical one, by paths compiled once."""

    def __init__(self, source: SourceFormat) -> None:
        self._paths = source.paths()
        self._constants = {name: value for name, value in source.constants.items() if value is not None}
        self._reads: dict[str, Callable[[Any], Any]] = dict.fromkeys(TEXT_FIELDS & source.fields.keys(), _digits)
        self._reads |= {name: partial(_time_of_count, source.times) for name in source.counted}
        self._tree: dict[str, Any] = {}
        for path in self._paths.values():
            node = self._tree
            for step in path[:-1]:
                node = node.setdefault(step, {})
            node.setdefault(path[-1], None)

    def canonical(self, raw: dict[str, Any]) -> dict[str, Any]:
        """The canonical object; fields without a value at their path are left out."""
        result = dict(self._constants)
        for name, path in self._paths.items():
            node: Any = raw
            for step in path:
                if type(node) is not dict or step not in node:
                    break
                node = node[step]
            else:
                result[name] = self._reads[name](node) if name in self._reads else node
        return result

    def unknown(self, raw: dict[str, Any]) -> str | None:
        """The first field of the source's object that nobody reads, as a path, or None."""
        return _unknown(raw, self._tree, "")

    def misshapen(self, raw: dict[str, Any]) -> str | None:
        """The first step of a path that is there but is no object, or None."""
        return _misshapen(raw, self._tree, "")


def _digits(value: Any) -> Any:
    """An integer as its text, however long; anything else as it is."""
    if type(value) is int or (type(value) is JsonNumber and value.removeprefix("-").isdigit()):
        return str(value)
    return value


def _time_of_count(unit: str, value: Any) -> Any:
    """The RFC 3339 text of a count of `unit` since 1970, every digit kept; null as it is, it may say that there is no time.

    Anything else becomes a text that is no time, so that it is refused as one, with what it was in the detail.
    """
    if value is None:
        return None
    text = str(value)
    if type(value) in {int, str, JsonNumber} and text.isascii() and text.isdigit():
        digits = text.lstrip("0") or "0"
        if len(digits) <= _MOST_DIGITS and (ns := int(digits) * 10 ** (9 - PLACES[unit])) <= LAST_TIME_NS:
            return exact_time(ns)
        return f"{digits[:30]} {unit} since 1970"  # beyond every time that is one
    return f"{text[:30]} {unit} since 1970"


def _unknown(raw: dict[str, Any], tree: dict[str, Any], prefix: str) -> str | None:
    for name, value in raw.items():
        if name not in tree:
            return prefix + name
        inner = tree[name]
        if inner is not None and type(value) is dict and (found := _unknown(value, inner, f"{prefix}{name}.")):
            return found
    return None


def _misshapen(raw: dict[str, Any], tree: dict[str, Any], prefix: str) -> str | None:
    for name, inner in tree.items():
        if inner is None or name not in raw:
            continue
        value = raw[name]
        if type(value) is not dict:
            return prefix + name
        if found := _misshapen(value, inner, f"{prefix}{name}."):
            return found
    return None
