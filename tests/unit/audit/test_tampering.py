"""A sample of the seeded forgeries: each is found and named, and the plain verifier refuses those that it must see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tampering.forging import Original, original
from tests.tampering.trials import plain_verifier, trial

SAMPLE = range(16)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return original(tmp_path_factory.mktemp("forgeries"))


@pytest.mark.parametrize("seed", SAMPLE)
def test_it_is_found_and_named(told: Original, tmp_path: Path, seed: int) -> None:
    tried = trial(told, seed, tmp_path / "forged", plain_verifier())
    assert tried.missed is None, tried
