"""Gaps: what is not known, one for each kind and subject (INPUTS 1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from monitor.core.journal.vocabulary import Effect

GapNote = tuple[str, str, Effect | None, int | None]
"""Kind, subject, effect (None: the one set by `Gaps.reading`) and since of a gap, as given to `Gaps.add`."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that is not known. `since` (ns): the event time from which it holds, None is always."""

    kind: str
    subject: str
    effect: Effect
    since: int | None


class Gaps:
    """The gaps of one evaluation."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Gap] = {}
        self.effect: Effect = "both"
        """The effect that gaps noted now have."""
        self.trace: list[tuple[GapNote, Effect]] = []
        """Every call of `add` and the effect set then, in order."""

    def add(self, kind: str, subject: str, effect: Effect | None = None, since: int | None = None) -> None:
        """Note a gap; `effect` None takes the one set by `reading`.

        Of one (kind, subject): required and available together are both, figures gives way to any other, and the earliest
        `since` counts (None is the earliest).
        """
        self.trace.append(((kind, subject, effect, since), self.effect))
        self.put(kind, subject, effect, since)

    def leave(self, notes: Iterable[tuple[GapNote, Effect]]) -> None:
        """As `add`, each under its effect."""
        for note, effect in notes:
            self.trace.append((note, effect))
            kind, subject, own, since = note
            self.put(kind, subject, own or effect, since)

    def put(self, kind: str, subject: str, effect: Effect | None, since: int | None) -> None:
        """As `add`, without a trace: for what leaves a trace of its own."""
        now = effect or self.effect
        known = self._found.get((kind, subject))
        if known is not None:
            since = None if known.since is None or since is None else min(known.since, since)
            now = _merged(known.effect, now)
            if (now, since) == (known.effect, known.since):
                return
        self._found[kind, subject] = _gap(kind, subject, now, since)

    def reading(self, effect: Effect) -> UnderEffect:
        """Within it, gaps of reads have this effect (outside: `both`)."""
        return UnderEffect(self, effect)

    def sorted(self) -> tuple[Gap, ...]:
        """All gaps by kind and subject."""
        return tuple(self._found[key] for key in sorted(self._found))


class UnderEffect:
    """The effect of gaps while it is entered; no generator, of which an evaluation would make dozens."""

    __slots__ = ("_before", "_effect", "_gaps")

    def __init__(self, gaps: Gaps, effect: Effect) -> None:
        self._gaps = gaps
        self._effect: Effect = effect

    def __enter__(self) -> None:
        self._before = self._gaps.effect
        self._gaps.effect = self._effect

    def __exit__(self, *_raised: object) -> None:
        self._gaps.effect = self._before


@lru_cache(maxsize=20_000)
def _gap(kind: str, subject: str, effect: Effect, since: int | None) -> Gap:
    """The same gap is the same object: what was printed of it is not printed again."""
    return Gap(kind, subject, effect, since)


def _merged(one: Effect, other: Effect) -> Effect:
    if other in {one, "figures"}:
        return one
    return other if one == "figures" else "both"
