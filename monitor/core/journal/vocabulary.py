"""The closed vocabularies of the contract, each written once: types for checkers, tuples for loops, in the contract's order.

Wire models, settings, metrics, schemas and pages take their words from here, so that a new word is one line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

# --- topics (CONTRACT 1, 2)
SourceTopic = Literal[
    "custody.balances", "market.trades", "security.incidents", "market.prices", "entity.declarations", "reserve.operations"
]
SOURCE_TOPICS: Final[tuple[str, ...]] = get_args(SourceTopic)
"""Default names of the source topics: the keys of `sources`, and what event files and results call them."""
BALANCES, TRADES, INCIDENTS, PRICES, DECLARATIONS, OPERATIONS = SOURCE_TOPICS

JOURNAL: Final = "reserve.journal"
ASSESSMENTS: Final = "reserve.assessments"
EXPOSURES: Final = "reserve.exposures"
ALERTS: Final = "reserve.alerts"
CHECKPOINTS: Final = "reserve.checkpoints"
DELIVERIES: Final = "reserve.deliveries"
DEAD_LETTERS: Final = "reserve.dead-letters"
OUTPUT_TOPICS = (ASSESSMENTS, EXPOSURES, ALERTS)
OWN_TOPICS = (JOURNAL, *OUTPUT_TOPICS, CHECKPOINTS, DELIVERIES, DEAD_LETTERS)
"""What the program itself writes."""

# --- journal records (JOURNAL 1)
ENTITY_KINDS = frozenset({"flow", "bust", "position", "incident", "declaration", "operation", "rejected"})
PARTITION_KINDS = frozenset({"price", "progress", "configuration", "tick"})

# --- source records (CONTRACT 1)
Role = Literal["client_asset", "client_liability", "house_asset", "guarantee_asset", "reserve_asset"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
LIABILITY: Final = "client_liability"
ASSET_ROLES = tuple(role for role in ROLES if role != LIABILITY)
"""The roles that stand against `client_liability`."""
Storage = Literal[
    "cold", "cold_equivalent", "third_party_cold", "warm", "hot", "third_party", "in_transit", "bank", "trust", "ledger"
]
STORAGES: Final[tuple[Storage, ...]] = get_args(Storage)

Side = Literal["buy", "sell"]
Capacity = Literal["client_order", "own_account", "venue"]
Instrument = Literal["spot", "derivative"]
TradeStatus = Literal["new", "busted"]

IncidentKind = Literal[
    "hot_wallet_theft", "cold_wallet_theft", "key_compromise", "insider_theft", "signing_tamper", "smart_contract_exploit",
    "custodian_failure", "withdrawal_fraud", "system_outage", "misbooking", "key_loss", "other",
]  # fmt: skip
IncidentSeverity = Literal["low", "medium", "high", "critical"]
IncidentStatus = Literal["suspected", "confirmed", "contained", "closed", "withdrawn"]
OPEN_STATUSES: Final[frozenset[IncidentStatus]] = frozenset({"suspected", "confirmed", "contained"})
LossOwner = Literal["client", "house"]
Reporter = Literal["internal", "third_party"]

PriceKind = Literal["spot", "daily_close"]

DeclarationKind = Literal[
    "capital", "net_assets", "own_funds", "non_fixed_own_capital", "risk_equivalents", "liquid_capital", "adjusted_liabilities",
    "liquid_assets", "current_liabilities", "fixed_overheads", "projected_overheads", "operating_expenses_monthly",
    "average_daily_deposits", "payment_value_month", "insurance_limit", "guarantee_limit", "trust_principal",
    "liability_reserve", "reserve_used", "turnover_fiscal_year", "accident_payouts_fiscal_year", "first_fiscal_year",
    "business_indicator", "annual_loss", "method_fact",
]  # fmt: skip
"""INPUTS 2."""
OperationKind = Literal["rehearsal", "promotion", "dismissal", "note", "checkpoint"]

# --- change control (CONTRACT 7)
ControlledChange = Literal["methods", "assets", "limits", "dismissals"]
"""What `controls.four_eyes` may list."""
ConfigurationPart = Literal["assets", "limits", "controls"]
"""Parts of the configuration that are approved as a whole, by one digest; a method is promoted by itself."""
CONFIGURATION_PARTS: Final[tuple[ConfigurationPart, ...]] = get_args(ConfigurationPart)
ApprovalRefusal = Literal[
    "no_approvers", "bad_signature", "unknown_key", "not_named", "same_key", "too_few_signatures", "expired", "unknown_method",
    "study", "wrong_digest", "outdated",
]  # fmt: skip
"""Why an act that needs two people is refused: the first that holds."""

# --- what became of source records (CONTRACT 5, 6)
RecordOutcome = Literal["applied", "duplicate", "conflict", "late", "dead_letter"]
OUTCOMES: Final[tuple[RecordOutcome, ...]] = get_args(RecordOutcome)

# --- journal records that an engine did not heed, or not their time (CONTRACT 6)
Unheeded = Literal["unknown_entity", "clock", "configuration"]

# --- results (CONTRACT 2, INPUTS 1)
Mode = Literal["in_force", "shadow"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
State = Literal["adequate", "watch", "shortfall", "unknown", "not_computable"]
STATES: Final[tuple[State, ...]] = get_args(State)
NOT_APPLICABLE: Final = "not_applicable"
"""The state of a component that is switched off; no state of a whole."""
WORST_FIRST: Final[tuple[State, ...]] = ("shortfall", "not_computable", "unknown", "watch", "adequate")
AssessmentKind = Literal["live", "close"]
Effect = Literal["required", "available", "both", "figures"]
EFFECTS: Final[tuple[Effect, ...]] = get_args(Effect)
GapKind = Literal[
    "price_missing", "price_stale", "position_missing", "declaration_missing", "source_silent", "source_unhealthy",
    "record_rejected", "position_stale", "price_outlier", "records_lost", "group_incomplete", "quantity_unknown",
    "window_short", "parameter_null", "not_in_force", "no_rate", "asset_ambiguous", "position_outlier", "keys_unsafe",
    "source_behind",
]  # fmt: skip
GAP_KINDS: Final[tuple[GapKind, ...]] = get_args(GapKind)
ExposurePart = Literal["custody", "flow", "incidents", "loss_history"]
EXPOSURE_PARTS: Final[tuple[ExposurePart, ...]] = get_args(ExposurePart)
CausePart = Literal["price", "balance", "volume", "incident", "declaration", "method", "data_quality"]
CAUSE_PARTS: Final[tuple[CausePart, ...]] = get_args(CausePart)

# --- alerts (CONTRACT 2)
Severity = Literal["info", "warning", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""The least severe first."""
AlertStatus = Literal["firing", "resolved"]
ALERT_STATUSES: Final[tuple[AlertStatus, ...]] = get_args(AlertStatus)
AlertReason = Literal["entered", "escalated", "eased", "updated", "reopened", "recovered", "ended", "method_changed", "resent"]
"""Why an alert changed."""
ALERT_REASONS: Final[tuple[AlertReason, ...]] = get_args(AlertReason)
EndReason = Literal["recovered", "ended", "method_changed"]

ALERT_SEVERITIES: Final[Mapping[str, tuple[Severity, ...]]] = {
    "ReserveShortfall": ("critical",),
    "ReserveCoverageLow": ("warning",),
    "SameAssetShortfall": ("critical",),
    "ClientAssetShortfall": ("critical",),
    "HotStorageLimitExceeded": ("critical",),
    "LiabilityExceedsAssets": ("critical",),
    "SecurityIncidentOpen": SEVERITIES,
    "ReserveUnknown": ("critical",),
    "SourceStale": ("warning",),
    "SourceUnhealthy": ("warning",),
    "SourceBehind": ("warning",),
    "RecordRefused": ("warning", "critical"),
    "CureDeadlineNear": ("critical",),
    "ShortfallForecast": ("warning",),
}
"""Every alert with the severities it can have."""

# --- what is known of a source (CONTRACT 5)
FeedState = Literal["ok", "silent", "unhealthy", "lost", "behind"]
