"""What an accepted record says: trades as their fields, all others as the bodies of journal records (JOURNAL 1)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from monitor.audit.signatures.approvals import judged
from monitor.core.values.money import plain
from monitor.core.values.times import exact_time
from streams.wire.models import (
    Balance,
    Declaration,
    Incident,
    Operation,
    Price,
    Wire,
    WireTrade,
)


@dataclass(frozen=True, slots=True)
class Valid:
    """An accepted record of any topic but trades: the journal's kind and body (JOURNAL 1). Times are ns."""

    kind: str
    entity: str | None
    event_time: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trade:
    """An accepted trade or bust. `executed_at` is ns; `side` None where the source names none."""

    trade_id: str
    entity: str
    market: str
    price: Decimal
    quantity: Decimal
    executed_at: int
    side: str | None
    capacity: str
    instrument: str
    busted: bool


def trade_of(model: WireTrade) -> Trade:
    """What an accepted trade says; absent choices are those of the contract."""
    return Trade(
        model.trade_id,
        model.entity,
        model.market,
        model.price,
        model.quantity,
        model.executed_at,
        model.side,
        model.capacity or "venue",
        model.instrument or "spot",
        model.status == "busted",
    )


def valid_of(model: Wire) -> Valid:
    """What an accepted record of any other topic says; TypeError for what is no record of its own."""
    if isinstance(model, Balance):
        return Valid("position", model.entity, model.as_of, _position(model))
    if isinstance(model, Incident):
        return Valid("incident", model.entity, model.occurred_at, _incident(model))
    if isinstance(model, Price):
        return Valid("price", None, model.as_of, _price(model))
    if isinstance(model, Declaration):
        return Valid("declaration", model.entity, model.effective_from, _declaration(model))
    if isinstance(model, Operation):
        return Valid("operation", model.entity, model.at, _operation(model))
    raise TypeError(f"{type(model).__name__} is no record of its own")


def _position(model: Balance) -> dict[str, Any]:
    return {
        "event_id": model.event_id,
        "account": model.account,
        "role": model.role,
        "storage": model.storage,
        "asset": model.asset,
        "quantity": plain(model.quantity),
        "as_of": exact_time(model.as_of),
        "sequence": model.sequence or 0,
        "source": model.source,
        "group": model.group,
        "group_size": model.group_size,
    }


def _incident(model: Incident) -> dict[str, Any]:
    estimate = model.loss_estimate
    return {
        "incident_id": model.incident_id,
        "revision": model.revision,
        "kind": model.kind,
        "severity": model.severity,
        "status": model.status,
        "occurred_at": exact_time(model.occurred_at),
        "detected_at": exact_time(model.detected_at),
        "updated_at": exact_time(model.updated_at),
        "losses": [
            {
                "asset": loss.asset,
                "quantity": None if loss.quantity is None else plain(loss.quantity),
                "owner": loss.owner,
                "account": loss.account,
            }
            for loss in model.losses
        ],
        "loss_estimate": None if estimate is None else {"amount": plain(estimate.amount), "currency": estimate.currency},
        "recoveries": [
            {"asset": one.asset, "quantity": plain(one.quantity), "received_at": exact_time(one.received_at)}
            for one in model.recoveries
        ],
        "reported_by": model.reported_by,
        "summary": model.summary,
    }


def _price(model: Price) -> dict[str, Any]:
    return {
        "event_id": model.event_id,
        "asset": model.asset,
        "currency": model.currency,
        "price": plain(model.price),
        "as_of": exact_time(model.as_of),
        "source": model.source,
        "kind": model.kind,
    }


def _declaration(model: Declaration) -> dict[str, Any]:
    return {
        "event_id": model.event_id,
        "kind": model.kind,
        "effective_from": exact_time(model.effective_from),
        "effective_to": None if model.effective_to is None else exact_time(model.effective_to),
        "amount": plain(model.amount),
        "currency": model.currency,
        "attributes": dict(model.attributes),
    }


def _operation(model: Operation) -> dict[str, Any]:
    body = {
        "event_id": model.event_id,
        "kind": model.kind,
        "at": exact_time(model.at),
        "by": list(model.by),
        "reason": model.reason,
        "expires_at": None if model.expires_at is None else exact_time(model.expires_at),
        "body": model.body,
    }
    if model.signatures is None:
        return body
    return body | {"signatures": judged(model.entity, body, [one.model_dump() for one in model.signatures])}
