"""How a raw value becomes canonical: tables, texts, symbols, assets, numbers and times, in this order, each compiled once.

A step that cannot make its value canonical raises `StepFailed` with the reason; nothing is guessed and nothing rounded
(but for sizes in the quote currency, which are divided to 18 digits, half to even).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact
from typing import Any
from zoneinfo import ZoneInfo

from monitor.core.values.money import EXACT, BadDecimal, parse_decimal, plain
from monitor.core.values.times import SECOND, exact_time
from monitor.errors import ConfigurationError
from streams.wire.feeds.paths import MISSING, json_text
from streams.wire.feeds.sight import EventSight
from streams.wire.fields import LAST_TIME_NS, JsonNumber, expand
from streams.wire.mapping import PLACES
from streams.wire.reasons import Reason

Convert = Callable[[Any, EventSight], Any]
"""A raw value and the event it is of to the canonical value; None leaves the field out."""

_LOCAL = re.compile(
    r"(\d{4})(?P<sign>[-/.]?)(\d\d)(?P=sign)(\d\d)[ T-]?(\d\d)(?P<colon>:?)(\d\d)(?P=colon)(\d\d)(?:[.,](\d{1,9}))?\Z",
    re.ASCII,
)
"""The year first, as ISO 8601 writes times long or short, and FIX (20260105-09:00:00.123)."""
_WITH_OFFSET = re.compile(r"(\d{4}-\d\d-\d\d)[ Tt](\d\d:\d\d:\d\d(?:\.\d{1,9})?) ?([Zz]|([+-]\d\d)(?::?(\d\d))?)\Z", re.ASCII)
_DIVISION = Context(prec=60, rounding=ROUND_HALF_EVEN)
_PLACES_18 = Decimal(1).scaleb(-18)
_LARGEST_EXPONENT = 40


class StepFailed(Exception):
    """A value that a step cannot make canonical."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def exact_text(raw: Any) -> Any:
    """A number as its text, however long; anything else as it is."""
    if type(raw) is int:
        return str(raw) if raw.bit_length() < 1024 else raw
    return str(raw) if type(raw) is JsonNumber else raw


def table(entries: Mapping[str, Any], other: Any) -> Convert:
    """What stands in the table for the raw value's JSON text; what does not is `other`, or itself where that is MISSING."""

    def look_up(raw: Any, _sight: EventSight) -> Any:
        text = json_text(raw)
        if text is not None and text in entries:
            return entries[text]
        return raw if other is MISSING else other

    return look_up


_SIGNS = ("-", ".", "_")
_NAME_IT = "name it in values.market.table (raw: BASE/QUOTE), or leave it out by where"


def text_step(change: Callable[[str], str]) -> Convert:
    """A change of a text or of a number's text; other values go on unchanged."""

    def changed(raw: Any, _sight: EventSight) -> Any:
        text = exact_text(raw)
        return change(text) if isinstance(text, str) else raw

    return changed


def stripped(cut: str) -> Callable[[str], str]:
    """Without `cut` once: in front, else behind."""
    return lambda text: text.removeprefix(cut) if text.startswith(cut) else text.removesuffix(cut)


def before(sign: str) -> Callable[[str], str]:
    """What stands before the first `sign`; unchanged without one."""
    return lambda text: text.partition(sign)[0] if sign in text else text


def after(sign: str) -> Callable[[str], str]:
    """What stands after the first `sign`; unchanged without one."""
    return lambda text: text.partition(sign)[2] if sign in text else text


def asset(aliases: Mapping[str, str]) -> Convert:
    """The asset that a name stands for; other names go on unchanged."""
    return lambda raw, _sight: aliases.get(raw, raw) if isinstance(raw, str) else raw


