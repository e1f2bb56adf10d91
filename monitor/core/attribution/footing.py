"""What a published figure stands on: the figure itself and all that was read for it, kept until the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.core.attribution.readings import Readings, figure_of, figure_state
from monitor.core.evaluation.evaluation import MethodResult
from monitor.core.values.figure import Figure

GapName = tuple[str, str]
"""Kind and subject."""


@dataclass(frozen=True, slots=True)
class Footing:
    """`digest` names the record; figures are exact and in `currency`, `printed` is required, available, coverage as published.

    `at` (ns) is the instant of the evaluation, `mark` where the journal stood. `whole`: the reads were few enough to be kept.
    """

    digest: str
    at: int
    mark: int
    config_digest: str
    method: tuple[str, str]
    currency: str
    required: Figure | None
    available: Figure | None
    printed: tuple[str | None, str | None, str | None]
    gaps: tuple[GapName, ...]
    reads: Readings
    whole: bool

    @staticmethod
    def of(found: MethodResult, value: Mapping[str, Any], at: int, reads: Readings) -> Footing:
        """What the record `value`, made from `found` at `at` (ns), stands on."""
        result, whole = found.result, not reads.many
        return Footing(
            value["digest"],
            at,
            value["journal"]["offset"],
            value["config_digest"],
            (found.prepared.config.id, found.prepared.digest),
            result.currency,
            result.required_figure,
            result.available_figure,
            (result.required, result.available, result.coverage),
            gap_names(result.gaps),
            reads if whole else Readings(),
            whole,
        )

    def state(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        return {
            "digest": self.digest,
            "at": str(self.at),
            "mark": self.mark,
            "config_digest": self.config_digest,
            "method": list(self.method),
            "currency": self.currency,
            "required": None if self.required is None else figure_state(self.required),
            "available": None if self.available is None else figure_state(self.available),
            "printed": list(self.printed),
            "gaps": [list(gap) for gap in self.gaps],
            "reads": self.reads.state(),
            "whole": self.whole,
        }

    @staticmethod
    def of_state(state: Mapping[str, Any]) -> Footing:
        """The footing that `state` wrote."""
        required, available = (None if state[name] is None else figure_of(state[name]) for name in ("required", "available"))
        method, digest = state["method"]
        printed, gaps = state["printed"], tuple((kind, subject) for kind, subject in state["gaps"])
        return Footing(
            state["digest"],
            int(state["at"]),
            state["mark"],
            state["config_digest"],
            (method, digest),
            state["currency"],
            required,
            available,
            (printed[0], printed[1], printed[2]),
            gaps,
            Readings.of_state(state["reads"]),
            state["whole"],
        )


def gap_names(gaps: Sequence[Mapping[str, Any]]) -> tuple[GapName, ...]:
    """Kind and subject of printed gaps, each once, sorted."""
    return tuple(sorted({(gap["kind"], gap["subject"]) for gap in gaps}))
