"""Gaps: what is not known, one for each kind and subject (INPUTS 1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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
        self._effect: Effect = "both"
        self.trace: list[GapNote] = []
        """Every call of `add`, in order."""

    @property
    def effect(self) -> Effect:
        """The effect that gaps noted now have."""
        return self._effect

    def add(self, kind: str, subject: str, effect: Effect | None = None, since: int | None = None) -> None:
        """Note a gap; `effect` None takes the one set by `reading`.

        Of one (kind, subject): required and available together are both, figures gives way to any other, and the earliest
        `since` counts (None is the earliest).
        """
        self.trace.append((kind, subject, effect, since))
        self.put(kind, subject, effect, since)

    def put(self, kind: str, subject: str, effect: Effect | None, since: int | None) -> None:
        """As `add`, without a trace: for what leaves a trace of its own."""
        new = Gap(kind, subject, effect or self._effect, since)
        known = self._found.get((kind, subject))
        if known is not None:
            earliest = None if known.since is None or since is None else min(known.since, since)
            new = Gap(kind, subject, _merged(known.effect, new.effect), earliest)
        self._found[kind, subject] = new

    @contextmanager
    def reading(self, effect: Effect) -> Iterator[None]:
        """Within it, gaps of reads have this effect (outside: `both`)."""
        before, self._effect = self._effect, effect
        try:
            yield
        finally:
            self._effect = before

    def sorted(self) -> tuple[Gap, ...]:
        """All gaps by kind and subject."""
        return tuple(self._found[key] for key in sorted(self._found))


def _merged(one: Effect, other: Effect) -> Effect:
    if other in {one, "figures"}:
        return one
    return other if one == "figures" else "both"
