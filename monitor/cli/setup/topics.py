"""`topics create` and `topics check`: what the broker must hold before anything starts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import AsJson, Config, DryRun, command_app, emit, talk
from monitor.core.values.wording import count_of
from monitor.errors import CHECK_FAILED, ConnectionProblem

if TYPE_CHECKING:
    from monitor.settings.kafka import KafkaSettings
    from streams.kafka.topics import Drift, TopicSpec

app = command_app(no_args_is_help=True, help="Create and check the topics.")

_RETRY_S = 2.0


@app.command(epilog="Example: reserve-monitor topics create")
def create(
    config: Config = None,
    wait: Annotated[str | None, typer.Option(metavar="DURATION", help="Try again for so long while no broker answers.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Create the topics that are absent, with their partitions and retention; what is there stays as it is."""
    from monitor.cli.options import seconds

    kafka, specs = _wanted(config)
    made = _absent(kafka, specs) if dry_run else asyncio.run(_created(kafka, specs, seconds(wait) if wait else 0.0))
    if as_json:
        emit({"created": [] if dry_run else made, "absent": made if dry_run else [], "topics": [spec.name for spec in specs]})
        return
    done = "would be created:" if dry_run else "created"
    for spec in specs:
        partitions = count_of(spec.partitions, "partition")
        talk(f"{done} {spec.name}, {partitions}" if spec.name in made else f"was there: {spec.name}")
    if not dry_run:
        talk(f"next: reserve-monitor run{'' if config is None else f' --config {config}'}")


def _absent(kafka: KafkaSettings, specs: tuple[TopicSpec, ...]) -> list[str]:
    """The names of the topics that are not there."""
    from streams.kafka.topics import absent_of, check_topics

    return absent_of(asyncio.run(check_topics(kafka, specs)))


@app.command(epilog="Example: reserve-monitor topics check --json")
def check(config: Config = None, as_json: AsJson = False) -> None:
    """Hold every topic of the broker against what it must be. Exit 1 when one would lose or mix up records."""
    from monitor.core.journal.vocabulary import TRADES
    from streams.kafka.topics import check_topics

    kafka, specs = _wanted(config)
    drifts = asyncio.run(check_topics(kafka, specs))
    failed = any(drift.error for drift in drifts)
    keyed = [spec.name for spec in specs if spec.default == TRADES]
    if as_json:
        emit({"good": not failed, "drift": [asdict(drift) for drift in drifts], "keys": dict.fromkeys(keyed, _KEY_RULE)})
    else:
        for line in _lines(drifts):
            talk(line)
        for name in keyed:
            talk(f"keys: {name}: {_KEY_RULE}")
        talk(f"{'bad' if failed else 'good'}: {count_of(len(specs), 'topic')} checked")
    if failed:
        raise typer.Exit(CHECK_FAILED)


_KEY_RULE = (
    "with more than one partition every record is keyed by its trade_id or by entity|market, else a trade that is sent again "
    "may count twice. No key is read here: intake says what it sees (gap keys_unsafe, reserve_unsafe_keys_total, "
    "intake_keys_unsafe in its log). Then key them, or make the topic anew with one partition, and raise "
    "sources.market.trades.epoch; sure that nothing was sent twice: "
    "dlq dismiss TOPIC/EPOCH/PARTITION/OFFSET of the newest, with --accepted --entity"
)


async def _created(kafka: KafkaSettings, specs: tuple[TopicSpec, ...], wait_s: float) -> list[str]:
    """The names of the topics made; ConnectionProblem when no broker has answered within `wait_s`."""
    from streams.kafka.topics import create_topics

    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while True:
        try:
            return await create_topics(kafka, specs)
        except ConnectionProblem as problem:
            if loop.time() + _RETRY_S > deadline:
                raise
            talk(f"{problem}; trying again for {deadline - loop.time():.0f} s")
        await asyncio.sleep(_RETRY_S)


def _wanted(config: Config) -> tuple[KafkaSettings, tuple[TopicSpec, ...]]:
    from monitor.settings.load import load_settings
    from streams.kafka.topics import topic_names, topic_specs

    settings = load_settings(config)
    names = topic_names(settings)
    return settings.kafka, topic_specs(settings.kafka, names, settings.intake.lookback_h)


def _lines(drifts: Iterable[Drift]) -> list[str]:
    """One line for each error, one for all topics that share a warning."""
    errors = [drift.line() for drift in drifts if drift.error]
    shared: dict[tuple[str, str, str, str], list[str]] = {}
    for drift in drifts:
        if not drift.error:
            shared.setdefault((drift.setting, drift.found, drift.wanted, drift.advice), []).append(drift.topic)
    warnings = [
        f"warning: {setting} is {found}, better {wanted}; {advice} ({', '.join(topics)})"
        for (setting, found, wanted, advice), topics in shared.items()
    ]
    return errors + warnings
