"""The garbage collector's settings, which hold for the whole process: everything that changes them stands here.

Nothing of what intake reads or an engine keeps is part of a cycle; counting references frees it when it goes. So the
collector only costs. Commands that end by themselves look seldom (`rare_collections`). Two stages of one
process change its settings, each in its own way, and both may be in force at once:

- Intake (`rare_collections`) lets it look every 200,000 objects instead of every 700. A fetch holds tens of thousands of
  records: to look through them again and again took a quarter of intake's time; memory stays as it was (measured).
- The assessor exempts what was there before it (`exempt`) and sets aside (`set_aside`, `building`) what it has built.
  A full collection walks every object there is:
  measured with 100,000 accounts, 1.3 s with the loop standing still and half of all time spent.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG, _MIDDLE, _OLD = 200_000, 20, 50
RECORDS, SECONDS = 5_000, 60.0


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for cycles seldom, and put the setting back."""
    before = gc.get_threshold()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def exempt() -> None:
    """Exempt what there is from later collections: the program itself, which a first full look takes a third of a second for."""
    gc.freeze()


def set_aside() -> None:
    """Collect what is young, then exempt what is left from later collections."""
    gc.collect()
    gc.freeze()


@contextmanager
def building() -> Iterator[None]:
    """While a large state is built: no collection in between, then all of it set aside."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


class Keeper:
    """Sets aside what an assessor's state has alive after so many applied records, or after a minute."""

    def __init__(self) -> None:
        self._records = 0
        self._since = time.monotonic()

    def applied(self, records: int) -> None:
        """Note records applied, and set aside what they left if it is time."""
        self._records += records
        if self._records and (self._records >= RECORDS or time.monotonic() - self._since >= SECONDS):
            set_aside()
            self._records = 0
            self._since = time.monotonic()
