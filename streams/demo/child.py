"""A daemon as a process of its own: started, waited for, ended. What the demo and the integration tests run."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import IO

import aiohttp

from monitor.errors import ConnectionProblem

_POLL_S = 0.1
_LAST_LINES = 3


class DaemonProcess:
    """`reserve-monitor run --config FILE`, its log in a file."""

    def __init__(self, config: Path, log: Path, port: int, stages: tuple[str, ...] = ()) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.stages = stages
        self._log = log
        self._arguments = ["run", "--config", str(config), *(part for stage in stages for part in ("--only", stage))]
        self._process: asyncio.subprocess.Process | None = None
        self._file: IO[bytes] | None = None

    @property
    def ended(self) -> bool:
        """Whether the process is not there."""
        return self._process is None or self._process.returncode is not None

    async def start(self) -> None:
        """Start the process, with no settings from this process's environment."""
        environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("RESERVE_")}
        self._file = self._log.open("ab")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "monitor",
            *self._arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._file,
            stderr=self._file,
            env=environment,
            start_new_session=True,  # a Ctrl-C is for whoever started it, who then stops it in order
        )

    async def ready(self, timeout_s: float) -> None:
        """Wait until it is caught up; ConnectionProblem, with its last words, when it ends or is not within `timeout_s`."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while asyncio.get_running_loop().time() < deadline and not self.ended:
                try:
                    async with session.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(_POLL_S)
        what = "has ended" if self.ended else f"was not ready after {timeout_s:.0f} s"
        raise ConnectionProblem(f"the daemon {what}: {self.last_words()}")

    async def stop(self, timeout_s: float = 12.0) -> int | None:
        """SIGTERM, and SIGKILL when it has not ended in time; its exit code."""
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), timeout_s)
            except TimeoutError:
                await self.kill()
        self._close()
        return None if process is None else process.returncode

    async def kill(self) -> None:
        """SIGKILL: what a power cut does."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def last_words(self) -> str:
        """The last lines of its log."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if self._log.exists() else []
        return " | ".join(lines[-_LAST_LINES:]) or "it said nothing"


def free_port(wanted: int = 0) -> int:
    """`wanted` if it is free on loopback, else some free port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise ConnectionProblem("no port is free on 127.0.0.1")
