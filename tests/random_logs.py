"""Random logs of a few entities: late, repeated, corrected and expired input of every topic, as event lines."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from monitor.core.values.times import DAY, HOUR, SECOND, exact_time, parse_time

START = parse_time("2026-02-27T00:00:00Z")
ASSETS = ("BTC", "ETH", "NEW")
FIATS = ("JPY", "EUR", "USD")
ENTITIES = ("a-1", "b-2")
ROLES = ("client_asset", "client_liability", "house_asset", "guarantee_asset", "reserve_asset")
STORAGES = ("cold", "hot", "third_party_cold", "in_transit", "bank", "trust", "ledger")
KINDS: tuple[tuple[str, tuple[dict[str, str], ...]], ...] = (
    ("capital", ({}, {"part": "paid_up"}, {"part": "audited_result"}, {"part": "interim_loss"}, {"part": "dividends"})),
    ("net_assets", ({},)),
    ("own_funds", ({},)),
    ("non_fixed_own_capital", ({},)),
    ("risk_equivalents", ({},)),
    ("liquid_capital", ({},)),
    ("adjusted_liabilities", ({},)),
    ("liquid_assets", ({},)),
    ("current_liabilities", ({},)),
    (
        "fixed_overheads",
        ({"fiscal_year": "2025"}, {"fiscal_year": "2025", "item": "total"}, {"fiscal_year": "2025", "item": "variable_pay"}),
    ),
    ("projected_overheads", ({},)),
    ("operating_expenses_monthly", tuple({"month": f"2025-{n:02d}"} for n in range(1, 13))),
    ("average_daily_deposits", ({},)),
    ("payment_value_month", ({"service": "a", "month": "2026-01"}, {"service": "b", "month": "2026-02"})),
    ("insurance_limit", ({"policy": "a"}, {"policy": "b"})),
    ("guarantee_limit", ({"guarantee": "a"}, {"guarantee": "mas_security"})),
    ("trust_principal", ({},)),
    ("liability_reserve", ({"fiscal_year": "2024"}, {"fiscal_year": "2025"})),
    ("reserve_used", ({"fiscal_year": "2025"},)),
    (
        "turnover_fiscal_year",
        tuple(
            {"line": line, "fiscal_year": year}
            for line in ("equity_turnover", "bond_futures", "futures.ordinary", "options.professional", "crypto")
            for year in ("2022", "2023", "2024", "2025")
        ),
    ),
    ("accident_payouts_fiscal_year", tuple({"fiscal_year": year} for year in ("2022", "2023", "2024"))),
    ("first_fiscal_year", ({"fiscal_year": "2022"}, {"fiscal_year": "2025"})),
    (
        "business_indicator",
        ({"fiscal_year": "2024", "component": "ildc"}, {"fiscal_year": "2025", "component": "sc"}, {"fiscal_year": "2025"}),
    ),
    ("annual_loss", ({"year": "2024"}, {"year": "2020"})),
    ("method_fact", ({"fact": "stressed_day", "date": "2025-10-01"},)),
)


class RandomLog:
    """Lines of a seeded log that spans two days of log time and some 400 days of own time."""

    def __init__(self, seed: int, length: int) -> None:
        self._random = random.Random(seed)
        self._clock = START
        self._trades: list[dict[str, Any]] = []
        balances_and_prices = (self._position, self._position, self._position, self._price, self._price)
        declarations = (self._declaration, self._declaration, self._declaration)
        makers = (*balances_and_prices, *declarations, self._incident, self._trade, self._trade)
        self.lines: list[dict[str, Any]] = []
        for number in range(length):
            self._clock += self._random.randrange(1, 2 * 86_400 // length) * SECOND
            topic, value = self._random.choice(makers)(number)
            self.lines.append({"topic": topic, "key": None, "timestamp": exact_time(self._clock), "value": value})

    def write(self, file: Path) -> Path:
        """The log as an event file."""
        file.write_text("".join(json.dumps(line) + "\n" for line in self.lines), encoding="utf-8")
        return file

    def _past(self) -> str:
        """An own time on a whole hour: recent, some days or up to 390 days ago."""
        back = self._random.choice((0, 0, HOUR, 30 * HOUR, 20 * DAY, 200 * DAY, 390 * DAY))
        instant = self._clock - self._random.randrange(0, back + SECOND)
        return exact_time(instant - instant % HOUR)

    def _decimal(self, limit: int) -> str:
        return f"{self._random.randrange(0, limit)}.{self._random.randrange(0, 100)}"

    def _entity(self) -> str:
        return self._random.choice(ENTITIES)

    def _position(self, number: int) -> tuple[str, dict[str, Any]]:
        role, asset = self._random.choice(ROLES), self._random.choice(ASSETS + FIATS)
        quantity = self._decimal(100)
        if role == "client_liability" and asset in FIATS and self._random.random() < 0.2:
            quantity = f"-{quantity}"
        value: dict[str, Any] = {
            "event_id": f"b-{number}",
            "entity": self._entity(),
            "account": self._random.choice("xyz"),
            "role": role,
            "storage": self._random.choice(STORAGES),
            "asset": asset,
            "quantity": quantity,
            "as_of": self._past(),
        }
        if self._random.random() < 0.3:
            value["sequence"] = self._random.randrange(3)
        return "custody.balances", value

    def _price(self, number: int) -> tuple[str, dict[str, Any]]:
        asset = self._random.choice((*ASSETS[:2], *FIATS))
        currency = self._random.choice([c for c in ("JPY", "KRW", "HKD", "EUR", "GBP", "SGD", "AED", "USD") if c != asset])
        value = {"event_id": f"p-{number}", "asset": asset, "currency": currency, "price": f"{self._random.randrange(1, 500)}.5"}
        kind = self._random.choice(("spot", "daily_close"))
        return "market.prices", {**value, "as_of": self._past(), "source": self._random.choice("mn"), "kind": kind}

    def _declaration(self, number: int) -> tuple[str, dict[str, Any]]:
        kind, several = self._random.choice(KINDS)
        since = self._random.choice((START - 400 * DAY, START, START + 20 * HOUR, START + 30 * HOUR))
        until = self._random.choice((None, None, None, START + 25 * HOUR, START + 90 * DAY))
        value = {
            "event_id": f"d-{number}",
            "entity": self._entity(),
            "kind": kind,
            "effective_from": exact_time(since),
            "effective_to": None if until is None or until <= since else exact_time(until),
            "amount": self._decimal(10_000),
            "currency": self._random.choice(FIATS),
            "attributes": self._random.choice(several),
        }
        return "entity.declarations", value

    def _incident(self, number: int) -> tuple[str, dict[str, Any]]:
        losses = [
            {
                "asset": self._random.choice(ASSETS + FIATS),
                "quantity": self._random.choice((None, self._decimal(50), self._decimal(9))),
                "owner": self._random.choice(("client", "house")),
            }
            for _ in range(self._random.randrange(3))
        ]
        occurred = self._past()
        return "security.incidents", {
            "incident_id": self._random.choice(("i-1", "i-2", "i-3")),
            "revision": self._random.randrange(1, 6),
            "entity": self._entity(),
            "kind": self._random.choice(("system_outage", "hot_wallet_theft")),
            "severity": "high",
            "occurred_at": occurred,
            "status": self._random.choice(("suspected", "confirmed", "contained", "closed", "withdrawn")),
            "detected_at": occurred,
            "updated_at": exact_time(self._clock),
            "losses": losses,
            "loss_estimate": self._random.choice((None, {"amount": self._decimal(90), "currency": "EUR"})),
            "recoveries": [{"asset": "JPY", "quantity": self._decimal(9), "received_at": self._past()}]
            * self._random.randrange(2),
            "reported_by": "internal",
            "summary": f"revision {number}",
        }

    def _trade(self, number: int) -> tuple[str, dict[str, Any]]:
        if self._trades and self._random.random() < 0.25:
            trade = self._random.choice(self._trades)
            return "market.trades", trade | {"status": self._random.choice(("busted", "new"))}
        trade = {
            "trade_id": f"t-{number}",
            "entity": self._entity(),
            "market": self._random.choice(("BTC/JPY", "ETH/EUR", "BTC/USD")),
            "price": f"{self._random.randrange(1, 500)}",
            "quantity": f"{self._random.randrange(1, 20)}.5",
            "executed_at": self._past(),
            "capacity": self._random.choice(("client_order", "own_account", "venue")),
            "instrument": self._random.choice(("spot", "derivative")),
        }
        self._trades.append(trade)
        return "market.trades", trade
