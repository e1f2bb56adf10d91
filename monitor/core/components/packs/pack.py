"""A pack as the core reads it from the configuration record: data that was validated where it was loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from monitor.core.values.figure import Exact, terminating

STATUSES = ("primary", "secondary", "unverified", "house")
"""How well a parameter is known, strongest first."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number or list of words of the law: its value (null: not yet set), unit, status and source."""

    name: str
    value: str | tuple[str, ...] | None
    unit: str
    status: str
    ref: str
    upto: str | None
    when_null: str

    @property
    def amount(self) -> Fraction:
        """The value as an exact number."""
        return _number(str(self.value))

    @property
    def factor(self) -> Exact:
        """The same in the form in which figures are scaled by it."""
        return _factor(str(self.value))

    @property
    def words(self) -> tuple[str, ...]:
        """The value of a list parameter."""
        return self.value if isinstance(self.value, tuple) else ()


@dataclass(frozen=True, slots=True)
class Element:
    """A term or a component: the type it is of and its arguments; `within` names the part it is null with."""

    name: str
    type: str
    arguments: Mapping[str, Any]
    ref: str | None
    within: str | None


@dataclass(frozen=True, slots=True)
class Headline:
    """The components that are the whole's `required` and `available`, or the terms that are."""

    components: tuple[str, ...]
    required: str | None
    available: str | None


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a method: its kind, the words allowed, and its default."""

    name: str
    kind: str
    words: tuple[str, ...]
    default: str | None


@dataclass(frozen=True, slots=True)
class Pack:
    """One version of one method. `study`: numbers of the site's own for a rule that has none yet; it is never in force."""

    id: str
    version: str
    draft: bool
    study: bool
    currency: str | None
    time_zone: str | None
    calendar: str | None
    effective_from: date | None
    effective_to: date | None
    parameters: Mapping[str, Parameter]
    options: Mapping[str, Option]
    terms: Mapping[str, Element]
    components: Mapping[str, Element]
    headline: Headline
    figures: Mapping[str, str]
    parts: tuple[str, ...]
    projection: bool


def read_pack(raw: Mapping[str, Any]) -> Pack:
    """The pack in a validated object (the form of the YAML file)."""
    headline = raw["headline"]
    return Pack(
        id=raw["id"],
        version=raw["version"],
        draft=raw["status"] == "draft",
        study=raw["status"] == "study",
        currency=raw["currency"],
        time_zone=raw["time_zone"],
        calendar=raw["calendar"],
        effective_from=_date(raw["effective_from"]),
        effective_to=_date(raw["effective_to"]),
        parameters={name: _parameter(name, value) for name, value in raw["parameters"].items()},
        options={name: _option(name, value) for name, value in raw.get("options", {}).items()},
        terms={name: _element(name, value) for name, value in raw.get("terms", {}).items()},
        components={name: _element(name, value) for name, value in raw["components"].items()},
        headline=Headline(tuple(headline["components"]), headline.get("required"), headline.get("available")),
        figures=dict(raw.get("figures", {})),
        parts=tuple(raw.get("parts", ())),
        projection=bool(raw.get("projection", False)),
    )


@lru_cache(maxsize=4096)
def _number(text: str) -> Fraction:
    """Read once: parameters are the same texts in every evaluation."""
    return Fraction(Decimal(text))


@lru_cache(maxsize=4096)
def _factor(text: str) -> Exact:
    return terminating(_number(text))


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _parameter(name: str, raw: Mapping[str, Any]) -> Parameter:
    value = raw["value"]
    return Parameter(
        name=name,
        value=tuple(value) if isinstance(value, list) else value,
        unit=raw["unit"],
        status=raw["status"],
        ref=raw["ref"],
        upto=raw.get("upto"),
        when_null=raw.get("when_null", "not_computable"),
    )


def _option(name: str, raw: Mapping[str, Any]) -> Option:
    return Option(
        name=name,
        kind=raw["kind"],
        words=tuple(raw.get("words", ())),
        default=raw.get("default"),
    )


def _element(name: str, raw: Mapping[str, Any]) -> Element:
    arguments = {key: value for key, value in raw.items() if key not in ("type", "ref", "within")}
    return Element(name, raw["type"], arguments, raw.get("ref"), raw.get("within"))
