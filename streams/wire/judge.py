"""The verdict on one record: valid, with what it says, or one reason of the closed set (CONTRACT, General; JOURNAL 2).

A pure function of the record's bytes, its log time and the rules: whoever judges it, whenever, says the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from pydantic import ValidationError

from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.times import SECOND
from streams.wire.bodies import Trade, Valid, trade_of, valid_of
from streams.wire.fields import NOTHING_SAID, JsonNumber, Reading
from streams.wire.mapping import Mapper, SourceFormat
from streams.wire.models import (
    MODELS,
    SCHEMAS,
    Balance,
    Incident,
    Operation,
    Price,
    Wire,
    WireTrade,
)
from streams.wire.reasons import REASONS, Reason, reason_of

MAX_VALUE_BYTES = 256 * 1024
"""A longer value is refused unread: no lawful record comes near it, and a journal record must fit a message."""
MAX_DEPTH = 64
_LONG_INTEGER = 40
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_DETAIL = 300
_FIGURES = ("price", "quantity", "executed_at")


@dataclass(frozen=True, slots=True)
class Invalid:
    """A refused record: its reason, and for people what exactly is wrong."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Known:
    """What a verdict depends on beside the record and its source's format.

    Which entities count (None: every one, in a run without a configuration), from which age trades are too old, and what the
    configuration says of assets.
    """

    entities: frozenset[str] | None
    horizon_ns: int
    assets: Reading = NOTHING_SAID

    def knows(self, entity: str) -> bool:
        """Whether records of the entity are taken."""
        return self.entities is None or entity in self.entities


