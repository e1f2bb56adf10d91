"""One canonical field of a feed, compiled: where its raw value lies, and the steps that make it canonical."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from monitor.core.values.times import exact_time, from_ms
from monitor.errors import ConfigurationError
from streams.wire.feeds import values
from streams.wire.feeds.format import FeedFormat
from streams.wire.feeds.paths import MISSING, Path, json_text, parse_path
from streams.wire.feeds.sight import EventSight
from streams.wire.feeds.values import Convert, StepFailed
from streams.wire.mapping import PLACES, RFC3339, TIME_FIELDS
from streams.wire.reasons import Reason

AMOUNTS = frozenset({"price", "quantity", "amount"})
TIMES = TIME_FIELDS | {"received_at"}
INTEGERS = frozenset({"sequence", "revision", "group_size"})
ASSETS = frozenset({"asset", "currency"})
FIRST = ("entity", "asset", "currency", "market", "side")
LAST = ("price", "quantity", "amount")
"""Fields that others are reckoned from come first, amounts last, the price before the size."""

_STEP_KEYS = frozenset(
    "table else strip before after case separator quotes quote order scale in sign numbers times time_zone".split()  # noqa: SIM905
)
_ONCE = frozenset({"separator", "quotes", "quote", "order", "times", "time_zone"})
_OF_AMOUNTS = frozenset({"scale", "in", "sign", "numbers"})
_MOST_KEPT = 10_000

Read = Callable[[EventSight], Any]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A canonical field: `read` gives its raw value or MISSING, `convert` makes it canonical."""

    name: str
    read: Read
    convert: Convert


def reader_of_paths(raw: Any, feed: FeedFormat, place: str, *, nested: bool = False) -> Read:
    """What reads a path, the first of a list of paths that is there and not null, or a join of paths."""
    if isinstance(raw, Mapping):
        return _join(raw, feed, place, nested=nested)
    if isinstance(raw, list | tuple):
        readers = [_reader(parse_path(one, place), feed, nested=nested) for one in raw]
        if not readers:
            raise ConfigurationError(f"{place}: an empty list of paths")

        def first(sight: EventSight) -> Any:
            found = (read(sight) for read in readers)
            return next((value for value in found if value is not MISSING and value is not None), MISSING)

        return first
    return _reader(parse_path(raw, place), feed, nested=nested)


def _join(raw: Mapping[str, Any], feed: FeedFormat, place: str, *, nested: bool) -> Read:
    paths, by = raw.get("join"), raw.get("by", "-")
    if set(raw) - {"join", "by"} or not isinstance(paths, list | tuple) or not paths or not isinstance(by, str):
        raise ConfigurationError(f"{place}: is a path, a list of paths, or join: [paths] with by: text")
    readers = [_reader(parse_path(one, place), feed, nested=nested) for one in paths]

    def joined(sight: EventSight) -> Any:
        parts = [values.exact_text(read(sight)) for read in readers]
        return by.join(parts) if all(isinstance(part, str) for part in parts) else MISSING

    return joined


def _reader(path: Path, feed: FeedFormat, *, nested: bool) -> Read:
    if path.of_kafka:
        return _kafka_reader(str(path.steps[0]), feed)
    if path.of_names:
        return _name_reader(path, feed, nested=nested)
    read = path.reader()
    if path.root == "$":
        return lambda sight: read(sight.root)
    if nested:
        return lambda sight: read(sight.nested)
    return lambda sight: read(sight.element)


def _name_reader(path: Path, feed: FeedFormat, *, nested: bool) -> Read:
    if not (feed.each or nested):
        raise ConfigurationError(f"{feed.place}: {path.text} is the name of an element, and without `each` there are none")
    (wanted,) = path.steps
    number = wanted if type(wanted) is int else -1

    def name(sight: EventSight) -> Any:
        return sight.names[number] if -len(sight.names) <= number < len(sight.names) else MISSING

    return name


