"""Field types of the source topics: what one JSON value may be, and what it becomes (CONTRACT, General).

Amounts become `Decimal`, times become integer nanoseconds. A JSON float arrives as `JsonNumber`, its text unread, so that no
digit is lost before it is judged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from monitor.core.values.currencies import is_iso_4217
from monitor.core.values.money import FRACTION_DIGITS, MOST_FRACTION_DIGITS, BadDecimal, parse_decimal
from monitor.core.values.times import FIRST_OWN_NS, LAST_OWN_NS, BadTime, parse_time
from streams.wire.reasons import Reason

FIRST_TIME_NS = FIRST_OWN_NS
LAST_TIME_NS = LAST_OWN_NS
"""Own times lie within these: a zero time, or a count taken in another unit, says nothing of any day."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_COUNT = re.compile(r"-?[0-9]+ (?:s|ms|us|ns) since 1970\Z", re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40,64}\Z", re.ASCII)
_YEAR_0 = re.compile(r"0000(-.*)\Z", re.ASCII)
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


@dataclass(frozen=True, slots=True)
class Reading:
    """What the verdict on a value depends on beside the record, as pydantic's validation context.

    `lenient`: JSON floats and exponents are taken; `decimals`: fraction digits of assets that have more than 18;
    `crypto` and `fiat`: what a ticker is, where the configuration says it.
    """

    lenient: bool = False
    decimals: Mapping[str, int] = field(default_factory=dict)
    crypto: frozenset[str] = frozenset()
    fiat: frozenset[str] = frozenset()

    def may_be_money(self, asset: str) -> bool:
        """Whether a ticker is a currency's, as far as anybody says."""
        return asset in self.fiat or (asset not in self.crypto and is_iso_4217(asset))


NOTHING_SAID = Reading()


def reading_of(info: ValidationInfo) -> Reading:
    """The context of a validation; without one nothing is configured."""
    return info.context if isinstance(info.context, Reading) else NOTHING_SAID


def _decimal(value: Any, info: ValidationInfo) -> Decimal:
    return _parsed(value, reading_of(info).lenient, FRACTION_DIGITS)


def _of_asset(value: Any, info: ValidationInfo) -> Decimal:
    """A quantity: as many digits as its asset divides into. Fields are read in order, the asset stands before it."""
    reading = reading_of(info)
    asset = info.data.get("asset") or str(info.data.get("market", "")).partition("/")[0]
    return _parsed(value, reading.lenient, max(FRACTION_DIGITS, reading.decimals.get(asset, 0)))


def _parsed(value: Any, lenient: bool, digits: int) -> Decimal:
    kind = type(value)
    try:
        if kind is int:
            return parse_decimal(str(value))
        if kind is str or (kind is JsonNumber and lenient):
            return parse_decimal(_significant(expand(value) if lenient else value, digits), digits)
    except BadDecimal as error:
        raise PydanticCustomError(Reason.BAD_DECIMAL.value, "{message}", {"message": str(error)}) from None
    wanted = "a decimal string or an integer"
    given = "a JSON float" if kind is JsonNumber else kind.__name__
    raise PydanticCustomError(Reason.WRONG_TYPE.value, "needs {wanted}, not {given}", {"wanted": wanted, "given": given})


def _significant(text: str, digits: int) -> str:
    """A decimal's text without the trailing zeros that it has beyond the digits allowed: they say nothing."""
    whole, point, fraction = text.partition(".")
    if len(fraction) <= digits or not fraction.isdigit():
        return text
    kept = fraction.rstrip("0")
    return f"{whole}{point}{kept}" if kept else whole


def _time(value: Any) -> int:
    if type(value) is not str:
        raise PydanticCustomError(Reason.WRONG_TYPE.value, "needs an RFC 3339 text")
    try:
        ns = parse_time(value)
    except BadTime as error:
        reason = Reason.OUT_OF_RANGE if _beyond(value) else Reason.BAD_TIME
        raise PydanticCustomError(reason.value, "{message}", {"message": str(error)}) from None
    if not FIRST_TIME_NS <= ns <= LAST_TIME_NS:
        raise PydanticCustomError(Reason.OUT_OF_RANGE.value, "{text} lies outside the years 1990 to 2199", {"text": value[:40]})
    return ns


def _beyond(text: str) -> bool:
    """Whether a text that is no time of ours is one all the same: a count beyond every date, or of the year 0."""
    if _COUNT.match(text):
        return True
    found = _YEAR_0.match(text)
    try:
        return found is not None and parse_time(f"2000{found[1]}") != 0
    except BadTime:
        return False


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


def _decimal_schema(fraction_digits: int, *, signed: bool) -> dict[str, Any]:
    pattern = rf"^{'-?' if signed else ''}[0-9]{{1,20}}(\.[0-9]{{1,{fraction_digits}}}0*)?$"
    integer = {"type": "integer"} if signed else {"type": "integer", "minimum": 0}
    return {"anyOf": [{"type": "string", "pattern": pattern}, integer]}


_UNSIGNED = WithJsonSchema(_decimal_schema(FRACTION_DIGITS, signed=False))
_UNSIGNED_QUANTITY = WithJsonSchema(_decimal_schema(MOST_FRACTION_DIGITS, signed=False))

Signed = Annotated[Decimal, BeforeValidator(_decimal), WithJsonSchema(_decimal_schema(FRACTION_DIGITS, signed=True))]
"""A decimal of either sign."""
Unsigned = Annotated[Decimal, BeforeValidator(_decimal), AfterValidator(_not_negative), _UNSIGNED]
"""A decimal >= 0."""
Positive = Annotated[Decimal, BeforeValidator(_decimal), AfterValidator(_positive), _UNSIGNED]
"""A decimal > 0."""
Quantity = Annotated[Decimal, BeforeValidator(_of_asset), WithJsonSchema(_decimal_schema(MOST_FRACTION_DIGITS, signed=True))]
"""Of an asset: 18 fraction digits, or as many as `assets.decimals` says of it. Either sign."""
UnsignedQuantity = Annotated[Decimal, BeforeValidator(_of_asset), AfterValidator(_not_negative), _UNSIGNED_QUANTITY]
PositiveQuantity = Annotated[Decimal, BeforeValidator(_of_asset), AfterValidator(_positive), _UNSIGNED_QUANTITY]
Time = Annotated[int, BeforeValidator(_time), WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 with any offset, as nanoseconds since 1970 UTC."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=128), BeforeValidator(_text)]
Account = Annotated[Text, AfterValidator(lambda account: account.lower() if _ADDRESS.match(account) else account)]
"""A wallet, bank or ledger account. An address of hexadecimal digits is one whatever their case, which is a checksum (EIP-55)."""
TradeId = Annotated[str, StringConstraints(min_length=1, max_length=64), BeforeValidator(_text)]
Prose = Annotated[str, StringConstraints(max_length=4000), BeforeValidator(_text)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$"), BeforeValidator(_text)]
AssetName = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9.-]{1,20}$"), BeforeValidator(_text)]
Market = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9.-]{1,20}/[A-Z0-9.-]{1,20}$"), BeforeValidator(_text)]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$"), BeforeValidator(_text)]
Sequence = Annotated[int, BeforeValidator(_whole), Field(ge=0, lt=2**53)]
Revision = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=10_000)]
GroupSize = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=1_000_000)]
