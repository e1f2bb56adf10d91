"""The plan of a feed: a record's bytes in, canonical objects out, everything looked up beforehand.

A record is decoded, asked whether the feed takes it (`where` of `$` and `%`), split (`each`), each element asked (`where` of
`@`), and its fields read and made canonical. What is refused is one element; the others count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, NamedTuple

from monitor.errors import ConfigurationError
from streams.wire.feeds.checks import check_snapshot, refuse_unknown
from streams.wire.feeds.conditions import Holds, parse_where
from streams.wire.feeds.format import FeedFormat
from streams.wire.feeds.formats import reader_of_format
from streams.wire.feeds.leaves import FIRST, LAST, Leaf, Read, conversion, reader_of_paths
from streams.wire.feeds.paths import MISSING, GivenTwice, Path, elements, json_text, named_elements, parse_each, parse_path
from streams.wire.feeds.requeued import RequeuedRecord, UnreadableRequeue
from streams.wire.feeds.sight import EventSight, RecordPlace
from streams.wire.feeds.values import StepFailed, is_negative
from streams.wire.judge import Invalid
from streams.wire.reasons import Reason

_DETAIL = 300
_OF_ELEMENT = ("@", "%name")
"""Roots of paths to what an element is or is called."""
_LIST = "[]"

Named = list[tuple[tuple[str, ...], Any]]
"""Elements, each behind the names of members under which it was found, the outermost first."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """A canonical object, as yet unjudged, and which of its record's elements it is made of."""

    index: int
    canonical: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """An element that cannot be made canonical; `readable` is what could be. `index` None: the record as a whole.

    `by_all`: what every feed of the topic says of the record, as they share its format.
    """

    index: int | None
    invalid: Invalid
    readable: dict[str, Any]
    by_all: bool = False


@dataclass(frozen=True, slots=True)
class FeedReading:
    """What a feed makes of a record. `filtered`: elements left out, or 1 for a record without any; `heard`: a heartbeat."""

    events: list[FeedEvent | RefusedEvent]
    filtered: int
    heard: bool = False
    whole: bool = False
    """Whether the record is the whole list of what its feed's `snapshot` says."""


