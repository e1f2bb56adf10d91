"""The rolling exposure as an output: the house method's four parts, under a schema of their own (DESIGN 6, INPUTS 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.core.journal.vocabulary import EXPOSURE_PARTS


def exposure_object(entity: str, at: str, printed: Mapping[str, Any]) -> dict[str, Any]:
    """The `reserve.exposure/1` fields from the exposure pack's printed result.

    `total` is its requirement, rounded up to the currency's minor unit; `parts` are its figures, unrounded. What is not
    known is null.
    """
    figures = printed["figures"]
    return {
        "schema": "reserve.exposure/1",
        "entity": entity,
        "at": at,
        "currency": printed["currency"],
        "total": printed["required"],
        "parts": {part: figures.get(part) for part in EXPOSURE_PARTS},
    }
