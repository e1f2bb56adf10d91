"""Logs: one JSON object a line, in UTC with microseconds; text for people on a terminal.

`event` is a constant string, all that varies stands in fields of its own. Lines of other libraries take the same form.
An event that comes too often is dropped and counted; the count stands in the next line of that event, and in one line
at the end (`flush_dropped`). Logs are no audit trail.
"""

import logging
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal, TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from monitor.core.values.times import format_time

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "text"]

SECRET_WORDS = ("password", "secret", "token", "routing_key", "authorization", "signature")
_MASK = "***"
_QUIET = dict.fromkeys(("aiokafka", "aiohttp.access", "faust", "httpx2", "mode"), logging.WARNING)


@dataclass(slots=True)
class _Window:
    began: float
    lines: int = 0
    dropped: int = 0


class RateLimit:
    """Lets `burst` lines of one event through in each window of `window_s`; the next line after says how many were `dropped`."""

    def __init__(
        self, burst: int = 50, window_s: float = 10.0, clock: Callable[[], float] = time.monotonic, keys: int = 1000
    ) -> None:
        self._burst, self._window_s, self._clock, self._keys = burst, window_s, clock, keys
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        window = self._window(event_key(event))
        window.lines += 1
        if window.lines > self._burst:
            window.dropped += 1
            raise structlog.DropEvent
        if window.dropped:
            event["dropped"], window.dropped = window.dropped, 0
        return event

    def _window(self, key: str) -> _Window:
        now = self._clock()
        window = self._windows.setdefault(key, _Window(now))
        self._windows.move_to_end(key)
        if len(self._windows) > self._keys:
            self._windows.popitem(last=False)
        if now - window.began >= self._window_s:
            window.began, window.lines = now, 0
        return window

    def take_dropped(self) -> dict[str, int]:
        """How many lines of each event were dropped and not reported yet; counts start again at 0."""
        result = {key: window.dropped for key, window in self._windows.items() if window.dropped}
        for key in result:
            self._windows[key].dropped = 0
        return result


class LastingHandler(logging.StreamHandler[TextIO]):
    """A stream that takes nothing for now, as a file on a full disk does, costs its lines and nothing else.

    They are counted, and told in one line when it takes one again. What its buffer held of them may come then.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.failed = self._untold = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        before = self.failed
        super().emit(record)
        if self._untold and self.failed == before:
            untold, self._untold = self._untold, 0
            structlog.get_logger(__name__).warning("log_lines_failed", lines=untold)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """What the stream refuses; a line that cannot be formatted is a fault of the program and is told as one."""
        if isinstance(sys.exc_info()[1], OSError):
            self.failed += 1
            self._untold += 1
        else:
            super().handleError(record)


_limits: list[RateLimit] = []
_handlers: list[LastingHandler] = []


def configure_logs(level: Level = "info", form: Format = "auto", stream: TextIO | None = None) -> None:
    """Send this process's logs to `stream` (stderr; `run` gives stdout); `auto` is text on a terminal, else JSON."""
    target = stream or sys.stderr
    as_text = form == "text" or (form == "auto" and target.isatty())
    limit = RateLimit()
    _limits[:] = [limit]
    handler = LastingHandler(target)
    _handlers[:] = [handler]
    handler.setFormatter(_formatter(as_text, colors=as_text and target.isatty()))
    handler.addFilter(_LibraryLimit(limit))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, limit, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def failed_lines() -> int:
    """How many lines the stream did not take when they were written."""
    return sum(handler.failed for handler in _handlers)


def flush_dropped() -> None:
    """One line for each event of which lines were dropped since its last one."""
    for limit in _limits:
        for key, count in limit.take_dropped().items():
            structlog.get_logger(__name__).warning("log_lines_dropped", of=key, dropped=count)


def event_key(event: MutableMapping[str, Any]) -> str:
    """What lines are counted by: the constant event, or a library's message before its values are filled in."""
    record = event.get("_record")
    return str(record.msg if isinstance(record, logging.LogRecord) else event.get("event", ""))[:200]


def _timestamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["timestamp"] = format_time(time.time_ns())
    return event


def _masked(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in event:
        if any(word in key.lower() for word in SECRET_WORDS):
            event[key] = _MASK
    return event


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    _timestamp,
    _masked,
]


def _formatter(as_text: bool, colors: bool) -> logging.Formatter:
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)]
        if as_text
        else [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )


class _LibraryLimit(logging.Filter):
    """Applies the rate limit to lines that did not come through structlog."""

    def __init__(self, limit: RateLimit) -> None:
        super().__init__()
        self._limit = limit

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, dict):
            return True
        try:
            counted = self._limit(None, "", {"event": str(record.msg)})
        except structlog.DropEvent:
            return False
        if "dropped" in counted:
            record.msg = f"{record.msg} ({counted['dropped']} dropped)"
        return True
