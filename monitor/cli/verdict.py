"""From states to the exit code (CONTRACT 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from monitor.errors import CHECK_FAILED, GOOD, UNKNOWN


def exit_code(assessments: Iterable[Mapping[str, Any]]) -> int:
    """1 for a shortfall, else 5 for what is not known, else 0; methods in force decide, and where there are none all do."""
    several = list(assessments)
    states = {one["state"] for one in [one for one in several if one["mode"] == "in_force"] or several}
    if "shortfall" in states:
        return CHECK_FAILED
    return UNKNOWN if states & {"unknown", "not_computable"} else GOOD
