"""What people see is what the engine found: its own status object and measures through the metrics and the status page."""

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.core.engine import Engine
from monitor.core.journal.vocabulary import STATES
from monitor.core.values.times import SECOND, parse_time
from monitor.metrics.declared import METRICS, folding
from monitor.metrics.registry import Metrics
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration
from monitor.web.page import entity_view, render_page
from streams.eventfiles.offline import statements
from tests.unit.test_metrics import series
from tests.unit.web.test_page import parts_of, words

AT = "2026-01-05T03:00:00Z"
SETTINGS: dict[str, Any] = {
    "kafka": {"journal_partitions": 1},
    "metrics": {"assets": ["BTC", "ETH"]},
    "entities": {
        "jp-main": {
            "reporting_currency": "JPY",
            "time_zone": "Asia/Tokyo",
            "calendar": "JP",
            "methods": [
                {"id": "jp.psa_custody", "mode": "in_force", "options": {"skip": ["fiat_trust", "capital", "net_assets"]}},
                {"id": "house.composite", "mode": "shadow"},
            ],
            "freshness": {"custody.balances": {"max_age_s": 600}},
        }
    },
}  # fmt: skip


def balance(asset: str, role: str, storage: str, quantity: str) -> dict[str, Any]:
    account = f"{role}-{storage}-{asset}"
    value = {"event_id": account, "entity": "jp-main", "account": account, "role": role, "storage": storage, "asset": asset,
             "quantity": quantity, "as_of": AT}  # fmt: skip
    return {"topic": "custody.balances", "key": None, "timestamp": AT, "value": value}


def price(asset: str, value: str) -> dict[str, Any]:
    body = {
        "event_id": f"p-{asset}",
        "asset": asset,
        "currency": "JPY",
        "price": value,
        "as_of": AT,
        "source": "desk",
        "kind": "spot",
    }
    return {"topic": "market.prices", "key": None, "timestamp": AT, "value": body}


EVENTS = [
    price("BTC", "15000000"), price("ETH", "500000"),
    balance("BTC", "client_asset", "cold", "960"), balance("BTC", "client_asset", "hot", "40"),
    balance("ETH", "client_asset", "cold", "19100"), balance("ETH", "client_asset", "hot", "900"),
    balance("BTC", "guarantee_asset", "cold", "42"), balance("ETH", "guarantee_asset", "cold", "850"),
]  # fmt: skip


def engine_at(folder: Path, until: str) -> Engine:
    """The engine after the events, at `until`."""
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
    engine = Engine(0, check_journal_time=False)
    refused: list[Any] = []
    for record in statements([path], build_configuration(settings_of(SETTINGS)), parse_time(until), refused.append):
        engine.apply(record)
    assert refused == []
    return engine


def exposed(engine: Engine) -> dict[tuple[str, tuple[str, ...]], float]:
    metrics = Metrics(
        version="0", engine_version="1", process=False, fold=folding(["BTC", "ETH"], {"jp-main": ["custody.balances"]})
    )
    list(metrics.refresh(lambda: [engine]))
    return series(metrics)


def test_metrics_are_the_engines_figures(tmp_path: Path) -> None:
    engine = engine_at(tmp_path, "2026-01-05T03:00:10Z")
    found = exposed(engine)
    status = engine.status("jp-main")
    assert status["methods"][0]["surplus"] == "-25000000"
    assert found["reserve_surplus_amount", ("jp-main", "jp.psa_custody", "JPY")] == -25_000_000
    assert found["reserve_component_required", ("jp-main", "jp.psa_custody", "guarantee_asset", "ETH", "ETH")] == 900
    assert found["reserve_component_held", ("jp-main", "jp.psa_custody", "guarantee_asset", "ETH", "ETH")] == 850
    assert found["reserve_custody_quantity", ("jp-main", "BTC", "client_asset", "hot")] == 40
    assert found["reserve_custody_amount", ("jp-main", "JPY", "client_asset", "hot")] == 40 * 15_000_000 + 900 * 500_000
    assert found["reserve_alerts_firing", ("jp-main", "SameAssetShortfall", "critical")] == 1
    assert found["reserve_evaluation_last_timestamp_seconds", ("jp-main",)] == parse_time("2026-01-05T03:00:10Z") / SECOND
    for method in ("jp.psa_custody", "house.composite"):
        assert sum(found["reserve_state", ("jp-main", method, state)] for state in STATES) == 1
    declared = {metric.name for metric in METRICS}
    assert {name for name, _ in found if not name.endswith(("_bucket", "_sum", "_count"))} <= declared


def test_page_says_what_the_engine_found(tmp_path: Path) -> None:
    engine = engine_at(tmp_path, "2026-01-05T03:00:10Z")
    now = parse_time("2026-01-05T03:00:12Z")
    shown = words(render_page(parts_of(), [engine.status("jp-main")], None, now))
    assert "Short by 25,000,000 JPY under jp.psa_custody." in shown
    assert "guarantee_asset.ETH : 850 held of 900 ETH required, 25,000,000 JPY short" in shown
    assert "SameAssetShortfall" in shown


def test_a_silent_feed_turns_everything_grey(tmp_path: Path) -> None:
    engine = engine_at(tmp_path, "2026-01-05T04:00:00Z")
    status = engine.status("jp-main")
    view = entity_view(status, parts_of(), parse_time("2026-01-05T04:00:02Z"))
    assert view.state == "unknown"
    assert "not to rely on: custody.balances" in view.trust
    found = exposed(engine)
    assert found["reserve_state", ("jp-main", "jp.psa_custody", "unknown")] == 1
    assert found["reserve_gaps", ("jp-main", "jp.psa_custody", "source_silent")] == 1
    assert ("reserve_coverage_ratio", ("jp-main", "jp.psa_custody")) not in found


@pytest.mark.parametrize("until", ["2026-01-05T03:00:10Z", "2026-01-05T04:00:00Z"])
def test_heartbeat_reaches_the_engines_clock_while_nothing_waits(tmp_path: Path, until: str) -> None:
    engine = engine_at(tmp_path, until)
    assert exposed(engine)["reserve_evaluation_last_timestamp_seconds", ("jp-main",)] == engine.clock / SECOND
