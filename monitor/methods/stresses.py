"""Scenarios from files and settings: checked word by word, in the form the core reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

from monitor.core.foresight.scenarios import Scenario
from monitor.core.journal.vocabulary import ASSET_ROLES, ROLES, STORAGES, DeclarationKind, IncidentKind
from monitor.core.values.money import BadDecimal, parse_decimal
from monitor.errors import ConfigurationError
from monitor.methods.places import read_document

SHIPPED = Path(__file__).parent / "scenarios" / "shipped.yaml"
SCHEMA = "reserve.scenarios/1"

_NAME = re.compile(r"[a-z0-9_]{1,64}\Z")
_ASSET = re.compile(r"(all|largest|[A-Z0-9.-]{1,20})\Z")


def load_scenarios(site: Mapping[str, Any] | None = None) -> dict[str, Scenario]:
    """Every scenario by name: those shipped, and a site's, which replace one of their name; null leaves a shipped one out.

    ConfigurationError names the scenario and what is wrong.
    """
    found = dict(_shipped())
    for name, raw in (site or {}).items():
        if raw is None:
            found.pop(name, None)
        else:
            found[name] = scenario_of(name, raw)
    return found


def read_scenarios(file: Path) -> dict[str, Scenario]:
    """The scenarios of a file of the shipped one's form."""
    value = read_document(file).value
    if not isinstance(value, dict) or value.get("schema") != SCHEMA or not isinstance(value.get("scenarios"), dict):
        raise ConfigurationError(f"{file}: must have schema: {SCHEMA} and a mapping scenarios")
    return {name: scenario_of(name, raw) for name, raw in value["scenarios"].items()}


def scenario_of(name: str, raw: Any) -> Scenario:
    """A checked scenario."""
    if not _NAME.match(name):
        raise ConfigurationError(f"scenario {name[:80]!r}: a name is lower-case letters, digits and _")
    if not isinstance(raw, dict) or set(raw) - {"title", "ref", "stresses"} or not isinstance(raw.get("stresses"), list):
        raise ConfigurationError(f"scenario {name}: must have title and a list stresses, and may have ref")
    for number, stress in enumerate(raw["stresses"], 1):
        problem = stress_problem(stress)
        if problem:
            raise ConfigurationError(f"scenario {name}, stress {number}: {problem}")
    return Scenario(name, str(raw.get("title", name)), tuple(dict(stress) for stress in raw["stresses"]))


def stress_problem(stress: Any) -> str | None:
    """What is wrong with one stress; None when it is good."""
    if not isinstance(stress, dict) or str(stress.get("type")) not in _ARGUMENTS:
        return f"type must be one of {', '.join(_ARGUMENTS)}"
    known = _ARGUMENTS[stress["type"]]
    for name, value in stress.items():
        if name != "type" and name not in known:
            return f"{name} is no argument of {stress['type']}; there are {', '.join(known)}"
        if name != "type" and not known[name][0](value):
            return f"{name} is {value!r}, must be {known[name][1]}"
    missing = [name for name in _NEEDED[stress["type"]] if name not in stress]
    return f"{stress['type']} lacks {missing[0]}" if missing else None


def scenario_object(scenario: Scenario) -> dict[str, Any]:
    """What the configuration record carries of a scenario."""
    return {"title": scenario.title, "stresses": [dict(stress) for stress in scenario.stresses]}


@cache
def _shipped() -> dict[str, Scenario]:
    return read_scenarios(SHIPPED)


def _number(value: Any) -> bool:
    try:
        parse_decimal(value)
    except (BadDecimal, TypeError):
        return False
    return True


def _factor(value: Any) -> bool:
    return _number(value) and parse_decimal(value) >= 0


def _share(value: Any) -> bool:
    return _factor(value) and parse_decimal(value) <= 1


def _asset(value: Any) -> bool:
    return isinstance(value, str) and bool(_ASSET.match(value))


def _assets(value: Any) -> bool:
    return isinstance(value, list) and all(map(_asset, value))


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _one_of(words: tuple[str, ...]) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: value in words), f"one of {', '.join(words)}"


def _some_of(words: tuple[str, ...]) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: isinstance(value, list) and bool(value) and set(value) <= set(words)), f"a list of {', '.join(words)}"


_SHARE = (_share, "a decimal from 0 to 1, as text")
_FACTOR = (_factor, "a decimal of 0 or more, as text")
_SHIFT = (_number, "a decimal, as text")
_ONE_ASSET = (_asset, "an asset, `largest` or `all`")
_INCIDENT = _one_of(get_args(IncidentKind))
_ARGUMENTS: dict[str, dict[str, tuple[Callable[[Any], bool], str]]] = {
    "lose": {
        "storages": _some_of(STORAGES), "roles": _some_of(ASSET_ROLES), "asset": _ONE_ASSET, "share": _SHARE,
        "incident": _INCIDENT,
    },
    "lose_account": {"incident": _INCIDENT},
    "lose_custodian": {"source": (_text, "the source of a feed"), "incident": _INCIDENT},
    "price": {"asset": _ONE_ASSET, "factor": _FACTOR, "except": (_assets, "a list of assets")},
    "withdraw": {"share": _SHARE},
    "volume": {"factor": _FACTOR},
    "liability": {"asset": _ONE_ASSET, "factor": _FACTOR},
    "balance": {"role": _one_of(ROLES), "storage": _one_of(STORAGES), "asset": _ONE_ASSET, "shift": _SHIFT},
    "declaration": {"kind": _one_of(get_args(DeclarationKind)), "shift": _SHIFT},
}  # fmt: skip
_NEEDED = {
    "lose": ("storages",),
    "lose_account": (),
    "lose_custodian": (),
    "price": ("asset", "factor"),
    "withdraw": ("share",),
    "volume": ("factor",),
    "liability": ("asset", "factor"),
    "balance": ("role", "storage", "asset", "shift"),
    "declaration": ("kind", "shift"),
}
