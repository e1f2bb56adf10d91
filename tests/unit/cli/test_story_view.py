"""What the demo shows: never more than the daemon has said."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from monitor.cli.first_hour.story_view import Sight, draw

WELL: dict[str, Any] = {"methods": [{"state": "adequate"}], "alerts": [], "trade_flow": []}


def drawn(sight: Sight) -> str:
    console = Console(width=100)
    with console.capture() as shown:
        console.print(draw(sight))
    return shown.get()


def test_a_daemon_that_does_not_answer_is_not_calm_and_said_to_be_silent() -> None:
    """What lets it fail: looks without an answer that leave the last figures on the screen as if they were of now."""
    sight = Sight(acts=(), length_s=60)
    sight.take(WELL, 0.0)
    assert sight.calm
    sight.status, sight.missed = None, 3
    assert "did not answer 3 times" in drawn(sight)
    sight.take(WELL, 1.0)
    sight.missed = 1
    assert not sight.calm
    sight.take(WELL, 2.0)
    assert sight.calm
    assert sight.missed == 0
