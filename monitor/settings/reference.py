"""docs/configuration.md from the models: every key with type, default, unit, reason and example."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from monitor.settings.load import ENV_PREFIX, Settings, read_yaml

EXAMPLE_FILE = Path(__file__).with_name("example.yaml")
"""Holds every key once; the examples of the page."""

_UNITS = {
    "_s": "seconds", "_h": "hours", "_days": "days", "_records": "records", "_blocks": "segments", "_per_minute": "a minute",
    "_share": "share of records", "_ratio": "ratio", "watch_enter": "available / required", "watch_exit": "available / required",
    "shortfall_exit": "available / required", "port": "TCP port", "epoch": "number", "revision": "number",
    "_partitions": "partitions", "_factor": "replicas", "processes": "processes",
    "group_above": "alerts", "_mb": "10^6 bytes", "_years": "years",
}  # fmt: skip
_TYPES = {str: "text", int: "integer", float: "number", bool: "true or false", Path: "path", Any: "any", type(None): "absent"}
_BOUNDS = {"ge": "from", "gt": "above", "le": "up to", "lt": "below"}

_HEAD = f"""\
# Configuration

Made by `reserve-monitor config reference` from the program's own types: what stands here is what the program takes. A first file
for a jurisdiction: `reserve-monitor config init --for jp`. What is wrong with a file: `reserve-monitor config check`.

The file is `reserve.yaml` in the working folder, or what `--config` or `{ENV_PREFIX}CONFIG` names. Unknown keys are errors.
Amounts, ratios and prices are decimals as text. Secrets are never values: a key that ends in `_file` names a file with one.

## Environment

| variable | what it does | example |
|---|---|---|
| `{ENV_PREFIX}CONFIG` | names the file | `{ENV_PREFIX}CONFIG=/etc/reserve-monitor/reserve.yaml` |
| `{ENV_PREFIX}<SECTION>__<KEY>` | sets one key, before the file; deeper keys by more `__` | `{ENV_PREFIX}HTTP__PORT=9465` |
| `{ENV_PREFIX}<KEY>` | sets a key that is in no section | `{ENV_PREFIX}REVISION=4` |
| `{ENV_PREFIX}<SECTION>` | sets a whole section as JSON | `{ENV_PREFIX}METRICS='{{"assets": ["BTC"]}}'` |