class _Refused(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.invalid = Invalid(reason, detail[:_DETAIL])


@dataclass(slots=True)
class Judge:
    """The authority for one source topic: pydantic's models, plus what needs the log time or the configuration."""

    source: SourceFormat
    known: Known
    _mapper: Mapper | None = field(init=False)
    _reading: Reading = field(init=False)
    _model: type[Wire] = field(init=False)
    _figures: tuple[tuple[str, ...], ...] | None = field(init=False)

    def __post_init__(self) -> None:
        self._model = MODELS[self.source.topic]
        self._mapper = Mapper(self.source) if self.source.mapped else None
        self._reading = replace(self.known.assets, lenient=self.source.lenient)
        foreign = self.source.topic == TRADES and (self.source.mapped or self.source.ignore_unknown)
        paths = self.source.paths()
        self._figures = tuple(paths[name] for name in _FIGURES if name in paths) if foreign else None

    def verdict(self, value: bytes | None, logged_at: int) -> Valid | Trade | Invalid:
        """What `value`, logged at `logged_at` (ns), is. Never raises for any bytes."""
        try:
            return self._accepted(self._canonical(value), logged_at)
        except _Refused as refused:
            return refused.invalid

    def judged(self, canonical: dict[str, Any], logged_at: int) -> Valid | Trade | Invalid:
        """What a canonical object, logged at `logged_at` (ns), is."""
        try:
            return self._accepted(canonical, logged_at)
        except _Refused as refused:
            return refused.invalid

    def readable(self, value: bytes | None) -> dict[str, Any]:
        """The canonical object of a refused record as far as it can be read, {} else: for `rejected` records and `dlq show`."""
        try:
            raw = _parse(value, dict)
        except _Refused:
            return {}
        return self._mapper.canonical(raw) if self._mapper else raw

    def _parsed(self, value: bytes | None) -> dict[str, Any]:
        """The object in a record's bytes.

        Of a trade in a foreign schema a key may be given twice where it decides no figure, and the last counts: more than that
        cannot be known of each at the pace of trades, and the verdict must be the same however it is come to.
        """
        if self._figures is None:
            return _parse(value, once_each)
        twice: list[tuple[dict[str, Any], list[str]]] = []

        def make(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            found = dict(pairs)
            if len(found) < len(pairs):
                names = [name for name, _ in pairs]
                twice.append((found, [name for name in found if names.count(name) > 1]))
            return found

        raw = _parse(value, make)
        for path in self._figures if twice else ():
            _refuse_twice(raw, path, twice)
        return raw

    def _canonical(self, value: bytes | None) -> dict[str, Any]:
        raw = self._parsed(value)
        names = SCHEMAS[self.source.topic]
        if self._mapper is None:
            canonical = raw
            unknown = next((name for name in raw if name not in self._model.model_fields and name != "schema"), None)
            if "schema_" in raw:
                unknown = "schema_"
        else:
            if step := self._mapper.misshapen(raw):
                raise _Refused(Reason.WRONG_TYPE, f"{step} is no object")
            canonical, unknown = self._mapper.canonical(raw), self._mapper.unknown(raw)
        schema = canonical.get("schema")
        if schema is not None and schema != names:
            raise _Refused(Reason.UNKNOWN_SCHEMA, f"schema {str(schema)[:60]!r} is not {names!r}")
        if unknown is not None:
            if not self.source.ignore_unknown:
                raise _Refused(Reason.UNKNOWN_FIELD, f"{unknown[:60]!r} is no field of {self.source.topic}")
            if self._mapper is None:
                canonical = {name: item for name, item in raw.items() if name in self._model.model_fields and name != "schema_"}
        return {name: item for name, item in canonical.items() if name != "schema"}

    def _accepted(self, canonical: dict[str, Any], logged_at: int) -> Valid | Trade:
        try:
            model = self._model.model_validate(canonical, context=self._reading)
        except ValidationError as error:
            _refuse(error)
        entity = getattr(model, "entity", None)
        if entity is not None and not self.known.knows(entity) and not _ends_an_alert(model):
            raise _Refused(Reason.UNKNOWN_ENTITY, f"entity {entity!r} is not configured")
        latest = logged_at + self.source.max_ahead_ns
        for name, time in _checked_times(model):
            if time > latest:
                limit_s = self.source.max_ahead_ns // SECOND
                raise _Refused(Reason.AHEAD_OF_TIME, f"{name} lies more than {limit_s} s after the log time")
        if isinstance(model, WireTrade):
            if logged_at - model.executed_at > self.known.horizon_ns:
                raise _Refused(Reason.TOO_OLD, "executed_at lies before the correction horizon")
            return trade_of(model)
        return valid_of(model)


def _ends_an_alert(model: object) -> bool:
    """Whether it is the act of people that ends an alert: that of an entity which is configured no more, too."""
    return isinstance(model, Operation) and model.kind == "dismissal" and "alert" in model.body


def is_late(source: SourceFormat, event_time: int, logged_at: int) -> bool:
    """Whether a record counts as late: a property of its two times alone (JOURNAL 2)."""
    return source.late_after_ns is not None and logged_at - event_time > source.late_after_ns


def _parse(value: bytes | None, make: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> dict[str, Any]:
    """The object in a record's bytes; `make` makes an object of its keys and values."""
    if value is None:
        raise _Refused(Reason.NULL_VALUE, "a null value says nothing")
    if len(value) > MAX_VALUE_BYTES:
        raise _Refused(Reason.TOO_LARGE, f"{len(value)} bytes, at most {MAX_VALUE_BYTES}")
    raw = parse_json(value, make)
    if isinstance(raw, Invalid):
        raise _Refused(raw.reason, raw.detail)
    if type(raw) is not dict:
        raise _Refused(Reason.NOT_AN_OBJECT, f"a JSON {type(raw).__name__}")
    return raw


def _refuse_twice(raw: dict[str, Any], path: tuple[str, ...], twice: list[tuple[dict[str, Any], list[str]]]) -> None:
    node: Any = raw
    for step in path:
        if any(found is node and step in names for found, names in twice):
            raise _Refused(Reason.BAD_JSON, f"key {step[:60]!r} is given twice")
        node = node.get(step) if type(node) is dict else None


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; one key with two values has no meaning that two readers would agree on."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twice[:60]!r} is given twice")
    return found


def parse_json(value: bytes, make: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> Any | Invalid:
    """Any JSON value with its numbers exact, or why there is none."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        return Invalid(Reason.BAD_ENCODING, str(error)[:_DETAIL])
    if too_deep(value):
        return Invalid(Reason.BAD_JSON, f"nested more than {MAX_DEPTH} levels deep")
    try:
        return json.loads(text, parse_float=JsonNumber, parse_int=_integer, parse_constant=_no_constant, object_pairs_hook=make)
    except ValueError as error:
        return Invalid(Reason.BAD_JSON, str(error)[:_DETAIL])


def too_deep(value: bytes) -> bool:
    """Whether brackets outside of strings are nested more than MAX_DEPTH levels deep."""
    if value.count(b"[") + value.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in _STRING.sub(b"", value).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _integer(text: str) -> int | JsonNumber:
    return int(text) if len(text) <= _LONG_INTEGER else JsonNumber(text)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _refuse(error: ValidationError) -> NoReturn:
    """The fault whose reason comes first in the closed set; of those the first in the model's order."""
    faults = error.errors(include_url=False, include_input=False)
    ranked = [(REASONS.index(reason_of(fault["type"])), number) for number, fault in enumerate(faults)]
    rank, number = min(ranked)
    where = ".".join(str(step) for step in faults[number]["loc"])
    raise _Refused(Reason(REASONS[rank]), f"{where}: {faults[number]['msg']}" if where else faults[number]["msg"]) from None


def _checked_times(model: Wire) -> list[tuple[str, int]]:
    """The times that must not lie ahead of the log. A receipt announced for later may: it counts from its `received_at`."""
    if isinstance(model, WireTrade):
        return [("executed_at", model.executed_at)]
    if isinstance(model, Balance | Price):
        return [("as_of", model.as_of)]
    if isinstance(model, Incident):
        return [("occurred_at", model.occurred_at), ("detected_at", model.detected_at), ("updated_at", model.updated_at)]
    if isinstance(model, Operation):
        return [("at", model.at)]
    return []
