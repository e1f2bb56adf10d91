"""The status page says what is so: states and their reasons, gaps, alerts, and never green for what is not known."""

import copy
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from monitor.core.values.times import SECOND, format_time, parse_time
from monitor.web import WebParts, text
from monitor.web.chart import draw
from monitor.web.history import CoverageHistory, CoveragePoint
from monitor.web.page import entity_view, render_page
from tests import status_examples as examples
from tests.unit.web.test_server import FakeMetrics, FakeProbes, FakeStatus

NOW = parse_time(examples.AT) + 2 * SECOND
TEMPLATES = Path(__file__).parents[3] / "monitor" / "web" / "templates"
VOID = {"meta", "link", "br", "rect", "path", "line", "input", "hr", "img"}


class Balanced(HTMLParser):
    """Collects tags and attributes, and notices an element that is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parts_of(*statuses: dict[str, Any], history: CoverageHistory | None = None) -> WebParts:
    return WebParts(
        FakeProbes(), FakeMetrics(), {"version": "0.1.0"}, FakeStatus(*statuses), history=history or CoverageHistory()
    )


def page(*statuses: dict[str, Any], only: str | None = None, now: int = NOW, history: CoverageHistory | None = None) -> str:
    parts = parts_of(*statuses, history=history)
    return render_page(parts, [status for status in statuses if only in {None, status["entity"]}], only, now)


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("make", [examples.adequate, examples.shortfall, examples.unknown])
def test_the_page_is_well_formed_and_keeps_to_its_policy(make: Any) -> None:
    html = page(make())
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    names = {name for name, _ in parser.attributes}
    assert "style" not in names
    assert not [name for name in names if name.startswith("on")]
    assert not re.search(r"<style|<script(?![^>]*src=)", html)
    assert not [value for name, value in parser.attributes if name == "src" and not (value or "").startswith("/static/")]


def test_a_shortfall_says_by_how_much_under_which_rule_and_by_when() -> None:
    shown = words(page(examples.shortfall()))
    assert "Short by 25,000,000 JPY under jp.psa_custody." in shown
    assert "guarantee_asset.ETH : 850 held of 900 ETH required, 25,000,000 JPY short" in shown
    assert "to cure by 2026-01-07" in shown
    assert "98.64 % coverage" in shown
    assert "sweep-20260105-17 (custody.balances 3/881)" in shown
    assert "inc-2026-01 revision 2" in shown
    assert "not to rely on: market.prices" in shown


def test_unknown_shows_bounds_and_what_is_missing_and_is_not_green() -> None:
    status = examples.unknown()
    html = page(status)
    shown = words(html)
    assert "91.00 % to 104.20 % coverage" in shown
    assert "The price of ETH/JPY is too old." in shown
    assert "Nothing came from custody.balances within its limit." in shown
    assert "Not known JPY in all" in shown
    view = entity_view(status, parts_of(), NOW)
    assert view.state == "unknown"
    assert '<header class="lead unknown">' in html
    assert '<header class="lead adequate">' not in html


def test_a_shadow_method_does_not_colour_the_entity() -> None:
    status = examples.adequate()
    status["methods"][1]["state"] = "shortfall"
    assert entity_view(status, parts_of(), NOW).state == "adequate"


def test_figures_that_no_longer_move_are_unknown() -> None:
    view = entity_view(examples.adequate(), parts_of(), NOW + 600 * SECOND)
    assert (view.stale, view.state) == (True, "unknown")
    assert "the calculation does not move" in view.headline
    assert "adequate" in view.headline
    fresh = entity_view(examples.adequate(), parts_of(), NOW + 28 * SECOND)
    assert (fresh.stale, fresh.state) == (False, "adequate")
    assert entity_view(examples.adequate(), parts_of(), NOW + 29 * SECOND).stale, "older than http.stale_after_s"
    html = page(examples.adequate(), now=NOW + 600 * SECOND)
    assert 'class="entity stale"' in html
    assert "Was adequate" in html


def test_the_worst_broken_rule_leads_where_the_headline_is_met() -> None:
    status = examples.adequate()
    row = examples.component("client_asset.BTC", "shortfall", required="100", held="97", shortfall="3", unit="BTC", amount="9")
    hot = examples.component("hot_ratio", "shortfall", bound="max", required="0.05", held="0.051", unit="1", shortfall="0.001")
    status["methods"][0] |= {"state": "shortfall", "components": [hot, row], "headline": ["guarantee_asset"]}
    html = page(status)
    view = entity_view(status, parts_of(), NOW)
    assert view.headline == ("client_asset.BTC: 97 of 100 BTC held, 97.00 %, under jp.psa_custody. 1 more rule is broken."), (
        "98 % of a limit is nearer to it than 97 % of a holding"
    )
    assert html.index("97.00 %") < html.index("100.00 %")
    assert "100.00 % coverage of the headline (guarantee_asset)" in words(html)


def test_a_limit_of_a_share_is_told_in_percent() -> None:
    hot = examples.component("hot_ratio", "shortfall", bound="max", required="0.05", held="0.0612", unit="1")
    assert text.rule_sentence(hot) == "hot_ratio: 6.12 % where at most 5.00 % is allowed"


def test_what_did_not_reach_a_channel_says_so() -> None:
    row = {"fingerprint": "0" * 32, "channel": "pager", "since": None, "detail": "503"}
    shown = words(page(examples.shortfall() | {"undelivered": [row]}))
    assert "1 alert did not reach pager: 503." in shown
    assert "not delivered to pager" in shown
    row |= {"channel": None, "detail": "no channel is configured"}
    assert "nobody is told of these alerts" in words(page(examples.shortfall() | {"undelivered": [row]}))
    assert "did not reach" not in words(page(examples.shortfall() | {"undelivered": []}))


def test_where_it_is_not_known_who_was_told_the_page_says_so() -> None:
    """Fails where a process without a dispatcher shows an alert as one that people know of."""
    assert "Whether the alerts reached anybody is not known here" in words(page(examples.shortfall() | {"undelivered": None}))
    assert "is not known here" not in words(page(examples.adequate() | {"alerts": [], "undelivered": None}))


def test_an_entity_without_methods_is_not_green() -> None:
    status = examples.adequate() | {"methods": [], "exposure": None}
    view = entity_view(status, parts_of(), NOW)
    assert (view.state, view.headline) == ("unknown", "No method is configured.")


def test_an_account_that_is_held_twice_is_named() -> None:
    status = examples.adequate()
    held = [{"entity": "jp-main", "role": role, "quantity": "3"} for role in ("client_asset", "reserve_asset")]
    status["held_twice"] = {"complete": True, "accounts": [{"asset": "BTC", "account": "<w>", "held": held}]}
    shown = page(status)
    assert "BTC in account &lt;w&gt; is held 2 times, 3 as client_asset of jp-main and 3 as reserve_asset of jp-main" in shown
    assert "Accounts held twice" not in page(examples.adequate())


def test_what_the_records_say_is_text_never_markup() -> None:
    status = examples.shortfall()
    status["alerts"][0]["summary"] = "<script>alert(1)</script>"
    status["alerts"][0]["runbook_url"] = "javascript:alert(1)"
    status["incidents"][0]["summary"] = '"><img src=x>'
    html = page(status)
    assert "<script>alert" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html


def test_an_alert_says_what_it_waits_for_or_when_it_clears_and_who_was_told() -> None:
    status = examples.shortfall() | {"undelivered": []}
    status["alerts"] = [examples.alert("ReserveShortfall") | {"told": ["chat", "pager"]}]
    shown = words(page(status))
    assert (
        "Ends when its rule is met again and stays so for as long as levels.exit_dwell_s of its entity says. Told: chat" in shown
    )
    status["alerts"] = [examples.alert("ReserveShortfall") | {"told": ["chat"], "clears_after_s": 60}]
    assert "Ends when its rule is met again and stays so for 60 s. Told: chat." in words(page(status))
    status["alerts"] = [examples.alert("ReserveShortfall") | {"told": ["chat"], "clears_after_s": 0}]
    assert "Ends when its rule is met again. Told: chat." in words(page(status))
    status["alerts"] = [examples.alert("ReserveShortfall") | {"told": [], "clears_at": "2026-01-05T16:04:10.000000Z"}]
    assert "Over for now: clears at 16:04:10 UTC if it holds. Told nobody yet." in words(page(status))
    assert "Told" not in words(page(examples.shortfall() | {"undelivered": []}))


def test_shares_stand_in_percent_in_every_table_and_sentence() -> None:
    status = examples.shortfall()
    broken = status["methods"][0]["components"][0]
    broken |= {"name": "hot_ratio", "bound": "max", "unit": "1", "required": "0.05", "held": "0.0511", "state": "shortfall"}
    shown = words(page(status))
    assert "hot_ratio : 5.11 % where at most 5.00 % is allowed" in shown
    assert "at most 5.00 % 5.11 %" in shown
    assert "0.0511" not in shown


def test_alerts_stand_with_the_gravest_first() -> None:
    status = examples.adequate()
    status["alerts"] = [
        examples.alert("SourceStale", "warning"),
        examples.alert("ReserveShortfall", mode="shadow"),
        examples.alert("SecurityIncidentOpen", "info"),
        examples.alert("SameAssetShortfall"),
        examples.alert("ReserveShortfall"),
    ]
    names = [(alert["alertname"], alert["mode"]) for alert in entity_view(status, parts_of(), NOW).alerts]
    assert [name for name, _ in names] == [
        "ReserveShortfall", "SameAssetShortfall", "SourceStale", "SecurityIncidentOpen", "ReserveShortfall",
    ]  # fmt: skip
    assert names[-1][1] == "shadow"


def test_alerts_that_still_fire_are_named_beside_good_figures() -> None:
    status = examples.adequate()
    assert entity_view(status, parts_of(), NOW).headline == "Every rule of jp.psa_custody is met."
    status["alerts"] = [examples.alert()]
    assert entity_view(status, parts_of(), NOW).headline == "Every rule of jp.psa_custody is met. 1 alert still fires."


def test_several_entities_stand_worst_first_and_many_as_a_table() -> None:
    names = ["aa", "bb", "cc", "dd", "ee"]
    statuses = [examples.adequate() | {"entity": name} for name in names]
    statuses[2] = examples.shortfall() | {"entity": "cc"}
    html = page(*statuses)
    assert html.index("/?entity=cc") < html.index("/?entity=aa")
    assert '<section class="entity' not in html
    one = page(*statuses, only="cc")
    assert one.count('<section class="entity') == 1
    assert "other is not held here" in words(page(*statuses, only="other"))


@pytest.mark.parametrize(
    ("given", "shown"),
    [("1825000000", "1,825,000,000"), ("-25000000", "−25,000,000"), ("0.00012345", "0.00012345"), (None, "—"), ("0", "0")],
)
def test_amounts_keep_every_digit(given: str | None, shown: str) -> None:
    assert text.amount(given) == shown


@pytest.mark.parametrize(("given", "shown"), [("0.99999999", "99.99 %"), ("1", "100.00 %"), ("12.5", "1,250.00 %"), (None, "—")])
def test_a_ratio_is_cut_never_rounded_up(given: str | None, shown: str) -> None:
    assert text.percent(given) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 d"), (None, "never")]
)
def test_ages(seconds: float | None, shown: str) -> None:
    assert text.age(seconds) == shown


def test_history_keeps_the_newest_of_few_series_and_nothing_twice() -> None:
    history = CoverageHistory(points=3, series=1)
    for second in (1, 2, 2, 3, 4):
        history.record(examples.adequate() | {"at": format_time(second * SECOND)})
    assert [point.at_s for point in history.of("jp-main", "jp.psa_custody")] == [2, 3, 4]
    assert history.of("jp-main", "kr.vaupa_reserve") == ()
    history.keep([])
    assert history.of("jp-main", "jp.psa_custody") == ()


def test_the_chart_draws_no_line_where_coverage_is_not_known() -> None:
    known = [CoveragePoint(float(at), "adequate", 1.1, 1.1, 1.1) for at in range(3)]
    unknown = [CoveragePoint(float(at), "unknown", None, 0.9, 1.2) for at in range(3, 6)]
    again = [CoveragePoint(float(at), "shortfall", 0.8, 0.8, 0.8) for at in range(6, 9)]
    chart = draw([*known, *unknown, *again], 10.0)
    assert chart is not None
    assert len(chart.lines) == 2
    assert len(chart.bands) == 1
    assert [piece.state for piece in chart.strip] == ["adequate", "unknown", "shortfall"]
    assert sum(piece.width for piece in chart.strip) == pytest.approx(chart.right - chart.left, abs=0.5)
    assert "now shortfall" in chart.description


def test_the_scale_never_says_one_thing_twice() -> None:
    for coverage in (1.0, 1.004, 1.3, 9.0):
        chart = draw([CoveragePoint(float(at), "adequate", coverage, coverage, coverage) for at in range(3)], 3.0)
        assert chart is not None
        texts = [label.text for label in chart.scale]
        assert len(texts) == len(set(texts)) >= 2, texts


def test_no_chart_of_one_point_or_of_nothing_known() -> None:
    assert draw([CoveragePoint(1.0, "adequate", 1.0, 1.0, 1.0)], 5.0) is None
    assert draw([CoveragePoint(float(at), "not_computable", None, None, None) for at in range(5)], 5.0) is None


def test_the_chart_is_on_the_page_with_words_for_those_who_do_not_see_it() -> None:
    history = CoverageHistory()
    status = examples.adequate()
    for second in range(5):
        history.record(copy.deepcopy(status) | {"at": format_time(NOW - (9 - second) * SECOND)})
    assert "5 evaluations from" in page(status, history=history)


# Contrast, computed from the colours in the style sheet (WCAG 2.2: text 4.5, graphics 3)


def schemes() -> dict[str, dict[str, str]]:
    css = (TEMPLATES / "status.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    )
    assert light.keys() == dark.keys()
    return {"light": light, "dark": dark}


def luminance(colour: str) -> float:
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_graphics_have_enough_contrast(scheme: str) -> None:
    colours = schemes()[scheme]
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for name in colours:
        if name.startswith("on-"):
            assert contrast(colours[name], colours[name.removeprefix("on-")]) >= 4.5, name
        if name.startswith("mark-"):
            assert contrast(colours[name], colours["card"]) >= 3, name
    for ink in ("ink", "muted", "link", "shortfall", "watch"):
        for ground in ("page", "card"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    assert contrast(colours["mark-line"], colours["band"]) >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_unknown_is_grey(scheme: str) -> None:
    colours = schemes()[scheme]
    for name in ("unknown", "mark-unknown"):
        channels = [int(colours[name][place : place + 2], 16) for place in (1, 3, 5)]
        assert max(channels) - min(channels) < 32, name


def test_every_colour_in_use_is_one_of_the_checked_ones() -> None:
    css = (TEMPLATES / "status.css").read_text(encoding="utf-8")
    rules = re.sub(r":root \{.*?\}", "", css, flags=re.DOTALL)
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", rules)) <= {"#ffffff"}
    assert set(re.findall(r"var\(--([a-z-]+)\)", rules)) <= schemes()["light"].keys()
    assert "url(" not in css
    assert "@import" not in css


def test_beside_a_refused_record_no_rule_is_simply_met() -> None:
    """What lets it fail: an incident's revision is refused, and the page says that every rule is met."""
    status = examples.adequate()
    assert "Every rule" in words(page(status))
    status["alerts"] = [examples.alert("RecordRefused", "critical", method=None, subject="security.incidents/i-1")]
    status["alerts"][0]["figures"] = {"event_id": "i-1", "partition": "0", "offset": "7"}
    shown = words(page(status))
    assert "Every rule" not in shown
    assert "met by what was accepted; 1 record refused" in shown
    status["alerts"] = []
    status["methods"][0]["gaps"] = [{"kind": "record_rejected", "subject": "market.prices", "effect": "both", "since": None}]
    assert "met by what was accepted; 1 record refused" in words(page(status))


