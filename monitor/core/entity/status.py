"""What now: the status object of CONTRACT 5, and the numbers that metrics show beside it (CONTRACT 6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from monitor.core.book.completeness import Completeness, FeedKnown
from monitor.core.entity.entity import EXPOSURE, Entity
from monitor.core.entity.measures import CustodyAmount, CustodyQuantity, IncidentLoss, LastEvent, Measures, TradedValue
from monitor.core.foresight.candidates import compared
from monitor.core.journal.vocabulary import LIABILITY, OUTCOMES, SOURCE_TOPICS
from monitor.core.values.figure import Figure, total
from monitor.core.values.money import plain, round_down, round_up
from monitor.core.values.times import HOUR, SECOND, format_time, hour_of
from monitor.core.view.view import View

WINDOW = "24h"


def figures_of(entity: Entity, clock: int) -> dict[str, Any]:
    """What an evaluation changes of the status at the engine clock (ns)."""
    newest = evaluations_of(entity)
    return {
        "entity": entity.name,
        "at": format_time(clock),
        "methods": newest["assessments"],
        "exposure": newest["exposure"],
        "alerts": list(_firing(entity)),
        "checkpoint": entity.standing.seal.newest,
    }


def status_of(entity: Entity, clock: int, day: date | None) -> dict[str, Any]:
    """The status of an entity at the engine clock (ns); `day` is the business date of its `day` trade flow, else the current."""
    figures = figures_of(entity, clock)
    checkpoint = figures.pop("checkpoint")
    return figures | {
        "incidents": entity.book.incident_objects(),
        "owed": sorted({asset for role, asset, _, quantity in entity.book.custody() if role == LIABILITY and quantity}),
        "trade_flow": [*_flow(entity, clock), *_flow_of_day(entity, clock, day)],
        "sources": [_source(entity, feed, clock) for feed in Completeness(entity.book, clock).feeds()],
        "checkpoint": checkpoint,
        "promotions": entity.standing.promotions.verdicts,
    }


def _firing(entity: Entity) -> Iterator[dict[str, Any]]:
    """The alerts that fire as they were published, with `clears_after_s`: how long each must be over before it resolves.

    `clears_at` where one is over for now: when it resolves if that holds.
    """
    clearing, dwells = entity.alerts.clearing(), entity.alerts.exit_dwells()
    for record in entity.alerts.records():
        if record["status"] == "firing":
            clears_at, dwell = clearing.get(record["fingerprint"]), dwells[record["fingerprint"]]
            shown = record | {"clears_after_s": dwell // SECOND}
            yield shown if clears_at is None else shown | {"clears_at": format_time(clears_at)}


def evaluations_of(entity: Entity) -> dict[str, Any]:
    """The newest evaluation of each method, in the order of the configuration, and of the exposure."""
    newest = entity.standing.newest
    methods = entity.evaluator.methods if entity.evaluator else ()
    names = [prepared.config.id for prepared in methods if prepared.config.id in newest]
    return {"assessments": [newest[name] for name in names], "exposure": newest.get(EXPOSURE)}


def candidates_of(entity: Entity, clock: int) -> dict[str, Any]:
    """The methods side by side at the engine clock (ns): see candidates.compared. KeyError for one that is not configured."""
    if entity.evaluator is None:
        raise KeyError(entity.name)
    return compared(entity.evaluator, entity.standing.newest, entity.book, clock)


def measures_of(entity: Entity, clock: int) -> Measures:
    """Numbers for metrics at the engine clock (ns)."""
    standing, book = entity.standing, entity.book
    view = entity.evaluator.yardstick.view(book, clock) if entity.evaluator else None
    return Measures(
        custody_quantity=tuple(
            CustodyQuantity(asset, role, storage, plain(quantity)) for role, asset, storage, quantity in book.custody()
        ),
        custody_amount=() if view is None else tuple(_custody_amounts(entity, view)),
        trade_value=() if view is None else (_traded(view),),
        incident_loss=() if view is None else tuple(_losses(view)),
        source_last_event=tuple(LastEvent(feed.name, book.last_heard(feed.name)) for feed in Completeness(book, clock).feeds()),
        holes=book.shared.sources.holes_made(),
        evaluated_at=standing.evaluated_at or None,
        state_since={name: line.state_since for name, line in sorted(standing.lines.items()) if name != EXPOSURE},
        cure_ends=_cure_ends(entity),
    )


def _flow(entity: Entity, clock: int) -> Iterator[dict[str, Any]]:
    """The UTC hour of the clock and the 23 before it (JOURNAL 2)."""
    for row in entity.book.trade_flow(hour_of(clock) - 23 * HOUR, hour_of(clock) + HOUR):
        yield {"market": row["market"], "window": WINDOW, "date": None} | row


def _flow_of_day(entity: Entity, clock: int, day: date | None) -> Iterator[dict[str, Any]]:
    """The entity's business date, in its own zone."""
    entity_config = entity.config.entity(entity.name)
    zone = entity.config.zone(entity_config.time_zone if entity_config else None)
    chosen = zone.local_date(clock) if day is None else day
    for row in entity.book.trade_flow(zone.day_start(chosen), zone.day_end(chosen)):
        yield {"market": row["market"], "window": "day", "date": chosen.isoformat()} | row


