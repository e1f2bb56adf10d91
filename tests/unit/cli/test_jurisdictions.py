"""Every first configuration of `config init` with a firm's data: each method that is in force comes to a figure that is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from monitor.__main__ import program
from monitor.core.journal.vocabulary import BALANCES, DECLARATIONS, PRICES
from monitor.settings.jurisdictions import JURISDICTIONS
from monitor.web.text import gap_sentence

NOW = "2026-06-10T03:00:00Z"
SEVERAL: Mapping[str, list[dict[str, str]]] = {
    "capital": [{}, {"part": "audited_result"}, {"part": "interim_loss"}, {"part": "dividends"}],
    "fixed_overheads": [{"fiscal_year": "2025"}],
    "guarantee_limit": [{"guarantee": "mas_security"}],
    "operating_expenses_monthly": [{"month": f"{year}-{month:02}"} for year in (2025, 2026) for month in range(1, 13)],
    "payment_value_month": [{"service": "e-money", "month": "2026-05"}],
}
"""The attributes that the page of the method names."""
NOT_YET = frozenset({"uk.mifidpru_k", "kr.vaupa_cold", "kr.vaupa_reserve"})
"""Their rules read means of months or of a year, which a first hour has not: unknown, with `window_short`."""


def told(topic: str, value: Mapping[str, Any]) -> str:
    return json.dumps({"topic": topic, "timestamp": NOW, "value": value})


def books(entity: str, currency: str) -> list[str]:
    """What a firm holds and owes, and two prices of one coin."""
    price = "9000000" if currency == "JPY" else "90000"
    rows = [
        ("cold-1", "client_asset", "cold", "BTC", "960"),
        ("hot-1", "client_asset", "hot", "BTC", "40"),
        ("own-1", "guarantee_asset", "cold", "BTC", "45"),
        ("ledger", "client_liability", "ledger", "BTC", "995"),
        ("reserve-1", "reserve_asset", "cold", "BTC", "1200"),
        ("trust-1", "client_asset", "trust", currency, "500000000"),
        ("ledger", "client_liability", "ledger", currency, "499000000"),
    ]
    made = [
        told(BALANCES, {"event_id": f"b-{n}", "entity": entity, "account": account, "role": role, "storage": storage,
                        "asset": asset, "quantity": quantity, "as_of": NOW})
        for n, (account, role, storage, asset, quantity) in enumerate(rows)
    ]  # fmt: skip
    quote = {"asset": "BTC", "currency": currency, "price": price, "as_of": NOW, "source": "index"}
    return [*made, *(told(PRICES, quote | {"event_id": f"p-{kind}", "kind": kind}) for kind in ("spot", "daily_close"))]


def declared(entity: str, currency: str, kind: str) -> list[str]:
    base = {"entity": entity, "kind": kind, "effective_from": "2020-01-01T00:00:00Z", "effective_to": None, "currency": currency}
    return [
        told(DECLARATIONS, base | {"event_id": f"d-{kind}-{n}", "attributes": attributes, "amount": "700000000"})
        for n, attributes in enumerate(SEVERAL.get(kind, [{}]))
    ]


@pytest.mark.parametrize("code", sorted(JURISDICTIONS))
def test_a_first_configuration_comes_to_figures(code: str, tmp_path: Path) -> None:
    """What is missing is declared as the gaps ask for it, and nothing else: they say enough."""
    configuration, file = tmp_path / "reserve.yaml", tmp_path / "events.jsonl"
    made = CliRunner().invoke(program, ["config", "init", "--for", code, "--out", str(configuration)])
    assert made.exit_code == 0
    ((entity, settings),) = yaml.safe_load(configuration.read_text(encoding="utf-8"))["entities"].items()
    currency = settings["reporting_currency"]
    lines, asked = books(entity, currency), dict[str, None]()
    for _ in range(4):
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        result = CliRunner().invoke(program, ["assess", "--events", str(file), "--config", str(configuration)])
        assert result.exit_code in {0, 1, 5}, result.output
        found = [one for one in json.loads(result.stdout) if one["mode"] == "in_force"]
        gaps = [gap for one in found for gap in one["gaps"]]
        more = dict.fromkeys(gap["subject"] for gap in gaps if gap["kind"] == "declaration_missing")
        if not more:
            break
        assert not more.keys() & asked.keys(), "it was declared as it was asked for"
        asked |= more
        lines += [line for kind in more for line in declared(entity, currency, kind)]
    assert found
    for one in found:
        kinds = {gap["kind"] for gap in one["gaps"]}
        if one["method"] in NOT_YET:
            assert "window_short" in kinds
        else:
            assert (one["state"] in {"adequate", "watch", "shortfall"}, kinds) == (True, set())


def test_where_there_may_be_several_it_is_said_what_tells_them_apart() -> None:
    """Fails where a reader who has declared another year is told that nothing was ever declared, and no more."""
    gap = {"kind": "declaration_missing", "subject": "fixed_overheads"}
    assert "which one is read, by fiscal_year and item, `methods show` says" in gap_sentence(gap)
    assert "which one" not in gap_sentence(gap | {"subject": "net_assets"})