class FeedPlan:
    """A compiled feed. ConfigurationError, naming the place in the configuration, for what cannot be."""

    def __init__(self, feed: FeedFormat) -> None:
        self.feed = feed
        place = feed.place
        texts = [parse_path(path, f"{place}.json_texts") for path in feed.json_texts]
        self._documents = reader_of_format(feed.format, f"{place}.format", texts)
        conditions = parse_where(feed.where, f"{place}.where")
        self._of_record = _looks([one for one in conditions if one[0].root not in _OF_ELEMENT], feed)
        self._of_element = _looks([one for one in conditions if one[0].root in _OF_ELEMENT], feed)
        self._heartbeat = _looks(parse_where(feed.heartbeat, f"{place}.heartbeat"), feed)
        self._each = parse_each(feed.each, f"{place}.each")
        reads = [path for name, path in feed.fields.items() if _LIST not in name]
        self._found = _elements_reader(named="%name" in f"{reads}{[*feed.where]}")
        self._object = _Object(feed, _tree(feed))
        refuse_unknown(feed)
        check_snapshot(feed)

    def read(self, value: bytes | None, record: RecordPlace) -> FeedReading:
        """The events of a record; never raises for any bytes."""
        try:
            requeued = RequeuedRecord.of(record.headers)
        except UnreadableRequeue as error:
            return FeedReading([RefusedEvent(None, Invalid(Reason.UNKNOWN_VALUE, str(error)), {}, by_all=True)], 0)
        if requeued is None:
            return self._read(value, record)
        return self._again(self._read(value, requeued.first_place(record)), requeued)

    def _read(self, value: bytes | None, record: RecordPlace) -> FeedReading:
        documents = self._documents(value)
        if isinstance(documents, Invalid):
            return FeedReading([RefusedEvent(None, documents, {}, by_all=True)], 0)
        try:
            return self._reading(documents, record)
        except GivenTwice as twice:
            return FeedReading([RefusedEvent(None, Invalid(Reason.BAD_JSON, str(twice)), {})], 0)

    def _again(self, reading: FeedReading, requeued: RequeuedRecord) -> FeedReading:
        """What of a record that was put back is meant; the rest was told at its first place. It is no sign of life."""
        feed = self.feed.full_name
        events = [one for one in reading.events if requeued.names(feed, one.index)]
        if requeued.elements is not None:  # no other feed of the topic tells of it
            events = [replace(one, by_all=False) if isinstance(one, RefusedEvent) else one for one in events]
        filtered = reading.filtered + len(reading.events) - len(events)
        return FeedReading(events, filtered, whole=reading.whole and requeued.wholly(feed))

    def takes(self, value: bytes, record: RecordPlace) -> bool:
        """Whether a record of one JSON value, which can be read, fulfils the conditions on records."""
        documents = self._documents(value)
        return not isinstance(documents, Invalid) and all(
            _all(self._of_record, EventSight(root, root, record, 0)) for root in documents
        )

    def left_out(self, value: bytes | None, record: RecordPlace) -> list[str]:
        """Why a record, or which of its elements, are left out: for people who write a mapping."""
        documents = self._documents(value)
        if not documents:
            return ["format: the record holds no JSON"]
        found = [] if isinstance(documents, Invalid) else [self._left_out(root, record) for root in documents]
        return [reason for reasons in found for reason in reasons]

    def _left_out(self, root: Any, record: RecordPlace) -> list[str]:
        try:
            if (unmet := _unmet(self._of_record, EventSight(root, root, record, 0))) is not None:
                return [unmet]
            sights = list(self._split(root, record, 0))
            if not sights:
                members = any(named_elements(path, root) for path in self._each)
                hint = "; its members are events where the feed reads their %name" if members else ""
                where = " or ".join(self.feed.each)
                return [f"each: {'an object, no list,' if members else 'no list with elements'} at {where}{hint}"]
            reasons = (_unmet(self._of_element, sight) for sight in sights)
            return [reason for reason in reasons if reason is not None]
        except GivenTwice:
            return []

    def _reading(self, documents: list[Any], record: RecordPlace) -> FeedReading:
        events: list[FeedEvent | RefusedEvent] = []
        filtered = index = 0
        heard = taken = False
        for root in documents:
            whole_record = EventSight(root, root, record, index)
            sights: Iterable[EventSight] = ()
            if _all(self._of_record, whole_record):
                taken, sights = True, self._split(root, record, index)
            elif self._heartbeat and _all(self._heartbeat, whole_record):
                heard = True
            for sight in sights:
                event = self._event(sight)
                index += 1
                if event is None:
                    filtered += 1
                else:
                    events.append(event)
        whole = taken and bool(self.feed.snapshot_by)
        if whole and not events and not self.feed.allow_empty:
            empty = "a whole list without an element: nobody holds anything? `snapshot: {allow_empty: true}` takes it"
            events, filtered = [RefusedEvent(0, Invalid(Reason.OUT_OF_RANGE, empty), {})], max(0, filtered - 1)
        if not events and not filtered:
            filtered = 1
        return FeedReading(events, filtered, heard, whole)

    def _split(self, root: Any, record: RecordPlace, index: int) -> Iterator[EventSight]:
        """The elements of a record, the first of which is numbered `index`."""
        if not self._each:
            yield EventSight(root, root, record, index)
        for path in self._each:
            if found := self._found(path, root):
                for number, (names, element) in zip(count(index), found, strict=False):
                    yield EventSight(root, element, record, number, names=names)
                return

    def _event(self, sight: EventSight) -> FeedEvent | RefusedEvent | None:
        try:
            if self._of_element and not _all(self._of_element, sight):
                return None
            self._object.fill(sight, sight.done)
        except StepFailed as failed:
            return RefusedEvent(sight.index, Invalid(failed.reason, failed.detail[:_DETAIL]), sight.done)
        except GivenTwice as twice:
            return RefusedEvent(sight.index, Invalid(Reason.BAD_JSON, str(twice)), sight.done)
        return FeedEvent(sight.index, sight.done)


