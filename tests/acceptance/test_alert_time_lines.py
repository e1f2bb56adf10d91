"""Alerts as on-call lives them: at second t this happens; want that alert between a and b."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from monitor.core.engine import Engine
from monitor.core.values.times import HOUR, SECOND
from tests.journal_maker import START, Journal, configuration_text, house, load
from tests.owner import TimeLine

MINUTE_S = 60
HOUR_S = 3600
DWELL: dict[str, Any] = {"levels": {"dwell_s": 60}}


def hot(quantity: str) -> Callable[[Journal], None]:
    return lambda journal: journal.position("hot", "client_asset", "hot", "BTC", quantity)


def guarantee(quantity: str) -> Callable[[Journal], None]:
    return lambda journal: journal.position("own", "guarantee_asset", "cold", "BTC", quantity)


def price(amount: str) -> Callable[[Journal], None]:
    return lambda journal: journal.price("BTC", amount)


def moments(line: TimeLine, alertname: str) -> list[tuple[str, float]]:
    return [(told.record["reason"], told.second) for told in line.told(alertname)]


def between(low: float, high: float, found: float) -> None:
    assert low <= found <= high


class TestShortfall:
    def test_a_guarantee_that_falls_short_fires_after_its_dwell_and_not_before(self) -> None:
        line = TimeLine(**DWELL).play((0, load), (10, guarantee("35")), until=69)
        assert moments(line, "SameAssetShortfall") == []
        line.play(until=75)
        ((reason, second),) = moments(line, "SameAssetShortfall")
        assert reason == "entered"
        between(70, 71, second)

    def test_without_a_dwell_it_fires_within_a_second(self) -> None:
        line = TimeLine().play((0, load), (10, guarantee("35")), until=12)
        ((_, second),) = moments(line, "SameAssetShortfall")
        between(10, 11, second)

    def test_it_names_the_event_the_figures_and_the_assessment(self) -> None:
        line = TimeLine().play((0, load), (10, guarantee("35")), until=12)
        (told,) = line.told("SameAssetShortfall")
        record = told.record
        event = next(r.statement.body["event_id"] for r in reversed(line.journal.records) if r.statement.kind == "position")
        assert [cause["event_id"] for cause in record["causes"]] == [event]
        assert (record["figures"]["required"], record["figures"]["held"], record["figures"]["shortfall"]) == ("40", "35", "5")
        assert record["assessment_digest"] == line.assessments()[-1]["digest"]
        assert record["runbook_url"].endswith("#sameassetshortfall")

    @pytest.mark.parametrize(("settings", "second"), [({}, 10), (DWELL, 70)])
    def test_its_delay_counts_from_its_event_and_leaves_the_dwell_out(self, settings: dict[str, Any], second: int) -> None:
        line = TimeLine(**settings).play((0, load), (10, guarantee("35")), until=75)
        (first, *_) = [one for _, one in line.outputs if one.value and one.value.get("alertname") == "SameAssetShortfall"]
        assert first.caused_at == line.start + second * SECOND

    def test_headline_and_asset_each_have_one_alert_with_one_fingerprint(self) -> None:
        line = TimeLine().play((0, load), (10, guarantee("35")), (20, guarantee("36")), (30, guarantee("37")), until=200)
        assert line.texts() == ["ReserveShortfall firing (entered)", "SameAssetShortfall BTC firing (entered)"]
        assert len({told.record["fingerprint"] for told in line.told(updates=True)}) == 2

    def test_a_dip_shorter_than_the_dwell_pages_nobody(self) -> None:
        line = TimeLine(**DWELL).play((0, load), (10, guarantee("35")), (60, guarantee("42")), until=600)
        assert line.texts() == []

    def test_it_resolves_on_evidence_held_for_the_dwell(self) -> None:
        line = TimeLine(**DWELL).play((0, load), (10, guarantee("35")), (200, guarantee("42")), until=400)
        reasons = moments(line, "SameAssetShortfall")
        assert [reason for reason, _ in reasons] == ["entered", "recovered"]
        between(260, 261, reasons[1][1])
        assert line.told("SameAssetShortfall")[1].record["ends_at"] is not None

    def test_it_leaves_at_its_exit_level_only(self) -> None:
        line = TimeLine(levels={"shortfall_exit": "1.10"})
        line.play((0, load), (10, guarantee("35")), (20, guarantee("41")), until=100)
        assert moments(line, "SameAssetShortfall") == [("entered", 10.1)]
        line.play((110, guarantee("44")), until=120)
        assert [reason for reason, _ in moments(line, "SameAssetShortfall")] == ["entered", "recovered"]

    def test_a_breach_that_flutters_about_the_limit_is_one_alert(self) -> None:
        events = [(10.0 + 5 * n, guarantee("39.9" if n % 2 else "40.1")) for n in range(40)]
        line = TimeLine(levels={"dwell_s": 30, "shortfall_exit": "1.05"}).play(
            (0, load), (5, guarantee("39")), *events, until=400
        )
        assert line.texts("SameAssetShortfall") == ["SameAssetShortfall BTC firing (entered)"]

    def test_it_comes_back_under_the_same_fingerprint(self) -> None:
        line = TimeLine().play((0, load), (10, guarantee("35")), (20, guarantee("42")), (30, guarantee("35")), until=40)
        told = line.told("SameAssetShortfall")
        assert [one.record["reason"] for one in told] == ["entered", "recovered", "reopened"]
        assert [one.record["revision"] for one in told] == [1, 2, 3]
        assert len({one.record["fingerprint"] for one in told}) == 1

    def test_an_asset_that_is_no_longer_held_hot_ends_its_alert(self) -> None:
        line = TimeLine().play((0, load), (10, guarantee("35")), (20, guarantee("0")), (20, hot("0")), until=40)
        assert line.texts("SameAssetShortfall")[-1] == "SameAssetShortfall BTC resolved (ended)"

    def test_figures_that_move_are_told_once_an_interval(self) -> None:
        events = [(10.0 + n, guarantee(f"{35 - n / 100}")) for n in range(100)]
        line = TimeLine().play((0, load), *events, until=200)
        updates = [told.second for told in line.told("SameAssetShortfall", updates=True) if told.record["reason"] == "updated"]
        assert len(updates) == 2
        between(70, 71, updates[0])


class TestUnknown:
    def test_a_price_too_old_makes_the_ratio_unknown_and_resolves_nothing(self) -> None:
        line = TimeLine(prices={"max_age_s": 600}).play((0, load), (10, hot("400")), until=2000)
        assert line.texts("HotStorageLimitExceeded") == ["HotStorageLimitExceeded firing (entered)"]
        assert line.state() == "shortfall"

    def test_what_was_well_and_is_not_known_any_more_pages(self) -> None:
        line = TimeLine(prices={"max_age_s": 600}).play((0, load), until=1200)
        ((reason, second),) = moments(line, "ReserveUnknown")
        assert reason == "entered"
        between(600, 601, second)

    def test_a_house_without_a_single_record_is_unknown_not_well(self) -> None:
        line = TimeLine().play(until=5)
        assert line.texts() == ["ReserveUnknown firing (entered)"]

    def test_it_ends_when_the_missing_record_comes(self) -> None:
        line = TimeLine().play((10, load), until=20)
        assert line.texts("ReserveUnknown") == ["ReserveUnknown firing (entered)", "ReserveUnknown resolved (recovered)"]


class TestSources:
    FRESH: ClassVar[dict[str, Any]] = {"freshness": {"custody.balances": {"max_age_s": 600}}}

    def test_a_dead_feed_is_one_alert_not_a_storm(self) -> None:
        line = TimeLine(**self.FRESH).play((0, load), until=3000)
        assert line.texts() == ["SourceStale custody.balances firing (entered)"]
        between(600, 601, line.told()[0].second)
        assert line.state() == "unknown"

    def test_a_shortfall_under_a_dead_feed_is_not_resolved_by_it(self) -> None:
        line = TimeLine(**self.FRESH).play((0, load), (10, guarantee("35")), until=3000)
        assert line.texts("SameAssetShortfall") == ["SameAssetShortfall BTC firing (entered)"]

    def test_a_feed_that_comes_back_ends_its_alert(self) -> None:
        line = TimeLine(**self.FRESH).play((0, load), (900, hot("40")), until=1000)
        assert line.texts() == [
            "SourceStale custody.balances firing (entered)",
            "SourceStale custody.balances resolved (recovered)",
        ]
        assert line.state() == "adequate"

    def test_bad_input_past_its_share_is_unhealthy_and_the_state_unknown(self) -> None:
        settings = {"sources": {"custody.balances": {"bad_share": "0.1"}}}
        line = TimeLine(settings=settings).play(
            (0, load), (10, lambda journal: journal.progress("custody.balances", 0, 200, dead_letter=50)), until=20
        )
        assert line.texts() == ["SourceUnhealthy custody.balances firing (entered)"]
        assert line.state() == "unknown"

    def test_a_segment_that_has_just_begun_is_no_proof_that_its_source_is_well(self) -> None:
        def bad(start: int, upto: int, dead: int) -> Callable[[Journal], None]:
            return lambda journal: journal.progress("custody.balances", start, upto, dead_letter=dead, final=dead > 20)

        settings = {"sources": {"custody.balances": {"bad_share": "0.1"}}}
        line = TimeLine(settings=settings).play((0, load), (10, bad(0, 200, 50)), (20, bad(200, 210, 5)), until=30)
        assert line.texts("SourceUnhealthy") == ["SourceUnhealthy custody.balances firing (entered)"]
        line.play((40, bad(200, 290, 5)), until=50)
        assert line.texts("SourceUnhealthy")[1:] == []
        line.play((60, bad(200, 300, 5)), until=70)
        assert line.texts("SourceUnhealthy")[1:] == ["SourceUnhealthy custody.balances resolved (recovered)"]


class TestConfiguration:
    def test_a_rule_that_is_skipped_ends_as_a_change_of_method_and_not_as_recovered(self) -> None:
        """Fails where a rule that is switched off counts as met."""
        skip = ["fiat_trust", "capital", "net_assets", "guarantee_asset"]
        method = {"id": "jp.psa_custody", "mode": "in_force", "options": {"skip": skip}}
        text = configuration_text({"jp-main": house(methods=[method])}, revision=2)
        line = TimeLine().play((0, load), (10, guarantee("35")), (30, lambda journal: journal.configure(text)), until=60)
        assert {told.record["reason"] for told in line.told() if told.record["status"] == "resolved"} == {"method_changed"}

    @pytest.mark.parametrize(
        "method",
        [
            {"id": "house.composite"},
            {"id": "jp.psa_custody", "options": {"skip": ["fiat_trust", "capital", "net_assets", "guarantee_asset"]}},
        ],
        ids=["a method that is gone", "a rule that is skipped"],
    )
    def test_what_the_configuration_ends_waits_for_no_dwell(self, method: dict[str, Any]) -> None:
        text = configuration_text({"jp-main": house(methods=[method], **DWELL)}, revision=2)
        line = TimeLine(**DWELL).play((0, load), (10, guarantee("35")), (100, lambda journal: journal.configure(text)), until=110)
        over = [told for told in line.told() if told.record["status"] == "resolved"]
        assert {told.record["alertname"] for told in over} == {"SameAssetShortfall", "ReserveShortfall"}
        assert {told.record["reason"] for told in over} == {"method_changed"}
        for told in over:
            between(100, 101, told.second)

    def test_in_force_to_shadow_and_back_resolves_nothing_that_holds(self) -> None:
        def mode(name: str, revision: int) -> Callable[[Journal], None]:
            method = house()["methods"][0] | {"mode": name}
            text = configuration_text({"jp-main": house(methods=[method])}, revision=revision)
            return lambda journal: journal.configure(text)

        line = TimeLine().play((0, load), (10, guarantee("35")), (30, mode("shadow", 2)), (40, mode("in_force", 3)), until=60)
        assert {told.record["status"] for told in line.told()} == {"firing"}


class TestRefused:
    def test_a_refused_incident_is_told_until_a_newer_valid_one_comes(self) -> None:
        """Fails where a refusal only marks figures: every rule is met, and nobody hears of the theft."""

        def refused(journal: Journal) -> None:
            journal.rejected("security.incidents", incident_id="i-9")

        line = TimeLine().play((0, load), (10, refused), until=30)
        (told,) = line.told("RecordRefused")
        assert (told.record["severity"], told.record["subject"]) == ("critical", "security.incidents/i-9")
        assert line.state() == "adequate"
        line.play((40, lambda journal: journal.incident("i-9", "closed")), until=60)
        assert line.texts("RecordRefused")[1:] == ["RecordRefused security.incidents/i-9 resolved (ended)"]


class TestIncidents:
    def test_an_incident_pages_at_once_whatever_the_dwell(self) -> None:
        line = TimeLine(**DWELL).play((0, load), (10, lambda journal: journal.incident("inc-1", "suspected")), until=12)
        ((reason, second),) = moments(line, "SecurityIncidentOpen")
        assert reason == "entered"
        between(10, 11, second)

    def test_its_severity_follows_the_incidents_and_its_close_ends_it(self) -> None:
        line = TimeLine(**DWELL).play(
            (0, load),
            (10, lambda journal: journal.incident("inc-1", "suspected", 1, severity="medium")),
            (20, lambda journal: journal.incident("inc-1", "confirmed", 2, severity="critical")),
            (30, lambda journal: journal.incident("inc-1", "contained", 3, severity="low")),
            (40, lambda journal: journal.incident("inc-1", "closed", 4, severity="low")),
            until=50,
        )
        told = line.told("SecurityIncidentOpen")
        assert [(one.record["reason"], one.record["severity"]) for one in told] == [
            ("entered", "warning"),
            ("escalated", "critical"),
            ("eased", "info"),
            ("ended", "info"),
        ]

    def test_an_older_revision_changes_nothing(self) -> None:
        line = TimeLine().play(
            (0, load),
            (10, lambda journal: journal.incident("inc-1", "closed", 5)),
            (20, lambda journal: journal.incident("inc-1", "suspected", 1)),
            until=30,
        )
        assert line.texts("SecurityIncidentOpen") == []


class TestLedger:
    def test_liabilities_beyond_all_assets_page_without_any_custody_event(self) -> None:
        def credit(journal: Journal) -> None:
            journal.position("ledger", "client_liability", "ledger", "BTC", "620000")

        line = TimeLine().play((0, load), (10, credit), until=12)
        (told,) = line.told("LiabilityExceedsAssets")
        assert (told.record["method"], told.record["subject"], told.record["severity"]) == (None, "BTC", "critical")
        between(10, 11, told.second)
        assert "ClientAssetShortfall BTC firing (entered)" in line.texts()


class TestGroups:
    @staticmethod
    def sweep(journal: Journal) -> None:
        journal.position("hot", "client_asset", "hot", "BTC", "10", group=("g1", 2))

    @staticmethod
    def arrival(journal: Journal) -> None:
        journal.position("cold", "client_asset", "cold", "BTC", "990", group=("g1", 2))

    def test_a_grouped_transfer_pages_nobody(self) -> None:
        owed = (1, lambda journal: journal.position("ledger", "client_liability", "ledger", "BTC", "1000"))
        line = TimeLine().play((0, load), owed, (10, self.sweep), (13, self.arrival), until=60)
        assert line.texts() == []

    def test_a_group_that_stays_incomplete_is_told_after_five_seconds_as_not_known(self) -> None:
        owed = (1, lambda journal: journal.position("ledger", "client_liability", "ledger", "BTC", "1000"))
        line = TimeLine().play((0, load), owed, (10, self.sweep), until=60)
        ((_, second),) = moments(line, "ReserveUnknown")
        between(15, 16, second)

    def test_half_a_group_resolves_nothing(self) -> None:
        """Fails where what came of a group counts before the rest has come: a member of +5 healed a shortfall of 2."""

        def half(journal: Journal) -> None:
            journal.position("own", "guarantee_asset", "cold", "BTC", "42", group=("g", 2))

        def dismiss(journal: Journal) -> None:
            journal.operation("dismissal", body={"group": "g"})

        line = TimeLine().play((0, load), (10, guarantee("35")), (20, half), until=60)
        line.idle_s = 6 * HOUR_S
        line.play(until=50 * HOUR_S)
        assert {told.record["status"] for told in line.told("SameAssetShortfall")} == {"firing"}
        assert line.state() == "unknown"
        line.play((51 * HOUR_S, dismiss), until=52 * HOUR_S)
        assert line.texts("SameAssetShortfall")[-1] == "SameAssetShortfall BTC resolved (recovered)"


class TestModesAndRehearsals:
    def test_a_shadow_method_is_on_record_as_shadow(self) -> None:
        method = house()["methods"][0] | {"mode": "shadow"}
        line = TimeLine(methods=[method]).play((0, load), (10, guarantee("35")), until=12)
        assert {told.record["mode"] for told in line.told()} == {"shadow"}

    def test_what_begins_in_a_rehearsal_is_marked_and_becomes_real_when_it_is_over(self) -> None:
        def rehearse(journal: Journal) -> None:
            journal.operation("rehearsal", expires_at=START + 100 * SECOND)

        line = TimeLine().play((0, load), (5, rehearse), (10, guarantee("35")), until=200)
        told = line.told("SameAssetShortfall", updates=True)
        assert [(one.record["reason"], one.record["rehearsal"]) for one in told] == [("entered", True), ("updated", False)]
        between(100, 101, told[1].second)

    def test_a_method_that_is_configured_no_longer_ends_its_alerts(self) -> None:
        from tests.journal_maker import configuration_text

        text = configuration_text({"jp-main": house(methods=[{"id": "house.composite"}])}, revision=2)
        line = TimeLine().play((0, load), (10, guarantee("35")), (20, lambda journal: journal.configure(text)), until=30)
        assert line.texts("SameAssetShortfall") == [
            "SameAssetShortfall BTC firing (entered)",
            "SameAssetShortfall BTC resolved (method_changed)",
        ]

    @pytest.mark.parametrize("restarted", [False, True])
    def test_a_method_that_goes_while_its_figure_is_unknown_ends_nothing(self, restarted: bool) -> None:
        """Fails where taking a method out proves that what it found is over, before or after a restart."""

        def half(journal: Journal) -> None:
            journal.position("own", "guarantee_asset", "cold", "BTC", "60", group=("g", 2))

        text = configuration_text({"jp-main": house(methods=[{"id": "house.composite"}])}, revision=2)
        line = TimeLine().play((0, load), (10, guarantee("35")), (20, half), until=40)
        assert line.state() == "unknown"
        if restarted:
            cut = line.engine.cut()
            line.engine = Engine.restore(0, cut.position, cut.version, dict(cut.buckets), check_journal_time=True)
        line.play((50, lambda journal: journal.configure(text)), until=400)
        assert line.texts("SameAssetShortfall") == [
            "SameAssetShortfall BTC firing (entered)",
            "SameAssetShortfall BTC firing (method_changed)",
        ]


class TestCure:
    def test_the_cure_date_pages_on_the_business_day_before_it(self) -> None:
        def owed(journal: Journal) -> None:
            journal.position("client-1", "client_liability", "ledger", "JPY", "1000")
            journal.declaration("trust_principal", "900")

        methods = [{"id": "jp.psa_custody", "options": {"skip": ["capital", "net_assets"]}}]
        line = TimeLine(methods=methods)
        line.idle_s = HOUR_S
        line.play((0, load), (10, owed), until=48 * HOUR_S)
        ((reason, second),) = moments(line, "CureDeadlineNear")
        assert reason == "entered"
        tokyo_midnight = 15 * HOUR_S
        between(tokyo_midnight, tokyo_midnight + 1, second)
        assert line.told("CureDeadlineNear")[0].record["cure_by"] == "2026-01-07"


class TestRepeats:
    def test_what_fires_is_sent_again_every_hour_at_its_revision(self) -> None:
        line = TimeLine().play((0, load), (10, guarantee("35")), until=3 * HOUR_S + MINUTE_S)
        again = [
            (second, output.value)
            for second, output in line.outputs
            if output.value is not None
            and output.value.get("reason") == "resent"
            and output.value["alertname"] == "SameAssetShortfall"
        ]
        assert [round(second - 10.1) for second, _ in again] == [HOUR_S, 2 * HOUR_S, 3 * HOUR_S]
        assert {value["revision"] for _, value in again} == {1}

    def test_a_resolved_alert_leaves_a_tombstone_after_seven_days(self) -> None:
        line = TimeLine().play((0, load), (10, guarantee("35")), (20, guarantee("42")), until=60)
        resolved = {told.record["fingerprint"] for told in line.told()}
        line.idle_s = HOUR_S
        line.play(until=7 * 24 * HOUR_S + MINUTE_S)
        tombstones = [(second, output.key) for second, output in line.outputs if output.value is None]
        assert {key for _, key in tombstones} == resolved
        between(7 * 24 * HOUR_S + 20, 7 * 24 * HOUR_S + 22, tombstones[0][0])
        assert line.engine.standing_alerts() == []


def test_two_houses_do_not_wake_each_other() -> None:
    both: dict[str, Any] = {"jp-main": house(), "jp-other": house()}
    line = TimeLine(entities=both).play(
        (0, load), (0, lambda journal: load(journal, entity="jp-other")), (10, guarantee("35")), until=HOUR // SECOND // 60
    )
    assert {told.record["entity"] for told in line.told("SameAssetShortfall")} == {"jp-main"}


@pytest.mark.parametrize("amount", ["14000000", "16000000"])
def test_a_price_alone_breaches_nothing_that_is_held_in_kind(amount: str) -> None:
    line = TimeLine().play((0, load), (10, price(amount)), until=30)
    assert line.texts() == []


class TestWhatAnAlertNames:
    def test_an_incident_names_itself_among_busy_prices(self) -> None:
        def theft(journal: Journal) -> None:
            journal.incident("theft", "confirmed")
            for step in range(20):
                journal.price("BTC", str(15_000_000 + step))

        (told,) = TimeLine().play((0, load), (10, theft), until=12).told("SecurityIncidentOpen")
        assert [cause["event_id"] for cause in told.record["causes"]] == ["theft"]

    def test_moved_figures_without_a_new_event_still_name_what_began_it(self) -> None:
        line = TimeLine().play((0, load), (10, guarantee("35")), until=12)
        (began,) = line.told("SameAssetShortfall")
        told = line.play((20, lambda journal: journal.tick()), until=HOUR_S + 20).told("SameAssetShortfall", updates=True)
        assert all(one.record["causes"] for one in told)
        assert told[0].record["causes"] == began.record["causes"]

    def test_the_balance_is_named_before_the_prices_of_its_second(self) -> None:
        def move(journal: Journal) -> None:
            guarantee("35")(journal)
            for step in range(20):
                journal.price("BTC", str(15_000_000 + step))

        (told,) = TimeLine().play((0, load), (10, move), until=12).told("SameAssetShortfall")
        assert told.record["causes"][0]["topic"] == "custody.balances"

    def test_the_summary_says_how_much_is_short_of_what(self) -> None:
        line = TimeLine().play((0, load), (10, guarantee("35")), until=12)
        (told,) = line.told("SameAssetShortfall")
        assert told.record["summary"] == "jp-main: guarantee_asset.BTC is 5 BTC short under jp.psa_custody"
        assert (
            line.told("ReserveShortfall")[0].record["summary"].startswith("jp-main: short by 75,000,000 JPY under jp.psa_custody")
        )


class TestCauses:
    """It fails where causes are the newest of anything, or those of a revision that was told already."""

    def test_ten_ledger_rows_do_not_hide_the_guarantee_that_was_moved(self) -> None:
        def busy(journal: Journal) -> None:
            guarantee("35")(journal)
            for number in range(12):
                journal.position(f"client-{number}", "client_liability", "ledger", "BTC", "1")

        (told,) = TimeLine().play((0, load), (10, busy), until=12).told("SameAssetShortfall")
        (cause,) = told.record["causes"]
        assert (cause["subject"], cause["before"], cause["after"]) == ("guarantee_asset BTC own", "42", "35")

    def test_a_price_that_the_rule_does_not_read_explains_nothing(self) -> None:
        def doge(journal: Journal) -> None:
            journal.price("DOGE", "20")
            guarantee("35")(journal)
            journal.price("DOGE", "21")

        line = TimeLine().play((0, load), (10, doge), until=12)
        for told in line.told():
            assert [cause["topic"] for cause in told.record["causes"]] == ["custody.balances"], told

    def test_each_revision_of_an_incident_is_told_at_once_and_names_itself(self) -> None:
        line = TimeLine(settings={"publish_interval_s": 60}).play(
            (0, load),
            (10, lambda journal: journal.incident("theft", "suspected", 1)),
            (11, lambda journal: journal.incident("theft", "confirmed", 2)),
            (12, lambda journal: journal.incident("theft", "contained", 3)),
            until=15,
        )
        told = line.told("SecurityIncidentOpen", updates=True)
        assert [one.record["figures"]["revision"] for one in told] == ["1", "2", "3"]
        after = [[cause["after"] for cause in one.record["causes"]] for one in told]
        assert after == [
            [f"revision {n}, high, {status}"] for n, status in ((1, "suspected"), (2, "confirmed"), (3, "contained"))
        ]
        assert told[2].record["causes"][0]["before"] == "revision 2, high, confirmed"

    def test_the_event_that_flipped_the_verdict_stands_before_what_moved_since(self) -> None:
        events = [(10.0 + number, guarantee(str(35 - number))) for number in range(4)]
        line = TimeLine(levels={"dwell_s": 30}).play((0, load), *events, until=45)
        (told,) = line.told("SameAssetShortfall")
        assert [cause["after"] for cause in told.record["causes"]] == ["35", "32", "33", "34"]

    def test_what_moved_since_the_last_revision_is_all_named_when_its_figures_are_told(self) -> None:
        line = TimeLine(settings={"publish_interval_s": 60}).play(
            (0, load), (10, guarantee("35")), (20, guarantee("34")), (30, guarantee("33")), until=80
        )
        entered, updated = line.told("SameAssetShortfall", updates=True)
        assert [cause["after"] for cause in entered.record["causes"]] == ["35"]
        assert [cause["after"] for cause in updated.record["causes"]] == ["33", "34"]

    def test_the_end_names_what_made_good(self) -> None:
        def back(journal: Journal) -> None:
            hot("41")(journal)
            guarantee("45")(journal)

        line = TimeLine().play((0, load), (10, guarantee("35")), (20, back), until=25)
        over = line.told("SameAssetShortfall")[-1].record
        assert over["reason"] == "recovered"
        assert (over["causes"][0]["before"], over["causes"][0]["after"]) == ("35", "45")


class TestLevelsOfWhatIsCapped:
    """A same-asset headline counts no more than is asked: its levels are measured on what is held."""

    def test_an_exit_level_above_one_lets_the_headline_end(self) -> None:
        line = TimeLine(levels={"shortfall_exit": "1.05"}).play((0, load), (10, guarantee("35")), (20, guarantee("41")), until=30)
        assert [reason for reason, _ in moments(line, "ReserveShortfall")] == ["entered"]
        line.play((40, guarantee("42")), until=45)
        for name in ("ReserveShortfall", "SameAssetShortfall"):
            assert [reason for reason, _ in moments(line, name)] == ["entered", "recovered"]

    def test_the_watch_level_is_measured_on_what_is_held(self) -> None:
        levels = {"watch_enter": "1.05", "watch_exit": "1.10"}
        line = TimeLine(levels=levels).play(
            (0, load), (10, guarantee("41")), (20, guarantee("44")), (30, guarantee("45")), until=40
        )
        told = line.told("ReserveCoverageLow")
        assert [one.record["reason"] for one in told] == ["entered", "recovered"]
        assert told[0].record["summary"] == (
            "jp-main: jp.psa_custody is below the watch level of 105.00 %: 102.50 % of what is required is held"
        )
        between(30, 31, told[1].second)


class TestTexts:
    def test_an_alert_that_is_over_says_so_and_never_that_it_is_unknown_and_adequate(self) -> None:
        line = TimeLine(prices={"max_age_s": 60}).play(
            (0, load), (10, guarantee("35")), (20, guarantee("42")), (90, price("1")), until=100
        )
        for told in line.told():
            text = f"{told.record['summary']} {told.record['description']}"
            assert "is adequate" not in text, text
            if told.record["status"] == "resolved":
                assert "again" in told.record["summary"], told.record["summary"]
                assert "short by" not in text, text


class TestAFreshInstallation:
    FRESH: ClassVar[dict[str, Any]] = {"freshness": {"custody.balances": {"max_age_s": 120}}}

    def test_a_feed_that_never_came_is_stale_only_when_its_freshness_has_passed(self) -> None:
        line = TimeLine(**self.FRESH).play(until=115)
        assert line.told("SourceStale") == []
        line.play(until=190)
        ((reason, second),) = moments(line, "SourceStale")
        assert reason == "entered"
        between(120, 181, second)

    def test_a_feed_that_comes_in_time_pages_nobody(self) -> None:
        line = TimeLine(**self.FRESH).play((60, load), until=150)
        assert line.told("SourceStale") == []
