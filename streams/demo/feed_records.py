"""Canonical events as a feed's own records: its mapping read backwards, and believed only where it reads the result as the event.

A mapping can be read backwards where each field has a path of its own and each step one answer: tables, texts, symbols, aliases,
fixed and looked-up scales, sizes in the quote, signs, counts of time. What it makes of the place of a record, and ids and
accounts that it joins of several paths, are not compared; they have to be lawful.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain, islice, repeat
from typing import Any

from monitor.core.values.money import EXACT, plain
from monitor.core.values.times import DAY, LAST_OWN_NS, BadTime, from_ms, parse_time
from monitor.events import Event
from streams.wire import Invalid, Judge, Known, SourceFormat
from streams.wire.feeds import FeedEvent, FeedPlan, RecordPlace
from streams.wire.feeds.formats import wrapped
from streams.wire.feeds.leaves import AMOUNTS, ASSETS, TIMES
from streams.wire.feeds.paths import EVERY, Path, parse_each, parse_path
from streams.wire.mapping import PLACES, RFC3339

_OF_WHOM = ("entity", "account", "market", "asset", "currency", "role", "kind")
"""Constants that say which events a feed has: others it says of all of them."""
_LOOSE = frozenset({"trade_id", "event_id", "incident_id", "account"})
_MOST_GUESSES = 64
_BOOLEANS = {"true": True, "false": False}


class FeedRecords:
    """Writes canonical events as the records of one feed."""

    def __init__(self, plan: FeedPlan) -> None:
        feed = self._feed = plan.feed
        self._plan = plan
        self._each = next((path for path in parse_each(feed.each, feed.place) if EVERY in path.steps), None)
        self._fields = {name: _first(raw) for name, raw in feed.fields.items()}
        self._by = {name: raw.get("by", "-") for name, raw in feed.fields.items() if isinstance(raw, Mapping)}
        self._joined = {name: raw["join"] for name, raw in feed.fields.items() if isinstance(raw, Mapping) and "join" in raw}
        self._judge = Judge(SourceFormat(feed.kind, max_ahead_ns=DAY), Known(None, LAST_OWN_NS))

    def means(self, canonical: Mapping[str, Any]) -> bool:
        """Whether the event is of those that the feed tells of, by its constants."""
        return all(canonical.get(name, value) == value for name, value in self._feed.constants.items() if name in _OF_WHOM)

    def record(self, canonical: Mapping[str, Any], at_ms: int) -> bytes | None:
        """The record that the feed reads as the event; None where its mapping cannot be read backwards."""
        if self._each is not None and self._each.steps.count(EVERY) > 1:
            return None
        place = RecordPlace(self._feed.epoch, 0, 0, at_ms)
        for raws in self._guesses(canonical):
            value = wrapped(self._feed.format, json.dumps(self._document(raws), separators=(",", ":")).encode())
            events = self._plan.read(value, place).events
            if len(events) == 1 and isinstance(events[0], FeedEvent) and self._same(events[0].canonical, canonical):
                lawful = self._judge.judged(events[0].canonical, from_ms(at_ms))
                return None if isinstance(lawful, Invalid) else value
        return None

    def _same(self, read: Mapping[str, Any], canonical: Mapping[str, Any]) -> bool:
        return all(
            _value(name, read.get(name)) == _value(name, canonical[name])
            for name, path in self._fields.items()
            if name in canonical and (not path.startswith("%") or (name in self._joined and name not in _LOOSE))
        )

    def _guesses(self, canonical: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Raw values by name; each field's other readings by turns."""
        readings = {
            name: list(_backwards(name, canonical, self._feed))
            for name, path in self._fields.items()
            if name in canonical and not path.startswith("%")
        }
        readings |= {name: [str(canonical[name])] for name in self._joined if name in canonical}
        most = max(map(len, readings.values()), default=0)
        for number in range(min(most, _MOST_GUESSES)):
            yield {name: found[min(number, len(found) - 1)] for name, found in readings.items()}

    def _document(self, raws: Mapping[str, Any]) -> Any:
        root: list[Any] = [None]
        listed = None if self._each is None else (0, *(0 if step is EVERY else step for step in self._each.steps))
        for text, wanted in self._feed.where.items():
            _put(root, _steps(parse_path(text, ""), listed), _fulfilling(wanted))
        for name, paths in self._joined.items():
            for path, raw in zip(paths, self._parts(name, raws.get(name)), strict=False):
                if not path.startswith("%"):
                    _put(root, _steps(parse_path(path, ""), listed), raw)
        for name, raw in raws.items():
            if name not in self._joined:
                _put(root, _steps(parse_path(self._fields[name], ""), listed), raw)
        return root[0]

    def _parts(self, name: str, raw: Any) -> Iterable[Any]:
        parts = str(raw).split(self._by[name])
        return parts if len(parts) == len(self._joined[name]) else chain((raw,), repeat("0"))


