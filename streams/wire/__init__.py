"""The source topics at the edge: what a record must be, the verdict on it, and the mapping of foreign schemas.

`Judge` is the authority (pydantic models); `LeanTrades` a fast decoder that may accept and never refuses for good.
Everything here is usable without a broker.
"""

from streams.wire.judge import (
    MAX_VALUE_BYTES,
    REJECTED_TOPICS,
    Invalid,
    Judge,
    Known,
    Trade,
    Valid,
    is_late,
    rejected_body,
    rejected_entity,
)
from streams.wire.lean import LONGEST_AMOUNT, LeanTrades, lean_trades
from streams.wire.mapping import SourceFormat
from streams.wire.models import BALANCES, DECLARATIONS, INCIDENTS, MODELS, OPERATIONS, PRICES, SCHEMAS, TRADES
from streams.wire.reasons import REASONS, Reason

SOURCE_TOPICS = tuple(MODELS)
"""The default names of the source topics."""

__all__ = [
    "BALANCES",
    "DECLARATIONS",
    "INCIDENTS",
    "LONGEST_AMOUNT",
    "MAX_VALUE_BYTES",
    "MODELS",
    "OPERATIONS",
    "PRICES",
    "REASONS",
    "REJECTED_TOPICS",
    "SCHEMAS",
    "SOURCE_TOPICS",
    "TRADES",
    "Invalid",
    "Judge",
    "Known",
    "LeanTrades",
    "Reason",
    "SourceFormat",
    "Trade",
    "Valid",
    "is_late",
    "lean_trades",
    "rejected_body",
    "rejected_entity",
]
