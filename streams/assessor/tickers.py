"""Says in the log which line of the configuration decides what a ticker is, once for each that nobody can tell (CONTRACT 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from monitor.web.text import gap_sentence

_KIND = "asset_ambiguous"
_log = structlog.get_logger(__name__)


class UndecidedTickers:
    """What the published assessments of a partition leave undecided; one that comes again later is said again."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], frozenset[str]] = {}

    def heed(self, entity: str, assessment: Mapping[str, Any]) -> None:
        """Take a live assessment as it is published."""
        known = {asset for (of, _), assets in self._open.items() if of == entity for asset in assets}
        found = {str(gap["subject"]): gap for gap in assessment["gaps"] if gap["kind"] == _KIND}
        for asset in sorted(found.keys() - known):
            _log.warning(_KIND, entity=entity, asset=asset, detail=gap_sentence(found[asset]))
        self._open[entity, assessment["method"]] = frozenset(found)
