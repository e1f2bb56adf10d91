"""The worked examples of CONTRIBUTING are true: the pack computes what is said, the feed becomes the trade that is named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.times import format_time
from monitor.methods.example import worked_example
from monitor.methods.loader import read_pack_file
from streams.wire import Judge, Known, SourceFormat, Trade

TEXT = (Path(__file__).resolve().parents[3] / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")


def block(language: str, under: str) -> str:
    """The first block of a language under a heading."""
    section = TEXT.split(f"## {under}\n", 1)[1].split("\n## ", 1)[0]
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_of_a_method_computes_what_is_said(tmp_path: Path) -> None:
    file = tmp_path / "pack.yaml"
    file.write_text(block("yaml", "How to add a method"), encoding="utf-8")
    result = worked_example(read_pack_file(file))
    assert (result.required, result.available, result.state) == ("2000", "1500", "shortfall")
    assert "required 2000, available 1500, `shortfall`" in TEXT


def test_the_example_of_a_feed_becomes_the_trade_that_is_named() -> None:
    mapping: dict[str, Any] = yaml.safe_load(block("yaml", "How to add a feed"))
    frame = json.dumps(json.loads(block("json", "How to add a feed"))).encode()
    judge = Judge(SourceFormat.of(TRADES, mapping), Known(frozenset({"jp-main"}), 10**20))
    trade = judge.verdict(frame, 1_516_892_405_000_000_000)
    assert isinstance(trade, Trade)
    said = f"trade `{trade.trade_id}` of {trade.quantity} {trade.market} at {format_time(trade.executed_at).replace('000Z', 'Z')}"
    assert said in TEXT
