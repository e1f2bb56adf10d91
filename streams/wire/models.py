"""The six source topics as pydantic models: the authority on what a record may be (CONTRACT 1).

Amounts are `Decimal`, times integer nanoseconds; what may be absent may also be null.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from monitor.core.values.currencies import is_fiat
from streams.wire.fields import (
    Amount,
    Asset,
    AttributeName,
    Capacity,
    GroupSize,
    Instrument,
    JsonNumber,
    Market,
    Positive,
    Prose,
    Revision,
    Role,
    Sequence,
    Side,
    Slug,
    Storage,
    Text,
    Time,
    TradeId,
    Unsigned,
    has_control,
)
from streams.wire.reasons import Reason

BALANCES = "custody.balances"
TRADES = "market.trades"
INCIDENTS = "security.incidents"
PRICES = "market.prices"
DECLARATIONS = "entity.declarations"
OPERATIONS = "reserve.operations"

MAX_LOSSES = 1000
_BODY_DEPTH = 8


class Wire(BaseModel):
    """What all source records share: unknown fields are refused, `schema` may name the version."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)

    schema_: str | None = Field(default=None, alias="schema")


class Balance(Wire):
    """`custody.balances`: a position, never a delta."""

    event_id: Text
    entity: Slug
    account: Text
    role: Role
    storage: Storage
    asset: Asset
    quantity: Amount
    as_of: Time
    sequence: Sequence | None = None
    source: Text | None = None
    group: Text | None = None
    group_size: GroupSize | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.quantity < 0 and not (self.role == "client_liability" and is_fiat(self.asset)):
            raise PydanticCustomError(
                Reason.OUT_OF_RANGE.value, "quantity: must not be negative, but for a fiat client_liability"
            )
        if (self.group is None) != (self.group_size is None):
            raise PydanticCustomError(Reason.INCONSISTENT.value, "group and group_size come together")
        return self


class WireTrade(Wire):
    """`market.trades`: one execution, or (`busted`) its taking back."""

    trade_id: TradeId
    entity: Slug
    market: Market
    price: Positive
    quantity: Positive
    executed_at: Time
    side: Side | None = None
    capacity: Capacity | None = None
    instrument: Instrument | None = None
    status: Literal["new", "busted"] | None = None


class Loss(BaseModel):
    """What one asset lost, in whole units; null while not known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    asset: Asset
    quantity: Unsigned | None
    owner: Literal["client", "house"]
    account: Text | None = None


class Estimate(BaseModel):
    """An estimated loss in money."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    amount: Unsigned
    currency: Asset


class Recovery(BaseModel):
    """What came back, and when."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    asset: Asset
    quantity: Unsigned
    received_at: Time


class Incident(Wire):
    """`security.incidents`: the whole incident at one revision."""

    incident_id: Text
    revision: Revision
    entity: Slug
    kind: Literal[
        "hot_wallet_theft",
        "cold_wallet_theft",
        "key_compromise",
        "insider_theft",
        "signing_tamper",
        "smart_contract_exploit",
        "custodian_failure",
        "withdrawal_fraud",
        "system_outage",
        "misbooking",
        "key_loss",
        "other",
    ]
    severity: Literal["low", "medium", "high", "critical"]
    status: Literal["suspected", "confirmed", "contained", "closed", "withdrawn"]
    occurred_at: Time
    detected_at: Time
    updated_at: Time
    losses: Annotated[list[Loss], Field(max_length=MAX_LOSSES)]
    loss_estimate: Estimate | None = None
    recoveries: Annotated[list[Recovery], Field(max_length=MAX_LOSSES)]
    reported_by: Literal["internal", "third_party"]
    summary: Prose


class Price(Wire):
    """`market.prices`: one price of an asset in a currency; it concerns every entity."""

    event_id: Text
    asset: Asset
    currency: Asset
    price: Positive
    as_of: Time
    source: Text
    kind: Literal["spot", "daily_close"]


class Declaration(Wire):
    """`entity.declarations`: a slow fact with the time from which it holds."""

    event_id: Text
    entity: Slug
    kind: Literal[
        "capital",
        "net_assets",
        "own_funds",
        "non_fixed_own_capital",
        "risk_equivalents",
        "liquid_capital",
        "adjusted_liabilities",
        "liquid_assets",
        "current_liabilities",
        "fixed_overheads",
        "projected_overheads",
        "operating_expenses_monthly",
        "average_daily_deposits",
        "payment_value_month",
        "insurance_limit",
        "guarantee_limit",
        "trust_principal",
        "liability_reserve",
        "reserve_used",
        "turnover_fiscal_year",
        "accident_payouts_fiscal_year",
        "first_fiscal_year",
        "business_indicator",
        "annual_loss",
        "method_fact",
    ]
    effective_from: Time
    effective_to: Time | None = None
    amount: Amount
    currency: Asset
    attributes: Annotated[dict[AttributeName, Text], Field(max_length=32)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise PydanticCustomError(Reason.INCONSISTENT.value, "effective_to lies before effective_from")
        return self


def _plain_json(value: Any, depth: int = 0) -> Any:
    """Free JSON as a journal can hold it: no floats, ASCII keys, no control characters, few levels."""
    kind = type(value)
    if value is None or kind is bool or (kind is int and abs(value) < 2**53):
        return value
    if kind is str:
        if has_control(value):
            raise PydanticCustomError(Reason.BAD_TEXT.value, "holds a control character")
        return value
    if kind in {list, dict} and depth >= _BODY_DEPTH:
        raise PydanticCustomError(Reason.OUT_OF_RANGE.value, "is nested too deeply")
    if kind is list:
        return [_plain_json(item, depth + 1) for item in value]
    if kind is dict:
        if any(not key.isascii() or has_control(key) for key in value):
            raise PydanticCustomError(Reason.BAD_TEXT.value, "has a key that is not plain ASCII")
        return {key: _plain_json(item, depth + 1) for key, item in value.items()}
    given = "a JSON float or a great integer" if kind in {JsonNumber, int} else kind.__name__
    raise PydanticCustomError(Reason.WRONG_TYPE.value, "{given} has no place here", {"given": given})


class Dismissal(BaseModel):
    """What a dismissed record is identified by."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    topic: Literal[
        "custody.balances",
        "market.trades",
        "security.incidents",
        "market.prices",
        "entity.declarations",
        "reserve.operations",
    ]
    epoch: Sequence
    partition: Sequence
    offset: Sequence


class Operation(Wire):
    """`reserve.operations`: an act of people."""

    event_id: Text
    entity: Slug
    kind: Literal["rehearsal", "promotion", "dismissal", "note"]
    at: Time
    by: Annotated[list[Text], Field(min_length=1, max_length=32)]
    reason: Prose
    expires_at: Time | None = None
    body: Annotated[dict[str, Any], BeforeValidator(_plain_json)]

    @model_validator(mode="after")
    def _dismissal(self) -> Self:
        if self.kind == "dismissal":
            Dismissal.model_validate(self.body)
        return self


MODELS: dict[str, type[Wire]] = {
    BALANCES: Balance,
    TRADES: WireTrade,
    INCIDENTS: Incident,
    PRICES: Price,
    DECLARATIONS: Declaration,
    OPERATIONS: Operation,
}
"""The model of each source topic, by its default name."""

SCHEMAS = {
    BALANCES: "custody.balance/1",
    TRADES: "market.trade/1",
    INCIDENTS: "security.incident/1",
    PRICES: "market.price/1",
    DECLARATIONS: "entity.declaration/1",
    OPERATIONS: "reserve.operation/1",
}
"""What the optional field `schema` may say, by topic."""
