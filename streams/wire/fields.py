"""Field types of the source topics: what one JSON value may be, and what it becomes (CONTRACT, General).

Amounts become `Decimal`, times become integer nanoseconds. A JSON float arrives as `JsonNumber`, its text unread, so that no
digit is lost before it is judged.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from monitor.core.values.money import BadDecimal, parse_decimal
from monitor.core.values.times import BadTime, parse_time
from streams.wire.reasons import Reason

FIRST_TIME_NS = parse_time("0001-01-01T00:00:00Z")
LAST_TIME_NS = parse_time("9999-12-31T23:59:59.999999999Z")
LENIENT = {"lenient": True}
"""Validation context of a source with `numbers: lenient`."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,4}))?\Z", re.ASCII)


class JsonNumber(str):
    """The text of a JSON number that is no short integer."""

    __slots__ = ()


def expand(text: str) -> str:
    """A JSON number's text without exponent, digits kept: `1E-7` is `0.0000001`; `BadDecimal` if it is no number."""
    found = _NUMBER.match(text)
    if not found:
        raise BadDecimal(f"{text[:60]!r} is not a number")
    sign, whole, fraction, exponent = found.groups()
    digits, point = whole + (fraction or ""), len(whole) + int(exponent or 0)
    if not digits.strip("0"):
        return "0"
    digits, point = digits.lstrip("0"), point - (len(digits) - len(digits.lstrip("0")))
    digits = digits.rstrip("0")
    if point > 40 or point < -40:
        raise BadDecimal(f"{text[:60]!r} has too many digits")
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return sign + digits.ljust(point, "0")
    return f"{sign}{digits[:point]}.{digits[point:]}"


def has_control(text: str) -> bool:
    """Whether a text holds a control character or half a surrogate pair."""
    return _CONTROL.search(text) is not None


def _decimal(value: Any, info: ValidationInfo) -> Decimal:
    lenient = bool(info.context and info.context.get("lenient"))
    kind = type(value)
    try:
        if kind is int:
            return parse_decimal(str(value))
        if kind is str or (kind is JsonNumber and lenient):
            return parse_decimal(expand(value) if lenient else value)
    except BadDecimal as error:
        raise PydanticCustomError(Reason.BAD_DECIMAL.value, "{message}", {"message": str(error)}) from None
    wanted = "a decimal string or an integer"
    given = "a JSON float" if kind is JsonNumber else kind.__name__
    raise PydanticCustomError(Reason.WRONG_TYPE.value, "needs {wanted}, not {given}", {"wanted": wanted, "given": given})


def _time(value: Any) -> int:
    if type(value) is not str:
        raise PydanticCustomError(Reason.WRONG_TYPE.value, "needs an RFC 3339 text")
    try:
        ns = parse_time(value)
    except BadTime as error:
        raise PydanticCustomError(Reason.BAD_TIME.value, "{message}", {"message": str(error)}) from None
    if not FIRST_TIME_NS <= ns <= LAST_TIME_NS:
        raise PydanticCustomError(Reason.BAD_TIME.value, "lies outside the years 1 to 9999 in UTC")
    return ns


def _not_negative(value: Decimal) -> Decimal:
    if value < 0:
        raise PydanticCustomError(Reason.OUT_OF_RANGE.value, "must not be negative")
    return value


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise PydanticCustomError(Reason.OUT_OF_RANGE.value, "must be above 0")
    return value


def _text(value: Any) -> Any:
    if type(value) is not str:
        raise PydanticCustomError(Reason.WRONG_TYPE.value, "needs a text")
    if has_control(value):
        raise PydanticCustomError(Reason.BAD_TEXT.value, "holds a control character")
    return value


def _whole(value: Any) -> Any:
    if type(value) is not int:
        raise PydanticCustomError(Reason.WRONG_TYPE.value, "needs an integer")
    return value


_DECIMAL_SCHEMA = {"anyOf": [{"type": "string", "pattern": r"^-?[0-9]{1,20}(\.[0-9]{1,18})?$"}, {"type": "integer"}]}
_UNSIGNED_SCHEMA = {"anyOf": [{"type": "string", "pattern": r"^[0-9]{1,20}(\.[0-9]{1,18})?$"}, {"type": "integer", "minimum": 0}]}

Amount = Annotated[Decimal, BeforeValidator(_decimal), WithJsonSchema(_DECIMAL_SCHEMA)]
"""A decimal of either sign."""
Unsigned = Annotated[Decimal, BeforeValidator(_decimal), AfterValidator(_not_negative), WithJsonSchema(_UNSIGNED_SCHEMA)]
"""A decimal >= 0."""
Positive = Annotated[Decimal, BeforeValidator(_decimal), AfterValidator(_positive), WithJsonSchema(_UNSIGNED_SCHEMA)]
"""A decimal > 0."""
Time = Annotated[int, BeforeValidator(_time), WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 with any offset, as nanoseconds since 1970 UTC."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=128), BeforeValidator(_text)]
TradeId = Annotated[str, StringConstraints(min_length=1, max_length=64), BeforeValidator(_text)]
Prose = Annotated[str, StringConstraints(max_length=4000), BeforeValidator(_text)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$"), BeforeValidator(_text)]
Asset = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9.-]{1,20}$"), BeforeValidator(_text)]
Market = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9.-]{1,20}/[A-Z0-9.-]{1,20}$"), BeforeValidator(_text)]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$"), BeforeValidator(_text)]
Sequence = Annotated[int, BeforeValidator(_whole), Field(ge=0, lt=2**53)]
Revision = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=10_000)]
GroupSize = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=1_000_000)]
