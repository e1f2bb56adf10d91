"""Candidates of a back-test: methods, other versions of them, and each with other values of its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from monitor.core.values.money import BadDecimal, parse_decimal
from monitor.errors import UsageError
from monitor.methods.loader import load_packs, pack_object, read_pack_file
from monitor.methods.places import read_document

MOST_CANDIDATES = 200
STUDY = "study"
_FILES = (".yaml", ".yml")

Values = Mapping[str, Mapping[str, Sequence[str]]]
"""Per method, per parameter (its full name or the end of it), the values to try."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pack to compute with. `id` is the configuration's name of it, `label` what a reader calls it, `base` the pack's own id.

    `changes`: the parameters given other values than the pack has.
    """

    id: str
    label: str
    base: str
    pack: Mapping[str, Any]
    changes: Mapping[str, str] = field(default_factory=dict)


def candidates(
    methods: Sequence[str], values: Values, directories: Sequence[str | Path] = (), *, any_date: bool = False
) -> tuple[Candidate, ...]:
    """Every method (an id, or a pack file) with every combination of the values given for it, in the order given.

    `any_date`: as if each had always been in force. UsageError for an unknown method, parameter or value.
    """
    packs = load_packs(directories)
    chosen = [_chosen(method, packs) for method in methods]
    unknown = sorted(set(values) - {pack["id"] for pack in chosen})
    if unknown:
        raise UsageError(f"values are given for {unknown[0]}, which is none of the methods: add --method {unknown[0]}")
    found = [
        _candidate(number, pack, dict(changes), chosen, any_date=any_date)
        for number, (pack, changes) in enumerate(_combined(chosen, values), 1)
    ]
    if len(found) > MOST_CANDIDATES:
        raise UsageError(f"{len(found)} candidates are more than {MOST_CANDIDATES}: give fewer values")
    return tuple(found)


def values_of(texts: Sequence[str], sweep: Path | None) -> dict[str, dict[str, list[str]]]:
    """The values of `METHOD:PARAMETER=V1,V2` texts and of a sweep file (`method: {parameter: [values]}`), which they override."""
    result: dict[str, dict[str, list[str]]] = {} if sweep is None else _swept(sweep)
    for text in texts:
        method, _, rest = text.partition(":")
        parameter, equals, given = rest.partition("=")
        if not (method and parameter and equals and given):
            raise UsageError(f"--set {text!r}: write METHOD:PARAMETER=VALUE,VALUE such as us.ny_custody:multiple=1,1.02")
        result.setdefault(method, {})[parameter] = [value.strip() for value in given.split(",")]
    return result


def _swept(file: Path) -> dict[str, dict[str, list[str]]]:
    document = read_document(file)
    if not isinstance(document.value, dict):
        raise document.error((), "must map methods to parameters and their values")
    for method, parameters in document.value.items():
        if not isinstance(parameters, dict):
            raise document.error((method,), "must map parameters to lists of values")
        for name, values in parameters.items():
            if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
                raise document.error((method, name), 'must be a list of values as texts, such as ["0.0001", "0.0002"]')
    return {method: dict(parameters) for method, parameters in document.value.items()}


def _chosen(method: str, packs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    if method.endswith(_FILES):
        return pack_object(read_pack_file(Path(method)))
    if method not in packs:
        raise UsageError(
            f"there is no method {method}: `reserve-monitor methods list` shows those there are, or name a pack file"
        )
    return packs[method]


def _combined(
    packs: Sequence[Mapping[str, Any]], values: Values
) -> Iterator[tuple[Mapping[str, Any], tuple[tuple[str, str], ...]]]:
    for pack in packs:
        given = {_parameter(pack, name): each for name, each in values.get(pack["id"], {}).items()}
        for name, each in given.items():
            for value in each:
                _check(name, value)
        for combination in product(*given.values()):
            yield pack, tuple(zip(given, combination, strict=True))


def _parameter(pack: Mapping[str, Any], name: str) -> str:
    """The full name of a parameter of the pack that ends in `name`."""
    found = [full for full in pack["parameters"] if full == name or full.endswith(f".{name}")]
    if len(found) == 1:
        return str(found[0])
    those = ", ".join(found or pack["parameters"])
    raise UsageError(f"{pack['id']} has {'several parameters' if found else 'no parameter'} {name}: choose from {those}")


def _check(name: str, value: str) -> None:
    try:
        good = parse_decimal(value) >= 0
    except BadDecimal:
        good = False
    if not good:
        raise UsageError(f"{name}: {value!r} is not a plain decimal of 0 or more")


def _candidate(
    number: int, pack: Mapping[str, Any], changes: dict[str, str], chosen: Sequence[Mapping[str, Any]], *, any_date: bool
) -> Candidate:
    changed = dict(pack)
    if changes:
        parameters = {
            name: raw | {"value": changes[name]} if name in changes else raw for name, raw in pack["parameters"].items()
        }
        changed |= {"parameters": parameters, "status": STUDY}
    if any_date:
        changed |= {"effective_from": None, "effective_to": None, "status": STUDY}
    versions = {other["version"] for other in chosen if other["id"] == pack["id"]}
    label = f"{pack['id']}@{pack['version']}" if len(versions) > 1 else str(pack["id"])
    short = " ".join(f"{_short(name)}={value}" for name, value in changes.items())
    return Candidate(f"{pack['id']}.c{number}", f"{label} {short}".strip(), str(pack["id"]), changed, changes)


def _short(name: str) -> str:
    """A parameter without the words that name its pack: the last two at most."""
    return ".".join(name.split(".")[2:]) or name
