"""The real captures, row by row against their own text. Skipped where the shared data is not beside the repository."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from monitor.cli.event_files.formats import Given, reader_of
from monitor.cli.progress import text_lines
from monitor.events import Event
from streams.wire.judge import Invalid, Judge, Known
from streams.wire.mapping import SourceFormat

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data lies beside the repository, and is not there")


def events(form: str, path: str, **said: str) -> list[Event]:
    return list(reader_of(form)(text_lines(DATA / path), Given(entity="e-1", **said)))


def reasons(found: list[Event]) -> Counter[str]:
    """How the edge judges the events."""
    judge = Judge(SourceFormat(found[0].topic), Known(None, 10**20))
    verdicts = [judge.verdict(event.payload(), event.logged_at) for event in found]
    return Counter(verdict.reason.value for verdict in verdicts if isinstance(verdict, Invalid))


@pytest.mark.parametrize(
    ("name", "rows", "blank_times", "blank_sides", "repeats"),
    [("20180126.BTC_JPY", 100_803, 271, 162, 0), ("20180128.ETH_BTC", 5_331, 11, 0, 1_269)],
)
def test_bitflyer_day(name: str, rows: int, blank_times: int, blank_sides: int, repeats: int) -> None:
    path = f"trades/bitflyer.execution.{name}.csv.gz"
    found = events("bitflyer-executions", path)
    with gzip.open(DATA / path, "rt", encoding="utf-8", newline="") as file:
        raw = list(csv.DictReader(file))
    assert len(found) == len(raw) == rows
    assert sum(one.value["executed_at"] is None for one in found) == blank_times
    assert sum("side" not in one.value for one in found) == blank_sides
    assert len(found) - len({one.value["trade_id"] for one in found}) == repeats
    for event, row in zip(found, raw, strict=True):
        assert "E" not in event.value["quantity"]
        assert Decimal(event.value["quantity"]) == Decimal(row["size"])
        assert Decimal(event.value["price"]) == Decimal(row["price"])
    logged = [one.logged_at for one in found]
    assert logged == sorted(logged)


def test_only_rows_without_a_time_are_refused() -> None:
    assert reasons(events("bitflyer-executions", "trades/bitflyer.execution.20180128.ETH_BTC.csv.gz")) == {"wrong_type": 11}


@pytest.mark.parametrize(
    ("form", "path", "count"),
    [
        ("binance-trades", "trades/binance.spot.trade.20240808.btcusdt.raw.gz", 9_757),
        ("cryptofeed-bitflyer", "captures/cryptofeed.BITFLYER.ws.1.0.txt.gz", 162),
        ("cryptofeed-upbit", "captures/cryptofeed.UPBIT.ws.62.0.txt.gz", 304),
        ("cryptofeed-bybit", "captures/cryptofeed.BYBIT.ws.26.0.txt.gz", 150),
        ("cryptofeed-bitstamp", "captures/cryptofeed.BITSTAMP.ws.1.0.txt.gz", 10),
    ],
)
def test_captures_are_accepted_whole(form: str, path: str, count: int) -> None:
    found = events(form, path)
    assert len(found) == count
    assert reasons(found) == {}


def test_published_files() -> None:
    assert (
        len(
            events(
                "dn-incidents",
                "incidents/dn_institute_incidents.2011_2022H1.jsonl.gz",
                severity="high",
                kind="other",
                owner="client",
            )
        )
        == 65
    )
    assert len(events("candles", "prices/btcusdt_1d.2017_2025.csv.gz", asset="BTC", currency="USDT", kind="daily_close")) == 3_059
    assert len(events("currency-rates", "prices/currency_api_rates.csv", kind="spot")) == 249
    balances = events("por-balances", "liabilities/por_published_balances.csv", storage="cold")
    text = (DATA / "liabilities/por_published_balances.csv").read_text(encoding="utf-8")
    owed = [row["customer_net_balance"] for row in csv.DictReader(text.splitlines()) if row["customer_net_balance"]]
    assert [one.value["quantity"] for one in balances if one.value["role"] == "client_liability"] == owed


def test_lines_are_json_of_the_contract() -> None:
    event = events("cryptofeed-bitstamp", "captures/cryptofeed.BITSTAMP.ws.1.0.txt.gz")[0]
    assert set(json.loads(event.line())) == {"topic", "key", "timestamp", "value"}