def _source(entity: Entity, feed: FeedKnown, clock: int) -> dict[str, Any]:
    """Counts are of a topic or of a feed that is read as one; of a source within one they are null."""
    last = _last_heard(entity, feed.name)
    counts: dict[str, int | None] = dict.fromkeys(OUTCOMES)
    if feed.name in SOURCE_TOPICS or feed.name in entity.config.sources:
        found = entity.book.shared.counts(feed.name).of_each()
        wanted = OUTCOMES if feed.name in SOURCE_TOPICS else (*OUTCOMES, "filtered")
        counts.update({outcome: found[outcome] for outcome in wanted})
    times: dict[str, Any] = {"last_event_at": None, "age_s": None}
    if last is not None:
        times = {"last_event_at": format_time(last), "age_s": max(0, clock - last) // SECOND}
    return {"topic": feed.name, "state": feed.state, **counts, **times}


def _last_heard(entity: Entity, feed: str) -> int | None:
    """When a feed was heard last (ns). One without a limit of its own is not told apart; alone in its kind it is that kind."""
    kind = feed.partition("/")[0]
    alone = tuple(entity.config.feeds_of(kind)) == (feed,)
    return entity.book.last_heard(feed) or (entity.book.last_heard(kind) if alone else None)


def _custody_amounts(entity: Entity, view: View) -> Iterator[CustodyAmount]:
    amounts: dict[tuple[str, str], list[Figure]] = {}
    for role, asset, storage, quantity in entity.book.custody():
        if asset not in view.assets(role):
            continue  # left out of every figure
        amounts.setdefault((role, storage), []).append(view.value(asset, Figure.of(quantity)))
    for (role, storage), values in amounts.items():
        value = total(values).value
        yield CustodyAmount(role, storage, None if value is None else round_down(value, view.minor_unit))


def _traded(view: View) -> TradedValue:
    value = (view.trade_value_24h("spot") + view.trade_value_24h("derivative")).value if view.trades_seen() else None
    return TradedValue(WINDOW, None if value is None else round_down(value, view.minor_unit))


def _losses(view: View) -> Iterator[IncidentLoss]:
    nets: dict[str, list[Figure]] = {}
    for incident in view.incidents():
        nets.setdefault(incident.status, []).append(incident.net)
    for status, losses in sorted(nets.items()):
        value = total(losses).value
        yield IncidentLoss(status, None if value is None else round_up(value, view.minor_unit))


def _cure_ends(entity: Entity) -> dict[str, dict[str, int]]:
    ends: dict[str, dict[str, int]] = {}
    for prepared in entity.evaluator.methods if entity.evaluator else ():
        for component in entity.standing.newest.get(prepared.config.id, {}).get("components", ()):
            if component["cure_by"] is not None:
                last = date.fromisoformat(component["cure_by"])
                ends.setdefault(prepared.config.id, {})[component["name"]] = prepared.zone.day_end(last)
    return ends
