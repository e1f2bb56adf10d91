"""Why a record is refused: the closed set behind `dlq.reason` and the label of `reserve_dead_letters_total`."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """One word for each way in which a record of a source topic can be unusable."""

    UNSIGNED = "unsigned"
    UNKNOWN_SIGNER = "unknown_signer"
    BAD_SIGNATURE = "bad_signature"
    SIGNATURE_EXPIRED = "signature_expired"
    NULL_VALUE = "null_value"
    TOO_LARGE = "too_large"
    BAD_ENCODING = "bad_encoding"
    BAD_JSON = "bad_json"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_SCHEMA = "unknown_schema"
    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    BAD_DECIMAL = "bad_decimal"
    BAD_TIME = "bad_time"
    BAD_TEXT = "bad_text"
    UNKNOWN_VALUE = "unknown_value"
    OUT_OF_RANGE = "out_of_range"
    INCONSISTENT = "inconsistent"
    UNKNOWN_ENTITY = "unknown_entity"
    AHEAD_OF_TIME = "ahead_of_time"
    TOO_OLD = "too_old"


REASONS = tuple(reason.value for reason in Reason)
"""The words, in the order in which they win: of several faults of one record the first listed here is named."""

OF_SIGNATURES = frozenset({Reason.UNSIGNED, Reason.UNKNOWN_SIGNER, Reason.BAD_SIGNATURE, Reason.SIGNATURE_EXPIRED})
"""Reasons of who wrote a record, whatever it says; each feed of a topic has keys of its own, and so tells of its own."""

_OF_PYDANTIC = {
    "missing": Reason.MISSING_FIELD,
    "extra_forbidden": Reason.UNKNOWN_FIELD,
    "literal_error": Reason.UNKNOWN_VALUE,
    "string_too_short": Reason.BAD_TEXT,
    "string_too_long": Reason.BAD_TEXT,
    "string_pattern_mismatch": Reason.BAD_TEXT,
    "greater_than_equal": Reason.OUT_OF_RANGE,
    "less_than_equal": Reason.OUT_OF_RANGE,
    "less_than": Reason.OUT_OF_RANGE,
    "too_short": Reason.OUT_OF_RANGE,
    "too_long": Reason.OUT_OF_RANGE,
}


def reason_of(error_type: str) -> Reason:
    """The reason for a pydantic error type: our own errors carry it, what is left is a wrong type."""
    if error_type in REASONS:
        return Reason(error_type)
    return _OF_PYDANTIC.get(error_type, Reason.WRONG_TYPE)