def plans_of(configuration: Mapping[str, Any]) -> dict[str, FeedPlan]:
    """The compiled feeds of a configuration record's content, by `<kind>/<feed>`; ConfigurationError for one that cannot be."""
    aliases = (configuration.get("assets") or {}).get("aliases") or {}
    plans: dict[str, FeedPlan] = {}
    for kind, source in configuration["sources"].items():
        for name, raw in (source.get("feeds") or {}).items():
            plan = FeedPlan(FeedFormat.of(kind, name, raw, aliases))
            plans[plan.feed.full_name] = plan
    first: dict[str, FeedFormat] = {}
    for feed in (plan.feed for plan in plans.values()):
        known = first.setdefault(feed.topic, feed)
        if (known.epoch, known.format) != (feed.epoch, feed.format):
            raise ConfigurationError(f"{feed.place}: epoch and format are the topic's, those of {known.place} differ")
    return plans


class Look(NamedTuple):
    """A condition of `where`."""

    path: str
    read: Read
    holds: Holds


def _looks(conditions: Iterable[tuple[Path, Holds]], feed: FeedFormat) -> list[Look]:
    return [Look(path.text, reader_of_paths(path.text, feed, feed.place), condition) for path, condition in conditions]


def _all(looks: list[Look], sight: EventSight) -> bool:
    return all(holds(read(sight)) for _, read, holds in looks)


def _unmet(looks: list[Look], sight: EventSight) -> str | None:
    """The first condition that does not hold, for people."""
    for path, read, holds in looks:
        value = read(sight)
        if not holds(value):
            return f"where: {path} is {'not there' if value is MISSING else _shown(value)}"
    return None


def _shown(value: Any) -> str:
    text = json_text(value)
    return f"{text[:40]!r}" if text is not None else "a list" if isinstance(value, list) else "an object"


class _Object:
    """The canonical object of an event, or one nested in it: constants, leaves in their order, nested objects and lists."""

    def __init__(self, feed: FeedFormat, tree: Mapping[str, Any], prefix: str = "", *, nested: bool = False) -> None:
        self._constants = {
            name: node.value for name, node in tree.items() if isinstance(node, _Constant) and node.value is not None
        }
        paths = {name: node for name, node in tree.items() if isinstance(node, _Mapped)}
        order = sorted(paths, key=_order)
        self._leaves = [_leaf(feed, name, prefix + name, paths[name].path, nested=nested) for name in order]
        self._sign = _sign_of(feed, prefix, paths)
        self._objects = {
            name: _Object(feed, node, f"{prefix}{name}.", nested=nested)
            for name, node in tree.items()
            if isinstance(node, dict) and _LIST not in node
        }
        self._lists = {
            name: (_list_reader(feed, prefix + name), _Object(feed, node[_LIST], f"{prefix}{name}[].", nested=True))
            for name, node in tree.items()
            if isinstance(node, dict) and _LIST in node
        }
        self.fixed = not self._leaves

    def fill(self, sight: EventSight, result: dict[str, Any]) -> bool:
        """Put the fields into `result`; whether any of them came from the record. StepFailed names field, value and step."""
        found = False
        result.update(self._constants)
        for leaf in self._leaves:
            raw = leaf.read(sight)
            if raw is MISSING or raw is None:
                continue
            try:
                value = leaf.convert(raw, sight)
                if self._sign is not None and leaf.name == "quantity":
                    result["side"] = "sell" if self._sign(raw) else "buy"
            except StepFailed as failed:
                raise StepFailed(failed.reason, f"{leaf.name}: {failed.detail}") from None
            found = True
            if value is not None:
                result[leaf.name] = value
        for name, inner in self._objects.items():
            made: dict[str, Any] = {}
            if inner.fill(sight, made) or inner.fixed:
                result[name] = made
        for name, (read, inner) in self._lists.items():
            result[name] = [inner.element(sight, one, names, result) for names, one in read(sight)]
        return found

    def element(self, sight: EventSight, nested: Any, names: tuple[str, ...], outer: dict[str, Any]) -> dict[str, Any]:
        """The object of one element of a nested list."""
        made: dict[str, Any] = {}
        inner = EventSight(sight.root, sight.element, sight.record, sight.index, nested, _Within(outer, made), names)
        self.fill(inner, made)
        return made


