"""A broker that stops under a running daemon: every surface says unknown, and people are told on a way that needs no broker.

It fails where readiness looks at sockets, where an answer keeps the last state, or where no alarm comes but by a broker.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from streams.demo.child import DaemonProcess, free_port
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicNames, create_topics, topic_specs
from tests.receivers import AlertmanagerReceiver, WebhookReceiver, until

from .daemon_settings import ENTITY, asked, status_when, written
from .test_daemon import command

pytestmark = [pytest.mark.broker, pytest.mark.timeout(150)]
STALE_S = 4


async def test_every_surface_is_unknown_and_the_channels_are_told(tmp_path: Path) -> None:
    async with EmbeddedBroker() as broker, WebhookReceiver().serve() as hook, AlertmanagerReceiver().serve() as am:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        await create_topics(kafka, topic_specs(kafka, TopicNames()))
        port = free_port()
        channels: dict[str, Any] = {
            "hook": {"type": "webhook", "url": hook.url},
            "pager": {"type": "alertmanager", "urls": [am.url], "resend_s": 1},
        }
        http = {"port": port, "stale_after_s": STALE_S}
        config, _ = written(tmp_path, kafka, port, http=http, alerting={"channels": channels})
        daemon = DaemonProcess(config, tmp_path / "daemon.log", port)
        await daemon.start()
        try:
            await daemon.ready(60)
            before = await status_when(daemon.url, lambda status: bool(status["methods"]))
            assert "stale_since" not in before
            await asyncio.sleep(STALE_S + 1)
            assert (await asked(daemon.url, "/readyz"))[0] == 200, "an idle daemon ticks often enough to be believed"
            await until(lambda: bool(am.firing("EvaluationHeartbeat")), 30, "the heartbeat")
            await broker.stop()
            await until(lambda: "EvaluationStalled" in {one["alertname"] for one in hook.alerts}, 60, "the daemon's own alert")
            await until(lambda: bool(am.firing("EvaluationStalled")), 10, "the same at Alertmanager")
            assert not daemon.ended
            found = await status_when(daemon.url, lambda status: "stale_since" in status)
            assert (found["state"], {one["state"] for one in found["methods"]}) == ("unknown", {"unknown"})
            assert found["was"] == found["methods"][0]["was"]
            code, health = await asked(daemon.url, "/readyz")
            assert code == 503
            assert "stands still" in health["checks"]["evaluation"] or "no answer" in health["checks"]["broker"]
            shown = await asyncio.to_thread(command, "status", ENTITY, "--config", str(config))
            assert shown.returncode == 5
            assert "nothing is evaluated since" in shown.stdout
        finally:
            await daemon.stop()