class SimulatedRecords:
    """Where events go: to the topic of their kind, or as records of the first feed of it that can say them."""

    def __init__(self, plans: Iterable[FeedPlan], topics: frozenset[str]) -> None:
        self.topics = topics
        self._feeds: dict[str, list[tuple[str, FeedRecords]]] = {}
        for plan in plans:
            self._feeds.setdefault(plan.feed.kind, []).append((plan.feed.full_name, FeedRecords(plan)))

    def of(self, event: Event) -> tuple[str, bytes] | None:
        """The name under which the event is published and its bytes; None where it is left out."""
        if event.topic not in self.topics:
            return None
        if event.topic not in self._feeds:
            return event.topic, event.payload()
        for name, records in self._feeds[event.topic]:
            value = records.record(event.value, event.logged_at // 1_000_000) if records.means(event.value) else None
            if value is not None:
                return name, value
        return None


def _first(raw: Any) -> str:
    """The one path by which a field is written; none of the record's JSON where it is joined or nested."""
    if isinstance(raw, list | tuple):
        raw = raw[0]
    return raw if isinstance(raw, str) else "%joined"


def _steps(path: Path, listed: tuple[Any, ...] | None) -> tuple[Any, ...]:
    if path.root == "@" and listed is not None:
        return (*listed, *path.steps)
    return (0, *path.steps)


def _put(root: list[Any], steps: tuple[Any, ...], value: Any) -> None:
    """Set a value in a document, making what lies on the way; nothing where something else stands there or there is no value."""
    node: Any = root
    for step, following in zip(steps, (*steps[1:], None), strict=True):
        if type(step) is int and isinstance(node, list) and step >= 0:
            node += [None] * (step + 1 - len(node))
            there = node[step]
        elif isinstance(node, dict):
            there = node.get(str(step))
        else:
            return
        if following is None:
            if value is not None:
                node[step] = value
            return
        if there is None:
            there = node[step] = [] if type(following) is int else {}
        node = there


def _fulfilling(wanted: Any) -> Any:
    """A value that meets a condition; None where nothing need stand there."""
    if isinstance(wanted, list | tuple):
        return wanted[0] if wanted else None
    if isinstance(wanted, Mapping):
        return wanted.get("starts", wanted.get("ends"))
    return wanted


def _backwards(name: str, canonical: Mapping[str, Any], feed: Any) -> Iterator[Any]:
    """What may have become the canonical value."""
    raw_steps = feed.values.get(name) or {}
    found: list[Any] = [canonical[name]]
    for step in reversed(raw_steps if isinstance(raw_steps, list | tuple) else [raw_steps]):
        before = (raw for value in found for raw in _before(name, value, step, canonical, feed))
        found = list(dict.fromkeys(islice(before, _MOST_GUESSES)))
    yield from found


def _before(name: str, value: Any, step: Mapping[str, Any], canonical: Mapping[str, Any], feed: Any) -> Iterator[Any]:
    """What a step may have made a value of; the step's parts are undone last first."""
    if name in AMOUNTS:
        yield _amount(name, value, step, canonical)
        return
    if name in TIMES:
        yield _time(str(value), step.get("times", feed.times))
        return
    for text in _names(name, value, step, feed.aliases):
        cased = [text.lower(), text] if step.get("case") == "upper" else [text.upper(), text] if "case" in step else [text]
        if step.get("case") == "lower":
            cased.insert(0, text.capitalize())
        for one in cased:
            strip, before, after = (step.get(key) for key in ("strip", "before", "after"))
            for whole in [one, f"{strip}{one}", f"{one}{strip}"] if strip else [one]:
                for changed in dict.fromkeys((whole, f"{after or ''}{whole}{before or ''}")):
                    yield from (
                        _BOOLEANS.get(str(raw), raw) for raw, told in (step.get("table") or {}).items() if told == changed
                    )
                    yield changed


def _names(name: str, value: Any, step: Mapping[str, Any], aliases: Mapping[str, str]) -> Iterator[str]:
    """How a market or an asset may be called; of other fields the value itself."""
    if name in ASSETS:
        yield from (*(raw for raw, told in aliases.items() if told == value), str(value))
    elif name == "market" and "/" in str(value):
        base, _, quote = str(value).partition("/")
        for one in _names("asset", base, step, aliases):
            for other in _names("asset", quote, step, aliases):
                if step.get("quote") == quote:
                    yield one
                parts = (other, one) if step.get("order") == "quote_base" else (one, other)
                yield ("" if step.get("quotes") else step.get("separator") or "/").join(parts)
        yield str(value)
    else:
        yield str(value)


def _amount(name: str, value: Any, step: Mapping[str, Any], canonical: Mapping[str, Any]) -> Any:
    amount = Decimal(str(value))
    if "in" in step:
        amount = EXACT.multiply(amount, Decimal(str(canonical["price"])))
    scale = step.get("scale")
    if isinstance(scale, Mapping):
        scale = (scale.get("table") or {}).get(canonical.get(scale.get("by", "")), scale.get("else"))
    if scale is not None:
        amount = amount / Decimal(str(scale))
    if "sign" in step and name == "quantity" and canonical.get("side") == "sell":
        amount = -amount
    return plain(amount)


def _time(text: str, unit: str) -> Any:
    if unit == RFC3339:
        return text
    try:
        count = Decimal(parse_time(text)).scaleb(PLACES[unit] - 9)
    except BadTime:
        return text
    return int(count) if count == int(count) else plain(count)


def _value(name: str, value: Any) -> Any:
    """A canonical value as it compares."""
    try:
        if name in AMOUNTS:
            return Decimal(str(value))
        return parse_time(str(value)) if name in TIMES else value
    except (ArithmeticError, BadTime):
        return value
