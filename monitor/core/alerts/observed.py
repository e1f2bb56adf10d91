"""From what one evaluation observed to the conditions of its alerts: the one way from figures to alerts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from monitor.core.alerts.conditions import Condition
from monitor.core.alerts.entity_conditions import entity_conditions, refused_conditions
from monitor.core.alerts.foreseen import Shortfall, forecast_condition
from monitor.core.alerts.life import Identity
from monitor.core.alerts.method_conditions import method_conditions, unknown_condition
from monitor.core.configuration.configuration import Levels
from monitor.core.evaluation.evaluation import Evaluation


def observed_conditions(
    entity: str,
    levels: Levels,
    evaluation: Evaluation,
    followed: Collection[Identity],
    shortfall: Callable[[str], Shortfall] = lambda _method: None,
) -> Iterator[Condition]:
    """The conditions of every method, then those of the entity itself, in their order.

    Of rules and assets those that are true or `followed` (looked at when their turn comes). `shortfall`: when a method's
    margin is forecast to be used up.
    """
    seen = evaluation.observations
    dead = frozenset(feed.name for feed in seen.feeds if feed.silent or feed.behind or feed.unhealthy)
    for found in evaluation.methods:
        method = found.prepared.config
        near, plan = found.prepared.near_cure(evaluation.at), found.prepared.method.plan
        yield from method_conditions(entity, method, found.result, levels, near, plan=plan, followed=followed)
        yield unknown_condition(entity, method, found.result, dead)
        forecast = forecast_condition(entity, found, levels, shortfall)
        if forecast is not None:
            yield forecast
    yield from entity_conditions(entity, seen.backing, seen.feeds, seen.incidents, followed=followed)
    yield from refused_conditions(entity, seen.refused)
