"""A bench for one method: a few lines of input, one printed result."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, cast

from monitor.core.configuration.configuration import MethodConfig
from monitor.core.evaluation.assessment import Method, result_object
from monitor.core.values.times import parse_time
from monitor.core.view.view import View
from monitor.methods.loader import check_options, load_packs
from tests import naive_view

NOW = "2026-01-05T00:00:00Z"
ENTITY = "e-1"


@cache
def packs() -> dict[str, dict[str, Any]]:
    return load_packs()


class Bench:
    """Events of one entity, in log order; each method returns the bench so that inputs can be chained."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def add(self, topic: str, value: Mapping[str, Any], logged: str = NOW) -> Bench:
        self.events.append(naive_view.Event(topic, parse_time(logged), len(self.events), value))
        return self

    def price(self, asset: str, currency: str, price: str, as_of: str = NOW, kind: str = "spot") -> Bench:
        value = {"event_id": f"p{len(self.events)}", "asset": asset, "currency": currency, "price": price, "as_of": as_of}
        return self.add("market.prices", {**value, "source": "index", "kind": kind}, as_of)

    def hold(self, role: str, storage: str, asset: str, quantity: str, as_of: str = NOW, *, account: str = "") -> Bench:
        value = {"event_id": f"b{len(self.events)}", "entity": ENTITY, "account": account or f"{role}-{storage}", "role": role}
        return self.add(
            "custody.balances", {**value, "storage": storage, "asset": asset, "quantity": quantity, "as_of": as_of}, as_of
        )

    def declare(
        self,
        kind: str,
        amount: str,
        currency: str = "JPY",
        since: str = NOW,
        until: str | None = None,
        **attributes: str,
    ) -> Bench:
        value = {
            "event_id": f"d{len(self.events)}",
            "entity": ENTITY,
            "kind": kind,
            "effective_from": since,
            "effective_to": until,
        }
        return self.add(
            "entity.declarations", {**value, "amount": amount, "currency": currency, "attributes": attributes}, min(since, NOW)
        )

    def trade(self, market: str, price: str, quantity: str, at: str, **more: str) -> Bench:
        value = {"trade_id": f"t{len(self.events)}", "entity": ENTITY, "market": market, "price": price, "quantity": quantity}
        return self.add("market.trades", {**value, "executed_at": at, **more}, at)

    def incident(self, occurred_at: str, losses: list[tuple[str, str | None, str]], **more: Any) -> Bench:
        value: dict[str, Any] = {
            "incident_id": f"i{len(self.events)}",
            "revision": 1,
            "entity": ENTITY,
            "kind": "other",
            "severity": "high",
            "status": "confirmed",
            "occurred_at": occurred_at,
            "detected_at": occurred_at,
            "updated_at": occurred_at,
            "losses": [{"asset": asset, "quantity": quantity, "owner": owner} for asset, quantity, owner in losses],
            "loss_estimate": None,
            "recoveries": [],
            "reported_by": "internal",
            "summary": "",
        }
        return self.add("security.incidents", value | more, more.get("logged", occurred_at))

    def assess(
        self,
        method: str,
        at: str = "2026-01-05T01:00:00Z",
        *,
        watch: str | None = None,
        zone: str = "UTC",
        currency: str = "JPY",
        pack: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        used = pack or packs()[method]
        check_options(used, options)
        view = naive_view.NaiveView(
            self.events,
            ENTITY,
            parse_time(at),
            place=naive_view.zone(options.get("time_zone") or used["time_zone"] or zone),
            days=naive_view.calendar(options.get("calendar") or used["calendar"] or "weekdays"),
            currency=used["currency"] or currency,
        )
        config = MethodConfig(method, "in_force", options)
        read = cast("View", view)  # it answers every question of a View, in plain loops
        return result_object(Method(config, used).evaluate(read, None if watch is None else Decimal(watch)))


def component(result: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The component of that name."""
    return next(row for row in result["components"] if row["name"] == name)


def gaps(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(kind, subject) of every gap."""
    return [(gap["kind"], gap["subject"]) for gap in result["gaps"]]
