"""The strict check of a pack: every field known, every name it uses defined, every type and word from a closed set."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import partial
from typing import Any

from monitor.core.components import RULES, TERMS
from monitor.core.components.packs.pack import STATUSES, read_pack
from monitor.core.components.packs.plan import references, term_of
from monitor.core.components.packs.registry import Argument
from monitor.core.values.currencies import is_iso_4217
from monitor.core.values.money import BadDecimal, parse_decimal
from monitor.methods.places import Document, Path_

SCHEMA = "reserve.method/1"
OPTION_KINDS = ("choice", "list", "amount", "month_day")
_ID = re.compile(r"[a-z0-9]+(\.[a-z0-9_]+)+\Z")
_NAME = re.compile(r"[a-z0-9_]+\Z")
_NOT_NUMBERS = ("enum", "date")
_FIELDS = {
    "schema": True, "id": True, "version": True, "title": True, "status": True, "jurisdiction": True, "law": True,
    "effective_from": True, "effective_to": True, "currency": True, "time_zone": True, "calendar": True, "parameters": True,
    "options": False, "parts": False, "terms": False, "components": True, "headline": True, "figures": True,
    "projection": False, "documentation": False,
}  # fmt: skip
_PARAMETER = {
    "value": True,
    "unit": True,
    "status": True,
    "ref": True,
    "legal": False,
    "note": False,
    "upto": False,
    "when_null": False,
}
_OPTION = {"kind": True, "words": False, "default": False, "needed_for": False, "instead_of": False}
_LAW = {"title": True, "url": True, "status": True}
_HEADLINE = {"components": True, "required": False, "available": False}
_DOCUMENTATION = {"formula": True, "example": False}


def check_pack(document: Document) -> None:
    """Raise ConfigurationError, with file, line and field, for anything that makes the pack unusable."""
    _Check(document).run()


class _Check:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.pack: Any = document.value

    def run(self) -> None:
        self.fields(self.pack, _FIELDS, ())
        self.head()
        self.parameters()
        self.options()
        self.elements("terms", TERMS)
        self.elements("components", RULES)
        self.cycles()
        self.headline()
        self.figures()
        self.parts()
        if "documentation" in self.pack:
            self.fields(self.pack["documentation"], _DOCUMENTATION, ("documentation",))

    def fail(self, where: Path_, message: str) -> None:
        raise self.document.error(where, message)

    def fields(self, value: Any, known: Mapping[str, bool], where: Path_) -> None:
        if not isinstance(value, dict):
            self.fail(where, "must be a mapping")
        for key in value:
            if key not in known:
                self.fail((*where, key), f"is not a field here; there are {', '.join(known)}")
        for key, needed in known.items():
            if needed and key not in value:
                self.fail(where, f"lacks the field {key}")

    def text(self, where: Path_, *, null: bool = False) -> str | None:
        value: Any = self.pack
        for step in where:
            value = value[step]
        if value is None and null:
            return None
        if not isinstance(value, str) or not value:
            self.fail(where, "must be a text" + (" or null" if null else ""))
        return str(value)

    def word(self, where: Path_, words: Iterable[str]) -> None:
        value = self.text(where)
        if value not in (allowed := tuple(words)):
            self.fail(where, f"is {value!r}, must be one of {', '.join(allowed)}")

    def head(self) -> None:
        self.word(("schema",), (SCHEMA,))
        if not _ID.match(self.text(("id",)) or ""):
            self.fail(("id",), "must be lower-case words with dots, such as jp.psa_custody")
        for name in ("version", "title", "jurisdiction"):
            self.text((name,))
        self.word(("status",), ("in_force", "draft", "study"))
        for name in ("time_zone", "calendar"):
            self.text((name,), null=True)
        currency = self.text(("currency",), null=True)
        if currency is not None and not is_iso_4217(currency):
            self.fail(("currency",), f"{currency!r} is not a currency of ISO 4217")
        for name in ("effective_from", "effective_to"):
            self.date((name,))
        if not isinstance(self.pack.get("projection", False), bool):
            self.fail(("projection",), "must be true or false")
        for index, law in enumerate(self.items(("law",))):
            self.fields(law, _LAW, ("law", index))
            self.word(("law", index, "status"), STATUSES)

    def date(self, where: Path_) -> None:
        value = self.text(where, null=True)
        try:
            if value is not None:
                date.fromisoformat(value)
        except ValueError:
            self.fail(where, f"{value!r} is not a date, such as 2026-04-01")

    def items(self, where: Path_) -> list[Any]:
        value: Any = self.pack
        for step in where:
            value = value[step]
        if not isinstance(value, list) or not value:
            self.fail(where, "must be a list that is not empty")
        return list(value)

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.pack.get(name, {})
        if not isinstance(value, dict):
            self.fail((name,), "must be a mapping")
        return dict(value)

    def parameters(self) -> None:
        for name, raw in self.mapping("parameters").items():
            where: Path_ = ("parameters", name)
            if not _ID.match(name):
                self.fail(where, "is not a full parameter name, such as jp.psa.hot_ratio_max")
            self.fields(raw, _PARAMETER, where)
            self.word((*where, "status"), STATUSES)
            self.text((*where, "unit"))
            self.text((*where, "ref"))
            if "when_null" in raw:
                self.word((*where, "when_null"), ("not_computable", "no_rate"))
            value = raw["value"]
            if isinstance(value, list):
                self.items((*where, "value"))
            elif value is not None and raw["unit"] not in _NOT_NUMBERS:
                self.decimal((*where, "value"), value)
            if raw.get("upto") is not None:
                self.decimal((*where, "upto"), raw["upto"])

    def decimal(self, where: Path_, value: Any) -> None:
        try:
            if parse_decimal(value) < 0:
                self.fail(where, "must not be negative")
        except (BadDecimal, TypeError):
            self.fail(where, f"{value!r} is not a plain decimal")

    def options(self) -> None:
        options = self.mapping("options")
        for name, raw in options.items():
            where: Path_ = ("options", name)
            self.fields(raw, _OPTION, where)
            self.word((*where, "kind"), OPTION_KINDS)
            if raw["kind"] in ("choice", "list"):
                self.items((*where, "words"))
            if raw.get("default") is not None and not _fits(raw, raw["default"]):
                self.fail((*where, "default"), f"{raw['default']!r} is not a value of this option")
            if "instead_of" in raw:
                self.word((*where, "instead_of"), options)
            if "needed_for" in raw:
                self.word((*where, "needed_for"), self.mapping("components"))

    def elements(self, section: str, types: Mapping[str, Any]) -> None:
        for name, raw in self.mapping(section).items():
            where: Path_ = (section, name)
            if not _NAME.match(name):
                self.fail(where, "must be a lower-case word")
            if not isinstance(raw, dict) or "type" not in raw:
                self.fail(where, "lacks the field type")
            self.word((*where, "type"), types)
            arguments: Mapping[str, Argument] = types[raw["type"]].arguments
            known = {"type": True, "ref": section == "components", "within": False}
            if section == "components":
                del known["within"]
            else:
                del known["ref"]
            self.fields(raw, known | {key: argument.needed for key, argument in arguments.items()}, where)
            for key, argument in arguments.items():
                if key in raw:
                    self.argument((*where, key), argument, raw[key])

    def argument(self, where: Path_, argument: Argument, value: Any) -> None:
        checks: dict[str, Callable[[Path_, Any], None]] = {
            "term": self.term,
            "amount": partial(self.parameter, words=False),
            "names": partial(self.parameter, words=True),
            "choice": lambda place, _: self.word(place, argument.words),
            "text": lambda place, _: self.plain_text(place),
            "attributes": self.texts,
            "option": lambda place, _: self.word(place, self.mapping("options")),
            "cases": partial(self.cases, words=False),
            "word_cases": partial(self.cases, words=True),
        }
        if argument.kind in checks:
            checks[argument.kind](where, value)
            return
        for index, item in enumerate(self.items(where)):
            checks[argument.kind.removesuffix("s")]((*where, index), item)

    def plain_text(self, where: Path_) -> None:
        self.text(where)

    def term(self, where: Path_, value: Any) -> None:
        if not isinstance(value, str) or term_of(value) not in self.mapping("terms"):
            self.fail(where, f"{value!r} is not a term of this pack")
        name, _, part = str(value).partition(":")
        outputs = TERMS[self.mapping("terms")[name].get("type", "")].outputs if self.known_type(name) else ()
        if part and part not in outputs:
            self.fail(where, f"{name} has no part {part!r}; it has {', '.join(outputs) or 'none'}")

    def known_type(self, name: str) -> bool:
        raw = self.mapping("terms")[name]
        return isinstance(raw, dict) and raw.get("type") in TERMS

    def parameter(self, where: Path_, value: Any, *, words: bool) -> None:
        parameters = self.mapping("parameters")
        if value not in parameters:
            self.fail(where, f"{value!r} is not a parameter of this pack")
        given = parameters[value].get("value")
        if given is not None and isinstance(given, list) is not words:
            self.fail(where, f"{value} must be " + ("a list of words" if words else "a number"))

    def cases(self, where: Path_, value: Any, *, words: bool) -> None:
        if not isinstance(value, dict) or not value:
            self.fail(where, "must map words to parameters")
        for key, name in value.items():
            self.parameter((*where, key), name, words=words)

    def texts(self, where: Path_, value: Any) -> None:
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            self.fail(where, "must map attributes to texts")

    def cycles(self) -> None:
        terms = read_pack(self.pack | {"headline": {"components": []}}).terms
        done: set[str] = set()

        def visit(name: str, path: tuple[str, ...]) -> None:
            if name in path:
                self.fail(("terms", name), f"is computed from itself: {' <- '.join((*path, name))}")
            if name not in done:
                for below, _ in references(terms[name], TERMS[terms[name].type].arguments):
                    visit(below, (*path, name))
                done.add(name)

        for name in terms:
            visit(name, ())

    def headline(self) -> None:
        self.fields(self.pack["headline"], _HEADLINE, ("headline",))
        for index, _ in enumerate(self.items(("headline", "components"))):
            self.word(("headline", "components", index), self.mapping("components"))
        for side in ("required", "available"):
            if side in self.pack["headline"]:
                self.term(("headline", side), self.pack["headline"][side])

    def figures(self) -> None:
        for name, reference in self.mapping("figures").items():
            self.term(("figures", name), reference)

    def parts(self) -> None:
        if "parts" in self.pack:
            for index, _ in enumerate(self.items(("parts",))):
                self.word(("parts", index), self.mapping("terms"))
        for name, raw in self.mapping("terms").items():
            if "within" in raw:
                self.word(("terms", name, "within"), self.pack.get("parts", ()))


def _fits(option: Mapping[str, Any], value: Any) -> bool:
    return option_problem("", option, value) is None


def option_problem(name: str, option: Mapping[str, Any], value: Any) -> str | None:
    """What is wrong with the value of an option; None when it fits."""
    words = option.get("words", ())
    kind = option["kind"]
    if kind == "choice":
        return (
            None
            if str(value) in words and not isinstance(value, bool)
            else f"{name} is {value!r}, must be one of {', '.join(words)}"
        )
    if kind == "list":
        good = isinstance(value, list) and value and all(item in words for item in value)
        return None if good else f"{name} is {value!r}, must be a list of {', '.join(words)}"
    if kind == "month_day":
        return None if _is_month_day(value) else f"{name} is {value!r}, must be a month and day such as 04-01"
    return None if _is_amount(value) else f"{name} is {value!r}, must be an amount in quotes"


def _is_month_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == 5 and bool(date.fromisoformat(f"2001-{value}"))
    except ValueError:
        return False


def _is_amount(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return False
    try:
        return parse_decimal(str(value)) >= 0
    except BadDecimal:
        return False
