"""Looking on while code runs: what one of its functions was given and gave, and an engine whose rooms keep to themselves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

from monitor.core.book.custody.position import RoleAsset
from monitor.core.book.prices import Pair
from monitor.core.engine import Engine
from monitor.core.values.changes import Changes
from monitor.core.view.memory.kept import Kept, KeptDays


class Call(NamedTuple):
    """One call that ended: its names as they stood then, and what it gave."""

    names: Mapping[str, Any]
    gave: Any


@contextmanager
def calls_of(function: Callable[..., Any]) -> Iterator[list[Call]]:
    """The calls of a Python function within the block, in the order in which they ended; nothing is put in its place."""
    seen, code = list[Call](), function.__code__

    def look(frame: FrameType, event: str, gave: Any) -> None:
        if event == "return" and frame.f_code is code:
            seen.append(Call(dict(frame.f_locals), gave))

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield seen
    finally:
        sys.setprofile(before)


def forget_what_is_kept(engine: Engine) -> None:
    """The next evaluation of every entity reads all of its book anew."""
    for entity in engine._entities.values():
        if entity.evaluator is not None:
            entity.evaluator._kept, entity.evaluator._days = Kept(), KeptDays()


def disturb(engine: Engine) -> None:
    """No entity passes over its next evaluation."""
    for entity in engine._entities.values():
        entity._rest.disturb()


class _Silent(Changes[Any]):
    """Changes of which nobody is told."""

    def note(self, key: Any) -> None:
        """Left out: this is the fault."""


def silence_changes(engine: Engine) -> None:
    """A fault in the books of an engine: positions and prices change, and do not say so."""
    for entity in engine._entities.values():
        positions, prices = entity.book.positions, entity.book.shared.prices
        held: Changes[RoleAsset] = _Silent()
        priced: Changes[Pair] = _Silent()
        positions.changes = positions.past = positions.old = held
        prices.changes = prices.past = prices.old = priced
