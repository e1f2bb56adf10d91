"""The source topics at the edge: what a record must be, the verdict on it, and the mapping of foreign schemas.

`Judge` is the authority (pydantic models); `LeanTrades` a fast decoder that may accept and never refuses for good.
Everything here is usable without a broker.
"""

from streams.wire.bodies import Trade, Valid
from streams.wire.fields import Reading
from streams.wire.judge import MAX_VALUE_BYTES, Invalid, Judge, Known, is_late
from streams.wire.lean import LONGEST_AMOUNT, LeanTrades, lean_trades
from streams.wire.mapping import SourceFormat
from streams.wire.models import MODELS, SCHEMAS
from streams.wire.reasons import OF_SIGNATURES, REASONS, Reason
from streams.wire.rejected import REJECTED_TOPICS, rejected_body, rejected_entity, rejected_price

__all__ = [
    "LONGEST_AMOUNT",
    "MAX_VALUE_BYTES",
    "MODELS",
    "OF_SIGNATURES",
    "REASONS",
    "REJECTED_TOPICS",
    "SCHEMAS",
    "Invalid",
    "Judge",
    "Known",
    "LeanTrades",
    "Reading",
    "Reason",
    "SourceFormat",
    "Trade",
    "Valid",
    "is_late",
    "lean_trades",
    "rejected_body",
    "rejected_entity",
    "rejected_price",
]