class _Within(dict[str, Any]):
    """Finished values of a nested object, and behind them those of the event around it."""

    def __init__(self, outer: Mapping[str, Any], inner: Mapping[str, Any]) -> None:
        super().__init__(outer)
        self._inner = inner

    def get(self, name: str, default: Any = None) -> Any:
        return self._inner[name] if name in self._inner else super().get(name, default)


@dataclass(frozen=True, slots=True)
class _Constant:
    value: Any


@dataclass(frozen=True, slots=True)
class _Mapped:
    path: Any


def _tree(feed: FeedFormat) -> dict[str, Any]:
    """Canonical names with their dots and brackets as nested mappings; leaves are constants or paths."""
    tree: dict[str, Any] = {}
    named: list[tuple[str, _Mapped | _Constant]] = [
        (name, _Mapped(path)) for name, path in feed.fields.items() if not _is_list(path)
    ]
    named += [(name, _Constant(value)) for name, value in feed.constants.items()]
    for name, leaf in named:
        node = tree
        steps = name.replace("[].", ".[].").split(".")
        for step in steps[:-1]:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise ConfigurationError(f"{feed.place}: {name} stands inside of a field that has a value of its own")
        if steps[-1] in node:
            raise ConfigurationError(f"{feed.place}: {name} stands in fields and in constants, choose one")
        node[steps[-1]] = leaf
    return tree


def _is_list(path: Any) -> bool:
    return isinstance(path, Mapping) and set(path) == {"each"}


def _elements_reader(*, named: bool) -> Callable[[Path, Any], Named]:
    """What finds elements; those of objects where their names are read."""
    return named_elements if named else lambda path, node: [((), element) for element in elements(path, node) or ()]


def _list_reader(feed: FeedFormat, name: str) -> Callable[[EventSight], Named]:
    """What gives the elements of a nested list, each behind its names."""
    raw, place = feed.fields.get(name), f"{feed.place}.fields.{name}"
    if not isinstance(raw, Mapping) or set(raw) != {"each"}:
        raise ConfigurationError(f"{place}: a list needs its elements, as {name}: {{each: path}}")
    path = parse_path(raw["each"], place, several=True)
    reads = [read for field, read in feed.fields.items() if field.startswith(f"{name}{_LIST}.")]
    found = _elements_reader(named="%name" in str(reads))
    return lambda sight: found(path, sight.root if path.root == "$" else sight.element)


def _leaf(feed: FeedFormat, name: str, full: str, path: Any, *, nested: bool) -> Leaf:
    read = reader_of_paths(path, feed, f"{feed.place}.fields.{full}", nested=nested)
    return Leaf(name, read, conversion(name, feed.values.get(full), feed, f"{feed.place}.values.{full}"))


def _order(name: str) -> tuple[int, str]:
    if name in FIRST:
        return FIRST.index(name), name
    return (100 + LAST.index(name), name) if name in LAST else (50, name)


def _sign_of(feed: FeedFormat, prefix: str, paths: Mapping[str, Any]) -> Callable[[Any], bool] | None:
    """Where the sign of the quantity tells the side."""
    raw = feed.values.get("quantity")
    steps = raw if isinstance(raw, list | tuple) else [raw or {}]
    if prefix or not any(isinstance(step, Mapping) and "sign" in step for step in steps):
        return None
    if "side" in paths or "side" in feed.constants:
        raise ConfigurationError(f"{feed.place}: the side comes from the sign of quantity or from its own path, choose one")
    return lambda raw_quantity: is_negative(raw_quantity, any_form=True)


__all__ = ["FeedEvent", "FeedPlan", "FeedReading", "RecordPlace", "RefusedEvent"]
