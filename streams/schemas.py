"""JSON Schemas (2020-12) of the topics' records and an AsyncAPI 3 document: those of sources from the models that judge them."""

from __future__ import annotations

from typing import Any, get_args

from monitor.audit.signatures.keys import ROTATION
from monitor.core.journal.causes import DELTAS
from monitor.core.journal.vocabulary import (
    ALERT_REASONS,
    ALERT_STATUSES,
    ALERTS,
    ASSESSMENTS,
    CAUSE_PARTS,
    CHECKPOINTS,
    DEAD_LETTERS,
    EFFECTS,
    ENTITY_KINDS,
    EXPOSURE_PARTS,
    EXPOSURES,
    GAP_KINDS,
    JOURNAL,
    MODES,
    NOT_APPLICABLE,
    PARTITION_KINDS,
    SEVERITIES,
    STATES,
    TRADES,
    AssessmentKind,
)
from streams.wire.described import EXAMPLES, FIELDS
from streams.wire.models import MODELS, SCHEMAS
from streams.wire.signatures import ALGORITHM, HEADER

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_DECIMAL: Schema = {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$"}
_FIGURE: Schema = {"anyOf": [_DECIMAL, {"type": "null"}]}
_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_TIME: Schema = {"type": "string", "format": "date-time"}
_TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
_DIGEST: Schema = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_DIGEST_OR_NULL: Schema = {"type": ["string", "null"], "pattern": "^sha256:[0-9a-f]{64}$"}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_AUTH: Schema = {"type": "string", "pattern": f"^(none|{ALGORITHM}(:[0-9a-f]{{16}})?)$"}
_SIGNATURE: Schema = {
    "type": "string",
    "pattern": "^[0-9a-f]{16} [^ ]{20,40} [0-9a-f]{128}$",
    "description": "Where the source asks for signatures: key id, time of signing, Ed25519 signature (docs/signatures.md).",
}


def json_schemas() -> dict[str, Schema]:
    """The schema of each topic's values, by the topic's default name: sources, then journal and outputs."""
    sources = {topic: _source(topic) for topic in MODELS}
    outputs = {
        ASSESSMENTS: _assessment(),
        EXPOSURES: _exposure(),
        ALERTS: _alert(),
        CHECKPOINTS: _checkpoint(),
        JOURNAL: _journal(),
    }
    return {topic: {"$schema": DIALECT, **schema} for topic, schema in (sources | outputs).items()}


def asyncapi_document() -> dict[str, Any]:
    """All topics as channels: sources are received, journal and outputs sent. Names are the defaults."""
    schemas = json_schemas()
    channels = {_name(topic): _channel(topic, schema) for topic, schema in schemas.items()}
    channels[_name(DEAD_LETTERS)] = _dead_letters()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "reserve-monitor",
            "version": "1",
            "description": "Reserve required and held against operational-risk losses, live. Amounts are decimal strings.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            f"{'receive' if topic in MODELS else 'send'}_{_name(topic)}": {
                "action": "receive" if topic in MODELS else "send",
                "channel": {"$ref": f"#/channels/{_name(topic)}"},
            }
            for topic in [*schemas, DEAD_LETTERS]
        },
    }


def _source(topic: str) -> Schema:
    schema: Schema = _in_its_words(MODELS[topic].model_json_schema(by_alias=True))
    for described in (schema, *schema.get("$defs", {}).values()):
        for name, field in described.get("properties", {}).items():
            field["description"] = FIELDS[name]
    return schema | {"title": SCHEMAS[topic], "$id": SCHEMAS[topic], "examples": [EXAMPLES[topic]]}


_WORDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def _in_its_words(value: Any) -> Any:
    """A model's schema with limits in JSON Schema's words where pydantic has left its own, behind a validator of ours."""
    if isinstance(value, dict):
        return {_WORDS.get(key, key): _in_its_words(item) for key, item in value.items()}
    return [_in_its_words(item) for item in value] if isinstance(value, list) else value


