"""Backing asset by asset: one asset never helps another (INPUTS 1, Same-asset methods)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.core.components.computation import Computation, Outcome, Row
from monitor.core.components.custody import ASSETS, ROLES, STORAGE_WORDS, STORAGES
from monitor.core.components.limits import STATES, ratio_figure
from monitor.core.components.registry import Argument, rule_type
from monitor.core.figure import UNKNOWN, Figure, minimum, total


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
def same_asset(c: Computation, a: Mapping[str, Any]) -> Outcome:
    """A row for each asset: quantity of the held role against that of the required role, times a multiple.

    Members are the assets of the required role, or (`either`) those of which either role may hold any. As a headline:
    required quantity x price against min(held, required) x price, summed.
    """
    rows, required, available = [], [], []
    in_headline = c.component.name in c.plan.pack.headline.components
    for asset in _candidates(c, a):
        asked, held = _quantities(c, a, asset)
        if a["members"] == "either" and asked.high == 0 and held.high == 0:
            continue
        name = f"{c.component.name}.{asset}"
        if name in c.plan.skip:
            rows.append(Row.empty(name, "min", asset, "not_applicable"))
            continue
        rows.append(_row(c, name, asset, asked, held))
        if in_headline:
            with c.view.reading("both"):
                required.append(c.view.value(asset, asked))
                available.append(c.view.value(asset, minimum([held, asked])))
    if in_headline and not c.view.role_seen(a["required_role"]):
        c.view.gap("position_missing", a["required_role"], "both")
        required.append(UNKNOWN)
        available.append(UNKNOWN)
    return Outcome(tuple(rows), total(required), total(available)) if in_headline else Outcome(tuple(rows))


def _candidates(c: Computation, a: Mapping[str, Any]) -> list[str]:
    roles = [a["required_role"]] if a["members"] == "required" else [a["required_role"], a["held_role"]]
    fiat = ASSETS[a["assets"]]
    assets = {asset for role in roles for asset in c.view.assets(role)}
    return sorted(asset for asset in assets if fiat is None or c.view.is_fiat(asset) == fiat)


def _quantities(c: Computation, a: Mapping[str, Any], asset: str) -> tuple[Figure, Figure]:
    """What is asked and what is held; a liability below 0 (fiat: more debits than claims) asks nothing."""
    with c.view.reading("required"):
        asked = c.view.quantity(a["required_role"], asset, STORAGES[a["required_storage"]]).at_least(0)
    with c.view.reading("available"):
        held = c.view.quantity(a["held_role"], asset, STORAGES[a["held_storage"]])
    return (asked.scaled(c.amount(a["multiple"])) if "multiple" in a else asked), held


def _row(c: Computation, name: str, asset: str, asked: Figure, held: Figure) -> Row:
    met = held.reaches(asked)
    short = (asked - held).at_least(0)
    worth = None
    if met is False and short.known:
        with c.view.reading("figures"):
            worth = c.view.value(asset, short)
    return Row(
        name=name,
        bound="min",
        required=asked,
        held=held,
        shortfall=short,
        worth=worth,
        unit=asset,
        ref=c.component.ref,
        state=STATES[met],
        cure_by=None,
        status=c.plan.statuses[c.component.name],
        ratio=ratio_figure(held, asked),
        quantity=True,
    )
