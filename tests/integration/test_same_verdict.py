"""One set of event lines through `assess` and through a daemon on a broker: the verdicts are the same, to the last gap.

It fails where what is known depends on how partitions are read, cut and flushed, or where either way takes input that lies.
Each case is an entity of its own, so that one daemon judges them all.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from monitor.__main__ import program
from monitor.core.values.times import SECOND, format_time
from streams.demo.child import DaemonProcess, free_port
from streams.eventfiles.publisher import Publisher, replay
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicNames, create_topics, topic_specs

from .daemon_settings import asked

pytestmark = [pytest.mark.broker, pytest.mark.timeout(150)]

START = time.time_ns() // SECOND * SECOND - 120 * SECOND
NEW_YORK, HOUSE, ONE = "us.ny_custody", "house.composite", "client_asset"


def at(second: float) -> str:
    return format_time(START + int(second * SECOND))


class Entity:
    """An entity with one method, and its event lines; 9 of `asset` are owed and 10 held unless it is the house's."""

    def __init__(self, name: str, asset: str, method: str = NEW_YORK, **limits: Any) -> None:
        self.name, self.asset = name, asset
        self.settings = {"reporting_currency": "USD", "methods": [{"id": method}], **limits}
        self.lines: list[tuple[str, str, dict[str, Any]]] = []
        self.says("market.prices", 0, {"asset": asset, "currency": "USD", "price": "2", "source": "desk", "kind": "spot"})
        self.holds(ONE, "cold", "10", source="node")
        if method == NEW_YORK:
            self.holds("client_liability", "ledger", "9")
            return
        self.holds("reserve_asset", "cold", "1000")
        trade = {"trade_id": "1", "market": f"{asset}/USD", "price": "2", "quantity": "1", "executed_at": at(0)}
        self.lines.append(("market.trades", at(0), {"entity": name, **trade}))

    def says(self, topic: str, second: float, value: Mapping[str, Any]) -> None:
        own = {"event_id": f"{self.name}-{len(self.lines)}", "as_of": at(second)}
        self.lines.append((topic, at(second), own | dict(value)))

    def holds(self, role: str, storage: str, quantity: str, second: float = 0, **more: Any) -> None:
        own = {"entity": self.name, "account": role, "role": role, "storage": storage, "asset": self.asset}
        self.says("custody.balances", second, own | {"quantity": quantity} | more)

    def dismisses(self, group: str, second: float) -> None:
        act = {"event_id": group, "entity": self.name, "kind": "dismissal", "at": at(second), "by": ["m.weber"], "reason": "seen"}
        self.lines.append(("reserve.operations", at(second), act | {"body": {"group": group}}))

    def suffers(self, **more: Any) -> None:
        incident = {"incident_id": "i-1", "revision": 1, "entity": self.name, "kind": "key_compromise", "severity": "high"}
        incident |= {"status": "confirmed", "occurred_at": at(-60), "detected_at": at(-30), "updated_at": at(0), "losses": []}
        incident |= {"loss_estimate": None, "recoveries": [], "reported_by": "internal", "summary": "keys"}
        self.lines.append(("security.incidents", at(1), incident | more))


def cases() -> dict[Entity, tuple[str, tuple[str, ...]]]:
    """Each entity with the state and the kinds of gaps that are right."""
    half, sizes, over = Entity("half", "DOT"), Entity("sizes", "ATOM"), Entity("over", "EOS")
    half.holds("house_asset", "cold", "5", 1, group="g", group_size=2)
    sizes.holds(ONE, "cold", "11", 1, group="g", group_size=2)
    sizes.holds("client_liability", "ledger", "9", 1, group="g", group_size=3)
    over.holds(ONE, "cold", "8", 1, group="g", group_size=2)
    over.dismisses("g", 10)
    behind = Entity("behind", "TRX", freshness={"custody.balances/slow": {"max_age_s": 3600}})
    behind.holds(ONE, "cold", "10", 2, source="slow", as_of=at(-5 * 3600), account="second")
    never = Entity("never", "FIL", freshness={"custody.balances/sweeper": {"max_age_s": 600}})
    zero, jump, either, spam = Entity("zero", "VET"), Entity("jump", "LINK"), Entity("either", "GEL"), Entity("spam", "UNI")
    zero.holds(ONE, "cold", "1", 2, as_of="0001-01-01T00:00:00Z")
    jump.holds(ONE, "cold", "0.0000001", 5, source="node")
    spam.holds(ONE, "hot", "7000000", 1, asset="VISIT-SITE.XYZ", account="hot")
    scaled, robbed, refused = Entity("scaled", "OPX", HOUSE), Entity("robbed", "SUI", HOUSE), Entity("refused", "ARB", HOUSE)
    price = {"asset": "OPX", "currency": "USD", "price": "200000000", "source": "desk", "kind": "spot"}
    scaled.says("market.prices", 3, price)
    robbed.suffers()
    refused.suffers(severity="catastrophic")
    return {
        half: ("unknown", ("group_incomplete",)),
        sizes: ("unknown", ("group_incomplete",)),
        over: ("shortfall", ()),
        behind: ("unknown", ("source_behind",)),
        never: ("unknown", ("source_silent",)),
        zero: ("adequate", ("record_rejected",)),
        jump: ("unknown", ("position_outlier",)),
        either: ("unknown", ("asset_ambiguous",)),
        spam: ("adequate", ()),
        scaled: ("unknown", ("price_outlier",)),
        robbed: ("unknown", ("quantity_unknown",)),
        refused: ("adequate", ("record_rejected",)),
    }


