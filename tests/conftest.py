"""Settings of all layers of tests."""

from __future__ import annotations

import structlog
from hypothesis import settings

settings.register_profile("project", deadline=None)  # no test asserts times: a busy machine is no counterexample
settings.load_profile("project")
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)  # by default each traceback is drawn with the values of all variables, which takes seconds
