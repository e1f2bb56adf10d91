"""The closed set of types a pack may name, with the arguments each takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from monitor.core.journal.vocabulary import Effect

ParameterKind = Literal[
    "term", "terms", "amount", "amounts", "names", "choice", "choices", "text", "attributes", "option", "cases", "word_cases"
]
"""What an argument is: `term(s)` name terms, `amount(s)` parameters that are decimals, `names` a parameter that is a list of
words, `option` an option of the pack, `cases` maps words to decimal parameters, `word_cases` to lists of words."""

Function = TypeVar("Function", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a type: its kind, whether it may be left out, the words allowed, and which side of the result it feeds."""

    kind: ParameterKind
    needed: bool = True
    words: tuple[str, ...] = ()
    side: Effect | None = None


@dataclass(frozen=True, slots=True)
class TermType:
    """A function (computation, arguments) that yields a figure, or several named ones."""

    name: str
    function: Callable[..., Any]
    arguments: Mapping[str, Argument]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleType:
    """A function (computation, element) that yields component rows and what they add to a headline."""

    name: str
    function: Callable[..., Any]
    arguments: Mapping[str, Argument]
    family: bool


TERMS: dict[str, TermType] = {}
RULES: dict[str, RuleType] = {}


def term_type(name: str, /, outputs: tuple[str, ...] = (), **arguments: Argument) -> Callable[[Function], Function]:
    """Register a term type; `outputs` names the parts of one that yields several figures."""

    def register(function: Function) -> Function:
        TERMS[name] = TermType(name, function, arguments, outputs)
        return function

    return register


def rule_type(name: str, /, *, family: bool = False, **arguments: Argument) -> Callable[[Function], Function]:
    """Register a component type; `family` ones have a row for each asset."""

    def register(function: Function) -> Function:
        RULES[name] = RuleType(name, function, arguments, family)
        return function

    return register
