"""What one evaluation says of one alert: whether it holds, is proved over or neither, and what it would show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from monitor.core.alerts.life import Identity, Verdict
from monitor.core.alerts.record import AlertContent
from monitor.core.journal.causes import Cause
from monitor.core.journal.vocabulary import EndReason, Severity


@dataclass(frozen=True, slots=True)
class Condition:
    """What one evaluation says of one alert. `show` gives its figures and texts, and is called only when they are needed.

    `dwells`: whether the entity's dwell holds for it; not for facts (incidents, cure dates). An empty `mode` is the one
    the alert has. `grace`: at least so long (ns) it must hold to fire. `watched`: whether anything is looked at that could
    prove it; the configuration may have taken that away.
    `concerns`: whether its rule read an event; `worsens`: whether that moved against the rule.
    """

    identity: Identity
    verdict: Verdict
    severity: Severity = "critical"
    mode: str = "in_force"
    dwells: bool = True
    ends_as: EndReason = "recovered"
    show: Callable[[], AlertContent] = field(default=lambda: AlertContent("", ""))
    concerns: Callable[[Cause], bool] = field(default=lambda _cause: True)
    worsens: Callable[[Cause], bool | None] = field(default=lambda _cause: None)
    grace: int = 0
    watched: bool = True

    @property
    def by_rules(self) -> bool:
        """Whether the configuration decides what it holds against its figures, and not a fact alone (an incident, a refusal)."""
        return self.ends_as == "recovered" or self.identity.method is not None