def _object(title: str | None, properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    named = {"title": title, "$id": title} if title else {}
    required = [name for name in properties if name not in optional]
    return {**named, "type": "object", "additionalProperties": False, "properties": properties, "required": required}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _evidence() -> dict[str, Schema]:
    """What every output carries about its making."""
    return {
        "journal": _object(None, {"partition": _WHOLE, "offset": _WHOLE}),
        "inputs_digest": _DIGEST,
        "config_digest": _DIGEST,
        "engine_version": _TEXT,
        "chain": _object(None, {"sequence": {"type": "integer", "minimum": 1}, "previous_digest": _DIGEST_OR_NULL}),
        "digest": _DIGEST,
    }


def _cause() -> Schema:
    """An event: what it speaks of, and the old and the new value."""
    known = dict.fromkeys(("subject", "before", "after"), _TEXT_OR_NULL)
    return _object(
        None,
        {"topic": _TEXT, "epoch": _WHOLE, "partition": _WHOLE, "offset": _WHOLE, "event_id": _TEXT_OR_NULL, **known},
        optional=tuple(known),
    )


def _component() -> Schema:
    figures = dict.fromkeys(("required", "held", "shortfall", "amount"), _FIGURE)
    return _object(
        None,
        {
            "name": _TEXT,
            "bound": {"enum": ["min", "max"]},
            **figures,
            "unit": _TEXT,
            "ref": _TEXT,
            "state": {"enum": [*STATES, NOT_APPLICABLE]},
            "cure_by": {"type": ["string", "null"], "format": "date"},
            "status": _TEXT,
        },
        optional=("status",),
    )


def _gap() -> Schema:
    effect = {"enum": list(EFFECTS)}
    return _object(None, {"kind": _TEXT, "subject": _TEXT_OR_NULL, "effect": effect, "since": _TIME_OR_NULL})


def _why() -> Schema:
    part = {"enum": list(CAUSE_PARTS)}
    gaps = _list(_object(None, {"kind": {"enum": list(GAP_KINDS)}, "subject": _TEXT}))
    own = {"part": part, **dict.fromkeys(DELTAS, _FIGURE), "causes": _list(_cause()), "opened": gaps, "closed": gaps}
    return _object(None, own, optional=("opened", "closed"))


def _assessment() -> Schema:
    amounts = ("required", "available", "surplus", "coverage", "coverage_lower", "coverage_upper")
    return _object(
        "reserve.assessment/1",
        {
            "schema": {"const": "reserve.assessment/1"},
            "entity": _TEXT,
            "method": _TEXT,
            "method_version": _TEXT,
            "method_digest": _DIGEST,
            "mode": {"enum": list(MODES)},
            "kind": {"enum": list(get_args(AssessmentKind))},
            "revision": _WHOLE,
            "replaces": _DIGEST_OR_NULL,
            "at": _TIME,
            "business_date": {"type": "string", "format": "date"},
            "currency": _TEXT,
            "projection": {"type": "boolean"},
            "study": {"const": True},
            "state": {"enum": list(STATES)},
            **dict.fromkeys(amounts, _FIGURE),
            "figures": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
            "components": _list(_component()),
            "gaps": _list(_gap()),
            "ignored": _list(_object(None, {"asset": _TEXT, "quantity": _TEXT})),
            "why": _list(_why()),
            "why_since": _DIGEST_OR_NULL,
            "explained": _object(None, {"at": _TEXT, "digest": _DIGEST_OR_NULL}),
            "sources": _list(_object(None, {"topic": _TEXT, "epoch": _WHOLE, "partition": _WHOLE, "upto": _WHOLE})),
            **_evidence(),
            "result_digest": _DIGEST,
        },
        optional=("study", "explained"),
    )


def _exposure() -> Schema:
    figures = {"state": _TEXT, "required": _FIGURE, "available": _FIGURE, "shortfall": _FIGURE}
    method = _object(None, {"method": _TEXT, "currency": _TEXT, **figures})
    scenario = _object(None, {"name": _TEXT, **figures, "left_out": _TEXT_OR_NULL, "methods": _list(method)})
    held = {"amount": _FIGURE, "margin": _FIGURE, "observations": _WHOLE, "estimator": _TEXT, "reason": _TEXT_OR_NULL}
    buffer = _object(None, {"method": _TEXT, "currency": _TEXT, "horizon_h": _WHOLE, "probability": _TEXT, **held})
    times = dict.fromkeys(("shortfall_at", "earliest", "latest"), _TIME_OR_NULL)
    told = {"window_h": _WHOLE, "estimator": _TEXT, "reason": _TEXT_OR_NULL}
    forecast = _object(None, {"method": _TEXT, **times, **told})
    return _object(
        "reserve.exposure/1",
        {
            "schema": {"const": "reserve.exposure/1"},
            "entity": _TEXT,
            "at": _TIME,
            "currency": _TEXT,
            "total": _FIGURE,
            "parts": _object(None, dict.fromkeys(EXPOSURE_PARTS, _FIGURE)),
            "scenarios": _list(scenario),
            "forecast": _object(None, {"shortfall_at": _TIME_OR_NULL, "method": _TEXT_OR_NULL}),
            "buffers": _list(buffer),
            "forecasts": _list(forecast),
            "method": _TEXT,
            "method_version": _TEXT,
            "method_digest": _DIGEST,
            "result_digest": _DIGEST,
            **_evidence(),
        },
        optional=("inputs_digest", "method", "method_version", "method_digest", "result_digest"),
    )


def _alert() -> Schema:
    return _object(
        "reserve.alert/1",
        {
            "schema": {"const": "reserve.alert/1"},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "alertname": _TEXT,
            "entity": _TEXT,
            "method": _TEXT_OR_NULL,
            "rule": _TEXT,
            "subject": _TEXT_OR_NULL,
            "severity": {"enum": list(SEVERITIES)},
            "status": {"enum": list(ALERT_STATUSES)},
            "revision": {"type": "integer", "minimum": 1},
            "starts_at": _TIME,
            "updated_at": _TIME,
            "ends_at": _TIME_OR_NULL,
            "cure_by": {"type": ["string", "null"], "format": "date"},
            "summary": _TEXT,
            "description": _TEXT,
            "runbook_url": _TEXT,
            "figures": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
            "causes": _list(_cause()),
            "reason": {"enum": list(ALERT_REASONS)},
            "mode": {"enum": [*MODES, ""]},
            "assessment_digest": _DIGEST_OR_NULL,
            "rehearsal": {"type": "boolean"},
            "method_version": _TEXT_OR_NULL,
            "method_digest": _DIGEST_OR_NULL,
            "result_digest": _DIGEST,
            **_evidence(),
        },
        optional=("inputs_digest", "method_version", "method_digest", "result_digest"),
    )


def _checkpoint() -> Schema:
    rotation = {"schema": {"const": ROTATION}, **dict.fromkeys(("previous_public_key", "public_key", "signature"), _TEXT)}
    return _object(
        "reserve.checkpoint/1",
        {
            "schema": {"const": "reserve.checkpoint/1"},
            "entity": _TEXT,
            "at": _TIME,
            "business_date": {"type": "string", "format": "date"},
            **{name: {"type": "integer", "minimum": 1} for name in ("first_sequence", "last_sequence", "tree_size")},
            "root": _DIGEST,
            "previous": _DIGEST_OR_NULL,
            "key_id": _TEXT_OR_NULL,
            "rotation": _object(None, rotation),
            "signature": _TEXT_OR_NULL,
        },
        optional=("rotation",),
    )


def _journal() -> Schema:
    kinds = sorted(ENTITY_KINDS | PARTITION_KINDS)
    place = {"topic": _TEXT, "epoch": _WHOLE, "partition": _WHOLE, "offset": _WHOLE, "start": _WHOLE, "upto": _WHOLE}
    source = _object(None, place, optional=("offset", "start", "upto"))
    rules = _object(None, {"number": _WHOLE, "digest": _DIGEST})
    return _object(
        "reserve.journal/1",
        {
            "v": {"const": 1},
            "kind": {"enum": kinds},
            "entity": _TEXT_OR_NULL,
            "at": _TIME,
            "src": {"anyOf": [source, {"type": "null"}]},
            "logged_at": _TIME_OR_NULL,
            "rules": {"anyOf": [rules, {"type": "null"}]},
            "auth": _AUTH,
            "body": {"type": "object"},
        },
    )


def _name(topic: str) -> str:
    return topic.replace(".", "_").replace("-", "_")


def _channel(topic: str, schema: Schema) -> dict[str, Any]:
    key = "trade_id, or entity|market" if topic == TRADES else "fingerprint" if topic == ALERTS else "entity"
    payload = _moved(schema, f"#/channels/{_name(topic)}/messages/record/payload")
    message = {"name": str(schema["title"]), "contentType": "application/json", "payload": payload}
    if topic in MODELS:
        message["headers"] = {"type": "object", "properties": {HEADER: _SIGNATURE}}
    message["bindings"] = {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": "0.5.0"}}
    return {"address": topic, "messages": {"record": message}}


def _moved(value: Any, place: str) -> Any:
    """A schema whose references to its own definitions are to where it lies in the document."""
    if isinstance(value, dict):
        return {
            key: item.replace("#/$defs/", f"{place}/$defs/") if key == "$ref" else _moved(item, place)
            for key, item in value.items()
        }
    return [_moved(item, place) for item in value] if isinstance(value, list) else value


def _dead_letters() -> dict[str, Any]:
    of_record = ("reason", "detail", "topic", "epoch", "partition", "offset", "timestamp", "at", "rules", "entity", "left_out")
    names = (*of_record, "feed", "index")
    headers = {"type": "object", "properties": {f"dlq.{name}": _TEXT for name in names}}
    summary = "Key and value are the refused record's own bytes; with dlq.left_out they stand in another letter of its record."
    message = {"name": "dead letter", "summary": summary, "headers": headers}
    return {"address": DEAD_LETTERS, "messages": {"record": message}}
