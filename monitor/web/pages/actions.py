"""The page "what to do": for each broken or threatened rule of an entity the moves that mend it, by when, and what they break."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.core.values.times import format_time
from monitor.web.page import environment
from monitor.web.protocols import WebParts


def render_actions(parts: WebParts, entity: str, proposals: Sequence[Mapping[str, Any]]) -> str:
    """The page of proposals (sentences.proposal_object) that were found now."""
    return (
        environment()
        .get_template("actions.html")
        .render(entity=entity, proposals=proposals, now=format_time(parts.clock()), versions=parts.versions)
    )