def verdict(assessment: Mapping[str, Any]) -> dict[str, Any]:
    names = ("state", "coverage", "coverage_lower", "coverage_upper", "required", "available", "surplus", "ignored")
    gaps = [(gap["kind"], gap["subject"], gap["effect"]) for gap in assessment["gaps"]]
    rows = [(row["name"], row["state"], row["required"], row["held"], row["shortfall"]) for row in assessment["components"]]
    return {name: assessment[name] for name in names} | {"gaps": gaps, "rows": rows}


async def test_the_same_lines_give_the_same_verdict_live_and_offline(tmp_path: Path) -> None:
    right = cases()
    lines = sorted((line for entity in right for line in entity.lines), key=lambda line: line[1])
    text = [json.dumps({"topic": topic, "timestamp": stamp, "value": value}) for topic, stamp, value in lines]
    (tmp_path / "events.jsonl").write_text("\n".join(text) + "\n")
    content: dict[str, Any] = {"entities": {entity.name: entity.settings for entity in right}}
    content |= {"assets": {"ignore": ["VISIT-SITE.XYZ"]}, "sources": {"custody.balances": {"jump_ratio": "1000"}}}
    config, port = tmp_path / "reserve.yaml", free_port()
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        await create_topics(kafka, topic_specs(kafka, TopicNames()))
        config.write_text(yaml.safe_dump(content | {"kafka": kafka.model_dump(mode="json"), "http": {"port": port}}))
        async with Publisher(kafka, TopicNames()) as publisher:
            await replay(publisher, enumerate_lines(text), keep_timestamps=True)
        daemon = DaemonProcess(config, tmp_path / "daemon.log", port)
        await daemon.start()
        try:
            await daemon.ready(90)
            offline = await asyncio.to_thread(assessed, tmp_path / "events.jsonl", config)
            for entity, (state, kinds) in right.items():
                wanted = verdict(offline[entity.name])
                gaps = tuple(dict.fromkeys(kind for kind, _, _ in wanted["gaps"]))
                assert (wanted["state"], gaps) == (state, kinds), entity.name
                assert await live_when(daemon.url, entity.name, wanted) == wanted, entity.name
            _, body = await asked(daemon.url, "/status/refused")
            alerts = {(one["alertname"], one["severity"]) for one in body["alerts"]}
            assert ("RecordRefused", "critical") in alerts, "what a refused incident was to say is told by itself"
        finally:
            await daemon.stop()


def enumerate_lines(text: list[str]) -> list[tuple[str, str]]:
    return [(str(number), line) for number, line in enumerate(text)]


def assessed(events: Path, config: Path) -> dict[str, Mapping[str, Any]]:
    now = format_time(time.time_ns())
    result = CliRunner().invoke(program, ["assess", "--events", str(events), "--config", str(config), "--at", now])
    return {one["entity"]: one for one in json.loads(result.stdout)}


async def live_when(url: str, entity: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The live verdict once it is the one that is wanted, or after a while: groups have their five seconds first."""
    found: dict[str, Any] = {}
    for _ in range(200):
        code, body = await asked(url, f"/status/{entity}")
        if code == 200 and body["methods"]:
            found = verdict(body["methods"][0])
            if found == wanted:
                break
        await asyncio.sleep(0.1)
    return found
