"""What the demo shows: never more than the daemon has said."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from monitor.cli.first_hour.story_view import Sight, draw, said_again

WELL: dict[str, Any] = {"methods": [{"state": "adequate"}], "alerts": [], "trade_flow": []}


def drawn(sight: Sight) -> str:
    console = Console(width=100)
    with console.capture() as shown:
        console.print(draw(sight))
    return shown.get()


def an_alert(number: int, **changes: Any) -> dict[str, Any]:
    told = {
        "fingerprint": f"{number:032x}",
        "alertname": "SameAssetShortfall",
        "subject": f"A{number}",
        "method": "jp.psa_custody",
        "summary": "held is far less than what is required of it, by so much that the line is long",
        "severity": "critical",
        "status": "firing",
        "reason": "entered",
        "starts_at": "2026-01-05T00:00:00.000000Z",
        "causes": [{"topic": "custody.balances", "partition": 0, "offset": number, "event_id": "b"}],
    }
    return told | changes


@pytest.mark.parametrize("count", [0, 3, 30])
def test_a_terminal_of_80_by_24_shows_all_that_is_so_now_and_as_much_as_fits_of_the_rest(count: int) -> None:
    sight = Sight(acts=(), url="http://127.0.0.1:40001", elapsed_s=12.3)
    method = {
        "method": "house.composite",
        "state": "shortfall",
        "coverage": "0.98",
        "surplus": "-4014344320.5",
        "coverage_lower": None,
    }
    sight.take(WELL | {"methods": [method] * 3, "exposure": {"total": "1", "currency": "JPY"}}, 0.0)
    for number in range(count):
        sight.alert(float(number), an_alert(number))
    console = Console(width=80, height=24)
    with console.capture() as shown:
        console.print(draw(sight, 80, 24))
    lines = shown.get().splitlines()
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    assert sum("98" in line and "−4,014,344,320" in line for line in lines) == 3
    assert sum("SameAssetShortfall A" in line and "●" in line for line in lines) == min(count, 7)
    assert ("and 23 more" in shown.get()) == (count == 30)
    assert (f"{count - 1:.1f} s firing" in shown.get()) == (count > 0), "the newest change is always there"
    assert "12 s" in lines[1]


def test_an_alert_that_is_told_again_as_it_began_is_no_news() -> None:
    first = an_alert(1, revision=100)
    assert said_again(first, first | {"revision": 101})
    assert not said_again(None, first)
    assert not said_again(first, first | {"starts_at": "2026-01-05T00:01:00.000000Z"})
    assert not said_again(first, first | {"reason": "recovered", "status": "resolved"})


def test_a_daemon_that_does_not_answer_is_not_calm_and_said_to_be_silent() -> None:
    """What lets it fail: looks without an answer that leave the last figures on the screen as if they were of now."""
    sight = Sight(acts=())
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


def test_a_narrow_terminal_shows_by_how_much_the_reserve_is_short() -> None:
    sight = Sight(acts=(), url="http://127.0.0.1:9464", elapsed_s=33.0)
    told = {
        "alertname": "ReserveShortfall",
        "subject": None,
        "summary": "jp-main: short by 4,075,836,794 JPY under jp.psa_custody",
    }
    sight.alert(29.6, an_alert(1, **told))
    console = Console(width=80, height=24)
    with console.capture() as shown:
        console.print(draw(sight, 80, 24))
    (line,) = (line for line in shown.get().splitlines() if "●" in line)
    assert "critical at  30 s" in line
    assert "short by 4,075,836,794 J" in line
