"""`schema`: what the topics hold, for machines."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from monitor.cli import command_app, emit
from monitor.cli.completion import topics
from monitor.errors import UsageError

app = command_app()


@app.command(epilog="Example: reserve-monitor schema market.trades > market.trades.schema.json")
def schema(
    topic: Annotated[
        str | None, typer.Argument(metavar="TOPIC", help="One topic by its default name; without it all.", autocompletion=topics)
    ] = None,
    example: Annotated[bool, typer.Option("--example", help="A valid record of TOPIC, a source topic, as of now.")] = False,
    asyncapi: Annotated[bool, typer.Option("--asyncapi", help="An AsyncAPI 3 document of all topics instead.")] = False,
) -> None:
    """Print the JSON Schema (2020-12) of each topic's records, an example of one, or the AsyncAPI document."""
    from streams.schemas import asyncapi_document, json_schemas

    if asyncapi:
        emit(asyncapi_document())
        return
    if example:
        _print_example(topic)
        return
    schemas = json_schemas()
    if topic is not None and topic not in schemas:
        raise UsageError(f"there is no topic {topic}: one of {', '.join(schemas)}")
    emit(schemas if topic is None else schemas[topic])


def _print_example(topic: str | None) -> None:
    from monitor.core.values.times import SECOND, format_time
    from streams.wire.described import EXAMPLES, example_at

    if topic not in EXAMPLES:
        raise UsageError(f"--example needs a source topic: one of {', '.join(EXAMPLES)}")
    emit(example_at(topic, format_time(time.time_ns() // SECOND * SECOND)))
