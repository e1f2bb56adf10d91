"""All that one evaluation read, by part, so that it can be answered again after the book has moved on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from monitor.core.book.declarations import DatedDeclaration
from monitor.core.book.incidents import incident_of
from monitor.core.journal.ordering import order_from, order_text
from monitor.core.journal.vocabulary import CAUSE_PARTS, CausePart
from monitor.core.values.figure import Exact, Figure
from monitor.core.view.incident_view import KnownIncidents

MOST_READS = 20_000
"""Readings of one figure that are kept: a method that reads more of its past (a large house's months of days) is not split."""

ReadKey = tuple[str, ...]
"""What was read: the kind of read, then what names it."""

FACTS: tuple[CausePart, ...] = ("balance", "volume", "incident", "declaration")


@dataclass(slots=True)
class Readings:
    """Values by part and key; `clocks` says by which part's clock a term goes, the method's where none is named.

    `past` are pairs whose prices of the past were read: too many to keep, and asked for anew.
    """

    values: dict[CausePart, dict[ReadKey, Any]] = field(default_factory=lambda: {part: {} for part in CAUSE_PARTS})
    clocks: dict[str, CausePart] = field(default_factory=dict)
    past: set[str] = field(default_factory=set)

    def note(self, part: CausePart, key: ReadKey, value: Any, term: str) -> None:
        """One read, made by a term."""
        self.values[part][key] = value
        self._clock(part, term)

    def note_all(self, reads: Readings, term: str) -> None:
        """All of several reads, made by a term."""
        for part, found in reads.values.items():
            if found:
                self.values[part].update(found)
                self._clock(part, term)
        self.past |= reads.past

    def _clock(self, part: CausePart, term: str) -> None:
        if part in FACTS and (term not in self.clocks or FACTS.index(part) < FACTS.index(self.clocks[term])):
            self.clocks[term] = part

    def clock_of(self, term: str) -> CausePart:
        """The part to which a term's date belongs: the first fact it reads, so that a window moves with what it is of."""
        return self.clocks.get(term, "method")

    def changed(self, since: Readings) -> dict[CausePart, frozenset[ReadKey]]:
        """By part, what is read otherwise than it was, or on one side alone."""
        return {part: _differing(since.values[part], self.values[part]) for part in CAUSE_PARTS}

    @property
    def many(self) -> bool:
        """Whether they are too many to be kept."""
        return sum(map(len, self.values.values())) > MOST_READS

    def state(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        values = {
            part: [[list(key), _CODECS[key[0]].write(value)] for key, value in kept.items()]
            for part, kept in self.values.items()
            if kept
        }
        return {"values": values, "clocks": self.clocks, "past": sorted(self.past)}

    @staticmethod
    def of_state(state: Mapping[str, Any]) -> Readings:
        """The reads that `state` wrote."""
        reads = Readings(clocks=dict(state["clocks"]), past=set(state["past"]))
        for part in CAUSE_PARTS:
            reads.values[part] = {tuple(key): _CODECS[key[0]].read(value) for key, value in state["values"].get(part, ())}
        return reads


def _differing(old: Mapping[ReadKey, Any], new: Mapping[ReadKey, Any]) -> frozenset[ReadKey]:
    gone = (key for key in old if key not in new)
    return frozenset((*gone, *(key for key, value in new.items() if key not in old or old[key] != value)))


@dataclass(frozen=True, slots=True)
class Codec:
    """How a kind of value is written into a snapshot, and read back."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def number_text(value: Exact | None) -> str | None:
    """An exact number as text: a decimal, or two whole numbers with a stroke between."""
    return None if value is None else str(value)


def number_of(text: str | None) -> Exact | None:
    """The number that `number_text` wrote."""
    if text is None:
        return None
    return Fraction(text) if "/" in text else Decimal(text)


def figure_state(figure: Figure) -> list[str | None]:
    """A figure as JSON values."""
    return [number_text(figure.exact_low), number_text(figure.exact_high)]


def figure_of(state: list[str | None]) -> Figure:
    """The figure that `figure_state` wrote; a point is one number at both ends."""
    low = number_of(state[0])
    return Figure(low, low if state[0] == state[1] else number_of(state[1]))


def _declared_state(found: DatedDeclaration | int | None) -> Any:
    return found.state() if isinstance(found, DatedDeclaration) else None if found is None else str(found)


def _declared_of(state: Any) -> DatedDeclaration | int | None:
    return DatedDeclaration.of_state(state) if isinstance(state, list) else None if state is None else int(state)


def _incidents_state(found: KnownIncidents) -> Any:
    return [str(found.at), [[name, order_text(one.order), dict(one.body)] for name, one in found.revisions]]


def _incidents_of(state: Any) -> KnownIncidents:
    revisions = ((name, incident_of(body, order_from(order))) for name, order, body in state[1])
    return KnownIncidents(int(state[0]), tuple(revisions))


_AS_IT_IS = Codec(lambda value: value, lambda value: value)
_FIGURE = Codec(figure_state, figure_of)
_TEXTS = Codec(list, tuple)
_AMOUNTS = Codec(
    lambda found: {name: str(amount) for name, amount in found.items()},
    lambda state: {name: Decimal(amount) for name, amount in state.items()},
)
_CODECS: Mapping[str, Codec] = {
    "price": _FIGURE,
    "held": _FIGURE,
    "positive": _FIGURE,
    "held_at": _FIGURE,
    "assets": _TEXTS,
    "assets_at": _TEXTS,
    "first": _AS_IT_IS,
    "traded_24h": _AMOUNTS,
    "traded_day": _AMOUNTS,
    "seen": _AS_IT_IS,
    "incidents": Codec(_incidents_state, _incidents_of),
    "declared": Codec(_declared_state, _declared_of),
    "declarations": Codec(
        lambda found: [one.state() for one in found], lambda state: tuple(DatedDeclaration.of_state(one) for one in state)
    ),
    "came": _AS_IT_IS,
    "impaired": _AS_IT_IS,
    "doubtful": _AS_IT_IS,
    "lossy": _AS_IT_IS,
    "today": _AS_IT_IS,
    "now": _AS_IT_IS,
}
