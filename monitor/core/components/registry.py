"""The closed set of types a pack may name, with the arguments each takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from monitor.core.components.computation import Computation, Outcome, Value
    from monitor.core.components.pack import Element

Kind = Literal[
    "term", "terms", "amount", "amounts", "names", "choice", "choices", "text", "attributes", "option", "cases", "word_cases"
]
"""What an argument is: `term(s)` name terms, `amount(s)` parameters that are decimals, `names` a parameter that is a list of
words, `option` an option of the pack, `cases` maps words to decimal parameters, `word_cases` to lists of words."""

Side = Literal["required", "available", "both", "figures"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a type: its kind, whether it may be left out, the words allowed, and which side it feeds."""

    kind: Kind
    needed: bool = True
    words: tuple[str, ...] = ()
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class TermType:
    """A function that yields a figure (or several named ones) from its arguments."""

    name: str
    function: Callable[[Computation, Mapping[str, Any]], Value]
    arguments: Mapping[str, Argument]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleType:
    """A function that yields component rows and what they add to a headline."""

    name: str
    function: Callable[[Computation, Element], Outcome]
    arguments: Mapping[str, Argument]
    family: bool


TERMS: dict[str, TermType] = {}
RULES: dict[str, RuleType] = {}


def term_type(
    name: str, /, outputs: tuple[str, ...] = (), **arguments: Argument
) -> Callable[[Callable[[Computation, Mapping[str, Any]], Value]], Callable[[Computation, Mapping[str, Any]], Value]]:
    """Register a term type; `outputs` names the parts of one that yields several figures."""

    def register(
        function: Callable[[Computation, Mapping[str, Any]], Value],
    ) -> Callable[[Computation, Mapping[str, Any]], Value]:
        TERMS[name] = TermType(name, function, arguments, outputs)
        return function

    return register


def rule_type(
    name: str, /, *, family: bool = False, **arguments: Argument
) -> Callable[[Callable[[Computation, Element], Outcome]], Callable[[Computation, Element], Outcome]]:
    """Register a component type; `family` ones have a row for each asset."""

    def register(function: Callable[[Computation, Element], Outcome]) -> Callable[[Computation, Element], Outcome]:
        RULES[name] = RuleType(name, function, arguments, family)
        return function

    return register
