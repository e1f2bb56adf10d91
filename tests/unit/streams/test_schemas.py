"""The published schemas: of the dialect, true to the models, and a document whose references all lead somewhere."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from monitor.core.journal.vocabulary import CHECKPOINTS, DEAD_LETTERS, OUTPUT_TOPICS, SOURCE_TOPICS
from streams.schemas import asyncapi_document, json_schemas

TRADE = {
    "trade_id": "1",
    "entity": "jp-main",
    "market": "BTC/JPY",
    "price": "1242900",
    "quantity": "0.01",
    "executed_at": "2018-01-26T00:00:04+09:00",
}


@pytest.mark.parametrize("topic", json_schemas())
def test_every_schema_is_one(topic: str) -> None:
    schema = json_schemas()[topic]
    Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert schema["title"].endswith("/1")


def test_every_topic_of_the_contract_has_one() -> None:
    assert set(json_schemas()) == {*SOURCE_TOPICS, *OUTPUT_TOPICS, CHECKPOINTS, "reserve.journal"}


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        ({"price": 1242900}, True),
        ({"side": None}, True),
        ({"schema": "market.trade/1"}, True),
        ({"price": 1242900.5}, False),
        ({"price": "1E3"}, False),
        ({"market": "BTC-JPY"}, False),
        ({"side": "long"}, False),
        ({"colour": "red"}, False),
        ({"entity": "JP"}, False),
    ],
)
def test_a_trade_is_held_to_it(change: dict[str, Any], valid: bool) -> None:
    assert Draft202012Validator(json_schemas()["market.trades"]).is_valid({**TRADE, **change}) is valid


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        found = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return found + [ref for value in node.values() for ref in references(value)]
    return [ref for value in node for ref in references(value)] if isinstance(node, list) else []


def test_every_reference_of_the_document_leads_somewhere() -> None:
    document = asyncapi_document()
    found = references(document)
    assert any("/$defs/" in reference for reference in found)
    for reference in found:
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_sources_are_received_and_outputs_sent() -> None:
    document = asyncapi_document()
    actions = {
        document["channels"][one["channel"]["$ref"].rpartition("/")[2]]["address"]: one["action"]
        for one in document["operations"].values()
    }
    assert actions == {
        **dict.fromkeys(SOURCE_TOPICS, "receive"),
        **dict.fromkeys([*OUTPUT_TOPICS, CHECKPOINTS, "reserve.journal", DEAD_LETTERS], "send"),
    }