def _kafka_reader(name: str, feed: FeedFormat) -> Read:
    if name == "key":
        return lambda sight: MISSING if sight.record.key is None else sight.record.key.decode("utf-8", "replace")
    if name == "timestamp":
        return lambda sight: exact_time(from_ms(sight.record.time_ms))
    if name == "id":

        def identity(sight: EventSight) -> str:
            record = sight.record
            return f"{feed.name}.{record.epoch}.{record.partition}.{record.offset}.{sight.index}"

        return identity
    wanted = name.removeprefix("header.")

    def header(sight: EventSight) -> Any:
        found = next((value for key, value in sight.record.headers if key == wanted), None)
        return MISSING if found is None else found.decode("utf-8", "replace")

    return header


def conversion(name: str, raw_steps: Any, feed: FeedFormat, place: str) -> Convert:
    """The steps of `values` for the field called `name`, and what every field of its sort does."""
    listed = raw_steps if isinstance(raw_steps, list | tuple) else [raw_steps or {}]
    steps: list[Convert] = []
    pure = name not in AMOUNTS
    for raw in listed:
        if not isinstance(raw, Mapping) or set(raw) - _STEP_KEYS:
            odd = min(set(raw) - _STEP_KEYS) if isinstance(raw, Mapping) else raw
            raise ConfigurationError(f"{place}: {odd!r} is no step; steps are {', '.join(sorted(_STEP_KEYS))}")
    once = max((number for number, raw in enumerate(listed) if set(raw) & _ONCE), default=len(listed) - 1)
    for number, raw in enumerate(listed):
        steps += _text_like(raw, place)
        if number == once or (name in AMOUNTS and set(raw) & _OF_AMOUNTS):
            steps += _of_its_sort(name, raw, feed, place)
    if name in INTEGERS:
        steps.append(_whole)
    elif name not in AMOUNTS and name not in TIMES:
        steps.append(lambda raw, _sight: values.exact_text(raw))
    return _remembered(steps) if pure else _in_turn(steps)


def _in_turn(steps: Sequence[Convert]) -> Convert:
    if len(steps) == 1:
        return steps[0]

    def convert(raw: Any, sight: EventSight) -> Any:
        for step in steps:
            raw = step(raw, sight)
            if raw is None:
                return None
        return raw

    return convert


def _remembered(steps: Sequence[Convert]) -> Convert:
    """Steps that look at nothing but a text: what each text became is kept."""
    convert = _in_turn(steps)
    kept: dict[str, Any] = {}

    def remembered(raw: Any, sight: EventSight) -> Any:
        if type(raw) is not str:
            return convert(raw, sight)
        found = kept.get(raw, MISSING)
        if found is MISSING:
            if len(kept) >= _MOST_KEPT:
                kept.clear()
            found = kept[raw] = convert(raw, sight)
        return found

    return remembered


def _text_like(raw: Mapping[str, Any], place: str) -> list[Convert]:
    """Tables and changes of texts, which every field may have."""
    steps: list[Convert] = []
    if "table" in raw or "else" in raw:
        entries = raw.get("table") or {}
        if not isinstance(entries, Mapping):
            raise ConfigurationError(f"{place}.table: is a mapping of raw texts to canonical values")
        steps.append(values.table({_key(key): value for key, value in entries.items()}, raw.get("else", MISSING)))
    return steps + _text_steps(raw, place)


def _of_its_sort(name: str, raw: Mapping[str, Any], feed: FeedFormat, place: str) -> list[Convert]:
    """What symbols, assets, amounts and times have of their own."""
    if name == "market":
        return [_market_step(raw, feed, place)]
    if name in ASSETS:
        return [values.asset(feed.aliases)]
    if name in AMOUNTS:
        return _amount_steps(name, raw, feed, place)
    return _time_steps(raw, feed, place) if name in TIMES else []


