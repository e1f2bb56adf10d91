"""How a source topic is read: limits on times, and the mapping of a foreign schema (CONTRACT 1, last part).

A canonical name that `fields` maps is taken by its path through the source's own objects; one that `constants` fills is
never read (null fills it as absent); any other is read under its own name. What is left over in the source's object is an
unknown field. A text field that is mapped may be a JSON integer: its digits are the text, as venues number their trades.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

from monitor.core.times import SECOND
from monitor.errors import ConfigurationError
from streams.wire.fields import JsonNumber
from streams.wire.models import MODELS

TEXT_FIELDS = frozenset({"trade_id", "event_id", "incident_id", "account", "source", "group", "summary", "reason"})
"""Fields that hold any text, where a mapped integer stands for its digits."""


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
        )
        made.check()
        return made

    @property
    def mapped(self) -> bool:
        """Whether the source's own objects differ from the canonical form."""
        return bool(self.fields or self.constants)

    def check(self) -> None:
        """Refuse names the topic does not have, a field both mapped and fixed, and paths that run through each other."""
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
        self._as_text = frozenset(source.fields) & TEXT_FIELDS
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
                result[name] = _digits(node) if name in self._as_text else node
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