def test_what_is_left_out_of_every_figure_is_listed_with_its_quantity() -> None:
    status = examples.adequate()
    status["methods"][0]["ignored"] = [{"asset": "SPAM", "quantity": "1000000"}]
    assert "Left out of every figure: 1,000,000 SPAM" in words(page(status))


def test_treasury_reads_what_to_cure_first_what_to_hold_and_the_worst_stress() -> None:
    status = examples.shortfall()
    exposure = status["exposure"]
    exposure["forecast"] = {"shortfall_at": "2026-01-06T10:00:00.000000Z", "method": "kr.vaupa_reserve"}
    figures: dict[str, Any] = {"state": "shortfall", "required": "9", "available": "1", "left_out": None, "methods": []}
    exposure["scenarios"] = [
        figures | {"name": "mild", "shortfall": "9"},
        figures | {"name": "grave", "shortfall": "12000"},
        figures | {"name": "unasked", "shortfall": None},
    ]
    unsaid = {"probability": "0.001", "amount": "1111111111"}
    unknown = {"horizon_h": 72, "amount": None, "reason": "history is short"}
    exposure["buffers"] += [exposure["buffers"][0] | unsaid, exposure["buffers"][0] | unknown]
    said = words(page(status))
    assert "First to cure: fiat_trust of jp.psa_custody, by 2026-01-07." in said
    assert "At the present course kr.vaupa_reserve falls short at 2026-01-06 10:00:00 UTC." in said
    assert "Worst stress: grave, short by 12,000 JPY." in said
    assert "24 h 31,450,000 JPY −25,000,000 56,450,000" in said
    assert "72 h — history is short −25,000,000 —" in said
    assert "1,111,111,111" not in said


def test_no_exposure_no_treasury() -> None:
    status = examples.adequate()
    status["exposure"] = None
    assert "Treasury" not in words(page(status))


def test_labels_of_the_scale_stand_apart_and_within() -> None:
    for high in (1.004, 1.02, 1.2, 9.0):
        chart = draw([CoveragePoint(0.0, "shortfall", 0.97, 0.97, 0.97), CoveragePoint(9.0, "adequate", high, high, high)], 10.0)
        assert chart is not None
        places = sorted(label.y for label in chart.scale)
        assert all(later - earlier >= 12 for earlier, later in pairwise(places))
        assert all(chart.left - 5 >= 7.2 * len(label.text) for label in chart.scale)
