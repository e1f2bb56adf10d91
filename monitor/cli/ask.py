"""Asking the running workers over HTTP (CONTRACT 5)."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from monitor.errors import ConnectionProblem, UsageError

if TYPE_CHECKING:
    from monitor.settings.load import Settings

_TIMEOUT_S = 5.0
_NOT_LET_IN = frozenset({401, 429})
Answer = TypeVar("Answer")


def addresses(settings: Settings) -> list[str]:
    """Base addresses of this host's worker and of its peers, each once."""
    return list(dict.fromkeys([settings.http.local_url, *(peer.rstrip("/") for peer in settings.http.peers)]))


def fetch(settings: Settings, address: str, path: str) -> tuple[int, bytes]:
    """HTTP status and body; ConnectionProblem when nobody answers there or wants another token."""
    from monitor.settings.admin.tls import client_context, login

    request = urllib.request.Request(address + path, headers={"Accept": "application/json"})  # noqa: S310 - from the configuration
    for name, value in login(settings.http).items():
        request.add_unredirected_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=client_context(settings.http)) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            if error.code in _NOT_LET_IN:
                raise ConnectionProblem(f"{address} does not let us in (HTTP {error.code}): see http.auth.token_file") from None
            return error.code, error.read()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _nobody(address, getattr(error, "reason", None) or error) from None


def get(settings: Settings, address: str, path: str) -> tuple[int, Any]:
    """HTTP status and JSON body, None for an error without one; ConnectionProblem when nobody answers there."""
    status, body = fetch(settings, address, path)
    try:
        return status, json.loads(body)
    except ValueError as error:
        if status == 200:
            raise _nobody(address, error) from None
        return status, None


def every_text(settings: Settings, path: str) -> Iterator[str]:
    """The texts of all workers that are up; ConnectionProblem when none is."""
    for _, status, body in _everyone(settings, path, fetch):
        if status == 200:
            yield body.decode()


def every_answer(settings: Settings, path: str) -> Iterator[tuple[str, int, Any]]:
    """The answers of all workers that are up; ConnectionProblem when none is."""
    return _everyone(settings, path, get)


def _everyone(
    settings: Settings, path: str, ask: Callable[[Settings, str, str], tuple[int, Answer]]
) -> Iterator[tuple[str, int, Answer]]:
    problem: ConnectionProblem | None = None
    answered = False
    for address in addresses(settings):
        try:
            status, body = ask(settings, address, path)
        except ConnectionProblem as error:
            problem = problem or error
            continue
        answered = True
        yield address, status, body
    if not answered and problem is not None:
        raise problem


def _nobody(address: str, reason: object) -> ConnectionProblem:
    return ConnectionProblem(f"no worker answers at {address} ({reason}): is `reserve-monitor run` up, is http.port right?")


def of_entity(settings: Settings, entity: str, query: str = "", path: str = "/status") -> Any:
    """The answer about an entity under `path`, from whichever worker holds it; None where all that answered do not know it.

    UsageError for a question that the worker refuses.
    """
    asked: set[str] = set()
    owners: list[str] = []
    for address, status, body in every_answer(settings, f"{path}/{entity}{query}"):
        asked.add(address)
        if status == 200:
            return body
        if status == 400:
            raise UsageError(body.get("error", "the worker refused the question") if isinstance(body, dict) else str(body))
        if status == 503:
            raise ConnectionProblem(f"{address} is busy with other questions: ask again in a few seconds")
        owner = body.get("owner") if isinstance(body, dict) else None
        if status == 421 and owner:
            owners.append(owner.rstrip("/"))
    for owner in owners:
        if owner not in asked:
            asked.add(owner)
            status, body = get(settings, owner, f"{path}/{entity}{query}")
            if status == 200:
                return body
    return None
