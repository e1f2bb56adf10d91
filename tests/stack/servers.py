"""Real servers as child processes: Alertmanager and Prometheus from the unpacked Debian packages (deploy/stack/fetch)."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from tests.receivers import Received, Receiver

REPOSITORY = Path(__file__).parents[2]
ROOT = REPOSITORY / ".cache/stack/root"


def program(name: str) -> str:
    """Path of an unpacked program; the test is skipped without it."""
    path = ROOT / "usr/bin" / name
    if not path.is_file():
        pytest.skip(f"no {name}: run deploy/stack/fetch (make test-stack does)")
    return str(path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Child:
    """A child process whose output goes to a file."""

    name: str
    folder: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def log_path(self) -> Path:
        return self.folder / f"{self.name}.log"

    async def start(self, *command: str, env: dict[str, str] | None = None) -> None:
        with self.log_path.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=ROOT
            )

    async def stop(self, *, kill: bool = False, within_s: float = 10.0) -> int:
        """End it and give its exit code; by force with `kill` or when it does not end in time."""
        process, self.process = self.process, None
        assert process is not None
        if process.returncode is None:
            (process.kill if kill else process.terminate)()
            try:
                await asyncio.wait_for(process.wait(), within_s)
            except TimeoutError:
                process.kill()
                await process.wait()
                raise AssertionError(f"{self.name} did not end within {within_s} s") from None
        return process.returncode or 0

    async def ready(self, url: str, within_s: float = 30.0) -> None:
        """Wait until `url` answers 200."""

        async def answers() -> bool:
            assert self.process is not None
            assert self.process.returncode is None, f"{self.name} ended: {self.log_path.read_text()[-2000:]}"
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with (
                    aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
                    session.get(url) as answer,
                ):
                    return answer.status == 200
            return False

        await eventually(answers, within_s, f"{self.name} answering at {url}")


async def eventually(condition: Callable[[], Awaitable[bool]], within_s: float, what: str) -> float:
    """Wait until `condition` is true and give the seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not await condition():
        assert loop.time() - began < within_s, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.05)
    return loop.time() - began


async def fetch(url: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200, f"{url}: {answer.status} {await answer.text()}"
        return await (answer.json() if "json" in answer.content_type else answer.text())


def alertmanager_configuration(receiver_url: str) -> dict[str, Any]:
    """The shipped routes and inhibitions, with a webhook in place of each receiver and times short enough for a test.

    The webhook's path is the receiver's name.
    """
    shipped: dict[str, Any] = yaml.safe_load((REPOSITORY / "deploy/alertmanager/alertmanager.yml").read_text())
    for one in _routes(shipped["route"]):
        one.update({"group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"})
    switch = next(one for one in shipped["route"]["routes"] if one["receiver"] == "dead-mans-switch")
    switch["repeat_interval"] = "1s"
    hooks = {one["name"]: {"url": f"{receiver_url}/{one['name']}", "send_resolved": True} for one in shipped["receivers"]}
    shipped["receivers"] = [{"name": name, "webhook_configs": [hook]} for name, hook in hooks.items()]
    return shipped


def _routes(route: dict[str, Any]) -> list[dict[str, Any]]:
    return [route, *(inner for child in route.get("routes", []) for inner in _routes(child))]


@dataclass
class Alertmanager:
    """A real Alertmanager on free ports. `peers` are the cluster addresses of others it joins."""

    folder: Path
    configuration: dict[str, Any]
    peers: Sequence[str] = ()
    port: int = field(default_factory=free_port)
    cluster_port: int = field(default_factory=free_port)
    clustered: bool = False
    child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def cluster(self) -> str:
        return f"127.0.0.1:{self.cluster_port}"

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "alertmanager.yml").write_text(yaml.safe_dump(self.configuration))
        self.child = Child("alertmanager", self.folder)
        listen = [f"--cluster.listen-address={self.cluster if self.clustered else ''}"]
        await self.child.start(
            program("alertmanager"),
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            *listen,
            *(f"--cluster.peer={peer}" for peer in self.peers),
            "--cluster.settle-timeout=1s",
        )
        await self.child.ready(f"{self.url}/-/ready")

    async def stop(self, *, kill: bool = False) -> None:
        assert self.child is not None
        await self.child.stop(kill=kill)

    async def firing(self, alertname: str | None = None) -> list[dict[str, str]]:
        """Label sets that are active."""
        found = await fetch(f"{self.url}/api/v2/alerts?active=true&silenced=true&inhibited=true")
        return [one["labels"] for one in found if alertname in {None, one["labels"]["alertname"]}]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Alertmanager"]:
        await self.start()
        try:
            yield self
        finally:
            if self.child is not None and self.child.process is not None:
                await self.stop()


@dataclass
class Notifications(Receiver):
    """What Alertmanager tells people: its webhook messages, by receiver."""

    def respond(self, received: Received) -> web.StreamResponse:
        return web.Response(status=200)

    def of(self, receiver: str, alertname: str) -> list[tuple[str, dict[str, str]]]:
        """Status and labels of each alert named so that a receiver was told of, in order."""
        return [
            (alert["status"], alert["labels"])
            for request in self.accepted
            if request.path == f"/{receiver}"
            for alert in request.json["alerts"]
            if alert["labels"]["alertname"] == alertname
        ]

    def statuses(self, receiver: str, alertname: str) -> list[str]:
        return [status for status, _ in self.of(receiver, alertname)]


@dataclass
class Prometheus:
    """A real Prometheus with the shipped rules, scraping the daemon every second and alerting to `alertmanager`."""

    folder: Path
    targets: list[str]
    alertmanager: str
    port: int = field(default_factory=free_port)
    child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        shipped: dict[str, Any] = yaml.safe_load((REPOSITORY / "deploy/prometheus/prometheus.yml").read_text())
        shipped["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
        shipped["rule_files"] = [str(REPOSITORY / "deploy/prometheus/rules/*.yml")]
        shipped["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [self.alertmanager]
        jobs = {"reserve-monitor": self.targets, "prometheus": [f"127.0.0.1:{self.port}"]}
        for job in shipped["scrape_configs"]:
            job["static_configs"] = [{"targets": jobs[job["job_name"]]}]
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(shipped))
        self.child = Child("prometheus", self.folder)
        await self.child.start(
            program("prometheus"),
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--rules.alert.resend-delay=2s",  # what fires before Alertmanager is found is lost, and sent again only then
        )
        await self.child.ready(f"{self.url}/-/ready")

    async def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of an instant query."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/api/v1/query", params={"query": expression}) as answer,
        ):
            result = (await answer.json())["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in result]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Prometheus"]:
        await self.start()
        try:
            yield self
        finally:
            if self.child is not None and self.child.process is not None:
                await self.child.stop()
