"""Which other worker holds which journal partition, as the peers themselves say (CONTRACT 5, 421 with the owner's address)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp

from monitor.settings.admin.http import HttpSettings
from monitor.settings.admin.tls import client_context, login

_ASK_S = 5.0
_TIMEOUT_S = 2.0


class Peers:
    """Asks the workers of `http.peers` from time to time; `owner` answers from memory."""

    def __init__(self, http: HttpSettings) -> None:
        self._http = http
        self._addresses = [address.rstrip("/") for address in http.peers]
        self._held: dict[str, frozenset[int]] = {}

    def owner(self, partition: int) -> str | None:
        """Base address of the peer that held the partition when it was last asked; None where none said so."""
        return next((address for address, held in sorted(self._held.items()) if partition in held), None)

    async def run(self) -> None:
        """Ask for ever. A peer that does not answer holds nothing."""
        connector = aiohttp.TCPConnector(ssl=client_context(self._http) or True)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S), connector=connector) as session:
            while True:
                shown = login(self._http)
                found = await asyncio.gather(*(_partitions(session, address, shown) for address in self._addresses))
                self._held = dict(zip(self._addresses, found, strict=True))
                await asyncio.sleep(_ASK_S)


async def _partitions(session: aiohttp.ClientSession, address: str, shown: Mapping[str, str]) -> frozenset[int]:
    try:
        async with session.get(f"{address}/status", headers=shown, allow_redirects=False) as answer:
            body: Any = await answer.json() if answer.status == 200 else {}
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return frozenset()
    held = body.get("partitions", ()) if isinstance(body, dict) else ()
    return frozenset(number for number in held if isinstance(number, int))
