"""The six source topics as pydantic models: the authority on what a record may be (CONTRACT 1).

Amounts are `Decimal`, times integer nanoseconds; what may be absent may also be null.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from monitor.core.journal.vocabulary import (
    BALANCES,
    DECLARATIONS,
    INCIDENTS,
    OPERATIONS,
    PRICES,
    TRADES,
    Capacity,
    DeclarationKind,
    IncidentKind,
    IncidentSeverity,
    IncidentStatus,
    Instrument,
    LossOwner,
    OperationKind,
    PriceKind,
    Reporter,
    Role,
    Side,
    Storage,
    TradeStatus,
)
from streams.wire.acts import MethodPromotion, PartPromotion, Signature, dismissal_form
from streams.wire.fields import (
    Account,
    AssetName,
    AttributeName,
    GroupSize,
    JsonNumber,
    Market,
    Positive,
    PositiveQuantity,
    Prose,
    Quantity,
    Revision,
    Sequence,
    Signed,
    Slug,
    Text,
    Time,
    TradeId,
    Unsigned,
    UnsignedQuantity,
    has_control,
    reading_of,
)
from streams.wire.reasons import Reason

MAX_LOSSES = 1000
SIGNED_KINDS = frozenset({"net_assets", "non_fixed_own_capital", "liquid_capital", "business_indicator"})
"""Kinds of declarations whose amount may be below 0, beside the audited result of `capital`: balances, not sums spent or owed."""
_BODY_DEPTH = 8


class Wire(BaseModel):
    """What all source records share: unknown fields are refused, `schema` may name the version."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False, defer_build=True)

    schema_: str | None = Field(default=None, alias="schema")


class Balance(Wire):
    """`custody.balances`: a position, never a delta."""

    event_id: Text
    entity: Slug
    account: Account
    role: Role
    storage: Storage
    asset: AssetName
    quantity: Quantity
    as_of: Time
    sequence: Sequence | None = None
    source: Text | None = None
    group: Text | None = None
    group_size: GroupSize | None = None

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        if self.quantity < 0 and not (self.role == "client_liability" and reading_of(info).may_be_money(self.asset)):
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
    quantity: PositiveQuantity
    executed_at: Time
    side: Side | None = None
    capacity: Capacity | None = None
    instrument: Instrument | None = None
    status: TradeStatus | None = None


class Loss(BaseModel):
    """What one asset lost, in whole units; null while not known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    asset: AssetName
    quantity: UnsignedQuantity | None
    owner: LossOwner
    account: Account | None = None


class Estimate(BaseModel):
    """An estimated loss in money."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    amount: Unsigned
    currency: AssetName


class Recovery(BaseModel):
    """What came back, and when."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    asset: AssetName
    quantity: UnsignedQuantity
    received_at: Time


class Incident(Wire):
    """`security.incidents`: the whole incident at one revision."""

    incident_id: Text
    revision: Revision
    entity: Slug
    kind: IncidentKind
    severity: IncidentSeverity
    status: IncidentStatus
    occurred_at: Time
    detected_at: Time
    updated_at: Time
    losses: Annotated[list[Loss], Field(max_length=MAX_LOSSES)]
    loss_estimate: Estimate | None = None
    recoveries: Annotated[list[Recovery], Field(max_length=MAX_LOSSES)]
    reported_by: Reporter
    summary: Prose


class Price(Wire):
    """`market.prices`: one price of an asset in a currency; it concerns every entity."""

    event_id: Text
    asset: AssetName
    currency: AssetName
    price: Positive
    as_of: Time
    source: Text
    kind: PriceKind


class Declaration(Wire):
    """`entity.declarations`: a slow fact with the time from which it holds."""

    event_id: Text
    entity: Slug
    kind: DeclarationKind
    effective_from: Time
    effective_to: Time | None = None
    amount: Signed
    currency: AssetName
    attributes: Annotated[dict[AttributeName, Text], Field(max_length=32)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise PydanticCustomError(Reason.INCONSISTENT.value, "effective_to lies before effective_from")
        if self.amount < 0 and not self._may_be_negative():
            raise PydanticCustomError(Reason.OUT_OF_RANGE.value, "amount: must not be negative for this kind")
        return self

    def _may_be_negative(self) -> bool:
        return self.kind in SIGNED_KINDS or (self.kind == "capital" and self.attributes.get("part") == "audited_result")


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


class Operation(Wire):
    """`reserve.operations`: an act of people."""

    event_id: Text
    entity: Slug
    kind: OperationKind
    at: Time
    by: Annotated[list[Text], Field(min_length=1, max_length=32)]
    reason: Prose
    expires_at: Time | None = None
    body: Annotated[dict[str, Any], BeforeValidator(_plain_json)]
    signatures: Annotated[list[Signature], Field(max_length=8)] | None = None

    @model_validator(mode="after")
    def _form(self) -> Self:
        if self.kind == "dismissal":
            dismissal_form(self.body).model_validate(self.body)
        if self.kind == "promotion":
            (MethodPromotion if self.body.get("subject") == "method" else PartPromotion).model_validate(self.body)
            if self.expires_at is None:
                raise PydanticCustomError(Reason.MISSING_FIELD.value, "a promotion says until when it may be signed: expires_at")
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
