"""What a bundle holds of another entity's journal records: place, times and SHA-256, and the little that figures share.

One partition's entities share a clock, the completeness of trade segments, and which prices are kept for incidents. So of
another's flow the stub also says how many trades each of its cells counts (the cells numbered, not named), of its busts
where they lie, of its incidents when they occurred, of an operation which journal record it steps over. No amount, account,
market or text of another entity is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from monitor.core.journal.records import BadRecord, JournalRecord, SourcePartition, Statement, statement_object, statement_of
from monitor.core.journal.stepping import steps_over
from monitor.core.journal.vocabulary import JOURNAL
from monitor.core.values.times import exact_time, parse_time

_LONG_AGO = exact_time(0)
_CELL: dict[str, Any] = {"capacity": "venue", "instrument": "derivative", "side": None, "hour": _LONG_AGO}
_NOTHING: dict[str, Any] = {"quantity": "0", "value": "0", "newest": []}
_BUST: dict[str, Any] = {
    "market": "X/X", "capacity": "venue", "instrument": "derivative", "side": None,
    "price": "1", "quantity": "1", "executed_at": _LONG_AGO,
}  # fmt: skip
_INCIDENT: dict[str, Any] = {
    "kind": "other", "severity": "low", "status": "closed", "losses": [], "loss_estimate": None, "recoveries": [],
    "reported_by": "internal", "summary": "",
}  # fmt: skip
_NOTE: dict[str, Any] = {"event_id": "stub", "kind": "note", "by": [], "reason": "", "expires_at": None, "body": {}}


class Stubber:
    """Makes the stubs of one journal, numbering what it does not name in the order in which it comes."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._cells: dict[SourcePartition, tuple[int, dict[tuple[Any, ...], int]]] = {}
        self._named: dict[tuple[str, str], int] = {}

    def stub(self, statement: Statement) -> dict[str, Any]:
        """The stub of another entity's statement."""
        if statement.kind == "flow":
            return {"flow": self._shared(statement), "cells": self._counted(statement)}
        if statement.kind == "bust":
            return {"bust": self._shared(statement), "number": self._number(statement.entity, statement.body["trade_id"])}
        if statement.kind == "incident":
            body = statement.body
            number = self._number(statement.entity, body["incident_id"])
            told = {"number": number, "revision": body["revision"], "occurred_at": body["occurred_at"]}
            return {"incident": self._shared(statement), **told}
        passed = steps_over(statement, self._partition)
        return {"at": exact_time(statement.at), "entity": statement.entity} | ({} if passed is None else {"steps_over": passed})

    def _shared(self, statement: Statement) -> dict[str, Any]:
        """The statement without its body, but for the log it was read from."""
        log = statement.body.get("log")
        return statement_object(replace(statement, body={} if log is None else {"log": log}))

    def _counted(self, statement: Statement) -> list[list[int]]:
        source = statement.source
        if source is None or source.start is None:
            raise BadRecord("a flow record without segment start")
        start, numbers = self._cells.get(source.where, (source.start, {}))
        if start != source.start:
            numbers = {}
        self._cells[source.where] = (source.start, numbers)
        counted = []
        for cell in statement.body["cells"]:
            names = ("market", "capacity", "instrument", "side", "hour")
            key = (statement.entity, *(cell[name] for name in names))
            counted.append([numbers.setdefault(key, len(numbers)), cell["trades"]])
        return counted

    def _number(self, entity: str | None, name: str) -> int:
        return self._named.setdefault((entity or "", name), len(self._named))


def expanded(stub: Mapping[str, Any], partition: int, offset: int, journal_time: int, digest: bytes) -> JournalRecord:
    """The record of a journal partition by which an engine learns what a stub says; `BadRecord` where it says anything else."""
    try:
        statement = _statement(stub, partition)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRecord(f"the stub at offset {offset} cannot be read: {error!r}") from error
    return JournalRecord(statement, offset, journal_time, digest)


def _statement(stub: Mapping[str, Any], partition: int) -> Statement:
    if "flow" in stub:
        shared = _known(stub, "flow", {"cells"})
        cells = [{"market": f"{number}/X", **_CELL, "trades": trades, **_NOTHING} for number, trades in stub["cells"]]
        body: dict[str, Any] = {"cells": cells, "newest_own": _LONG_AGO, "newest_log": _LONG_AGO}
    elif "bust" in stub:
        shared = _known(stub, "bust", {"number"})
        body = {"trade_id": str(stub["number"]), **_BUST}
    elif "incident" in stub:
        shared = _known(stub, "incident", {"number", "revision", "occurred_at"})
        times = dict.fromkeys(("occurred_at", "detected_at", "updated_at"), exact_time(parse_time(stub["occurred_at"])))
        body = {"incident_id": str(stub["number"]), "revision": int(stub["revision"]), **times, **_INCIDENT}
    else:
        if set(stub) - {"steps_over"} != {"at", "entity"} or not isinstance(stub["entity"], str):
            raise ValueError("it says neither at and entity, nor flow, bust or incident")
        at = parse_time(stub["at"])
        act = {**_NOTE, "at": exact_time(at)}
        if "steps_over" in stub:
            place = {"topic": JOURNAL, "epoch": 0, "partition": partition, "offset": int(stub["steps_over"])}
            act |= {"kind": "dismissal", "body": place}
        return Statement("operation", stub["entity"], at, act)
    return replace(shared, body={**shared.body, **body})


def _known(stub: Mapping[str, Any], kind: str, more: set[str]) -> Statement:
    statement = statement_of(stub[kind])
    if set(stub) != {kind, *more} or statement.kind != kind or set(statement.body) - {"log"}:
        raise ValueError(f"it says more than a stub of {kind} may")
    return statement