def _market_step(raw: Mapping[str, Any], feed: FeedFormat, place: str) -> Convert:
    quotes, order = raw.get("quotes") or (), raw.get("order", "base_quote")
    if order not in {"base_quote", "quote_base"}:
        raise ConfigurationError(f"{place}.order: base_quote or quote_base")
    if ("separator" in raw or "quote" in raw) and quotes:
        raise ConfigurationError(f"{place}: separator and quote, or quotes, not both")
    alone = raw.get("quote")
    if alone is not None and (not isinstance(alone, str) or not alone):
        raise ConfigurationError(f"{place}.quote: the asset for which a symbol of one part is traded, such as JPY")
    return values.market(raw.get("separator"), quotes, quote_first=order == "quote_base", aliases=feed.aliases, quote_alone=alone)


def _key(key: Any) -> str:
    """A table's key by its JSON text: YAML makes booleans, numbers and nothing of some."""
    return key if isinstance(key, str) else json_text(key) or str(key)


def _text_steps(raw: Mapping[str, Any], place: str) -> list[Convert]:
    steps: list[Convert] = []
    for key, make in (("strip", values.stripped), ("before", values.before), ("after", values.after)):
        if key in raw:
            if not isinstance(raw[key], str) or not raw[key]:
                raise ConfigurationError(f"{place}.{key}: is a text")
            steps.append(values.text_step(make(raw[key])))
    if "case" in raw:
        if raw["case"] not in {"upper", "lower"}:
            raise ConfigurationError(f"{place}.case: upper or lower")
        steps.append(values.text_step(str.upper if raw["case"] == "upper" else str.lower))
    return steps


def _amount_steps(name: str, raw: Mapping[str, Any], feed: FeedFormat, place: str) -> list[Convert]:
    any_form = {"lenient": True, "strict": False}.get(raw.get("numbers", "lenient" if feed.lenient else "strict"))
    if any_form is None:
        raise ConfigurationError(f"{place}.numbers: strict or lenient")
    steps: list[Convert] = [values.lenient] if any_form else []
    if "scale" in raw:
        steps.append(values.scaled(_factor(raw["scale"], feed, f"{place}.scale"), any_form=any_form))
    if "in" in raw:
        if raw["in"] != "quote" or name != "quantity":
            raise ConfigurationError(f"{place}.in: only quantity can be in the quote currency (in: quote)")
        steps.append(values.in_quote(any_form=any_form))
    if "sign" in raw:
        if raw["sign"] != "side" or name != "quantity":
            raise ConfigurationError(f"{place}.sign: only quantity can tell the side (sign: side)")
        steps.append(values.unsigned(any_form=any_form))
    return steps


def _factor(raw: Any, feed: FeedFormat, place: str) -> Callable[[EventSight], Any]:
    if not isinstance(raw, Mapping):
        return values.constant_factor(raw, place)
    if set(raw) == {"exponent"}:
        read = reader_of_paths(raw["exponent"], feed, place)
        return lambda sight: values.power_of_ten(read(sight))
    name = raw.get("by")
    if name not in {"asset", "market", "entity"} or set(raw) - {"by", "table", "else"}:
        raise ConfigurationError(f"{place}: is a decimal, by: asset|market|entity with a table, or exponent: path")
    return values.factor_by(name, raw.get("table") or {}, raw.get("else"), place)


def _time_steps(raw: Mapping[str, Any], feed: FeedFormat, place: str) -> list[Convert]:
    unit, zone = raw.get("times", feed.times), raw.get("time_zone", feed.time_zone)
    if unit not in {RFC3339, *PLACES}:
        raise ConfigurationError(f"{place}.times: one of {RFC3339}, {', '.join(PLACES)}")
    if unit != RFC3339:
        return [values.time_of_count(unit)]
    if zone is None:
        return []
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError, TypeError):
        raise ConfigurationError(f"{place}.time_zone: {zone!r} is not a time zone of the IANA data base") from None
    return [values.local_time(zone)]


def _whole(raw: Any, _sight: EventSight) -> Any:
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) <= 20:
        return int(raw)
    if isinstance(raw, str):
        raise StepFailed(Reason.WRONG_TYPE, f"{raw[:60]!r} is no whole number")
    return raw
