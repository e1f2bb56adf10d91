"""What the fields of source records mean, for the published schemas, and one valid record of each kind."""

from __future__ import annotations

from typing import Any

from monitor.core.journal.vocabulary import BALANCES, DECLARATIONS, INCIDENTS, OPERATIONS, PRICES, TRADES

FIELDS: dict[str, str] = {
    "schema": "Name and version of this form; may be left out.",
    "event_id": "Names the record in lineage; unique within its source.",
    "entity": "The licensed legal entity, by its name in the configuration.",
    "account": "The wallet, bank, trust or ledger account; hexadecimal addresses are compared without case.",
    "role": "What the balance is for: an asset of clients or of the house, or what clients are owed.",
    "storage": "How the assets are kept; `ledger` for what is only booked.",
    "asset": "Ticker of a coin, or ISO 4217 code of money.",
    "quantity": "In whole units of the asset.",
    "as_of": "When it was true: RFC 3339 with an offset.",
    "sequence": "Breaks ties of `as_of` within one account, asset and role.",
    "source": "The feed it comes from, for freshness.",
    "group": "Names the positions of one transfer or snapshot, which are applied together.",
    "group_size": "How many positions the group has.",
    "trade_id": "The venue's number of the trade; unique within entity and market. A number again is a repeat.",
    "market": "BASE/QUOTE.",
    "price": "Of one unit, in the currency it is given in.",
    "executed_at": "When the trade was made: RFC 3339 with an offset.",
    "side": "The taker's side, where it is known.",
    "capacity": "For whom the entity traded; `venue` where it is left out.",
    "instrument": "`spot` where it is left out.",
    "status": "Where it stands; of a trade `new` unless `busted`, which takes the trade of that id back.",
    "incident_id": "One incident, over all its revisions.",
    "revision": "The highest revision of an incident is the whole incident.",
    "kind": "What sort of record of its topic it is.",
    "severity": "How grave the incident is.",
    "occurred_at": "When it happened: RFC 3339 with an offset.",
    "detected_at": "When it was noticed: RFC 3339 with an offset.",
    "updated_at": "When this revision was written: RFC 3339 with an offset.",
    "losses": "What was lost, one entry an asset.",
    "loss_estimate": "The loss in money as far as it is known; null while it is not.",
    "recoveries": "What was received back, and when.",
    "reported_by": "Who reported it.",
    "summary": "For people.",
    "currency": "Ticker or ISO 4217 code in which the amount is given.",
    "effective_from": "From when it holds: RFC 3339 with an offset.",
    "effective_to": "Until when it holds, that instant left out; null while no end is known.",
    "amount": "In whole units of the currency.",
    "attributes": "What tells facts of one kind apart: fiscal year, product line, policy number.",
    "at": "When it was done: RFC 3339 with an offset.",
    "by": "Who did it.",
    "reason": "Why, for people.",
    "expires_at": "When it ends by itself; null for never.",
    "signatures": "Signatures of people over the operation, each by a key of `controls.approvers` (docs/evidence.md).",
    "key": "The public key that checks the signature: `ed25519:` and 64 hex digits.",
    "signature": "Ed25519 over the operation's canonical JSON without `signatures`: 128 hex digits.",
    "body": "What the operation is about; its form depends on the kind.",
    "owner": "Whose it was.",
    "received_at": "When it came back; it counts from then.",
}
"""By field name: a name means one thing wherever it stands."""

_AT = "2026-01-05T03:04:05Z"
EXAMPLES: dict[str, dict[str, Any]] = {
    BALANCES: {
        "event_id": "w-1-1",
        "entity": "jp-main",
        "account": "cold-1",
        "role": "client_asset",
        "storage": "cold",
        "asset": "BTC",
        "quantity": "12.5",
        "as_of": _AT,
    },
    TRADES: {
        "trade_id": "1",
        "entity": "jp-main",
        "market": "BTC/JPY",
        "price": "15000000",
        "quantity": "0.01",
        "executed_at": _AT,
        "side": "buy",
    },
    INCIDENTS: {
        "incident_id": "i-1",
        "revision": 1,
        "entity": "jp-main",
        "kind": "hot_wallet_theft",
        "severity": "critical",
        "status": "confirmed",
        "occurred_at": _AT,
        "detected_at": _AT,
        "updated_at": _AT,
        "losses": [{"asset": "BTC", "quantity": "2", "owner": "client"}],
        "loss_estimate": {"amount": "30000000", "currency": "JPY"},
        "recoveries": [],
        "reported_by": "internal",
        "summary": "Withdrawals nobody asked for.",
    },
    PRICES: {
        "event_id": "p-1",
        "asset": "BTC",
        "currency": "JPY",
        "price": "15000000",
        "as_of": _AT,
        "source": "index",
        "kind": "spot",
    },
    DECLARATIONS: {
        "event_id": "d-1",
        "entity": "jp-main",
        "kind": "capital",
        "effective_from": _AT,
        "amount": "500000000",
        "currency": "JPY",
        "attributes": {},
    },
    OPERATIONS: {
        "event_id": "o-1",
        "entity": "jp-main",
        "kind": "note",
        "at": _AT,
        "by": ["treasury"],
        "reason": "The cold wallet was moved.",
        "body": {},
    },
}
"""A valid record of each source topic."""


def example_at(topic: str, at: str) -> dict[str, Any]:
    """The example with its times at `at` (RFC 3339): one that is sent then is no news of long ago."""
    return {name: at if value == _AT else value for name, value in EXAMPLES[topic].items()}
