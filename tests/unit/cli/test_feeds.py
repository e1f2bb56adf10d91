"""`feeds list|show|try`, `publish`, `schema --example`: how a mapping is written, tried, and fed by hand."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from monitor import __main__ as program
from monitor.audit.signatures.keys import new_key
from monitor.core.journal.vocabulary import BALANCES, PRICES, TRADES
from monitor.core.values.times import HOUR, parse_time
from monitor.errors import CHECK_FAILED, CONFIGURATION, USAGE, MonitorError
from monitor.settings.feeds import shipped_names
from streams.kafka.clients import ended, started_producer
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.reading import newest

runner = CliRunner()
SITE = """
http: {port: 0}
corrections: {horizon_days: 8000}
entities: {a: {reporting_currency: USD}}
sources:
  market.trades:
    feeds:
      kraken: {topic: frames, use: kraken, constants: {entity: a}}
"""
FRAME = [12, [["354.11", "0.5", "1618678136.268208", "b", "m", ""], ["bad", "1", "1618678136", "s", "m", ""]], "trade", "XBT/CHF"]
LINES = [FRAME, {"event": "heartbeat"}, [12, [["1", "2", "1618678136", "s", "m", ""]], "trade", "ETH/USD"]]


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("RESERVE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reserve.yaml").write_text(SITE)
    (tmp_path / "frames.jsonl").write_text("\n".join(json.dumps(line) for line in LINES))


def run(*arguments: str, given: str | None = None) -> Result:
    return runner.invoke(program.program, arguments, input=given)


def code_of(result: Result) -> int:
    return result.exception.exit_code if isinstance(result.exception, MonitorError) else result.exit_code


def test_the_shipped_mappings_are_listed_and_shown() -> None:
    assert [line.split()[0] for line in run("feeds", "list").stdout.splitlines()] == shipped_names()
    assert all(one["lacks"] for one in json.loads(run("feeds", "list", "--json").stdout))
    assert "trade_id" in run("feeds", "show", "kraken").stdout
    assert code_of(run("feeds", "show", "mtgox")) == USAGE


def test_a_feed_is_tried_on_a_file() -> None:
    result = run("feeds", "try", "market.trades/kraken", "frames.jsonl")
    assert result.exit_code == CHECK_FAILED, "one of them would be a dead letter"
    assert "market=BTC/CHF" in result.stdout
    assert "0.1     dead letter: bad_decimal: price" in result.stdout
    assert "2 events, 1 dead letter, 1 left out" in result.stderr
    told = json.loads(run("feeds", "try", "market.trades/kraken", "frames.jsonl", "--json").stdout)
    assert [(one["record"], one["outcome"]) for one in told] == [(0, "event"), (0, "dead_letter"), (1, "filtered"), (2, "event")]
    assert run("feeds", "try", "kraken", "frames.jsonl", "--entity", "b").stdout.count("entity=b") == 2


def test_a_feed_is_tried_by_its_own_name_on_readable_lines_whatever_its_format(tmp_path: Path) -> None:
    """Lines that hold JSON stand for the packed records; a name alone is enough where one feed has it."""
    (tmp_path / "reserve.yaml").write_text(SITE.replace("kraken: {topic: frames,", "mine: {topic: frames, format: gzip+json,"))
    result = run("feeds", "try", "mine", "frames.jsonl", "--config", "reserve.yaml")
    assert "market=BTC/CHF" in result.stdout
    assert "left out: 1 by " in result.stderr
    assert "2 events, 1 dead letter, 1 left out" in result.stderr


def test_a_document_over_several_lines_is_told_from_a_bad_format(tmp_path: Path) -> None:
    """Fails where each line is said to be no JSON, and the feed's format doubted, of a file that is good JSON."""
    (tmp_path / "one.json").write_text(json.dumps(FRAME, indent=1))
    (tmp_path / "bad.jsonl").write_text("{\n{\n")
    tried = run("feeds", "try", "kraken", "one.json")
    assert "one.json is one JSON document over several lines" in tried.stderr
    assert code_of(tried) == CHECK_FAILED
    assert "over several lines" not in run("feeds", "try", "kraken", "bad.jsonl").stderr
    assert "over several lines" not in run("feeds", "try", "kraken", "frames.jsonl").stderr


def test_a_feed_that_is_not_there_and_two_ways_at_once_are_usage_errors() -> None:
    assert code_of(run("feeds", "try", "market.trades/okx", "frames.jsonl")) == USAGE
    assert code_of(run("feeds", "try", "kraken")) == USAGE
    assert code_of(run("feeds", "try", "kraken", "frames.jsonl", "--from-topic", "3")) == USAGE


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    loop = asyncio.new_event_loop()
    made = EmbeddedBroker()
    loop.run_until_complete(made.start())
    monkeypatch.setenv("RESERVE_KAFKA__BOOTSTRAP_SERVERS", made.bootstrap)
    monkeypatch.setenv("RESERVE_KAFKA__EMBEDDED", "true")
    try:
        yield loop, made
    finally:
        loop.run_until_complete(made.stop())
        loop.close()


