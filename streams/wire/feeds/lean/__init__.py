"""A typed decoder for a feed of trades, compiled from what the feed reads."""

from streams.wire.feeds.lean.exact import ExactDecoding, ExactRecords
from streams.wire.feeds.lean.feed import LeanAmount, LeanFeed, lean_feed

__all__ = ["ExactDecoding", "ExactRecords", "LeanAmount", "LeanFeed", "lean_feed"]
