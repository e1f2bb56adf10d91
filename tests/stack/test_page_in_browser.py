"""The status page in a real browser: fits a phone and a desk, keeps to its policy, renews itself, and says when it cannot.

Pictures go into the folder that RESERVE_PICTURES names, for whoever wants to look.
"""

import copy
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from monitor.core.values.times import SECOND, format_time
from monitor.web import WebParts, WebServer, start_web
from monitor.web.history import CoverageHistory
from tests import status_examples as examples
from tests.stack.browser import Page, chromium
from tests.stack.servers import REPOSITORY, eventually
from tests.unit.web.test_server import FakeMetrics, FakeProbes, FakeStatus

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

STATES = {"adequate": examples.adequate, "shortfall": examples.shortfall, "unknown": examples.unknown}
TEXTS = "[...document.querySelectorAll('p, li, td, dd')]"
CUT_LABELS = """[...document.querySelectorAll('.chart text')].filter(text => {
  const box = text.getBBox(); return box.x < 0 || box.x + box.width > 400 }).map(text => text.textContent)"""
AXE = REPOSITORY / ".cache/stack/axe-core-4.14.1/package/axe.min.js"
JUDGED = """axe.run(document, {preload: false, runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}).then(found =>
  found.violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.target} ${node.failureSummary}`)))"""
REACHED = "[...document.querySelectorAll('a[href], summary, [tabindex=\"0\"]')].filter(one => one.checkVisibility())"
SIZES = {"desk": (1280, 900), "phone": (390, 844)}


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with chromium(tmp_path / "profile") as opened:
        yield opened


async def serve(status: dict[str, Any]) -> WebServer:
    """A server that shows `status` as of now, after twenty minutes in which all was well."""
    now, history = time.time_ns(), CoverageHistory()
    for number in range(120, 0, -1):
        before = examples.adequate() if number > 40 else copy.deepcopy(status)
        history.record(before | {"at": format_time(now - number * 10 * SECOND)})
    status["at"] = format_time(now)
    return await start_web(
        WebParts(FakeProbes(), FakeMetrics(), {"version": "0.1.0"}, FakeStatus(status), history=history), "127.0.0.1", 0
    )


def keep(folder: Path, name: str, picture: bytes) -> None:
    (folder / f"{name}.png").write_bytes(picture)


async def test_the_page_of_candidates_fits_every_width_and_scheme(page: Page) -> None:
    server = await serve(examples.adequate())
    try:
        for size, (width, height) in SIZES.items():
            for dark in (False, True):
                await page.open(f"{server.url}/candidates", width, height, dark=dark)
                await page.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
                assert await page.ask("document.documentElement.scrollWidth") <= width
                if folder := os.environ.get("RESERVE_PICTURES"):
                    keep(Path(folder), f"candidates-{size}{'-dark' if dark else ''}", await page.picture())
        assert page.complaints == []
    finally:
        await server.stop()


@pytest.mark.parametrize("state", STATES)
async def test_the_page_fits_every_width_and_scheme_and_keeps_to_its_policy(page: Page, state: str) -> None:
    server = await serve(STATES[state]())
    try:
        for size, (width, height) in SIZES.items():
            for dark in (False, True):
                await page.open(server.url, width, height, dark=dark)
                assert await page.ask("document.documentElement.scrollWidth") <= width
                assert await page.ask("document.querySelectorAll('.chart').length") > 0
                assert await page.ask(CUT_LABELS) == []
                assert await page.ask(f"Math.min(...{TEXTS}.map(e => parseFloat(getComputedStyle(e).fontSize)))") >= 12
                if folder := os.environ.get("RESERVE_PICTURES"):
                    keep(Path(folder), f"{state}-{size}{'-dark' if dark else ''}", await page.picture())
        assert page.complaints == []
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("state", "path"),
    [
        *((state, "/") for state in STATES),
        *((state, path) for state in STATES for path in ("/?entity=jp-main", "/candidates", "/actions?entity=jp-main")),
        ("adequate", "/runbooks"),
        ("adequate", "/runbooks/ReserveShortfall"),
    ],
)
async def test_the_page_keeps_to_wcag_aa_as_axe_judges_it(page: Page, state: str, path: str) -> None:
    if not AXE.is_file():
        pytest.skip("no axe-core: run deploy/stack/fetch where npm is (make test-stack does)")
    server = await serve(STATES[state]())
    try:
        for width, height in SIZES.values():
            for dark in (False, True):
                await page.open(server.url + path, width, height, dark=dark)
                await page.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
                await page.ask(AXE.read_text(encoding="utf-8") + ";0")
                assert await page.ask(JUDGED) == []
    finally:
        await server.stop()


async def test_the_keyboard_reaches_everything_and_shows_where_it_is(page: Page) -> None:
    server = await serve(examples.shortfall())
    try:
        await page.open(server.url, *SIZES["desk"])
        there = await page.ask(f"{REACHED}.length")
        assert there > 5
        for number in range(there):
            for kind in ("keyDown", "keyUp"):
                await page.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
            at = f"{REACHED}.indexOf(document.activeElement)"
            assert await page.ask(at) == number
            assert await page.ask("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
    finally:
        await server.stop()


async def test_the_page_renews_itself_keeps_what_was_opened_and_says_when_nobody_answers(page: Page) -> None:
    status = examples.shortfall()
    server = await serve(status)
    try:
        await page.open(server.url, *SIZES["desk"])
        assert await page.ask("document.querySelector('details').open = true")
        status["alerts"][0]["summary"] = "Something new is known"

        async def renewed() -> bool:
            return bool(await page.ask("document.body.textContent.includes('Something new is known')"))

        await eventually(renewed, 20, "the page renewing itself")
        assert await page.ask("document.querySelector('details').open")
        assert page.complaints == []
    finally:
        await server.stop()

    async def lost() -> bool:
        return bool(await page.ask("document.body.classList.contains('lost')"))

    await eventually(lost, 20, "the page saying that nobody answers")
    assert "these figures may be wrong" in await page.ask("document.getElementById('fresh').textContent")
    colours = await page.ask("[...document.querySelectorAll('.badge')].map(e => getComputedStyle(e).backgroundColor)")
    assert len(set(colours)) == 1, "no state keeps its colour"
