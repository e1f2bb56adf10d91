"""What an evaluation observes of an entity beside its methods' results: backing by asset, feeds, incidents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.book.book import Book
from monitor.core.book.completeness import FeedKnown
from monitor.core.book.rejections import RejectedRecord
from monitor.core.journal.vocabulary import ASSET_ROLES, LIABILITY, OPEN_STATUSES
from monitor.core.values.figure import Figure, total
from monitor.core.values.money import ZERO
from monitor.core.view.view import View


@dataclass(frozen=True, slots=True)
class Backing:
    """What clients are owed of an asset and all that is there of it, over all roles."""

    asset: str
    owed: Figure
    there: Figure


@dataclass(frozen=True, slots=True)
class IncidentSight:
    """An incident's newest revision, and its net loss in the reporting currency, which has `decimals`, if it is open."""

    body: Mapping[str, Any]
    net: Figure | None
    currency: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Observations:
    """All of them, of one entity at one instant."""

    backing: tuple[Backing, ...]
    feeds: tuple[FeedKnown, ...]
    incidents: tuple[IncidentSight, ...]
    refused: tuple[RejectedRecord, ...] = ()


def observe(book: Book, view: View) -> Observations:
    """What there is to be seen of `book` in `view`, which is in the entity's reporting currency."""
    return Observations(
        tuple(_backing(view)), tuple(view.completeness.feeds()), tuple(_incidents(book, view)), tuple(book.rejections.marking())
    )


def _backing(view: View) -> Iterator[Backing]:
    """Fiat only where a role holds it: money in trust comes as a declaration, and `fiat_trust` judges it."""
    roles = [role for role in ASSET_ROLES if view.role_seen(role)]
    if not roles or not view.role_seen(LIABILITY):
        return
    held = {role: frozenset(view.assets(role)) for role in roles}

    def backing(asset: str) -> Backing | None:
        held_anywhere = any(asset in assets for assets in held.values())
        if view.is_fiat(asset) and not held_anywhere and not view.doubtful(asset):
            return None
        there = total(view.quantity(role, asset) for role in roles if asset in held[role])
        owed = view.quantity(LIABILITY, asset)
        return Backing(asset, owed if held_anywhere else Figure(ZERO, owed.exact_high), there)

    assets = view.assets(LIABILITY)
    found = view.each("backing", assets, backing)
    yield from (one for asset in assets if (one := found[asset]) is not None)


def _incidents(book: Book, view: View) -> Iterator[IncidentSight]:
    nets: Mapping[str, Figure] = {found.id: found.net for found in view.incidents() if found.status in OPEN_STATUSES}
    for body in book.incident_objects():
        yield IncidentSight(body, nets.get(str(body["incident_id"])), view.currency, view.minor_unit)
