"""Approvers, promotions they sign, and configurations that ask for two of them, for tests of change control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.audit.signatures.approvals import approval_of, proposal, signed_by
from monitor.audit.signatures.keys import PrivateKey
from monitor.core.journal.records import Source, SourcePartition, Statement
from monitor.core.values.canonical import digest_of
from monitor.core.values.times import DAY, MINUTE
from monitor.methods.loader import load_packs, pack_digest
from tests.evidence_maker import key
from tests.journal_maker import START, Journal, configuration_text, house

ANN, BOB, EVE = key(11), key(12), key(13)
APPROVERS = {"ann": ANN.public.text, "bob": BOB.public.text}
CANDIDATE = "house.composite"
IN_FORCE = "jp.psa_custody"
METHODS: list[dict[str, Any]] = [
    {"id": IN_FORCE, "mode": "in_force", "options": {"skip": ["fiat_trust", "capital", "net_assets"]}},
    {"id": CANDIDATE, "mode": "shadow"},
]
PACK = pack_digest(load_packs()[CANDIDATE])


def controls(*four_eyes: str) -> dict[str, Any]:
    """The section, with ann and bob."""
    return {"approvers": APPROVERS, "four_eyes": list(four_eyes)}


def controlled(*four_eyes: str, revision: int = 1, methods: Sequence[Mapping[str, Any]] = METHODS, **more: Any) -> str:
    """The text of a configuration of jp-main under two methods."""
    return configuration_text({"jp-main": house(methods=methods)}, revision=revision, controls=controls(*four_eyes), **more)


def method_body(**more: Any) -> dict[str, Any]:
    """The body of a promotion of the candidate."""
    return {
        "subject": "method",
        "method": CANDIDATE,
        "mode": "in_force",
        "pack_digest": PACK,
        "options_digest": digest_of({}),
        "backtest_digest": "sha256:" + "5" * 64,
        "replaces": None,
    } | more


def promotion(
    body: Mapping[str, Any] | None = None,
    signers: Mapping[str, PrivateKey] | None = None,
    *,
    kind: str = "promotion",
    by: Sequence[str] = ("ann", "bob"),
    at: int = START + MINUTE,
    lasts: int = DAY,
) -> dict[str, Any]:
    """A record of `reserve.operations`, signed by ann and bob unless said otherwise."""
    made = proposal("jp-main", kind, method_body() if body is None else body, by, "board decision", at=at, expires_at=at + lasts)
    for name, one in ({"ann": ANN, "bob": BOB} if signers is None else signers).items():
        made = signed_by(made, name, one)
    return made


def put(journal: Journal, made: Mapping[str, Any]) -> None:
    """The record as intake would journal it."""
    body = {name: value for name, value in approval_of(made).items() if name != "entity"}
    where = SourcePartition("reserve.operations", 0, 0)
    source = Source(where, offset=len(journal.records))
    journal.put(Statement("operation", made["entity"], journal.now, body, source, journal.now))
