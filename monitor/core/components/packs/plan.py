"""A pack with one entity's options: what is skipped, and which side each term feeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.components.packs.pack import STATUSES, Element, Pack, read_pack
from monitor.core.components.packs.registry import RULES, TERMS, Argument
from monitor.core.journal.vocabulary import Effect

COMMON_OPTIONS = ("skip", "calendar", "time_zone")


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What an evaluation needs to know of a pack before it sees a book.

    `sides` says under which effect a term's gaps are reported, `statuses` how well the weakest parameter of a component is
    known; `skip` holds names of components, families and parts.
    """

    pack: Pack
    options: Mapping[str, Any]
    skip: frozenset[str]
    sides: Mapping[str, Effect]
    statuses: Mapping[str, str | None]
    null_parameters: tuple[str, ...]


def plan_of(raw: Mapping[str, Any], options: Mapping[str, Any]) -> Plan:
    """The plan for a validated pack object; options left out take the pack's defaults."""
    pack = read_pack(raw)
    skip = frozenset(options.get("skip", ()))
    given = {name: option.default for name, option in pack.options.items()}
    given |= {name: value for name, value in options.items() if name not in COMMON_OPTIONS}
    null = tuple(sorted(n for n, p in pack.parameters.items() if p.value is None and p.when_null == "not_computable"))
    return Plan(pack, given, skip, _sides(pack, skip), _statuses(pack), null)


def references(element: Element, arguments: Mapping[str, Argument]) -> Iterator[tuple[str, Effect | None]]:
    """Every term an element reads (without the part after a dot), with the side the argument feeds."""
    for name, argument in arguments.items():
        given = element.arguments.get(name)
        if given is None or argument.kind not in ("term", "terms"):
            continue
        for reference in [given] if isinstance(given, str) else given:
            yield term_of(reference), argument.side


def term_of(reference: str) -> str:
    """The term in a reference such as `turnover:cap`."""
    return reference.partition(":")[0]


def parameters_of(element: Element, arguments: Mapping[str, Argument]) -> Iterator[str]:
    """Every parameter an element names itself."""
    for name, argument in arguments.items():
        given = element.arguments.get(name)
        if given is None:
            continue
        if argument.kind in ("amount", "names"):
            yield given
        elif argument.kind == "amounts":
            yield from given
        elif argument.kind in ("cases", "word_cases"):
            yield from given.values()


def _statuses(pack: Pack) -> dict[str, str | None]:
    """The weakest status of the parameters each component stands on, itself or through its terms."""
    headline = [name for name in (pack.headline.required, pack.headline.available) if name is not None]
    result: dict[str, str | None] = {}
    for name, element in pack.components.items():
        arguments = RULES[element.type].arguments
        reached = _reached(pack, [term for term, _ in references(element, arguments)])
        if name in pack.headline.components:
            reached |= _reached(pack, [term_of(reference) for reference in headline])
        names = set(parameters_of(element, arguments))
        for term in reached:
            names |= set(parameters_of(pack.terms[term], TERMS[pack.terms[term].type].arguments))
        found = [pack.parameters[parameter].status for parameter in names]
        result[name] = max(found, key=STATUSES.index) if found else None
    return result


def _reached(pack: Pack, terms: list[str]) -> set[str]:
    reached: set[str] = set()
    open_terms = list(terms)
    while open_terms:
        name = open_terms.pop()
        if name not in reached:
            reached.add(name)
            element = pack.terms[name]
            open_terms += [below for below, _ in references(element, TERMS[element.type].arguments)]
    return reached


def _sides(pack: Pack, skip: frozenset[str]) -> dict[str, Effect]:
    found: dict[str, set[str]] = {name: set() for name in pack.terms}
    headline = pack.headline
    for reference, side in ((headline.required, "required"), (headline.available, "available")):
        if reference is not None and not set(headline.components) <= skip:
            _mark(pack, skip, term_of(reference), side, found)
    for name, element in pack.components.items():
        if name in skip:
            continue
        for term, argument_side in references(element, RULES[element.type].arguments):
            _mark(pack, skip, term, argument_side or "both", found)
    return {name: _effect(sides) for name, sides in found.items()}


def _mark(pack: Pack, skip: frozenset[str], term: str, side: str, found: dict[str, set[str]]) -> None:
    element = pack.terms[term]
    if side in found[term] or term in skip or element.within in skip:
        return
    found[term].add(side)
    for below, _ in references(element, TERMS[element.type].arguments):
        _mark(pack, skip, below, side, found)


def _effect(sides: set[str]) -> Effect:
    if "both" in sides or len(sides) > 1:
        return "both"
    if "required" in sides:
        return "required"
    return "available" if sides else "figures"
