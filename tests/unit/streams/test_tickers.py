"""A ticker that nobody can tell is said in the log, with the line that decides it."""

from __future__ import annotations

from typing import Any

from structlog.testing import capture_logs

from streams.assessor.publications import UndecidedTickers


def assessment(method: str, *assets: str) -> dict[str, Any]:
    gaps = [{"kind": "asset_ambiguous", "subject": asset} for asset in assets]
    return {"method": method, "gaps": [*gaps, {"kind": "price_missing", "subject": "X/USD"}]}


def test_each_ticker_is_said_once_while_it_lasts_and_again_when_it_returns() -> None:
    """Fails where the log is silent on what the page and `config check` say, or says it at every assessment."""
    tickers = UndecidedTickers()
    with capture_logs() as said:
        for one in (assessment("a", "GEL"), assessment("b", "GEL", "DOGS"), assessment("a", "GEL")):
            tickers.heed("sg-two", one)
    assert [(line["entity"], line["asset"]) for line in said] == [("sg-two", "GEL"), ("sg-two", "DOGS")]
    assert "assets.crypto or assets.fiat decides it" in said[0]["detail"]
    assert "assets.ignore" in said[1]["detail"], "no code of ISO 4217: it is left out and owed"
    with capture_logs() as said:
        for one in (assessment("a"), assessment("b"), assessment("a", "GEL")):
            tickers.heed("sg-two", one)
    assert [line["asset"] for line in said] == ["GEL"]
