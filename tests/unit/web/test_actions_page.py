"""The page "what to do": moves with their dates, and that none is known where none is; linked from the status page."""

from __future__ import annotations

from aiohttp.test_utils import TestClient, TestServer

from monitor.web import build_web
from monitor.web.pages.actions import render_actions
from tests import status_examples as examples
from tests.unit.web.test_page import Balanced, words
from tests.unit.web.test_server import parts


def test_it_tells_the_moves_and_plainly_where_none_is_known() -> None:
    html = render_actions(parts(), "jp-main", examples.proposals())
    said = words(html)
    assert "2 rules are broken or threatened." in said
    assert "move 50 ETH of client_asset from hot to cold, at once" in said
    assert "No move is known: how much is missing is not known." in said
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    assert "Nothing to do" in words(render_actions(parts(), "jp-main", []))


async def test_it_is_served_of_one_entity_and_linked() -> None:
    async with TestClient(TestServer(build_web(parts(examples.shortfall())))) as client:
        assert "/actions?entity=jp-main" in await (await client.get("/")).text()
        assert "move 50 ETH" in await (await client.get("/actions?entity=jp-main")).text()
        assert (await client.get("/actions")).status == 400
        assert (await client.get("/actions?entity=kr-main")).status == 421
        assert (await client.get("/actions?entity=zz-main")).status == 404
