"""Who may read the admin server beyond the probes: whoever shows a token of the file, and how long one who guesses must wait."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

PROBES = frozenset({"/livez", "/readyz", "/startupz"})
"""Answered without a token, by yes or no alone: a health check holds no secret."""

MOST_FAILURES = 10
WINDOW_S = 60.0
_MOST_ADDRESSES = 4096
_CHALLENGE = 'Basic realm="reserve-monitor", charset="UTF-8"'

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = structlog.get_logger(__name__)


class Tokens:
    """The tokens of a file, one a line. The file is read at each question: a new token beside the old one needs no restart."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def accept(self, given: str | None) -> bool:
        """Whether it is one of them; each is compared in full, in the same time whatever it holds."""
        if given is None:
            return False
        asked = _digest(given)
        matches = [hmac.compare_digest(_digest(token), asked) for token in self._read()]
        return any(matches)

    def _read(self) -> list[str]:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            log.error("http_tokens_unreadable", path=str(self._path), detail=str(error))  # noqa: TRY400 - the reason says it all
            return []
        return [line.strip() for line in lines if line.strip()]


class Patience:
    """Failed logins of each address; after MOST_FAILURES within WINDOW_S it is not heard until the first of them is that old."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Seconds until it is heard again; 0 for one that is."""
        recent = self._recent(address)
        return 0 if len(recent) < MOST_FAILURES else max(1, round(recent[0] + WINDOW_S - self._clock()))

    def failed(self, address: str) -> None:
        """One more failure. Of many addresses the one that failed longest ago is forgotten."""
        self._failures[address] = [*self._recent(address), self._clock()]
        self._failures.move_to_end(address)
        if len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)

    def _recent(self, address: str) -> list[float]:
        begin = self._clock() - WINDOW_S
        return [at for at in self._failures.get(address, ()) if at > begin]


class Access:
    """The judge of a request's login."""

    def __init__(self, tokens: Tokens, patience: Patience | None = None) -> None:
        self._tokens = tokens
        self._patience = patience or Patience()

    def permits(self, request: web.Request) -> bool:
        """Whether the request may see everything. False for a probe without a token, which may hear yes or no.

        Raises HTTPUnauthorized for any other without a token that holds, HTTPTooManyRequests for one that guesses.
        """
        address = request.remote or ""
        given = presented(request.headers.get("Authorization"))
        if given is None and request.path in PROBES:
            return False
        if wait := self._patience.wait_s(address):
            raise web.HTTPTooManyRequests(text=f"too many failed logins: wait {wait} s", headers={"Retry-After": str(wait)})
        if self._tokens.accept(given):
            return True
        if given is not None:
            self._patience.failed(address)
            log.warning("http_login_failed", address=address, path=request.path)
        raise web.HTTPUnauthorized(
            text="show a token: Authorization: Bearer TOKEN, or as the password of a browser's login",
            headers={"WWW-Authenticate": _CHALLENGE},
        )


def logged_in(access: Access) -> Any:
    """The middleware that lets a request through which shows a token; a probe without one hears yes or no, and nothing else."""

    @web.middleware
    async def judged_login(request: web.Request, handler: Handler) -> web.StreamResponse:
        if access.permits(request):
            return await handler(request)
        status = (await handler(request)).status
        return web.json_response({"ok": status == 200}, status=status)

    return judged_login


def presented(header: str | None) -> str | None:
    """The token in an Authorization header: a bearer's, or the password of basic authentication. "" for what is neither."""
    if header is None:
        return None
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
