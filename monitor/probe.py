"""`python -m monitor.probe [readyz|livez|startupz]`: a health check at a quarter of a second's work.

The same as `reserve-monitor probe`, without the command line's libraries, because a container asks every few seconds.
"""

from __future__ import annotations

import json
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

from monitor.errors import CHECK_FAILED, GOOD, USAGE, ConnectionProblem, MonitorError
from monitor.settings.admin.address import admin_address

QUESTIONS = ("readyz", "livez", "startupz")
_TIMEOUT_S = 5.0


def probed(question: str, config: Path | None = None) -> tuple[int, str]:
    """Exit code and one line: 0 for yes, 1 for no with what is not well; ConnectionProblem when nobody answers."""
    address = admin_address(config)
    try:
        with urllib.request.urlopen(f"{address}/{question}", timeout=_TIMEOUT_S, context=_context(address)) as answer:  # noqa: S310
            return GOOD, f"yes: {', '.join(_checks(answer.read())) or question}"
    except urllib.error.HTTPError as error:
        with error:
            failed = [f"{name}: {text}" for name, text in _checks(error.read()).items() if text != "ok"]
        return CHECK_FAILED, f"no: {'; '.join(failed) or f'HTTP {error.code}'}"
    except OSError as error:
        raise ConnectionProblem(
            f"no worker answers at {address} ({getattr(error, 'reason', error)}): is `reserve-monitor run` up, http.port right?"
        ) from None


def _context(address: str) -> ssl.SSLContext | None:
    """This host's own process is asked for yes or no and shown no secret, so whose certificate it has is not judged."""
    if not address.startswith("https:"):
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _checks(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return dict(found.get("checks", {})) if isinstance(found, dict) else {}


def main(arguments: list[str]) -> int:
    """Print the line to stderr; the exit code."""
    question = arguments[0] if arguments else QUESTIONS[0]
    if question not in QUESTIONS or len(arguments) > 1:
        sys.stderr.write(f"one of {', '.join(QUESTIONS)}\n")
        return USAGE
    try:
        code, line = probed(question)
    except MonitorError as error:
        code, line = error.exit_code, str(error)
    sys.stderr.write(line + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
