"""YAML read exactly, with the line of every field: texts stay texts, a float is refused, a key twice is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from monitor.errors import ConfigurationError
from monitor.nesting import refuse_deep

Path_ = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The library's C parser where it was built: packs are read at each start of a command."""


@dataclass
class Document:
    """A file's content as plain values, and where each field stands."""

    file: Path
    value: Any = None
    lines: dict[Path_, int] = field(default_factory=dict)

    def error(self, where: Path_, message: str) -> ConfigurationError:
        """An error that names file, line and field."""
        line = next((self.lines[where[:n]] for n in range(len(where), -1, -1) if where[:n] in self.lines), 1)
        name = ".".join(map(str, where)) or "(whole file)"
        return ConfigurationError(f"{self.file}, line {line}, {name}: {message}")


def read_document(file: Path) -> Document:
    """The document in a file; ConfigurationError with file and line when it is not plain YAML."""
    document = Document(file)
    try:
        text = file.read_text(encoding="utf-8")
        refuse_deep(text)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{file}, line {line}: {error.problem}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {error}") from None
    if node is None:
        raise ConfigurationError(f"{file}, line 1: the file is empty")
    document.value = _value(node, (), document)
    return document


def _value(node: yaml.Node, where: Path_, document: Document) -> Any:
    document.lines[where] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, where, document)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*where, index), document) for index, item in enumerate(node.value)]
    return _scalar(node, where, document)


def _mapping(node: yaml.MappingNode, where: Path_, document: Document) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        document.lines[(*where, key)] = key_node.start_mark.line + 1
        if key in result:
            raise document.error((*where, key), "is given twice")
        result[key] = _value(value_node, (*where, key), document)
        document.lines[(*where, key)] = key_node.start_mark.line + 1
    return result


def _scalar(node: yaml.Node, where: Path_, document: Document) -> Any:
    kind = node.tag.rpartition(":")[2]
    text = str(node.value)
    if kind == "str":
        return text
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in ("true", "yes", "on")
    if kind in ("int", "float", "timestamp"):
        raise document.error(where, f'write it as text, "{text}": figures and dates of a pack are exact texts')
    raise document.error(where, f"a value of type {kind} has no place in a pack")
