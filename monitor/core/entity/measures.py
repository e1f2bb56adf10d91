"""Numbers of an entity that metrics show beside its status object (CONTRACT 6).

Amounts are decimal texts in the entity's reporting currency, None where they are not known; times are ns since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class CustodyQuantity(NamedTuple):
    """What is held of an asset in a role and a storage class, in whole units."""

    asset: str
    role: str
    storage: str
    quantity: str


class CustodyAmount(NamedTuple):
    """The worth of a role and a storage class."""

    role: str
    storage: str
    amount: str | None


class TradedValue(NamedTuple):
    """The value traded in a window."""

    window: str
    amount: str | None


class IncidentLoss(NamedTuple):
    """The net loss of the incidents in a status."""

    status: str
    amount: str | None


class LastEvent(NamedTuple):
    """The log time of a feed's newest event; None before any."""

    source: str
    at: int | None


@dataclass(frozen=True, slots=True)
class Measures:
    """`holes`: by topic; `state_since`: by method; `cure_ends`: by method and component, the end of the last day to cure it."""

    custody_quantity: tuple[CustodyQuantity, ...] = ()
    custody_amount: tuple[CustodyAmount, ...] = ()
    trade_value: tuple[TradedValue, ...] = ()
    incident_loss: tuple[IncidentLoss, ...] = ()
    source_last_event: tuple[LastEvent, ...] = ()
    holes: Mapping[str, int] = field(default_factory=dict)
    evaluated_at: int | None = None
    state_since: Mapping[str, int] = field(default_factory=dict)
    cure_ends: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
