"""What a feed's verdict depends on is part of `rules`: added, removed or changed, it needs a higher revision (JOURNAL 3)."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration, rules_of

FEED: dict[str, Any] = {"topic": "frames", "use": "kraken", "constants": {"entity": "a"}}


@pytest.fixture(scope="module")
def base() -> dict[str, Any]:
    return build_configuration(settings_of({}))


def digest(base: dict[str, Any], feeds: dict[str, Any], aliases: dict[str, str] | None = None) -> str:
    source = settings_of({"sources": {"market.trades": {"feeds": feeds}}}).source("market.trades")
    sources = base["sources"] | {"market.trades": source.model_dump(mode="json", exclude={"name"})}
    return rules_of(base | {"sources": sources, "assets": base["assets"] | {"aliases": aliases or {}}}).digest


@pytest.mark.parametrize(
    "feeds",
    [
        {},
        {"one": FEED, "two": FEED},
        {"other": FEED},
        {"one": FEED | {"topic": "others"}},
        {"one": FEED | {"where": {"$[2]": "trades"}}},
        {"one": FEED | {"each": "$[0][*]"}},
        {"one": FEED | {"fields": {"trade_id": "@[5]"}}},
        {"one": FEED | {"constants": {"entity": "b"}}},
        {"one": FEED | {"values": {"side": {"table": {"b": "sell"}}}}},
        {"one": FEED | {"aliases": {"XBT": "BTC", "XDG": "DOG"}}},
        {"one": FEED | {"format": "json_lines"}},
        {"one": FEED | {"times": "ms"}},
        {"one": FEED | {"epoch": 1}},
        {"one": FEED | {"signatures": {"keys": ["ed25519:" + "0" * 64]}}},
    ],
)
def test_another_feed_is_other_rules(base: dict[str, Any], feeds: dict[str, Any]) -> None:
    assert digest(base, feeds) != digest(base, {"one": FEED})
    assert digest(base, {"one": FEED}) == digest(base, {"one": dict(FEED)})


def test_the_registry_of_names_is_part_of_the_rules(base: dict[str, Any]) -> None:
    assert digest(base, {"one": FEED}, {"EUR.HOLD": "EUR"}) != digest(base, {"one": FEED})


def test_signatures_stand_in_the_record_only_where_they_are_asked_for(base: dict[str, Any]) -> None:
    """So that every other configuration keeps its digest."""
    signed = {"signatures": {"keys": ["ed25519:" + "0" * 64]}}
    made = build_configuration(settings_of({"sources": {"market.prices": signed, "market.trades": {"feeds": {"one": FEED}}}}))
    assert made["sources"]["market.prices"]["signatures"] == signed["signatures"] | {"window_s": 300}
    assert "signatures" not in made["sources"]["market.trades"]["feeds"]["one"]
    assert not [topic for topic, source in base["sources"].items() if "signatures" in source]
    assert (
        rules_of(made).digest
        != rules_of(made | {"sources": made["sources"] | {"market.prices": base["sources"]["market.prices"]}}).digest
    )
