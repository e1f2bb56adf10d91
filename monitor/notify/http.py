"""HTTP for the channels: one session each, a bound on every attempt, and what an answer means for delivery."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp

from monitor.notify.channel import Refused, Undelivered
from monitor.notify.settings import masked_url

REFUSING = frozenset({400, 413, 422})
"""Answers that speak of the content: the same content gets the same answer. Credentials, addresses and load can be mended."""

_RETRY_AFTER_MAX_S = 600.0
_DETAIL = 300


class Http:
    """POST of JSON bytes. The session is made at the first use, inside the running loop."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session; its time limit holds for every request."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self._session

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send `body`; any 2xx is acceptance. Raises Undelivered or Refused, which name the address without its secrets."""
        shown = masked_url(url)
        try:
            async with self.session.post(
                url, data=body, headers={"Content-Type": "application/json", **headers}, allow_redirects=False
            ) as answer:
                if 200 <= answer.status < 300:
                    await answer.read()
                    return
                detail = f"{shown} answered {answer.status}: {(await answer.text(errors='replace'))[:_DETAIL].strip()}"
                raise failure(answer.status, detail, answer.headers.get("Retry-After"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Undelivered(f"{shown}: {str(error).replace(url, shown) or type(error).__name__}") from error

    async def close(self) -> None:
        """End the session."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def failure(status: int, detail: str, retry_after: str | None) -> Undelivered | Refused:
    """The error for an answer that is not acceptance."""
    return Refused(detail) if status in REFUSING else Undelivered(detail, retry_after_s(retry_after))


def retry_after_s(header: str | None) -> float | None:
    """Seconds of a Retry-After header, given as seconds or as a date; at most ten minutes; None when there is none to read."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), _RETRY_AFTER_MAX_S)


def read_secret(path: Path) -> str:
    """The secret in a file, read at each use so that a new one needs no restart; Undelivered when there is none."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Undelivered(f"the secret file {path} cannot be read: {error}") from error
    if not text:
        raise Undelivered(f"the secret file {path} is empty")
    return text
