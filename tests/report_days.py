"""Six days of one entity with something of everything a report tells: a breach within its term and one past it, a theft with
revisions, a price that went missing, and a correction of a closed day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ENTITY = "jp-main"
CONFIGURATION = """\
entities:
  jp-main:
    reporting_currency: JPY
    time_zone: Asia/Tokyo
    calendar: JP
    methods:
    - {id: jp.psa_custody, mode: in_force}
    - {id: jp.capital_ratio, mode: shadow}
    prices: {max_age_s: 129600}
scenarios:
"""
Line = dict[str, Any]
SHIPPED = [
    "hot_tier_lost", "largest_wallet_lost", "largest_custodian_lost", "prices_halve", "largest_asset_halves", "usdt_breaks",
    "usdc_breaks", "withdrawals_30", "volume_10x", "like_coincheck_2018", "like_wazirx_2024", "like_bithumb_2026",
    "theft_in_a_crash", "rush_after_a_break",
]  # fmt: skip
"""Left out: they take time and a report tells none of them."""


def days() -> list[Line]:
    """The lines, in log order."""
    return sorted([*_opening(), *_prices(), *_breaches(), *_theft(), *_correction()], key=lambda line: str(line["timestamp"]))


def written_days(folder: Path) -> tuple[str, str]:
    """Paths of the event file and the configuration."""
    events, config = folder / "days.jsonl", folder / "reserve.yaml"
    events.write_text("".join(json.dumps(line) + "\n" for line in days()), encoding="utf-8")
    config.write_text(CONFIGURATION + "".join(f"  {name}: null\n" for name in SHIPPED), encoding="utf-8")
    return str(events), str(config)


def _line(topic: str, at: str, value: Line) -> Line:
    return {"topic": topic, "timestamp": at, "value": value}


def _balance(at: str, role: str, storage: str, asset: str, quantity: str, as_of: str | None = None) -> Line:  # noqa: PLR0917 - a line of a table
    name = f"{role}-{storage}-{asset}"
    value = {
        "event_id": f"{name}-{at}", "entity": ENTITY, "account": name, "role": role, "storage": storage, "asset": asset,
        "quantity": quantity, "as_of": as_of or at,
    }  # fmt: skip
    return _line("custody.balances", at, value)


def _declared(at: str, kind: str, amount: str) -> Line:
    value: Line = {
        "event_id": f"{kind}-{at}", "entity": ENTITY, "kind": kind, "effective_from": at, "effective_to": None,
        "amount": amount, "currency": "JPY", "attributes": {},
    }  # fmt: skip
    return _line("entity.declarations", at, value)


def _opening() -> list[Line]:
    at = "2026-01-05T00:00:00Z"
    balances = [
        ("client_asset", "cold", "BTC", "960"), ("client_asset", "hot", "BTC", "40"),
        ("client_asset", "cold", "ETH", "19100"), ("client_asset", "hot", "ETH", "900"),
        ("guarantee_asset", "cold", "BTC", "42"), ("guarantee_asset", "cold", "ETH", "950"),
        ("house_asset", "cold", "BTC", "20"),
        ("client_liability", "ledger", "BTC", "1000"), ("client_liability", "ledger", "ETH", "20000"),
        ("client_liability", "ledger", "JPY", "500000000"),
    ]  # fmt: skip
    facts = [
        ("trust_principal", "500000000"), ("capital", "300000000"), ("net_assets", "9000000000"),
        ("non_fixed_own_capital", "2600000000"), ("risk_equivalents", "2000000000"),
    ]  # fmt: skip
    return [*(_balance(at, *one) for one in balances), *(_declared(at, *one) for one in facts)]


def _price(day: int, asset: str, text: str) -> Line:
    at = f"2026-01-{day:02d}T00:00:00Z"
    value = {"event_id": f"{asset}-{day}", "asset": asset, "currency": "JPY", "price": text, "as_of": at, "source": "desk"}
    return _line("market.prices", at, value | {"kind": "spot"})


def _prices() -> list[Line]:
    bitcoin = [_price(day, "BTC", str(15_000_000 + 120_000 * ((day * 7) % 11 - 5))) for day in range(5, 12)]
    return [*bitcoin, *(_price(day, "ETH", str(500_000 + 4_000 * ((day * 5) % 9 - 4))) for day in (5, 6, 7, 9, 10, 11))]


def _breaches() -> list[Line]:
    return [
        _balance("2026-01-06T02:00:00Z", "client_asset", "hot", "BTC", "60"),
        _balance("2026-01-06T02:00:00Z", "client_asset", "cold", "BTC", "940"),
        _balance("2026-01-06T05:30:00Z", "client_asset", "hot", "BTC", "40"),
        _balance("2026-01-06T05:30:00Z", "client_asset", "cold", "BTC", "960"),
        _balance("2026-01-07T03:00:00Z", "client_liability", "ledger", "JPY", "520000000"),
        _declared("2026-01-08T06:00:00Z", "trust_principal", "520000000"),
        _balance("2026-01-08T07:00:00Z", "client_liability", "ledger", "JPY", "521000000"),
        _declared("2026-01-11T01:00:00Z", "trust_principal", "521000000"),
    ]


def _incident(at: str, revision: int, status: str, quantity: str | None, summary: str, **more: Any) -> Line:
    value = {
        "incident_id": "inc-1", "revision": revision, "entity": ENTITY, "kind": "hot_wallet_theft", "severity": "high",
        "status": status, "occurred_at": "2026-01-07T02:00:00Z", "detected_at": "2026-01-07T02:20:00Z", "updated_at": at,
        "losses": [{"asset": "BTC", "quantity": quantity, "owner": "client"}], "loss_estimate": None, "recoveries": [],
        "reported_by": "internal", "summary": summary,
    }  # fmt: skip
    return _line("security.incidents", at, value | more)


def _theft() -> list[Line]:
    recovered = [{"asset": "BTC", "quantity": "3", "received_at": "2026-01-09T01:00:00Z"}]
    return [
        _incident("2026-01-07T02:30:00Z", 1, "suspected", None, "=unknown transfers <b>seen</b>"),
        _balance("2026-01-07T02:40:00Z", "client_asset", "hot", "BTC", "31"),
        _incident("2026-01-07T04:00:00Z", 2, "confirmed", "9", "ホットウォレットから9 BTCが流出した"),
        _incident("2026-01-07T04:10:00Z", 2, "contained", "9", "sent twice under one number"),
        _incident("2026-01-09T02:00:00Z", 3, "closed", "9", "3 BTC came back", recoveries=recovered),
        _balance("2026-01-09T05:00:00Z", "client_asset", "cold", "BTC", "969"),
    ]


def _correction() -> list[Line]:
    """The guarantee was less than was told on the 7th."""
    return [_balance("2026-01-10T03:00:00Z", "guarantee_asset", "cold", "BTC", "39", as_of="2026-01-07T06:00:00Z")]
