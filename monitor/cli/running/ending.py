"""The last second of a daemon: what does not end when it is cancelled ends with the process."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import traceback

from monitor.errors import GOOD, MonitorError

LAST_S = 0.5
"""Time that tasks have to end once they are cancelled; whatever they have not acknowledged is read again at the next start."""
_UNEXPECTED = 1
"""What Python itself ends with after an error that nobody caught."""


def close(runner: asyncio.Runner, error: BaseException | None = None, within_s: float = LAST_S) -> None:
    """Close the loop; where a task does not end within `within_s` of being cancelled, end the process, with the code of `error`.

    A library that takes no cancellation would hold the process for ever: a stop must not depend on it.
    """
    timer = threading.Timer(within_s, _end, (error,))
    timer.daemon = True
    timer.start()
    try:
        runner.close()
    finally:
        timer.cancel()


def _end(error: BaseException | None) -> None:
    from monitor.cli import talk
    from monitor.logs import flush_dropped

    talk("reserve-monitor: a task did not end when it was cancelled; it ends with the process")
    code = GOOD
    if isinstance(error, MonitorError):
        talk(f"reserve-monitor: {error}")
        code = error.exit_code
    elif error is not None:
        traceback.print_exception(error)
        code = _UNEXPECTED
    flush_dropped()
    sys.stdout.flush()
    os._exit(code)