def market(
    separator: str | None,
    quotes: Sequence[str],
    *,
    quote_first: bool,
    aliases: Mapping[str, str],
    quote_alone: str | None = None,
) -> Convert:
    """`BASE/QUOTE` of a symbol, by its separator or by the quote it ends with; of one part with `quote_alone`."""
    endings = sorted(quotes, key=len, reverse=True)

    def pair(raw: Any, _sight: EventSight) -> Any:
        if not isinstance(raw, str):
            return raw
        base, found, quote = raw.partition("/")
        if found and separator != "/" and (separator or endings):
            return f"{aliases.get(base, base)}/{aliases.get(quote, quote)}"  # a table's
        if quote_alone is not None and raw and (separator or "/") not in raw and not found:
            return f"{aliases.get(raw, raw)}/{quote_alone}"
        if endings:
            ending = next((quote for quote in endings if raw.endswith(quote) and len(raw) > len(quote)), None)
            if ending is None:
                none = f"{raw[:60]!r} ends with none of {', '.join(endings)[:120]}"
                raise StepFailed(Reason.BAD_TEXT, f"{none}: add its quote to quotes, or {_NAME_IT}")
            one, other = raw[: -len(ending)], ending
        else:
            one, found, other = raw.partition(separator or "/")
            if not found or not one or not other or (separator or "/") in other:
                how = "" if separator else ", or say how it is written by separator, quotes or quote"
                raise StepFailed(
                    Reason.BAD_TEXT, f"{raw[:60]!r} is not two assets with {separator or '/'!r} between them: {_NAME_IT}{how}"
                )
        if one.endswith(_SIGNS) or other.startswith(_SIGNS):
            raise StepFailed(Reason.BAD_TEXT, f"{raw[:60]!r} is cut into {one[:30]!r} and {other[:30]!r}: is there a separator?")
        base, quote = (other, one) if quote_first else (one, other)
        return f"{aliases.get(base, base)}/{aliases.get(quote, quote)}"

    return pair


def lenient(raw: Any, _sight: EventSight) -> Any:
    """A number's text without exponent, every digit kept."""
    return _expanded(raw) if isinstance(raw, str) else raw


def scaled(factor: Callable[[EventSight], Decimal], *, any_form: bool) -> Convert:
    """The number times `factor`, exactly; floats and exponents only in `any_form`."""

    def scale(raw: Any, sight: EventSight) -> Any:
        return _plain(EXACT.multiply(_number(raw, any_form=any_form), factor(sight)), raw)

    return scale


def unsigned(*, any_form: bool) -> Convert:
    """The absolute value."""
    return lambda raw, _: _plain(abs(_number(raw, any_form=any_form)), raw)


def in_quote(*, any_form: bool) -> Convert:
    """A size that is an amount of the quote, divided by the price: 18 digits, half to even."""

    def divided(raw: Any, sight: EventSight) -> Any:
        price = _number(sight.done.get("price", MISSING), any_form=True)
        if not price:
            raise StepFailed(Reason.OUT_OF_RANGE, "a size in the quote currency needs a price above 0")
        return plain(at_price(_number(raw, any_form=any_form), price))

    return divided


def at_price(amount: Decimal, price: Decimal) -> Decimal:
    """What an amount of the quote buys: 18 digits, half to even."""
    return _DIVISION.divide(amount, price).quantize(_PLACES_18, context=_DIVISION)


def is_negative(raw: Any, *, any_form: bool) -> bool:
    """Whether a number is below 0."""
    return _number(raw, any_form=any_form) < 0


def constant_factor(text: Any, place: str) -> Callable[[EventSight], Decimal]:
    """A factor written in the configuration."""
    factor = _configured(text, place)
    return lambda _sight: factor


def factor_by(name: str, entries: Mapping[str, Any], other: Any, place: str) -> Callable[[EventSight], Decimal]:
    """The factor that a table holds for the finished `name` of the event; none there and no `other`: refused."""
    factors = {str(key): _configured(text, f"{place}.table.{key}") for key, text in entries.items()}
    fallback = None if other is None else _configured(other, f"{place}.else")

    def factor(sight: EventSight) -> Decimal:
        found = factors.get(str(sight.done.get(name)), fallback)
        if found is None:
            raise StepFailed(
                Reason.UNKNOWN_VALUE,
                f"no scale for the {name} {str(sight.done.get(name))[:60]!r}: name it in {place}.table, or an else",
            )
        return found

    return factor


