"""The page of candidates: 'study' on every figure of a study, what is not known is said, old figures are not relied on."""

from __future__ import annotations

import copy
import re
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from monitor.core.values.times import SECOND, parse_time
from monitor.web import build_web
from monitor.web.pages.candidates import render_candidates
from tests import status_examples as examples
from tests.unit.web.test_page import Balanced, words
from tests.unit.web.test_server import parts


def page(found: dict[str, Any], late_s: int = 1) -> str:
    return render_candidates(parts(clock=lambda: parse_time(examples.AT) + late_s * SECOND), [found], "jp-main")


def of_study(html: str) -> list[str]:
    """The texts of every table row, bar and sentence that is about the study."""
    rows = re.findall(r"<tr>.*?</tr>|<div><dt>.*?</dd>|<p class=\"balance\">.*?</p>", html, re.DOTALL)
    return [row for row in rows if "3,210,000,000" in row]


def test_every_figure_of_a_study_says_study() -> None:
    html = page(examples.compared())
    rows = of_study(html)
    assert len(rows) == 5, "the comparison, the bar, the sentence, its rule, its floor"
    for row in rows:
        cells = re.split(r"<td|\. ", row)
        for cell in (cell for cell in cells if "3,210,000,000" in cell or "3210000000" in cell):
            assert "study" in cell, cell
    others = [row for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL) if "jp.psa_custody" in row or "guarantee_asset" in row]
    assert not [row for row in others if "study" in row], "and no other figure does"


def test_what_each_asks_is_told_in_the_reporting_currency_beside_todays() -> None:
    said = words(page(examples.compared()))
    assert "Today jp.psa_custody asks most: 1,850,000,000 JPY." in said
    assert "Would ask 3,210,000,000 JPY (study), 1,360,000,000 JPY (study) more than jp.psa_custody." in said
    assert "Short by 3,210,000,000 JPY (study)." in said
    assert "Would ask 1,947,000,000 JPY, 97,000,000 JPY more than jp.psa_custody. Held beyond it: 396,000,000 JPY." in said
    assert "In its own currency: required 17,700,000,000 KRW" in said
    assert "never in force" in said


def test_what_is_not_known_is_said_and_never_counted_as_nothing() -> None:
    found = examples.compared()
    found["today"] = None
    for row in found["methods"]:
        row |= {"more": None, "reporting": {"required": None, "available": None, "surplus": None}}
    found["methods"][2] |= {"study": False, "draft": True, "state": "not_computable"}
    found["methods"][2]["parameters"][0]["value"] = None
    html = page(found)
    said = words(html)
    assert "What is asked today is not known." in said
    assert said.count("What it asks is not known in JPY.") == 3
    assert "No number yet: jp.crypto_reserve.floor." in said
    assert 'class="fill"' not in html, "no bar has a length"


def test_figures_that_are_too_old_lose_their_state() -> None:
    html = page(examples.compared(), late_s=3600)
    assert "do not rely on them" in words(html).lower()
    assert "Was shortfall" in words(html)
    assert html.count("<h3>") == len(re.findall(r'</h3><span class="badge unknown">', html)) == 3
    assert 'class="entity stale"' in html, "which takes the colour from every other badge"


def test_the_page_is_whole_and_has_no_ids_twice() -> None:
    parser = Balanced()
    parser.feed(page(examples.compared()))
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert not [name for name, _ in parser.attributes if name.startswith("on") or name == "style"]


async def test_it_is_served_linked_and_there_as_json() -> None:
    status = examples.adequate()
    async with TestClient(TestServer(build_web(parts(copy.deepcopy(status))))) as client:
        assert "/candidates?entity=jp-main" in await (await client.get("/")).text()
        answer = await client.get("/candidates?entity=jp-main")
        assert answer.status == 200
        assert "What the draft would ask of us" in await answer.text()
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert "is not held here" in await (await client.get("/candidates?entity=zz-main")).text()
        found = await (await client.get("/candidates/jp-main")).json()
        assert [row["method"] for row in found["methods"]][-1] == "jp.crypto_reserve_2026"
        assert (await client.get("/candidates/kr-main")).status == 421
        assert (await client.get("/candidates/zz-main")).status == 404
