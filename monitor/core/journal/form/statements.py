"""What a journal record must be to be taken: the form that its writers give it.

Whoever writes the journal is trusted, and may be in error or forged all the same. What is out of form is refused here, before
anything is done with it: the engine stops at that record, says why, and a person may leave it out. Taken, it would stop an
evaluation or a snapshot long after it, again and again, and nobody could tell for which record. What cannot be read at all is
refused where it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from monitor.core.journal.form.values import (
    Fits,
    is_about_now,
    is_amount,
    is_asset,
    is_attributes,
    is_cell,
    is_count,
    is_flow_cell,
    is_log_time,
    is_quantity,
    is_text,
    is_time,
    is_yes_or_no,
    list_of,
    may_owe,
    object_of,
    or_none,
)
from monitor.core.journal.records import BadRecord, Source, Statement
from monitor.core.journal.vocabulary import IncidentSeverity, PriceKind
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import LAST_OWN_NS

_REFUSED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def refuse_unfit(statement: Statement) -> None:
    """`BadRecord`, with what is wrong, for a statement that no writer makes."""
    try:
        unfit = _unfit(statement)
    except _REFUSED as error:
        raise BadRecord(f"a {statement.kind} record that cannot be read: {error!r}") from error
    if unfit is not None:
        raise BadRecord(f"a {statement.kind} record whose {unfit} is not what it must be")


def _unfit(statement: Statement) -> str | None:
    """The name of what is not as it must be; None where all is."""
    if not 0 <= statement.at <= LAST_OWN_NS:
        return "at"
    if statement.source is not None and not _is_source(statement.source):
        return "src"
    if not (statement.entity is None or is_text(statement.entity)):
        return "entity"
    if statement.kind in _OF_SEGMENTS and not _is_of_segment(statement):
        return "segment"
    body = statement.body
    for name, fits in _FORMS[statement.kind].items():
        if not fits(body[name]):
            return name
    more = _MORE.get(statement.kind)
    return None if more is None else more(body)


def _is_source(source: Source) -> bool:
    return is_count(source.index) and (source.offset is None or is_count(source.offset))


def _is_of_segment(statement: Statement) -> bool:
    source, rules = statement.source, statement.rules
    return (
        source is not None
        and rules is not None
        and is_count(source.start)
        and is_count(rules.number)
        and is_text(rules.digest)
        and (source.upto is None or is_count(source.upto))
    )


_POSITION: dict[str, Fits] = {"account": is_text, "as_of": is_about_now, "sequence": is_count}
_PRICE: dict[str, Fits] = {
    "asset": is_asset,
    "currency": is_asset,
    "price": is_amount,
    "as_of": is_about_now,
    "source": is_text,
    "kind": lambda value: value in get_args(PriceKind),
}
_DECLARATION: dict[str, Fits] = {
    "kind": is_text,
    "effective_from": is_time,
    "effective_to": or_none(is_time),
    "amount": is_amount,
    "currency": is_asset,
    "attributes": is_attributes,
}
_INCIDENT: dict[str, Fits] = {
    "incident_id": is_text,
    "revision": is_count,
    "kind": is_text,
    "severity": lambda value: value in get_args(IncidentSeverity),
    "status": is_text,
    "occurred_at": is_time,
    "detected_at": is_time,
    "updated_at": is_time,
    "losses": list_of(object_of(asset=is_asset, quantity=or_none(is_quantity), owner=is_text)),
    "loss_estimate": or_none(object_of(amount=is_quantity, currency=is_asset)),
    "recoveries": list_of(object_of(asset=is_asset, quantity=is_quantity, received_at=is_time)),
    "reported_by": is_text,
    "summary": lambda value: type(value) is str,
}
_OPERATION: dict[str, Fits] = {
    "kind": is_text,
    "at": is_time,
    "by": list_of(is_text),
    "expires_at": or_none(is_time),
    "body": lambda value: type(value) is dict,
}
_BUST: dict[str, Fits] = {"trade_id": is_text, "executed_at": is_time, "price": is_amount, "quantity": is_quantity}
_FLOW: dict[str, Fits] = {
    "cells": list_of(is_flow_cell),
    "newest_own": or_none(is_time),
    "newest_log": or_none(is_log_time),
}
_PROGRESS: dict[str, Fits] = {
    "final": is_yes_or_no,
    "applied": is_count,
    "counts": lambda value: type(value) is dict and all(map(is_count, value.values())),
    "newest_log": or_none(is_log_time),
    "short": is_yes_or_no,
}
_CONFIGURATION: dict[str, Fits] = {
    "part": is_count,
    "parts": is_count,
    "revision": is_count,
    "digest": is_text,
    "data": lambda value: type(value) is str,
}
_OF_SEGMENTS = frozenset({"flow", "bust", "progress"})
_FORMS: dict[str, dict[str, Fits]] = {
    "position": _POSITION,
    "price": _PRICE,
    "declaration": _DECLARATION,
    "incident": _INCIDENT,
    "operation": _OPERATION,
    "rejected": {"topic": is_text},
    "flow": _FLOW,
    "bust": _BUST,
    "progress": _PROGRESS,
    "configuration": _CONFIGURATION,
    "tick": {},
}


def _more_of_position(body: Mapping[str, Any]) -> str | None:
    """Its quantity is read with it."""
    if not may_owe(body["role"], body["asset"], body["storage"], body["source"]) and body["quantity"].startswith("-"):
        return "quantity"
    group = body["group"]
    if group is not None and not (is_text(group) and (body["group_size"] is None or is_count(body["group_size"]))):
        return "group"
    return _unnamed(body)


def _more_of_bust(body: Mapping[str, Any]) -> str | None:
    return None if is_cell(body["market"], body["capacity"], body["instrument"], body["side"]) else "market"


def _more_of_flow(body: Mapping[str, Any]) -> str | None:
    told = body.get("keys_unsafe")
    fits = told is None or (is_count(told["last"]) and is_log_time(told["since"]))
    return _log(body) if fits else "keys_unsafe"


def _log(body: Mapping[str, Any]) -> str | None:
    log = body.get("log")
    return None if log is None or is_text(log) else "log"


def _more_of_progress(body: Mapping[str, Any]) -> str | None:
    heartbeat = body.get("heartbeat")
    return _log(body) if heartbeat is None or is_log_time(heartbeat) else "heartbeat"


def _unnamed(body: Mapping[str, Any]) -> str | None:
    name = body.get("event_id")
    return None if name is None or is_text(name) else "event_id"


def _more_of_rejected(body: Mapping[str, Any]) -> str | None:
    names = ("event_id", "account", "asset", "role", "incident_id", "kind", "currency", "source")
    unfit = next((name for name in names if not (body.get(name) is None or is_text(body[name]))), None)
    attributes = body.get("attributes")
    return unfit if attributes is None or is_attributes(attributes) else "attributes"


def _written(body: Mapping[str, Any]) -> str | None:
    """What is kept or published as it stands must have a canonical form."""
    canonical_bytes(body)
    return None


_MORE: dict[str, Callable[[Mapping[str, Any]], str | None]] = {
    "position": _more_of_position,
    "price": _unnamed,
    "declaration": _written,
    "incident": _written,
    "operation": _written,
    "rejected": _more_of_rejected,
    "flow": _more_of_flow,
    "bust": _more_of_bust,
    "progress": _more_of_progress,
}