def test_a_feed_is_tried_on_its_topic_and_events_are_published(broker: Any) -> None:
    loop, made = broker

    async def fill() -> None:
        client = await started_producer(made.settings)
        for line in LINES:
            await client.send_and_wait("frames", json.dumps(line).encode(), partition=0)
        await ended(client)

    loop.run_until_complete(fill())
    told = json.loads(run("feeds", "try", "market.trades/kraken", "--from-topic", "2", "--json").stdout)
    assert [(one["record"], one["outcome"]) for one in told] == [("0:1", "filtered"), ("0:2", "event")]
    assert told[1]["canonical"]["trade_id"] == "kraken.0.0.2.0"
    result = run("publish", f"{TRADES}/kraken", "-", given=json.dumps(LINES[2]))
    assert "1 event sent" in result.stderr, result.exception
    found = loop.run_until_complete(newest(made.settings, "frames", 5))
    assert [json.loads(one.value) for one in found if one.key == b"a|ETH/USD"] == [LINES[2]]


def test_publishing_sends_all_or_nothing(tmp_path: Path) -> None:
    example = run("schema", BALANCES, "--example").stdout
    assert abs(parse_time(json.loads(example)["as_of"]) - time.time_ns()) < HOUR, "an example of long ago is `source_behind`"
    good = example.replace("jp-main", "a")
    dry = run("publish", BALANCES, "-", "--dry-run", given=good)
    assert "would be sent to custody.balances with key a" in dry.stderr
    (tmp_path / "two.jsonl").write_text(json.dumps(json.loads(good)) + "\n" + json.dumps(json.loads(example)) + "\n")
    refused = run("publish", BALANCES, "two.jsonl")
    assert code_of(refused) == CHECK_FAILED
    assert "event 2 of 2: unknown_entity" in refused.stderr
    assert "1 of 2 would be a dead letter: nothing was sent" in str(refused.exception)
    beat = json.dumps({"event": "heartbeat"})
    left_out = run("publish", f"{TRADES}/kraken", "-", given=beat)
    assert code_of(left_out) == CHECK_FAILED
    assert "would leave out all of it, so nothing was sent" in str(left_out.exception)
    some = run("publish", f"{TRADES}/kraken", "-", "--dry-run", given=f"{beat}\n{json.dumps(LINES[2])}\n")
    assert "1 of 2 say nothing to market.trades/kraken, which leaves them out" in some.stderr
    assert code_of(some) == 0
    wrong = run("publish", f"{TRADES}/kraken", "-", given=json.dumps([321, [["x"] * 6], "trade", "ETH/USD"]))
    assert "`feeds try market.trades/kraken FILE` says where to look" in str(wrong.exception)
    for arguments, given in (
        (["publish", TRADES, "-"], "{}"),
        (["publish", BALANCES, "-"], ""),
        (["publish", BALANCES, "no"], ""),
    ):
        assert code_of(run(*arguments, given=given)) == USAGE


def test_a_source_that_asks_for_signatures_is_sent_none_without_its_key(tmp_path: Path) -> None:
    key = new_key(tmp_path / "ours.pem").public
    new_key(tmp_path / "other.pem")
    (tmp_path / "reserve.yaml").write_text(f"sources: {{market.prices: {{signatures: {{keys: ['{key.text}']}}}}}}\n")
    price = run("schema", PRICES, "--example").stdout
    dry = run("publish", PRICES, "-", "--sign-with", "other.pem", "--sign-with", "ours.pem", "--dry-run", given=price)
    assert "would be signed and sent to market.prices" in dry.stderr
    refused = run("publish", PRICES, "-", "--sign-with", "other.pem", "--dry-run", given=price)
    assert code_of(refused) == USAGE
    assert f"give with --sign-with the private key of {key.id}" in str(refused.exception)
    assert "--sign-with: reserve.yaml is not an unencrypted private key" in str(
        run("publish", PRICES, "-", "--sign-with", "reserve.yaml", given=price).exception
    )


def test_an_example_is_of_a_source_topic() -> None:
    assert code_of(run("schema", "--example")) == USAGE
    assert json.loads(run("schema", TRADES, "--example").stdout)["market"] == "BTC/JPY"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("use: kraken, constants: {entity: a, trader: b}", "has no such field"),
        ("use: kraken, constants: {entity: a}, where: {'$..x': 1}", "is no path"),
        ("use: nobody, constants: {entity: a}", "there is no shipped feed 'nobody'"),
    ],
)
def test_a_mapping_that_cannot_be_is_told_by_config_check(change: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "reserve.yaml").write_text(SITE.replace("use: kraken, constants: {entity: a}", change))
    result = run("config", "check")
    assert code_of(result) == CONFIGURATION
    assert words in result.stderr + str(result.exception)


def test_trades_without_ids_are_warned_of() -> None:
    assert "fields.trade_id is %id, the record's place" in run("config", "check").stderr


def test_simulate_writes_a_feeds_own_records_and_says_of_which_it_cannot() -> None:
    """Canonical events would go to a topic that nobody reads, and their absence be taken for a quiet venue."""
    told = run("simulate", "--dry-run", "--topics", f"{TRADES},{PRICES}").stderr.splitlines()
    assert f"{TRADES}/kraken: 50" in told
    assert not any("left out" in line for line in told)
    Path("reserve.yaml").write_text(SITE.replace("constants:", 'fields: {market: {join: ["$[3]", "$[4]"]}}, constants:'))
    result = run("simulate", "--dry-run")
    assert code_of(result) == 0
    assert f"{TRADES}/kraken is left out" in result.stderr
    assert f"publish {TRADES}/kraken FILE" in result.stderr
    assert f"{PRICES}: " in result.stderr
    assert code_of(run("simulate", "--dry-run", "--topics", TRADES)) == USAGE
