"""An alert tells what mends it: tried on the book, of rules in force alone, and within a bounded cost."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.core.foresight import advice
from tests.journal_maker import Journal, alerts, configuration_text, house, load, run

OPTIONS = {"skip": ["fiat_trust", "capital", "net_assets"]}


def fired(mode: str = "in_force") -> dict[str, dict[str, Any]]:
    """The newest record of each alert by its name: 40 BTC are hot where 39 stand for them."""
    made = Journal()
    made.configure(configuration_text({"jp-main": house(methods=[{"id": "jp.psa_custody", "mode": mode, "options": OPTIONS}])}))
    load(made, guarantee="39")
    made.at(20).tick()
    return {record["alertname"]: record for record in alerts(run(made))}


def test_the_text_ends_with_what_to_do() -> None:
    found = fired()
    wanted = "To do: move 1 BTC of client_asset from hot to cold, at once: the rule sets no term."
    assert found["SameAssetShortfall"]["description"].endswith(wanted)
    assert wanted in found["ReserveShortfall"]["description"]


def test_shadow_alerts_are_told_nothing() -> None:
    found = fired("shadow")
    assert "SameAssetShortfall" in found
    assert not [one for one in found.values() if "To do" in one["description"] or "mends it" in one["description"]]


def test_beyond_the_cost_it_says_where_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advice, "MOST_TOLD", 1)
    assert sum("To do" in one["description"] for one in fired().values()) == 1
    monkeypatch.setattr(advice, "BUDGET", 0)
    assert fired()["SameAssetShortfall"]["description"].endswith("What mends it: `reserve-monitor actions jp-main`.")
