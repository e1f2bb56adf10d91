"""What a feed reads is what one reads by hand: lists within lists, signs, scales by a table, sizes in the quote, local times."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.journal.vocabulary import TRADES
from streams.wire.feeds import FeedEvent, FeedFormat, FeedPlan, RecordPlace, RefusedEvent
from streams.wire.feeds.lean import lean_feed

SCALES = {"BTC/USD": "0.001", "ETH/USD": "0.01"}
ALIASES = {"XBT": "BTC"}
RAW: dict[str, Any] = {
    "topic": "frames",
    "where": {"$.type": ["trade", "trades"], "@.kind": {"not": "block"}},
    "each": "$.events[*].trades[*]",
    "fields": {
        "trade_id": {"join": ["$.n", "@.id"], "by": ":"},
        "market": "@.m",
        "price": "@.p",
        "quantity": "@.q",
        "executed_at": "@.t",
    },
    "constants": {"entity": "a"},
    "aliases": ALIASES,
    "values": {"market": {"separator": "-"}, "quantity": {"scale": {"by": "market", "table": SCALES}, "sign": "side"}},
    "time_zone": "Asia/Kathmandu",
}
"""A venue in Nepal (+05:45), whose sizes are contracts and whose sells are negative."""
PLACE = RecordPlace(0, 0, 7, 1_767_571_200_000)

amounts = st.integers(-(10**12), 10**12).filter(bool)
trades = st.fixed_dictionaries(
    {
        "id": st.integers(1, 10**30),
        "m": st.sampled_from(["XBT-USD", "BTC-USD", "ETH-USD", "SOL-USD", "ETHUSD"]),
        "p": st.integers(1, 10**9).map(lambda cents: f"{cents // 100}.{cents % 100:02}"),
        "q": st.one_of(amounts, amounts.map(str)),
        "t": st.integers(0, 59).map(lambda second: f"2026-01-05 00:30:{second:02}.123"),
        "kind": st.sampled_from(["normal", "normal", "normal", "block", None]),
    }
)
frames = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["trade", "trades", "trades", "book"]),
        "n": st.integers(0, 9),
        "events": st.lists(
            st.one_of(
                st.builds(lambda found: {"trades": found}, st.lists(trades, max_size=4)),
                st.sampled_from([{"trades": None}, {"tickers": []}]),
            ),
            max_size=3,
        ),
    }
)


def by_hand(frame: dict[str, Any]) -> tuple[list[Any], int]:
    """Index, and the event's figures or None where it is refused; and how many are left out."""
    raw = [trade for event in frame["events"] for trade in event.get("trades") or []]
    if frame["type"] == "book" or not raw:
        return [], 1
    found: list[Any] = []
    for index, trade in enumerate(raw):
        if trade["kind"] == "block":
            continue
        base, separator, quote = trade["m"].partition("-")
        market = f"{ALIASES.get(base, base)}/{quote}"
        if not separator or market not in SCALES:
            found.append((index, None))
            continue
        size = Decimal(str(trade["q"])) * Decimal(SCALES[market])
        time = trade["t"].replace("2026-01-05 00:30", "2026-01-04T18:45") + "000Z"
        side = "sell" if size < 0 else "buy"
        found.append((index, (f"{frame['n']}:{trade['id']}", market, Decimal(trade["p"]), abs(size), side, time)))
    return found, len(raw) - len(found)


def shown(event: FeedEvent | RefusedEvent) -> Any:
    if isinstance(event, RefusedEvent):
        return event.index, None
    one = event.canonical
    amounts_read = Decimal(one["price"]), Decimal(one["quantity"])
    return event.index, (one["trade_id"], one["market"], *amounts_read, one["side"], one["executed_at"])


@settings(max_examples=100, deadline=None)
@given(frames)
def test_lists_within_lists_are_read_as_by_hand(frame: dict[str, Any]) -> None:
    """What lets it fail: elements numbered within their own list, a sign lost in the scale, whole hours taken for every zone."""
    plan = FeedPlan(FeedFormat.of(TRADES, "venue", RAW, {}))
    assert lean_feed(plan.feed) is None  # nothing else reads such a feed
    reading = plan.read(json.dumps(frame).encode(), PLACE)
    assert ([shown(event) for event in reading.events], reading.filtered) == by_hand(frame)


@settings(max_examples=100, deadline=None)
@given(amounts.map(abs), st.integers(1, 10**9), st.sampled_from(["1", "100", "0.1"]))
def test_a_size_in_the_quote_is_divided_by_its_price(contracts: int, price: int, worth: str) -> None:
    """Inverse contracts: so many dollars each, 18 digits, half to even."""
    raw = RAW | {
        "where": {},
        "each": None,
        "values": {"market": {"separator": "-"}, "quantity": {"scale": worth, "in": "quote"}},
    }
    plan = FeedPlan(FeedFormat.of(TRADES, "venue", raw, {}))
    assert lean_feed(plan.feed) is None
    trade = {"n": 1, "id": 2, "m": "XBT-USD", "p": price, "q": contracts, "t": "2026-01-05 09:00:00"}
    (event,) = plan.read(json.dumps(trade).encode(), PLACE).events
    assert isinstance(event, FeedEvent)
    with localcontext(prec=80):
        size = (contracts * Decimal(worth) / price).quantize(Decimal(1).scaleb(-18), ROUND_HALF_EVEN)
    assert Decimal(event.canonical["quantity"]) == size
