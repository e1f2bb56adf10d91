"""How far back a log is read for a figure: until each method that closes its days has one."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from monitor.cli.evidence.choosing import Wanted, found_each
from monitor.core.values.times import DAY, parse_time
from monitor.errors import UsageError

AT = parse_time("2026-01-05T03:04:05Z")


def entry(method: str, kind: str, sequence: int) -> dict[str, Any]:
    return {
        "schema": "reserve.assessment/1",
        "entity": "jp-main",
        "method": method,
        "kind": kind,
        "at": "2026-01-05T00:00:00Z",
        "business_date": "2026-01-04",
        "chain": {"sequence": sequence},
    }


@pytest.mark.parametrize(
    ("kinds", "whole"),
    [([], False), (["close"], False), (["live"], True), (["close", "live"], True)],
)
def test_a_method_that_closes_its_days_has_a_figure_further_back(kinds: list[str], whole: bool) -> None:
    entries = [entry("a.b", "live", 1), *(entry("c.d", kind, number) for number, kind in enumerate(kinds, 2))]
    assert found_each(entries, Wanted("jp-main", at=AT)) is (whole or not kinds)
    assert found_each(entries, Wanted("jp-main", at=AT, method="c.d")) is whole


def test_it_is_read_further_and_further_back() -> None:
    assert list(Wanted("jp-main", at=AT).spans()) == [(AT - 2 * DAY, AT), (AT - 32 * DAY, AT), (None, AT)]
    assert list(Wanted("jp-main", day=date(2026, 1, 5)).spans()) == [(parse_time("2026-01-04T00:00:00Z"), None)]


def test_an_entity_alone_means_its_figures_now() -> None:
    assert Wanted("jp-main").or_now(AT, {"jp-main"}) == Wanted("jp-main", at=AT)
    assert Wanted("jp-main").or_now(AT, None).is_entity
    for other in (
        Wanted("jp-typo"),
        Wanted("ReserveShortfall"),
        Wanted("ab12"),
        Wanted("jp-main", at=1),
        Wanted("jp-main", day=date(2026, 1, 5)),
    ):
        assert other.or_now(AT, {"jp-main"}) is other
    with pytest.raises(UsageError, match="no entity of the configuration"):
        Wanted("jp-typo").check()
