"""A view of an earlier instant says, with nothing come late, what the live view of that instant said (P3)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.journal.vocabulary import ROLES
from monitor.core.values.times import HOUR, MINUTE, parse_time
from tests.book_maker import Desk, Maker, content, limits

START = parse_time("2026-01-05T00:00:00Z")
MIDNIGHT = parse_time("2026-01-06T00:00:00Z")
STORAGES = (None, frozenset({"cold"}), frozenset({"hot"}))

FRESHNESS = st.fixed_dictionaries(
    {},
    optional={
        "custody.balances": st.builds(limits, st.none() | st.just(18 * 3600), st.none() | st.just(8 * 3600)),
        "custody.balances/x": st.builds(limits, st.none() | st.just(6 * 3600), st.none() | st.just(3 * 3600)),
        "custody.balances/never": st.builds(limits, st.none() | st.just(3600)),
    },
)
BALANCE = st.tuples(
    st.integers(0, 23 * 60),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["client_asset", "client_liability"]),
    st.sampled_from(["cold", "hot"]),
    st.sampled_from(["BTC", "JPY"]),
    st.integers(0, 9),
    st.none() | st.sampled_from(["x", "y"]),
    st.none() | st.just(("g", 3)),
)


def seen(desk: Desk, at: int) -> dict[str, Any]:
    view = desk.view(at)
    figures = {
        (role, asset, storages): view.quantity(role, asset, storages)
        for role in ROLES
        for asset in ("BTC", "JPY")
        for storages in STORAGES
    }
    owed = view.positive_quantity("client_liability", "JPY")
    return {"figures": figures, "owed": owed, "gaps": view.gaps, "unknown": view.forced_unknown}


@given(FRESHNESS, st.lists(BALANCE, max_size=12), st.integers(1, 50))
def test_an_earlier_view_is_what_the_live_one_was(freshness: dict[str, Any], balances: list[Any], hours: int) -> None:
    make, desk = Maker(), Desk(content({"freshness": freshness}))
    for minute, account, role, storage, asset, quantity, source, group in sorted(balances, key=lambda one: one[0]):
        at = START + minute * MINUTE
        desk.put(
            make.position(str(quantity), at, account=account, role=role, storage=storage, asset=asset, source=source, group=group)
        )
    live = seen(desk, MIDNIGHT - 1)
    desk.put(make.position("1", MIDNIGHT + hours * HOUR, account="z", source="x"))
    desk.view(MIDNIGHT + hours * HOUR)
    assert seen(desk, MIDNIGHT - 1) == live
    assert seen(desk.restored(), MIDNIGHT - 1) == live
