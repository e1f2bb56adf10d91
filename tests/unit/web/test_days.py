"""The page a day: every close with its revisions, its course, its alerts, from what was published; charts outlive a restart."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from monitor.core.journal.vocabulary import ALERTS, ASSESSMENTS
from monitor.core.values.times import SECOND, parse_time
from monitor.web import Health, WebParts
from monitor.web.days import MOST_POINTS, Days
from monitor.web.page import render_page
from monitor.web.pages.day import render_day
from tests.evidence_maker import ENTITY, Published, published, two_days
from tests.journal_maker import Journal
from tests.status_examples import assessment

METHOD = "jp.psa_custody"


def revised() -> Journal:
    journal = two_days(4)
    journal.at(121_000).position("hot-2", "client_asset", "hot", "BTC", "3", as_of=journal.start + 3600 * SECOND)
    journal.at(121_001).tick()
    return journal


@pytest.fixture(scope="module")
def found() -> Published:
    return published(revised())


@pytest.fixture(scope="module")
def days(found: Published) -> Days:
    kept = Days()
    for topic in (ALERTS, ASSESSMENTS):
        for value in found.outputs[topic]:
            kept.take(value)
    return kept


class Ready:
    def ready(self) -> Health:
        return Health(True, {})

    live = started = ready


class NoMetrics:
    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        return accept.encode(), "text/plain"


def parts(days: Days) -> WebParts:
    return WebParts(Ready(), NoMetrics(), {"version": "1"}, clock=lambda: parse_time("2026-01-06T10:00:00Z"), days=days)


def test_a_day_shows_every_revision_of_its_close_the_newest_first(days: Days, found: Published) -> None:
    closes = [one for one in found.outputs[ASSESSMENTS] if one["kind"] == "close" and one["method"] == METHOD]
    first = [one for one in closes if one["business_date"] == "2026-01-05"]
    assert [one["revision"] for one in first] == [0, 1]
    page = render_day(parts(days), ENTITY, date(2026, 1, 5))
    assert page is not None
    assert page.index(first[1]["digest"][:19]) < page.index(first[0]["digest"][:19])
    assert "/?entity=jp-main&amp;date=2026-01-06" in page
    assert "<svg" in page


def test_the_alerts_of_a_day_are_those_that_changed_in_it(days: Days, found: Published) -> None:
    ends = max(parse_time(one["at"]) for one in found.outputs[ASSESSMENTS] if one["business_date"] == "2026-01-05")
    changes = [one for one in found.outputs[ALERTS] if one["reason"] != "resent"]
    shown = {one["digest"] for one in days.alerts(ENTITY, "2026-01-05")}
    assert shown == {one["digest"] for one in changes if parse_time(one["updated_at"]) <= ends}
    assert shown


def test_a_day_of_which_nothing_is_kept_has_no_page(days: Days) -> None:
    assert render_day(parts(days), ENTITY, date(2020, 1, 1)) is None
    assert render_day(parts(days), "nobody", date(2026, 1, 5)) is None


def test_what_is_taken_again_changes_nothing_and_old_days_go(days: Days, found: Published) -> None:
    again, short = Days(), Days(kept=1)
    for topic in (ASSESSMENTS, ALERTS):
        for value in [*found.outputs[topic], *found.outputs[topic]]:
            again.take(value)
            short.take(value)
    page = render_day(parts(days), ENTITY, date(2026, 1, 5))
    assert render_day(parts(again), ENTITY, date(2026, 1, 5)) == page
    assert short.dates(ENTITY) == days.dates(ENTITY)[-1:]


def test_points_of_a_busy_day_are_thinned_and_keep_both_ends() -> None:
    days = Days()
    for second in range(3 * MOST_POINTS):
        days.take(assessment(at=f"2026-01-05T03:{second // 60:02}:{second % 60:02}.000000Z"))
    day = days.of(ENTITY, "2026-01-05")
    assert day is not None
    kept = day.points[METHOD]
    assert len(kept) <= MOST_POINTS
    assert kept[0].at_s == parse_time("2026-01-05T03:00:00Z") / SECOND
    assert kept[-1].at_s == parse_time("2026-01-05T03:11:59Z") / SECOND


def test_a_page_after_a_restart_draws_what_was_published_before(days: Days, found: Published) -> None:
    newest: dict[str, Any] = dict([one for one in found.outputs[ASSESSMENTS] if one["method"] == METHOD][-1])
    newest["explained"] = {"at": newest["at"], "digest": newest["digest"]}
    status: dict[str, Any] = {"entity": ENTITY, "at": newest["at"], "methods": [newest], "exposure": None, "alerts": []}
    status |= {"incidents": [], "trade_flow": [], "sources": []}
    page = render_page(parts(days), [status])
    assert 'class="chart"' in page
    assert f'href="/?entity={ENTITY}&amp;date=2026-01-05"' in page
    assert 'class="chart"' not in render_page(parts(Days()), [status])
