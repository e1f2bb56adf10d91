"""Running the demo: broker, topics, the daemon as a process, the story's events, and a webhook that hears the alerts."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web

from monitor.cli import talk
from monitor.cli.first_hour.story_view import LiveView, PlainView, Sight, StoryView, said_again
from monitor.core.values.times import SECOND
from monitor.errors import MonitorError
from monitor.notify.webhook import signature
from monitor.settings.kafka import KafkaSettings
from streams.demo.child import DaemonProcess, free_port
from streams.demo.scenario import ACTS, ENTITY, EXPECTED, January2018, demo_settings
from streams.eventfiles.publisher import Publisher
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicNames, create_topics, topic_specs

_READY_S = 60.0
_CLEAR_S = 30.0
_POLL_S = 0.4
_WARM_S = 0.5
_PORT = 9464


class JsonView:
    """One JSON line for each alert change."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, sight: Sight) -> None:
        """Nothing between the changes."""

    def told(self, elapsed_s: float, alert: Mapping[str, Any]) -> None:
        """The alert as the webhook got it, with the seconds since the demo began."""
        sys.stdout.write(json.dumps({"elapsed_s": round(elapsed_s, 1), **alert}, ensure_ascii=False) + "\n")
        sys.stdout.flush()


class Demonstration:
    """One run. `run` raises MonitorError naming the expected alerts that did not come or did not clear."""

    def __init__(self, seed: int, length_s: int, as_json: bool) -> None:
        self._story = January2018(seed, length_s)
        self._length_s = length_s
        self._secret = secrets.token_hex(16)
        self._began = time.monotonic()
        self._view: StoryView = JsonView() if as_json else LiveView() if sys.stdout.isatty() else PlainView()
        self._sight = Sight(acts=ACTS)
        self._alerts: dict[str, Mapping[str, Any]] = {}
        self._came: set[str] = set()
        self._telling = False
        self._running: asyncio.Task[Any] | None = None

    async def run(self) -> None:
        """Start everything, tell the story, end everything, also when it is asked to end in between."""
        task = self._running = asyncio.current_task()
        for number in (signal.SIGTERM, signal.SIGHUP):
            if task is not None:
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with tempfile.TemporaryDirectory(prefix="reserve-demo-") as folder:
            talk("starting the embedded broker and the daemon (all in memory, nothing is left behind)")
            hook, hook_url = await self._listen()
            try:
                async with EmbeddedBroker() as broker:
                    settings = broker.settings.model_copy(update={"journal_partitions": 2})
                    await create_topics(settings, topic_specs(settings, TopicNames()))
                    daemon = self._daemon(Path(folder), settings, hook_url)
                    await daemon.start()
                    try:
                        await self._tell(settings, daemon)
                    finally:
                        await daemon.stop()
            finally:
                await hook.cleanup()
        self._judge()

    def _daemon(self, folder: Path, kafka: KafkaSettings, hook_url: str) -> DaemonProcess:
        port = free_port(_PORT)
        secret = folder / "secret"
        secret.write_text(self._secret)
        config = folder / "reserve.yaml"
        config.write_text(yaml.safe_dump(demo_settings(kafka.model_dump(mode="json"), port, hook_url, str(secret))))
        return DaemonProcess(config, folder / "daemon.log", port)

    async def _tell(self, kafka: KafkaSettings, daemon: DaemonProcess) -> None:
        async with Publisher(kafka, TopicNames()) as publisher:
            for event in self._story.opening(time.time_ns()):
                await publisher.publish_event(event)
            await daemon.ready(_READY_S)
            self._sight.url = daemon.url
            talk(f"status page {daemon.url}/  metrics {daemon.url}/metrics")
            looking = asyncio.create_task(self._look(daemon))
            try:
                await self._warm_up(publisher)
                with self._view:
                    self._telling = True
                    await self._play(publisher, daemon)
                    self._telling = False
                    self._view.show(self._sight)
            finally:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)

    async def _warm_up(self, publisher: Publisher) -> None:
        """Calm trading until the daemon knows what it needs: before its first records everything is unknown, and it says so."""
        async with asyncio.timeout(_READY_S):
            while not self._sight.calm:
                for event in self._story.calm(time.time_ns()):
                    await publisher.publish_event(event)
                await asyncio.sleep(_WARM_S)
        self._sight.lines.clear()

    async def _play(self, publisher: Publisher, daemon: DaemonProcess) -> None:
        """The story second by second, and then, until all has cleared, calm trading."""
        began = time.time_ns()
        number = 0
        while number < self._length_s or (not self._clear() and number < self._length_s + _CLEAR_S):
            if daemon.ended:
                raise MonitorError(f"the daemon has ended: {daemon.last_words()}")
            self._sight.act = self._story.act(number)
            for event in self._story.second(number, began + number * SECOND):
                await publisher.publish_event(event)
            number += 1
            await asyncio.sleep(max(0.0, (began + number * SECOND - time.time_ns()) / SECOND))

    def _clear(self) -> bool:
        return self._came >= set(EXPECTED) and all(alert["status"] == "resolved" for alert in self._alerts.values())

    def _judge(self) -> None:
        """The demo's own check."""
        absent = [name for name in EXPECTED if name not in self._came]
        standing = sorted({alert["alertname"] for alert in self._alerts.values() if alert["status"] == "firing"})
        if absent:
            raise MonitorError(f"the demo ended without {', '.join(absent)}")
        if standing:
            raise MonitorError(f"the demo ended with {', '.join(standing)} still firing")
        talk(f"all {len(self._alerts)} alerts came and cleared, among them {', '.join(EXPECTED)}")

    async def _look(self, daemon: DaemonProcess) -> None:
        """Keep the view up to what the daemon's status says."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while True:
                try:
                    async with session.get(f"{daemon.url}/status/{ENTITY}") as answer:
                        if answer.status == 200:
                            self._sight.take(await answer.json(), time.monotonic())
                except (aiohttp.ClientError, TimeoutError):
                    self._sight.missed += 1
                self._sight.elapsed_s = time.monotonic() - self._began
                if self._telling:
                    self._view.show(self._sight)
                await asyncio.sleep(_POLL_S)

    def _show(self, elapsed_s: float, alert: Mapping[str, Any]) -> None:
        try:
            self._view.told(elapsed_s, alert)
        except BrokenPipeError:  # whoever read has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if self._running is not None:
                self._running.cancel()

    async def _listen(self) -> tuple[web.AppRunner, str]:
        """The demo's own receiver of the webhook: signatures are checked, repeats told by their key."""
        app = web.Application()
        app.router.add_post("/alerts", self._hear)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/alerts"

    async def _hear(self, request: web.Request) -> web.Response:
        body = await request.read()
        stamp = request.headers.get("X-Reserve-Timestamp", "")
        if not secrets.compare_digest(request.headers.get("X-Reserve-Signature", ""), signature(self._secret, stamp, body)):
            return web.Response(status=401)
        alert = json.loads(body)
        known = self._alerts.get(alert["fingerprint"])
        if known is None or known["revision"] < alert["revision"]:
            self._alerts[alert["fingerprint"]] = alert
            if self._telling:
                self._came.add(alert["alertname"])
            if said_again(known, alert):
                return web.Response(status=204)
            elapsed_s = time.monotonic() - self._began
            self._sight.alert(elapsed_s, alert)
            if self._telling or isinstance(self._view, JsonView):
                self._show(elapsed_s, alert)
        return web.Response(status=204)
