"""The published schemas: of the dialect, true to the models, and a document whose references all lead somewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from monitor.core.journal.vocabulary import CHECKPOINTS, DEAD_LETTERS, OUTPUT_TOPICS, SOURCE_TOPICS
from streams.schemas import asyncapi_document, json_schemas
from streams.wire import Invalid, Judge, Known, SourceFormat
from streams.wire.described import EXAMPLES

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


WORDS = {
    "$schema", "$id", "$ref", "$defs", "title", "description", "default", "examples", "type", "enum", "const", "anyOf", "items",
    "properties", "required", "additionalProperties", "propertyNames", "pattern", "format", "minLength", "maxLength", "minimum",
    "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems", "minProperties", "maxProperties",
    "patternProperties",
}  # fmt: skip


def words(schema: Any, *, names: bool = False) -> set[str]:
    """The keywords of a schema; under `properties` and `$defs` keys are names."""
    if isinstance(schema, dict):
        found = set() if names else set(schema)
        for key, value in schema.items():
            if key not in {"default", "examples", "enum", "const"} or names:
                found |= words(value, names=not names and key in {"properties", "patternProperties", "$defs"})
        return found
    return {word for one in schema for word in words(one)} if isinstance(schema, list) else set()


@pytest.mark.parametrize("topic", SOURCE_TOPICS)
def test_a_source_is_described_in_the_words_of_json_schema(topic: str) -> None:
    schema = json_schemas()[topic]
    assert words(schema) <= WORDS
    for described in (schema, *schema.get("$defs", {}).values()):
        assert all(field["description"] for field in described["properties"].values())


def test_limits_of_integers_hold_in_the_schema() -> None:
    validator = Draft202012Validator(json_schemas()["custody.balances"])
    assert validator.is_valid(EXAMPLES["custody.balances"] | {"sequence": 0})
    assert not validator.is_valid(EXAMPLES["custody.balances"] | {"sequence": -1})
    assert not validator.is_valid(EXAMPLES["custody.balances"] | {"sequence": 2**53})


@pytest.mark.parametrize("topic", SOURCE_TOPICS)
def test_an_example_is_valid_by_the_schema_and_by_the_authority(topic: str) -> None:
    Draft202012Validator(json_schemas()[topic]).validate(EXAMPLES[topic])
    verdict = Judge(SourceFormat(topic), Known(None, 1 << 62)).verdict(
        json.dumps(EXAMPLES[topic]).encode(), 1_795_860_000 * 10**9
    )
    assert not isinstance(verdict, Invalid), verdict
