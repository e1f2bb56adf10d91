"""What the page remembers of the output topics: a record that is no output is told and left out."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord

from monitor.web.days import Days
from streams.lookup.remembering import taken


def record(value: bytes) -> Any:
    return ConsumerRecord("reserve.alerts", 0, 7, 0, 0, None, value, None, -1, len(value), [])


@pytest.mark.parametrize(
    "value", [b"x", b"[]", b"{}", b"7", b"null", b'{"schema": "reserve.alert/1"}', b'{"schema": 5}', b"\xff"]
)
def test_nonsense_is_left_out(value: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    taken(record(value), Days().take)
    assert "published_unreadable" in capsys.readouterr().out
