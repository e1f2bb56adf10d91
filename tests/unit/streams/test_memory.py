"""Long-lived state is set aside from the garbage collector, and young garbage is not."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from monitor.collector import RECORDS, Keeper, building


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


class Node:
    """Something that can hold itself."""

    def __init__(self) -> None:
        self.other: Node | None = None


def test_what_is_alive_is_set_aside_after_so_many_records() -> None:
    keeper = Keeper()
    keeper.applied(RECORDS - 1)
    assert gc.get_freeze_count() == 0
    keeper.applied(1)
    assert gc.get_freeze_count() > 0


def test_garbage_in_cycles_goes_before_anything_is_set_aside() -> None:
    node = Node()
    node.other = node
    gone = weakref.ref(node)
    del node
    Keeper().applied(RECORDS)
    assert gone() is None


def test_what_is_set_aside_still_goes_when_nobody_holds_it() -> None:
    node = Node()
    gone = weakref.ref(node)
    Keeper().applied(RECORDS)
    del node
    assert gone() is None


def test_a_state_is_built_without_collections_and_set_aside() -> None:
    with building():
        assert not gc.isenabled()
        state = [[number] for number in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() > len(state)
