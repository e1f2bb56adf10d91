"""`broker`: the embedded broker alone, for a first hour without Apache Kafka."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli import command_app, talk

app = command_app()

PORT = 9092
"""Kafka's own, and the default of `kafka.bootstrap_servers`."""


@app.command(epilog="Example: reserve-monitor broker > kafka.yaml & reserve-monitor topics create --config reserve.yaml")
def broker(
    port: Annotated[int, typer.Option(min=0, max=65_535, metavar="N", help="Port on loopback; 0: any free one.")] = PORT,
) -> None:
    """Run the embedded broker until Ctrl-C, and print the `kafka` section that reaches it.

    It keeps everything in memory: for trials and tests only, and whatever it held is gone when it ends.
    """
    import asyncio

    asyncio.run(_serve(port))


async def _serve(port: int) -> None:
    import asyncio
    import signal

    from streams.kafka.embedded import NOTICE, EmbeddedBroker

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with EmbeddedBroker(port=port) as embedded:
        talk(NOTICE)
        typer.echo(f'kafka: {{bootstrap_servers: "{embedded.bootstrap}", embedded: true}}')
        talk("put this line into reserve.yaml, in place of its section kafka; Ctrl-C ends the broker")
        ended = asyncio.create_task(embedded.ended())
        asked = asyncio.create_task(stopping.wait())
        await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not stopping.is_set():
            await ended
        ended.cancel()
