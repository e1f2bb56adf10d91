"""What a refused record still tells: the journal's `rejected` records and dead letters (CONTRACT 2, `record_rejected`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.core.journal.outputs import TooOld
from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import BALANCES, DECLARATIONS, INCIDENTS, PRICES
from monitor.core.values.times import exact_time
from streams.wire.fields import has_control
from streams.wire.judge import Known
from streams.wire.reasons import Reason

PREFIX = "dlq."
REJECTED_TOPICS = {BALANCES: "position", INCIDENTS: "incident", DECLARATIONS: "declaration"}
"""Topics of which a dead letter of a known entity is a gap at once (CONTRACT 2, `record_rejected`)."""


def too_old_detail(refused: TooOld) -> str:
    """What is wrong with a record that only the engine could refuse, for people."""
    of = "its account" if refused.where.kind == BALANCES else "its asset, currency, kind and source"
    return f"as_of {exact_time(refused.event_time)} lies before the correction horizon, and {of} has something newer"


def rejected_price(reason: Reason, readable: Mapping[str, Any]) -> dict[str, Any] | None:
    """Body of the `rejected` record of a price, which is of no entity; None where its pair cannot be read."""
    names = ("event_id", "asset", "currency", "kind", "source")
    body = {name: readable[name] if _short(readable.get(name)) else None for name in names}
    if body["asset"] is None or body["currency"] is None:
        return None
    return body | {"topic": PRICES, "reason": reason.value}


def rejected_body(topic: str, reason: Reason, readable: Mapping[str, Any]) -> dict[str, Any]:
    """Body of the journal's `rejected` record: what could be read of the refused one, null for the rest."""
    names = ("event_id", "account", "asset", "role", "incident_id", "kind")
    attributes = readable.get("attributes")
    fit = type(attributes) is dict and all(_short(k) and k.isascii() and _short(v) for k, v in attributes.items())
    body: dict[str, Any] = {name: readable[name] if _short(readable.get(name)) else None for name in names}
    return body | {"topic": topic, "reason": reason.value, "attributes": dict(attributes or {}) if fit else None}


def rejected_entity(readable: Mapping[str, Any], known: Known) -> str | None:
    """The known entity a refused record names, or None."""
    entity = readable.get("entity")
    if type(entity) is str and 0 < len(entity) <= 64 and not entity.strip("abcdefghijklmnopqrstuvwxyz0123456789-"):
        return entity if known.knows(entity) else None
    return None


def _short(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= 128 and not has_control(value)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused record, as it came, with the reason and where it lies; `logged_at` is in ns.

    `index` is the refused element of a feed's record; None where the record as a whole cannot be read, or is the event.
    Of a record the feed's first letter has value and headers; `left_out` is the size of the value that the others do without.
    `rules`: number of those that refused it.
    """

    where: SourcePartition
    offset: int
    logged_at: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    reason: Reason
    detail: str
    index: int | None = None
    entity: str | None = None
    left_out: int | None = None
    rules: int | None = None


def headers_of(letter: DeadLetter, at: int) -> list[tuple[str, bytes]]:
    """The record's own headers, then ours; `at` (ns) is when it was refused."""
    ours = {
        "reason": letter.reason.value,
        "detail": letter.detail,
        "topic": letter.where.kind,
        "epoch": str(letter.where.epoch),
        "partition": str(letter.where.partition),
        "offset": str(letter.offset),
        "timestamp": exact_time(letter.logged_at),
        "at": exact_time(at),
    }
    if letter.where.feed is not None:
        ours["feed"] = letter.where.feed
    optional = {"index": letter.index, "entity": letter.entity, "left_out": letter.left_out, "rules": letter.rules}
    ours |= {name: str(value) for name, value in optional.items() if value is not None}
    return [*letter.headers, *((PREFIX + name, text.encode("utf-8", "backslashreplace")) for name, text in ours.items())]
