"""What a feed may say: canonical names that there are, all that is needed, whole lists of what can be one."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from monitor.core.journal.vocabulary import BALANCES
from monitor.errors import ConfigurationError
from streams.wire.feeds.format import FeedFormat
from streams.wire.models import MODELS


def refuse_unknown(feed: FeedFormat) -> None:
    """ConfigurationError for canonical names that there are none of."""
    for section, names in (("fields", feed.fields), ("constants", feed.constants), ("values", feed.values)):
        for name in names:
            if not _known(MODELS[feed.kind], name):
                known = ", ".join(one for one in MODELS[feed.kind].model_fields if one != "schema_")
                raise ConfigurationError(f"{feed.place}.{section}.{name}: {feed.kind} has no such field; it has {known}")
            if section == "values" and name not in feed.fields:
                raise ConfigurationError(f"{feed.place}.values.{name}: {name} is not mapped, so nothing is changed by it")
    given = {one.partition(".")[0].partition("[")[0] for one in (*feed.fields, *feed.constants)}
    lacking = [name for name, field in MODELS[feed.kind].model_fields.items() if field.is_required() and name not in given]
    if lacking:
        are, them = ("is", "it") if len(lacking) == 1 else ("are", "them")
        raise ConfigurationError(
            f"{feed.place}: {', '.join(lacking)} {are} needed: map {them} in fields or fix {them} in constants"
        )


def check_snapshot(feed: FeedFormat) -> None:
    """ConfigurationError for whole lists that are none, or whose empty ones would not say whose they are."""
    if feed.snapshot_by and (feed.kind != BALANCES or set(feed.snapshot_by) - {"entity", "role", "storage", "asset"}):
        raise ConfigurationError(f"{feed.place}.snapshot: is of balances, by some of entity, role, storage, asset")
    if feed.allow_empty and not set(feed.snapshot_by) <= set(feed.constants):
        raise ConfigurationError(
            f"{feed.place}.snapshot.allow_empty: an empty list says nothing unless {', '.join(feed.snapshot_by)} are constants"
        )


def _known(model: Any, name: str) -> bool:
    first, _, rest = name.partition(".")
    field = model.model_fields.get(first.removesuffix("[]")) if model is not None else None
    if field is None or first == "schema_":
        return False
    if not rest:
        return not first.endswith("[]")
    if field.annotation == dict[str, Any] or getattr(field.annotation, "__origin__", None) is dict:
        return True
    return _known(_inner_model(field.annotation), rest)


def _inner_model(annotation: Any) -> Any:
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
        if found := next((inner for inner in get_args(one) if isinstance(inner, type) and issubclass(inner, BaseModel)), None):
            return found
    return None
