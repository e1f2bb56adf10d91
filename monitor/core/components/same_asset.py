"""Backing asset by asset: one asset never helps another (INPUTS 1, Same-asset methods)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from monitor.core.components.custody import ASSETS, STORAGE_WORDS, STORAGES
from monitor.core.components.limits import STATES
from monitor.core.components.packs.computation import Computation, Outcome, Row
from monitor.core.components.packs.pack import Element
from monitor.core.components.packs.registry import Argument, rule_type
from monitor.core.journal.vocabulary import ROLES
from monitor.core.values.figure import NOTHING, UNKNOWN, Figure, minimum
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
    required quantity x price against min(held, required) x price, summed: it is met where every row is, whatever prices are, if
    no ticker may be something else.
    """
    arguments, view, plan = element.arguments, computation.view, computation.plan
    in_headline = element.name in plan.pack.headline.components
    assets = _candidates(computation, arguments)
    key = ("same_asset", plan, element.name, view.currency)
    found = view.each(key, assets, lambda asset: _asset(computation, element, asset))
    members = [member for asset in assets if (member := found[asset]) is not None]
    rows = tuple(member.row for member in members)
    if not in_headline:
        return Outcome(rows)
    with view.reading("both"):
        worth = view.summed((*key, "worth"), assets, lambda asset: _worth(computation, asset, found[asset]))
        there = view.summed((*key, "there"), assets, lambda asset: _there(computation, asset, found[asset]))
    if not view.role_seen(arguments["required_role"]):
        view.gap("position_missing", arguments["required_role"], "both")
        return Outcome(rows, worth + UNKNOWN, there + UNKNOWN)
    valued = worth.known and there.known
    return Outcome(rows, worth, there, by_quantity=valued or not any(map(view.doubtful, assets)))


class _Member(NamedTuple):
    """An asset's row, and what of it is asked and held: nothing where the row is skipped."""

    row: Row
    asked: Figure = NOTHING
    held: Figure = NOTHING


def _worth(computation: Computation, asset: str, member: _Member | None) -> Figure:
    """For a headline, the value of what is asked of an asset."""
    return NOTHING if member is None else computation.view.value(asset, member.asked)


def _there(computation: Computation, asset: str, member: _Member | None) -> Figure:
    """The value of what there is of it, up to what is asked."""
    if member is None:
        return NOTHING
    there = member.asked if member.held.reaches(member.asked) else minimum([member.held, member.asked])
    return computation.view.value(asset, there)


def _candidates(computation: Computation, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    view, fiat = computation.view, ASSETS[arguments["assets"]]
    required = view.counted(arguments["required_role"], fiat=fiat)
    if arguments["members"] == "required":
        return required
    return tuple(sorted({*required, *view.counted(arguments["held_role"], fiat=fiat)}))


def _asset(computation: Computation, element: Element, asset: str) -> _Member | None:
    """What the rule finds of one asset; None where neither role may hold any of it."""
    arguments, name = element.arguments, f"{element.name}.{asset}"
    asked, held = _asked(computation, arguments, asset), _held(computation, arguments, asset)
    if arguments["members"] == "either" and asked.exact_high == 0 and held.exact_high == 0:
        return None
    if name in computation.plan.skip:
        return _Member(Row.empty(name, "min", asset, "not_applicable", element.ref))
    return _Member(_row(computation, element, (name, asset), asked, held), asked, held)


def _asked(computation: Computation, arguments: Mapping[str, Any], asset: str) -> Figure:
    """What is asked; a liability below 0 (fiat: more debits than claims) asks nothing."""
    view = computation.view
    with view.reading("required"):
        asked = view.quantity(arguments["required_role"], asset, STORAGES[arguments["required_storage"]]).at_least(0)
    if ASSETS[arguments["assets"]] is not None and view.doubtful(asset):
        asked = Figure(ZERO, asked.exact_high)  # of a coin, not of money: of what may be either, anything up to it
    return asked.scaled(computation.factor(arguments["multiple"])) if "multiple" in arguments else asked


def _held(computation: Computation, arguments: Mapping[str, Any], asset: str) -> Figure:
    with computation.view.reading("available"):
        return computation.view.quantity(arguments["held_role"], asset, STORAGES[arguments["held_storage"]])


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
