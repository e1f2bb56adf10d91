"""What to do next about a dead letter: told by `feeds try` while a mapping is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.wire import Invalid, Reason
from streams.wire.feeds import FeedPlan

_TIMES = frozenset({"executed_at", "as_of", "occurred_at", "updated_at", "effective_from", "effective_to", "at"})
_OF_ASSETS = frozenset({"asset", "currency"})
_OF_NUMBERS = frozenset({"price", "quantity", "amount"})
_NO_NUMBER = frozenset({Reason.BAD_DECIMAL, Reason.WRONG_TYPE})
_TOO_MANY = "fraction digits"
_UNREAD = frozenset({Reason.BAD_ENCODING, Reason.BAD_JSON, Reason.WRONG_TYPE, Reason.NOT_AN_OBJECT})


def hint(plan: FeedPlan, refused: Invalid, canonical: Mapping[str, Any], index: int | None) -> str | None:
    """The key of the feed to look at; None where the detail says it all. `canonical` is the event as far as it was made."""
    reason, name = refused.reason, refused.detail.partition(":")[0]
    if index is None:
        return f"is `format: {plan.feed.format}` what the topic holds?" if reason in _UNREAD else None
    if reason is Reason.UNKNOWN_ENTITY:
        return "an entity of the configuration is meant: constants.entity, or values.entity.table where the record names it"
    if name not in plan.feed.fields:
        return f"see constants.{name}" if name in plan.feed.constants else None
    if reason is Reason.MISSING_FIELD:
        return f"nothing stands at {_path(plan.feed.fields[name])}: see fields.{name}, or leave such elements out by where"
    if name in _TIMES:
        return _of_time(name, reason)
    if name in _OF_NUMBERS:
        return _of_number(name, refused) if reason in _NO_NUMBER else None
    if reason is Reason.BAD_TEXT and name in _OF_ASSETS:
        said = f"{str(canonical[name])[:40]!r}: " if name in canonical else ""
        return f"{said}give it a canonical name in assets.aliases, or in the feed's aliases"
    if reason is Reason.UNKNOWN_VALUE:
        said = f"{str(canonical.get(name))[:40]!r}" if name in canonical else "it"
        return f"translate {said} in values.{name}.table (raw: canonical), or by values.{name}.case"
    return None


def _of_number(name: str, refused: Invalid) -> str:
    if _TOO_MANY in refused.detail:
        return f"another path of fields.{name}, or assets.decimals where the asset does divide so far"
    return f"values.{name}.numbers: lenient takes floats and exponents"


def _of_time(name: str, reason: Reason) -> str | None:
    if reason in {Reason.BAD_TIME, Reason.WRONG_TYPE}:
        return f"values.{name}.times: s, ms, us or ns for a count since 1970; time_zone: Asia/Seoul for a local time"
    return f"is values.{name}.times the unit of the record?" if reason in {Reason.OUT_OF_RANGE, Reason.AHEAD_OF_TIME} else None


def _path(raw: Any) -> str:
    return " or ".join(map(str, raw)) if isinstance(raw, list | tuple) else str(raw)
