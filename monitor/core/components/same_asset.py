"""Backing asset by asset: one asset never helps another (INPUTS 1, Same-asset methods)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.core.components.custody import ASSETS, STORAGE_WORDS, STORAGES
from monitor.core.components.limits import STATES
from monitor.core.components.packs.computation import Computation, Outcome, Row
from monitor.core.components.packs.pack import Element
from monitor.core.components.packs.registry import Argument, rule_type
from monitor.core.journal.vocabulary import ROLES
from monitor.core.values.figure import UNKNOWN, Figure, minimum, total
from monitor.core.values.money import ZERO


@rule_type(
    "same_asset",
    family=True,
    required_role=Argument("choice", words=ROLES),
    required_storage=Argument("choice", words=STORAGE_WORDS),
    held_role=Argument("choice", words=ROLES),
    held_storage=Argument("choice", words=STORAGE_WORDS),
    members=Argument("choice", words=("required", "either")),
    assets=Argument("choice", words=tuple(ASSETS)),
    multiple=Argument("amount", needed=False),
)
def same_asset(computation: Computation, element: Element) -> Outcome:
    """A row for each asset: quantity of the held role against that of the required role, times a multiple.

    Members are the assets of the required role, or (`either`) those of which either role may hold any. As a headline:
    required quantity x price against min(held, required) x price, summed.
    """
    arguments, view = element.arguments, computation.view
    rows, required, available = [], [], []
    in_headline = element.name in computation.plan.pack.headline.components
    for asset, asked, held in _quantities(computation, arguments):
        name = f"{element.name}.{asset}"
        if name in computation.plan.skip:
            rows.append(Row.empty(name, "min", asset, "not_applicable"))
            continue
        rows.append(_row(computation, element, (name, asset), asked, held))
        if in_headline:
            with view.reading("both"):
                required.append(view.value(asset, asked))
                available.append(view.value(asset, minimum([held, asked])))
    if in_headline and not view.role_seen(arguments["required_role"]):
        view.gap("position_missing", arguments["required_role"], "both")
        required.append(UNKNOWN)
        available.append(UNKNOWN)
    return Outcome(tuple(rows), total(required), total(available)) if in_headline else Outcome(tuple(rows))


def _candidates(computation: Computation, arguments: Mapping[str, Any]) -> list[str]:
    roles = (
        [arguments["required_role"]]
        if arguments["members"] == "required"
        else [arguments["required_role"], arguments["held_role"]]
    )
    fiat = ASSETS[arguments["assets"]]
    assets = {asset for role in roles for asset in computation.view.assets(role)}
    return sorted(asset for asset in assets if computation.view.counts_as(asset, fiat=fiat))


def _quantities(computation: Computation, arguments: Mapping[str, Any]) -> list[tuple[str, Figure, Figure]]:
    """Of each asset what is asked and what is held; a liability below 0 (fiat: more debits than claims) asks nothing."""
    view, assets = computation.view, _candidates(computation, arguments)
    role, storages = arguments["required_role"], STORAGES[arguments["required_storage"]]
    with view.reading("required"):
        asked = [view.quantity(role, asset, storages).at_least(0) for asset in assets]
    if ASSETS[arguments["assets"]] is not None:
        asked = [_perhaps(figure) if view.doubtful(asset) else figure for asset, figure in zip(assets, asked, strict=True)]
    if "multiple" in arguments:
        multiple = computation.amount(arguments["multiple"])
        asked = [figure.scaled(multiple) for figure in asked]
    role, storages = arguments["held_role"], STORAGES[arguments["held_storage"]]
    with view.reading("available"):
        held = [view.quantity(role, asset, storages) for asset in assets]
    found = zip(assets, asked, held, strict=True)
    if arguments["members"] == "required":
        return list(found)
    return [(asset, wanted, there) for asset, wanted, there in found if wanted.exact_high != 0 or there.exact_high != 0]


def _perhaps(asked: Figure) -> Figure:
    """Asked of a coin, not of money: of what may be either, anything up to it."""
    return Figure(ZERO, asked.exact_high)


def _row(computation: Computation, element: Element, names: tuple[str, str], asked: Figure, held: Figure) -> Row:
    name, asset = names
    met = held.reaches(asked)
    short = (asked - held).at_least(0)
    worth = None
    if met is False and short.known:
        with computation.view.reading("figures"):
            worth = computation.view.value(asset, short)
    return Row(
        name=name,
        bound="min",
        required=asked,
        held=held,
        shortfall=short,
        worth=worth,
        unit=asset,
        ref=element.ref,
        state=STATES[met],
        cure_by=None,
        status=computation.plan.statuses[element.name],
        counted=True,
        quantity=True,
    )
