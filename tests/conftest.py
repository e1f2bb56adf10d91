"""Settings of all layers of tests."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("project", deadline=None)  # no test asserts times: a busy machine is no counterexample
settings.load_profile("project")
