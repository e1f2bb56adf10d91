"""The admin server: probes, JSON, 421 with the owner, errors as JSON, security headers, a port in use."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer

from monitor.core.foresight.scenarios import Scenario
from monitor.core.journal.vocabulary import ALERT_SEVERITIES
from monitor.core.values.times import SECOND, parse_time
from monitor.errors import CONNECTION, ConnectionProblem
from monitor.settings.sections import RUNBOOKS
from monitor.web import Health, WebParts, build_web, start_web
from tests import status_examples as examples


class FakeProbes:
    def __init__(self) -> None:
        self.health = Health(True, {"journal": "ok"})

    def live(self) -> Health:
        return Health(True, {"loop": "ok"})

    def ready(self) -> Health:
        return self.health

    def started(self) -> Health:
        return self.health


class FakeMetrics:
    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        return b"reserve_build_info 1\n", f"text/plain; accept={accept}"


class FakeStatus:
    def __init__(self, *statuses: dict[str, Any]) -> None:
        self.statuses = {status["entity"]: status for status in statuses}
        self.asked: list[date | None] = []

    def partitions(self) -> Sequence[int]:
        return [0, 3]

    def entities(self) -> Sequence[str]:
        return sorted(self.statuses)

    def holds(self, entity: str) -> bool:
        return entity != "kr-main"

    def owner(self, entity: str) -> str | None:
        return "http://worker-2:9464" if entity == "kr-main" else None

    def actions(self, entity: str) -> Sequence[Mapping[str, Any]]:
        if entity not in self.statuses:
            raise KeyError(entity)
        return examples.proposals()

    def candidates(self, entity: str) -> Mapping[str, Any]:
        if entity not in self.statuses:
            raise KeyError(entity)
        return examples.compared() | {"entity": entity, "at": self.statuses[entity]["at"]}

    def foresee(self, entity: str, scenario: Scenario) -> Sequence[Mapping[str, Any]]:
        if entity not in self.statuses:
            raise KeyError(entity)
        return [{"scenario": scenario.name, "stresses": len(scenario.stresses)}]

    def status(self, entity: str, day: date | None) -> Mapping[str, Any]:
        self.asked.append(day)
        return self.statuses[entity]

    def figures(self, entity: str) -> Mapping[str, Any]:
        return self.statuses[entity]


def parts(*statuses: dict[str, Any], **options: Any) -> WebParts:
    options = {"clock": lambda: parse_time(examples.AT) + SECOND} | options
    return WebParts(FakeProbes(), FakeMetrics(), {"version": "0.1.0", "engine_version": "1"}, FakeStatus(*statuses), **options)


@pytest.fixture
async def client() -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(build_web(parts(examples.shortfall())))) as made:
        yield made


async def test_every_answer_has_the_security_headers(client: TestClient[Any, Any]) -> None:
    for path in ("/", "/livez", "/metrics", "/status", "/nowhere", "/static/status.css"):
        answer = await client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_status_lists_partitions_and_states(client: TestClient[Any, Any]) -> None:
    body = await (await client.get("/status")).json()
    assert body["partitions"] == [0, 3]
    (row,) = body["entities"]
    assert (row["entity"], row["alerts"]) == ("jp-main", 4)
    assert row["methods"][0]["state"] == "shortfall"
    assert row["methods"][0]["coverage"] == "0.98648648"


async def test_status_of_an_entity_is_the_contract_object(client: TestClient[Any, Any]) -> None:
    answer = await client.get("/status/jp-main")
    assert answer.status == 200
    found = await answer.json()
    worst = found.pop("worst")
    assert (worst["method"], worst["name"], worst["held"]) == ("jp.psa_custody", "guarantee_asset.ETH", "850")
    assert found == examples.shortfall() | {"undelivered": None}


async def test_an_answer_that_no_longer_moves_is_unknown_with_what_it_was() -> None:
    late = parse_time(examples.AT) + 31 * SECOND
    async with TestClient(TestServer(build_web(parts(examples.adequate(), clock=lambda: late)))) as client:
        found = await (await client.get("/status/jp-main")).json()
        assert (found["state"], found["was"], found["stale_since"]) == ("unknown", "adequate", examples.AT)
        assert [(one["state"], one["was"]) for one in found["methods"]] == [("unknown", "adequate")] * 2
        (row,) = (await (await client.get("/status")).json())["entities"]
        assert (row["state"], row["was"], row["stale_since"]) == ("unknown", "adequate", examples.AT)
        assert {one["state"] for one in row["methods"]} == {"unknown"}
        assert row["methods"][0]["was"] == "adequate"
    patient = parts(examples.adequate(), clock=lambda: late, stale_after_s=60)
    async with TestClient(TestServer(build_web(patient))) as client:
        assert "stale_since" not in await (await client.get("/status/jp-main")).json()


async def test_the_overview_names_the_worst_broken_rule(client: TestClient[Any, Any]) -> None:
    (row,) = (await (await client.get("/status")).json())["entities"]
    worst = row["methods"][0]["worst"]
    assert (worst["name"], worst["held"], worst["required"], worst["unit"]) == ("guarantee_asset.ETH", "850", "900", "ETH")


async def test_a_date_asks_for_a_past_business_date() -> None:
    web_parts = parts(examples.adequate())
    assert isinstance(web_parts.status, FakeStatus)
    async with TestClient(TestServer(build_web(web_parts))) as client:
        assert (await client.get("/status/jp-main?date=2026-01-04")).status == 200
        assert date(2026, 1, 4) in web_parts.status.asked
        answer = await client.get("/status/jp-main?date=yesterday")
        assert answer.status == 400
        assert "YYYY-MM-DD" in (await answer.json())["error"]


async def test_another_workers_entity_is_answered_with_its_address(client: TestClient[Any, Any]) -> None:
    answer = await client.get("/status/kr-main")
    assert answer.status == 421
    assert (await answer.json())["owner"] == "http://worker-2:9464"


async def test_an_entity_never_seen_is_not_found(client: TestClient[Any, Any]) -> None:
    answer = await client.get("/status/nobody")
    assert answer.status == 404
    assert "nothing was ever received" in (await answer.json())["error"]


async def test_errors_are_json(client: TestClient[Any, Any]) -> None:
    answer = await client.get("/nowhere")
    assert (answer.status, answer.content_type) == (404, "application/json")
    answer = await client.post("/status")
    assert (answer.status, answer.content_type) == (405, "application/json")
    assert "GET" in answer.headers["Allow"]
    assert (await client.get("/static/..%2fstatus.html")).status == 404


async def test_a_failure_inside_is_one_json_sentence_without_details() -> None:
    class Broken(FakeStatus):
        def status(self, entity: str, day: date | None) -> Mapping[str, Any]:
            raise RuntimeError("secret detail")

    broken = WebParts(FakeProbes(), FakeMetrics(), {"version": "0"}, Broken(examples.adequate()))
    async with TestClient(TestServer(build_web(broken))) as client:
        answer = await client.get("/status")
        assert answer.status == 500
        assert "secret" not in await answer.text()
        assert (await client.get("/livez")).status == 200


async def test_actions_are_of_an_entity_held_here(client: TestClient[Any, Any]) -> None:
    assert await (await client.get("/actions/jp-main")).json() == examples.proposals()
    assert [(await client.get(f"/actions/{name}")).status for name in ("kr-main", "zz-main")] == [421, 404]


async def test_a_scenario_is_asked_by_its_json_and_a_bad_one_is_one_sentence(client: TestClient[Any, Any]) -> None:
    stress = {"type": "volume", "factor": "10"}
    question = {"name": "busy", "scenario": json.dumps({"title": "busy", "stresses": [stress]})}
    answer = await client.get("/foresee/jp-main", params=question)
    assert await answer.json() == [{"scenario": "busy", "stresses": 1}]
    assert (await client.get("/foresee/kr-main", params=question)).status == 421
    assert (await client.get("/foresee/zz-main", params=question)).status == 404
    for bad in (
        "",
        "{",
        "[" * 2_000,
        json.dumps({"stresses": [{"type": "no"}]}),
        json.dumps({"stresses": [stress | {"factor": "-1"}]}),
    ):
        answer = await client.get("/foresee/jp-main", params={"scenario": bad})
        assert answer.status == 400
        assert "scenario" in (await answer.json())["error"]


async def test_probes_answer_by_status_code_and_checks() -> None:
    web_parts = parts(examples.adequate())
    assert isinstance(web_parts.probes, FakeProbes)
    async with TestClient(TestServer(build_web(web_parts))) as client:
        assert (await client.get("/readyz")).status == 200
        web_parts.probes.health = Health(False, {"journal": "partition 3 is 12,000 records behind"})
        answer = await client.get("/readyz")
        assert answer.status == 503
        assert await answer.json() == {"ok": False, "checks": {"journal": "partition 3 is 12,000 records behind"}}
        assert (await client.get("/startupz")).status == 503
        assert (await client.get("/livez")).status == 200
        assert (await client.get("/status/jp-main")).status == 200
        assert "partition 3 is 12,000 records behind" in await (await client.get("/")).text()


async def test_metrics_are_brought_up_to_date_and_keep_the_asked_format() -> None:
    calls: list[int] = []

    async def refresh() -> None:
        calls.append(1)

    async with TestClient(TestServer(build_web(parts(before_scrape=refresh)))) as client:
        answer = await client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
        assert answer.headers["Content-Type"] == "text/plain; accept=application/openmetrics-text"
        assert await answer.text() == "reserve_build_info 1\n"
    assert calls == [1]


async def test_version(client: TestClient[Any, Any]) -> None:
    assert await (await client.get("/version")).json() == {"version": "0.1.0", "engine_version": "1"}


async def test_a_process_without_an_assessor_serves_probes_and_says_so() -> None:
    bare = WebParts(FakeProbes(), FakeMetrics(), {"version": "0"})
    async with TestClient(TestServer(build_web(bare))) as client:
        assert (await client.get("/livez")).status == 200
        answer = await client.get("/status/jp-main")
        assert answer.status == 404
        assert "no assessor" in (await answer.json())["error"]
        assert "No assessor runs in this process" in await (await client.get("/")).text()


async def test_a_port_in_use_is_one_clear_line() -> None:
    first = await start_web(parts(), "127.0.0.1", 0)
    try:
        async with ClientSession() as session, session.get(f"{first.url}/livez") as answer:
            assert answer.status == 200
        with pytest.raises(ConnectionProblem, match=f"port {first.port} on 127.0.0.1 is in use.*RESERVE_HTTP__PORT") as problem:
            await start_web(parts(), "127.0.0.1", first.port)
        assert problem.value.exit_code == CONNECTION
    finally:
        await first.stop()


async def test_an_address_that_is_not_ours_is_one_clear_line() -> None:
    with pytest.raises(ConnectionProblem, match=r"http\.host"):
        await start_web(parts(), "203.0.113.7", 9464)


async def test_the_runbook_is_served_and_every_alert_is_an_anchor_of_it(client: TestClient[Any, Any]) -> None:
    index = await client.get("/runbooks")
    text = await index.text()
    assert index.status == 200
    for alertname in ALERT_SEVERITIES:
        assert f'<h2 id="{alertname.lower()}">' in text
        assert f'href="/runbooks/{alertname}"' in text
    page = await client.get("/runbooks/SourceStale")
    assert (page.status, page.content_type) == (200, "text/html")
    assert "<td>Owner of the feed</td>" in await page.text()
    for name in ("Nothing", "..%2fpage", "README.md", "a" * 65):
        assert (await client.get(f"/runbooks/{name}")).status == 404


async def test_the_page_leads_to_the_runbook_beside_it_or_to_the_sites_own() -> None:
    status = examples.shortfall()
    status["alerts"] = [one | {"runbook_url": f"{RUNBOOKS}#same"} for one in status["alerts"][:1]]
    status["alerts"] += [one | {"runbook_url": "https://wiki.example/x#same"} for one in status["alerts"]]
    async with TestClient(TestServer(build_web(parts(status)))) as made:
        text = await (await made.get("/")).text()
    assert '<a href="/runbooks#same"' in text
    assert '<a href="https://wiki.example/x#same"' in text
