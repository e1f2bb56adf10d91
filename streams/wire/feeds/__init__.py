"""Feeds: records as a site's own systems write them, made into canonical events by a plan that is compiled once.

`FeedFormat` is a feed as the configuration says it, `FeedPlan` what runs: it takes a record's bytes apart into canonical
objects, which the models of `streams.wire` then judge like any other record.
"""

from streams.wire.feeds.format import FeedFormat
from streams.wire.feeds.plan import FeedEvent, FeedPlan, FeedReading, RefusedEvent, plans_of
from streams.wire.feeds.sight import RecordPlace

__all__ = ["FeedEvent", "FeedFormat", "FeedPlan", "FeedReading", "RecordPlace", "RefusedEvent", "plans_of"]