Keys that hold points, as source topics do, are reached by their whole section. A variable that means a section there is not is
an error; other variables with the prefix (such as those Kubernetes sets for a service) are passed over. Nothing else in the
environment is read, but `NO_COLOR` by the terminal's output.
"""


@dataclass(frozen=True, slots=True)
class SettingKey:
    """One key of the configuration as the page shows it."""

    path: str
    kind: str
    default: str
    unit: str
    reason: str
    example: str

    def row(self) -> str:
        """A row of a Markdown table."""
        cells = (f"`{self.path.rpartition('.')[2]}`", self.kind, self.default, self.unit, self.reason, self.example)
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


@dataclass(frozen=True, slots=True)
class Part:
    """A table of keys: its place in the file and what it is for."""

    path: str
    text: str
    keys: tuple[SettingKey, ...]


def reference_page() -> str:
    """The whole page as Markdown."""
    parts = list(all_parts())
    chunks = [_HEAD]
    for part in parts:
        rows = "\n".join(key.row() for key in part.keys)
        head = "| key | type | default | unit | meaning and reason | example |\n|---|---|---|---|---|---|"
        chunks.append(f"## `{part.path}`\n\n{part.text}\n" + (f"\n{head}\n{rows}\n" if rows else ""))
    return "\n".join(chunks)


def all_parts() -> Iterator[Part]:
    """Every table of the page, the keys outside any section first."""
    example = read_yaml(EXAMPLE_FILE)
    top = {name: field for name, field in Settings.model_fields.items() if not _models(field.annotation)}
    yield Part("(no section)", "Keys that stand by themselves.", tuple(_key(name, Settings, name, example) for name in top))
    for name, field in Settings.model_fields.items():
        for model in _models(field.annotation):
            yield from _parts(_place(name, field), model, example.get(name), several=_is_mapping(field))


def _parts(path: str, model: type[BaseModel], example: Any, *, several: bool) -> Iterator[Part]:
    """The table of a model, then those of the models inside it."""
    example = _chosen(example, model) if several else (example or {})
    plain = {name: field for name, field in model.model_fields.items() if not _models(field.annotation)}
    kind = _channel_type(model)
    title = f"{path} (type {kind})" if kind else path
    text = " ".join((model.__doc__ or "").split())
    yield Part(title, text, tuple(_key(f"{path}.{name}", model, name, example) for name in plain))
    for name, field in model.model_fields.items():
        for inner in _models(field.annotation):
            place = _place(f"{path}.{name}", field)
            yield from _parts(place, inner, example.get(name), several=_is_mapping(field) or place.endswith("[]"))


def _key(path: str, model: type[BaseModel], name: str, example: Mapping[str, Any]) -> SettingKey:
    field = model.model_fields[name]
    limits = [(word, getattr(limit, bound, None)) for limit in _limits(field) for bound, word in _BOUNDS.items()]
    bounds = [f"{word} {limit:,}" for word, limit in limits if limit is not None]
    kind = ", ".join([_type(field.annotation), *bounds])
    shown = _value(example[name]) if name in example else ""
    return SettingKey(path, kind, _default(field), unit_of(name), _reasons(model).get(name, ""), shown)


@cache
def _reasons(model: type[BaseModel]) -> dict[str, str]:
    """The text below each field, in the class and those it is made of. Read here and not by the models: every start would pay."""
    found: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if issubclass(part, BaseModel) and part is not BaseModel:
            body = ast.parse(textwrap.dedent(inspect.getsource(part))).body[0]
            assert isinstance(body, ast.ClassDef)  # noqa: S101 - the source of a class
            found |= dict(_texts(body.body))
    return found


def _texts(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, text in pairwise(body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                yield name, " ".join(words.split())


def unit_of(name: str) -> str:
    """The unit of a key, which its name says."""
    return next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "absent" if value is None else _value(list(value) if isinstance(value, tuple) else value)


def _value(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False, default=str)}`"


def _limits(field: FieldInfo) -> list[Any]:
    """Limits on the field itself or on the type inside `| None`."""
    inner = [limit for part in get_args(field.annotation) for limit in _annotated_limits(part)]
    return [*field.metadata, *inner]


def _annotated_limits(annotation: Any) -> list[Any]:
    if get_origin(annotation) is not Annotated:
        return []
    return [limit for extra in get_args(annotation)[1:] for limit in getattr(extra, "metadata", [extra])]


def _type(annotation: Any) -> str:
    """The type as a reader of YAML would name it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{word}`" for word in arguments)
    if origin in {Union, types.UnionType}:
        return ", ".join(_type(one) for one in arguments if one is not type(None))
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"map of {_type(arguments[1])}"
    return _TYPES.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models inside an annotation such as `Model`, `dict[str, Model]`, `tuple[Model, ...]` or a union of models."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _is_mapping(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is dict


def _place(path: str, field: FieldInfo) -> str:
    if _is_mapping(field):
        return f"{path}.<name>"
    return f"{path}[]" if get_origin(field.annotation) is tuple else path


def _channel_type(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("type")
    words = get_args(field.annotation) if field is not None and field.is_required() else ()
    return str(words[0]) if len(words) == 1 else None


def _chosen(example: Any, model: type[BaseModel]) -> Mapping[str, Any]:
    """What several examples of this model say, the first of each key: of its type, where types tell models apart."""
    several = list(example.values()) if isinstance(example, dict) else list(example or ())
    kind = _channel_type(model)
    fitting = [one for one in several if kind is None or one.get("type") == kind]
    return {key: value for one in reversed(fitting) for key, value in one.items()}
