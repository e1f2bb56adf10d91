"""Settings of all layers of tests."""

from __future__ import annotations

import structlog
from hypothesis import settings

# No test asserts times: a busy machine is no counterexample.
# A check of a change draws the same examples each time, so that red means the change; `make explore` draws others.
settings.register_profile("seeded", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, derandomize=False, print_blob=True)
settings.load_profile("seeded")
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)  # by default each traceback is drawn with the values of all variables, which takes seconds
