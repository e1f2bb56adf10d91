"""Which of many things have changed since somebody last looked: a look costs what changed, not what there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from monitor.core.values.times import HOUR

K = TypeVar("K")

OLD_NS = 96 * HOUR
"""Of what is older only what comes so late is another: nothing that is thinned by then, and no day that may not be closed."""


class Changes(Generic[K]):
    """Keys in the order in which they changed last. `count`: changes so far, to be given to `since` at the next look."""

    __slots__ = ("_newest", "count")

    def __init__(self) -> None:
        self.count = 0
        self._newest: dict[K, int] = {}

    def note(self, key: K) -> None:
        """The thing of this name has changed, or may have."""
        self.count += 1
        self._newest.pop(key, None)
        self._newest[key] = self.count

    def since(self, count: int) -> Iterator[K]:
        """What has changed since the count stood there, each once."""
        for key in reversed(self._newest):
            if self._newest[key] <= count:
                return
            yield key
