"""Proposals as JSON values and as sentences that say what to move, by when."""

from __future__ import annotations

from typing import Any

from monitor.core.foresight.moves import Proposal
from monitor.core.foresight.remedies import Move
from monitor.core.values.money import plain

AT_ONCE = "at once: the rule sets no term"


def proposal_object(proposal: Proposal) -> dict[str, Any]:
    """One rule and the moves that mend it; quantities are exact."""
    return {
        "method": proposal.method,
        "rule": proposal.rule,
        "ref": proposal.ref,
        "state": proposal.state,
        "by": proposal.by,
        "moves": [_move_object(move) | {"text": _sentence(move, deadline(proposal))} for move in proposal.moves],
        "costs": list(proposal.costs),
        "reason": proposal.reason,
    }


def deadline(proposal: Proposal) -> str:
    """When the moves must be done."""
    return AT_ONCE if proposal.by is None else f"by {proposal.by} 24:00 {proposal.zone}"


def _sentence(move: Move, when: str) -> str:
    quantity = f"{move.quantity:,f}".rstrip("0").rstrip(".") if "." in f"{move.quantity:f}" else f"{move.quantity:,f}"
    if move.kind == "transfer":
        return f"move {quantity} {move.asset} of {move.role} from {move.source} to {move.target}, {when}"
    if move.kind == "designate":
        return f"make {quantity} {move.asset} of house_asset in {move.source} {move.role} in {move.target}, {when}"
    if move.kind == "declare":
        return f"{_declared(move, f'{move.asset} {quantity}')}, {when}"
    return f"add {quantity} {move.asset} of own assets to {move.role} in {move.target}, {when}"


_DECLARED = {
    "trust_principal": "put {money} into trust",
    "own_funds": "raise own funds by {money}",
    "capital": "raise paid-up capital by {money}",
    "non_fixed_own_capital": "raise non-fixed own capital by {money}",
    "liability_reserve": "book {money} more as liability reserve",
    "insurance_limit": "raise insurance cover by {money}",
    "guarantee_limit": "raise guarantees by {money}",
}
"""What is done with money that a declaration tells of; any other kind is raised by its name."""


def _declared(move: Move, money: str) -> str:
    said = _DECLARED.get(move.role, f"raise {move.role.replace('_', ' ')} by {{money}}").format(money=money)
    attributes = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in move.attributes)
    return f"{said} ({attributes})" if attributes else said


def _move_object(move: Move) -> dict[str, Any]:
    return {
        "kind": move.kind,
        "role": move.role,
        "asset": move.asset,
        "quantity": plain(move.quantity),
        "from": move.source,
        "to": move.target,
        "attributes": dict(move.attributes),
    }
