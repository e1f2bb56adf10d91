"""What a service manager is told: that a process is up, that it still moves, that it stops (systemd's notification protocol).

The manager names its socket and its patience in the environment, which is why this is part of the settings.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Self

_SOCKET_VARIABLE = "NOTIFY_SOCKET"


class ServiceManager:
    """Sends one datagram a message to `address`; without one nobody listens, and nothing is sent."""

    def __init__(self, address: str | None) -> None:
        self._address = None if not address else "\0" + address[1:] if address.startswith("@") else address

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The manager that started this process."""
        return cls(environment.get(_SOCKET_VARIABLE))

    def ready(self, what: str) -> None:
        """The start is over; `what` is shown by `systemctl status`."""
        self._send(f"READY=1\nSTATUS={what}")

    def moves(self) -> None:
        """The process is well. A manager that hears this no more starts it again."""
        self._send("WATCHDOG=1")

    def stops(self) -> None:
        """The stop has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(self._address)
            sender.sendall(message.encode())