def power_of_ten(raw: Any) -> Decimal:
    """Ten to the power that the source gives."""
    text = exact_text(raw)
    try:
        exponent = int(text)
    except (TypeError, ValueError):
        raise StepFailed(Reason.BAD_DECIMAL, f"{str(text)[:60]!r} is no exponent") from None
    if abs(exponent) > _LARGEST_EXPONENT:
        raise StepFailed(Reason.BAD_DECIMAL, f"the exponent {exponent} is beyond {_LARGEST_EXPONENT}")
    return Decimal(1).scaleb(exponent)


def time_of_count(unit: str) -> Convert:
    """RFC 3339 of a count of `unit` since 1970, with or without a fraction; below a nanosecond it is cut."""
    shift = 9 - PLACES[unit]

    def time(raw: Any, _sight: EventSight) -> Any:
        text = exact_text(raw)
        if isinstance(text, str):
            try:
                whole, _, fraction = expand(text).partition(".")
            except BadDecimal:
                whole, fraction = "", ""
            if whole.isdigit() and len(whole) <= 20:
                digits = fraction.ljust(shift, "0")[:shift]
                ns = int(whole) * 10**shift + int(digits or "0")
                if ns <= LAST_TIME_NS:
                    return exact_time(ns)
        raise StepFailed(Reason.BAD_TIME, f"{str(raw)[:60]!r} is no count of {unit} since 1970")

    return time


def local_time(name: str) -> Convert:
    """RFC 3339 of a time without an offset, as the clocks of a zone showed it; one that occurs twice or never is refused.

    A time that brings its offset keeps it, as data bases write it too: `2026-01-05 09:00:00+0545`, `+05`, ` +05:45`.
    """
    zone = ZoneInfo(name)

    def time(raw: Any, _sight: EventSight) -> Any:
        found = _LOCAL.match(raw) if isinstance(raw, str) else None
        if not found:
            return _offset_spelt_out(raw)
        year, _, month, day, hour, _, minute, second, fraction = found.groups()
        try:
            local = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=zone)
            earlier, later = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        except (ValueError, OverflowError) as error:
            raise StepFailed(Reason.BAD_TIME, f"{raw!r}: {error}") from None
        if earlier != later:
            raise StepFailed(Reason.BAD_TIME, f"{raw!r} occurs twice or never in {name}")
        return exact_time(int(earlier.timestamp()) * SECOND + int((fraction or "0").ljust(9, "0")))

    return time


def _offset_spelt_out(raw: Any) -> Any:
    """RFC 3339 of a time with an offset in another spelling; what is no time goes on, the model says why it is refused."""
    found = _WITH_OFFSET.match(raw) if isinstance(raw, str) else None
    if not found:
        return raw
    day, clock, offset, hours, minutes = found.groups()
    return f"{day}T{clock}{offset if hours is None else hours + ':' + (minutes or '00')}"


def _expanded(text: str) -> str:
    try:
        return expand(text)
    except BadDecimal as error:
        raise StepFailed(Reason.BAD_DECIMAL, str(error)) from None


def _number(raw: Any, *, any_form: bool) -> Decimal:
    kind = type(raw)
    if kind is int:
        return Decimal(raw)
    if kind is str or (kind is JsonNumber and any_form):
        text = _expanded(raw)
        if any_form or ("e" not in raw and "E" not in raw):
            return Decimal(text)
    given = "a JSON float" if kind is JsonNumber else f"{str(raw)[:60]!r}"
    raise StepFailed(Reason.BAD_DECIMAL, f"{given} is no decimal text or integer; `numbers: lenient` takes floats and exponents")


def _plain(value: Decimal, raw: Any) -> str:
    try:
        return plain(EXACT.plus(value))
    except Inexact:
        raise StepFailed(Reason.BAD_DECIMAL, f"{str(raw)[:60]!r} has too many digits") from None


def _configured(text: Any, place: str) -> Decimal:
    try:
        factor = parse_decimal(text if isinstance(text, str) else str(text))
    except BadDecimal as error:
        raise ConfigurationError(f"{place}: {error}") from None
    if isinstance(text, bool) or factor <= 0:
        raise ConfigurationError(f"{place}: a scale is a decimal above 0, written as text")
    return factor
