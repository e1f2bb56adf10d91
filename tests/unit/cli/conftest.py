"""What tests of several commands stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.cli.test_status import Worker


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """The worker of this host."""
    one = Worker()
    monkeypatch.setenv("RESERVE_HTTP__PORT", str(one.port))
    yield one
    one.close()
