"""Every worked case twice without a process: through the book, and through a plain search over the events."""

from pathlib import Path
from typing import Any

import pytest

from tests import worked_cases
from tests.expectations import differences

FOLDERS = worked_cases.folders()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_case_through_the_book(folder: Path) -> None:
    content = worked_cases.configuration(folder)
    for check in worked_cases.checks(folder):
        found = worked_cases.by_book(folder, content, check)
        assert differences(check["expect"], found) == [], check["at"]
        assert without_since(found) == without_since(worked_cases.by_naive_view(folder, content, check)), check["at"]


def without_since(result: dict[str, Any]) -> dict[str, Any]:
    """The plain search does not say since when a gap holds."""
    return result | {"gaps": [gap | {"since": None} for gap in result["gaps"]]}
