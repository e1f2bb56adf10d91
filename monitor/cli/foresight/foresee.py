"""What the commands that look ahead share: a scenario asked of the running workers, or of event files."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from monitor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from monitor.core.engine import Engine
    from monitor.core.foresight.scenarios import Scenario

_WIDE = 140


def live(entity: str, scenario: Scenario, config: Path | None) -> list[dict[str, Any]]:
    """The outcomes for an entity as a running worker finds them; UsageError where none knows it."""
    from monitor.cli.ask import of_entity
    from monitor.methods.stresses import scenario_object
    from monitor.settings.load import load_settings

    query = "?" + urlencode({"name": scenario.name, "scenario": json.dumps(scenario_object(scenario))})
    found = of_entity(load_settings(config), entity, query, "/foresee")
    if found is None:
        raise UsageError(f"no worker that answers holds {entity}: is it configured, was anything received for it?")
    return list(found)


def offline(engine: Engine, entity: str, scenario: Scenario) -> list[dict[str, Any]]:
    """The outcomes for an entity of replayed event files."""
    from monitor.core.foresight.scenarios import NotApplicable

    if entity not in engine.entities():
        raise UsageError(f"the events are not of {entity}: there are {', '.join(engine.entities()) or 'none'}")
    try:
        return engine.foresee(entity, scenario)
    except NotApplicable as error:
        raise UsageError(f"{scenario.name} cannot be applied: {error}") from None


def live_actions(entity: str, config: Path | None) -> list[dict[str, Any]]:
    """The proposals for an entity as a running worker finds them; UsageError where none knows it."""
    from monitor.cli.ask import of_entity
    from monitor.settings.load import load_settings

    found = of_entity(load_settings(config), entity, "", "/actions")
    if found is None:
        raise UsageError(f"no worker that answers holds {entity}: is it configured, was anything received for it?")
    return list(found)


def offline_actions(engine: Engine, entity: str) -> list[dict[str, Any]]:
    """The proposals for an entity of replayed event files."""
    if entity not in engine.entities():
        raise UsageError(f"the events are not of {entity}: there are {', '.join(engine.entities()) or 'none'}")
    return engine.actions(entity)


def undecided(engine: Engine | None, entity: str, config: Path | None) -> list[str]:
    """The methods in force of which it is not known whether they are met: of replayed event files, or of the running workers."""
    from monitor.cli.ask import of_entity
    from monitor.core.foresight.comparison import NOT_KNOWN
    from monitor.settings.load import load_settings

    status = engine.status(entity) if engine else of_entity(load_settings(config), entity) or {"methods": ()}
    return [one["method"] for one in status["methods"] if one["mode"] == "in_force" and one["state"] in NOT_KNOWN]


def chosen(found: Sequence[dict[str, Any]], methods: Sequence[str]) -> list[dict[str, Any]]:
    """The outcomes of these methods; of all where none is named."""
    kept = [outcome for outcome in found if not methods or outcome["method"] in methods]
    if not kept:
        those = ", ".join(outcome["method"] for outcome in found)
        raise UsageError(f"the entity is not assessed under {', '.join(methods)}: there are {those}")
    return kept


def show(entity: str, title: str, found: Sequence[dict[str, Any]]) -> None:
    """A table of before, after and difference on stdout, and the rules that break or are mended."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from monitor.core.values.wording import grouped, percent

    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    table = Table(title=f"{entity}: {title}", box=box.SIMPLE_HEAD, title_justify="left")
    for column in ("method", "figure"):
        table.add_column(column, overflow="fold")
    for column in ("before", "after", "difference"):
        table.add_column(column, justify="right")
    for outcome in found:
        before, after, more = outcome["before"], outcome["after"], outcome["difference"]
        table.add_row(f"{outcome['method']} ({outcome['mode']})", "state", before["state"], after["state"], "")
        for name in ("required", "available", "surplus"):
            label = f"{name}, {outcome['currency']}"
            table.add_row("", label, grouped(before[name]), grouped(after[name]), grouped(more[name]))
        table.add_row("", "coverage", percent(before["coverage"]), percent(after["coverage"]), "")
    console.print(table)
    for outcome in found:
        for name, verb in (("broken", "breaks"), ("mended", "mends")):
            if outcome[name]:
                console.print(f"{outcome['method']}: {verb} {', '.join(outcome[name])}")
