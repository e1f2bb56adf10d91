"""Bodies of the operations that have a form: dismissals and promotions; signatures under any of them (CONTRACT 1, 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from monitor.core.journal.vocabulary import ConfigurationPart, Mode, SourceTopic
from streams.wire.fields import Sequence, Text

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
_Key = Annotated[str, StringConstraints(pattern=r"^ed25519:[0-9a-f]{64}$")]
_SignatureText = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


class ActForm(BaseModel):
    """Takes what it names and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Dismissal(ActForm):
    """What a dismissed record is identified by; one of the journal is left out by the engine that cannot take it."""

    topic: SourceTopic | Literal["reserve.journal"]
    epoch: Sequence
    partition: Sequence
    offset: Sequence
    feed: Text | None = None
    index: Sequence | None = None


class GroupDismissal(ActForm):
    """That nothing is missing of a group of positions."""

    group: Text


class AlertDismissal(ActForm):
    """That an alert is over which nothing is looked at for any more: the configuration took away what it was of."""

    alert: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


def dismissal_form(body: Mapping[str, Any]) -> type[ActForm]:
    """What a dismissal must be, by what it names."""
    if "group" in body:
        return GroupDismissal
    return AlertDismissal if "alert" in body else Dismissal


class MethodPromotion(ActForm):
    """That a method of the entity has this mode from now on. `replaces`: one that informs only from then on."""

    subject: Literal["method"]
    method: Text
    mode: Mode
    pack_digest: Digest
    options_digest: Digest
    backtest_digest: Digest | None
    replaces: Text | None


class PartPromotion(ActForm):
    """That a part of the configuration may change to what has this digest."""

    subject: ConfigurationPart
    digest: Digest


class Signature(ActForm):
    """An identity's signature over the operation, by the key it names."""

    by: Text
    key: _Key
    signature: _SignatureText
