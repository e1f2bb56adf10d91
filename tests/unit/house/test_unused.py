"""Nothing in the core is there for tests alone: every name of it is used by the product."""

from pathlib import Path

import pytest
from vulture import Vulture  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[3]
REGISTERED = ["@term_type", "@rule_type"]
"""Terms and components are named by packs, which are data."""

ALLOWED = {
    "duplicate": "a field of counts that are read together",
}


def unused(*folders: str) -> set[str]:
    eye = Vulture(ignore_decorators=REGISTERED)
    eye.scavenge([str(ROOT / folder) for folder in folders])
    return {item.name for item in eye.get_unused_code(min_confidence=60) if "monitor/core" in str(item.filename)}


@pytest.mark.timeout(240)
def test_the_core_has_no_name_that_only_tests_use() -> None:
    assert sorted(unused("monitor", "streams") - ALLOWED.keys()) == []
