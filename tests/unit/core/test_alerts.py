"""The alert table of CONTRACT 2: from a method's result and the entity's state to conditions."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from monitor.core.alerts.conditions import Condition
from monitor.core.alerts.entity_conditions import REFUSED_APART, entity_conditions, refused_conditions
from monitor.core.alerts.life import Verdict
from monitor.core.alerts.method_conditions import method_conditions, unknown_condition
from monitor.core.book.completeness import FeedKnown
from monitor.core.book.rejections import RejectedRecord
from monitor.core.components.packs.computation import Row
from monitor.core.configuration.configuration import Levels, MethodConfig
from monitor.core.evaluation.assessment import Result
from monitor.core.evaluation.observations import Backing, IncidentSight
from monitor.core.journal.records import SourcePartition
from monitor.core.values.figure import UNKNOWN, Figure

METHOD = MethodConfig("jp.psa_custody", "in_force")
OPEN_ENDED = Figure(Fraction(5), None)


def row(name: str, state: str, required: object = 10, held: object = 10, **more: Any) -> Row:
    def figure(value: object) -> Figure | None:
        return value if value is None or isinstance(value, Figure) else Figure.of(Fraction(str(value)))

    cure_by = more.get("cure_by")
    return Row(
        name,
        more.get("bound", "min"),
        figure(required),
        figure(held),
        None,
        None,
        "JPY",
        None,
        state,
        cure_by,
        None,
        counted=False,
    )


def result(
    state: str, *rows: Row, required: object = 10, available: object = 20, ratio: object = None, gaps: Any = (), **more: Any
) -> Result:
    def figure(value: object) -> Figure | None:
        return value if value is None or isinstance(value, Figure) else Figure.of(Fraction(str(value)))

    printed = tuple(
        {"name": one.name, "required": "1", "held": "1", "shortfall": "0", "amount": "0", "unit": one.unit, "cure_by": None}
        for one in rows
    )
    return Result(
        state, None, None, None, None, None, None, {}, printed, tuple(gaps), "2026-01-05", "JPY", bool(more.get("projection")),
        rows, figure(required), figure(available), figure(ratio),
    )  # fmt: skip


def gap(kind: str, subject: str, effect: str = "both") -> dict[str, Any]:
    return {"kind": kind, "subject": subject, "effect": effect, "since": None}


def conditions(
    found: Result, levels: Levels | None = None, near: str = "2026-01-06"
) -> dict[tuple[str, str, str | None], Condition]:
    return keyed(method_conditions("jp-main", METHOD, found, levels or Levels(), near))


def keyed(several: Iterable[Condition]) -> dict[tuple[str, str, str | None], Condition]:
    return {(one.identity.alertname, one.identity.rule, one.identity.subject): one for one in several}


@pytest.mark.parametrize(
    ("name", "alertname", "rule", "subject"),
    [
        ("guarantee_asset.ETH", "SameAssetShortfall", "guarantee_asset", "ETH"),
        ("reserve_asset.USDC.E", "SameAssetShortfall", "reserve_asset", "USDC.E"),
        ("client_asset.BTC", "ClientAssetShortfall", "client_asset", "BTC"),
        ("holding.BTC", "ClientAssetShortfall", "holding", "BTC"),
        ("fiat_trust", "ClientAssetShortfall", "fiat_trust", None),
        ("hot_ratio", "HotStorageLimitExceeded", "hot_ratio", None),
        ("cold_ratio", "HotStorageLimitExceeded", "cold_ratio", None),
        ("capital", "ReserveShortfall", "capital", None),
    ],
)
def test_a_component_in_shortfall_has_its_alert(name: str, alertname: str, rule: str, subject: str | None) -> None:
    found = conditions(result("shortfall", row(name, "shortfall", 10, 9)))[alertname, rule, subject]
    assert (found.verdict, found.severity, found.mode) == (Verdict.TRUE, "critical", "in_force")
    assert found.identity.method == "jp.psa_custody"


def test_the_headline_has_its_own_and_a_component_that_is_the_headline_has_none_beside_it() -> None:
    found = conditions(result("shortfall", row("reserve", "shortfall", 20, 10), required=20, available=10))
    assert found["ReserveShortfall", "headline", None].verdict is Verdict.TRUE
    assert ("ReserveShortfall", "reserve", None) not in found


def test_both_the_headline_and_its_assets_are_on_record() -> None:
    found = conditions(result("shortfall", row("guarantee_asset.ETH", "shortfall", 9, 8), required=9, available=8))
    assert found["ReserveShortfall", "headline", None].verdict is Verdict.TRUE
    assert found["SameAssetShortfall", "guarantee_asset", "ETH"].verdict is Verdict.TRUE


def test_a_headline_that_may_or_may_not_be_met_is_not_known() -> None:
    found = conditions(result("unknown", required=10, available=OPEN_ENDED))
    assert found["ReserveShortfall", "headline", None].verdict is Verdict.UNKNOWN


def test_a_headline_of_which_all_is_skipped_has_no_alert_and_one_not_computable_ends_none() -> None:
    assert ("ReserveShortfall", "headline", None) not in conditions(result("adequate", required=None, available=None))
    found = conditions(result("not_computable", required=None, available=None))
    assert found["ReserveShortfall", "headline", None].verdict is Verdict.UNKNOWN


def test_a_projection_is_no_shortfall() -> None:
    found = conditions(result("watch", required=20, available=10, projection=True))
    assert found["ReserveShortfall", "headline", None].verdict is not Verdict.TRUE
    assert found["ReserveCoverageLow", "reserve_coverage_low", None].verdict is Verdict.TRUE


@pytest.mark.parametrize(("available", "verdict"), [("10.19", Verdict.BETWEEN), ("10.2", Verdict.CLEAR), ("10", Verdict.BETWEEN)])
def test_a_shortfall_is_left_at_its_exit_level(available: str, verdict: Verdict) -> None:
    levels = Levels(shortfall_exit=Decimal("1.02"))
    found = conditions(result("adequate", row("capital", "adequate", 10, available), required=10, available=available), levels)
    assert found["ReserveShortfall", "headline", None].verdict is verdict
    assert found["ReserveShortfall", "capital", None].verdict is verdict


def test_a_share_is_left_when_it_is_below_its_limit_by_the_exit_level() -> None:
    levels = Levels(shortfall_exit=Decimal("1.25"))
    for held, verdict in (("0.041", Verdict.BETWEEN), ("0.04", Verdict.CLEAR)):
        found = conditions(result("adequate", row("hot_ratio", "adequate", "0.05", held, bound="max")), levels)
        assert found["HotStorageLimitExceeded", "hot_ratio", None].verdict is verdict


def test_nothing_required_is_left() -> None:
    levels = Levels(shortfall_exit=Decimal("1.5"))
    assert (
        conditions(result("adequate", required=0, available=0), levels)["ReserveShortfall", "headline", None].verdict
        is Verdict.CLEAR
    )


@pytest.mark.parametrize("kind", ["source_silent", "source_unhealthy", "records_lost"])
def test_what_a_dead_source_says_is_no_positive_evidence(kind: str) -> None:
    found = conditions(result("unknown", row("client_asset.BTC", "adequate"), gaps=[gap(kind, "custody.balances")]))
    assert Verdict.CLEAR not in {one.verdict for one in found.values()}


def test_a_shortfall_proved_beside_a_dead_source_stands() -> None:
    found = conditions(result("shortfall", row("client_asset.BTC", "shortfall"), gaps=[gap("source_silent", "market.prices")]))
    assert found["ClientAssetShortfall", "client_asset", "BTC"].verdict is Verdict.TRUE


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        ("1.04", Verdict.TRUE),
        ("1.05", Verdict.BETWEEN),
        ("1.10", Verdict.BETWEEN),
        ("1.11", Verdict.CLEAR),
        (UNKNOWN, Verdict.UNKNOWN),
        (None, Verdict.CLEAR),
    ],
)
def test_coverage_is_low_below_watch_enter_until_above_watch_exit(ratio: object, verdict: Verdict) -> None:
    levels = Levels(Decimal("1.05"), Decimal("1.10"))
    found = conditions(result("adequate", ratio=ratio), levels)["ReserveCoverageLow", "reserve_coverage_low", None]
    assert (found.verdict, found.severity) == (verdict, "warning")


def test_without_a_level_only_the_methods_own_watch_counts() -> None:
    verdicts = {state: conditions(result(state))["ReserveCoverageLow", "reserve_coverage_low", None].verdict for state in
                ("watch", "adequate", "shortfall", "unknown", "not_computable")}  # fmt: skip
    assert verdicts == {
        "watch": Verdict.TRUE,
        "adequate": Verdict.CLEAR,
        "shortfall": Verdict.BETWEEN,
        "unknown": Verdict.BETWEEN,
        "not_computable": Verdict.UNKNOWN,
    }


@pytest.mark.parametrize(
    ("state", "gaps", "dead", "verdict"),
    [
        ("unknown", [gap("price_missing", "XRP/JPY")], [], Verdict.TRUE),
        ("not_computable", [gap("parameter_null", "x")], [], Verdict.TRUE),
        ("adequate", [], [], Verdict.CLEAR),
        ("shortfall", [gap("price_missing", "XRP/JPY")], [], Verdict.CLEAR),
        ("unknown", [gap("source_silent", "custody.balances")], ["custody.balances"], Verdict.BETWEEN),
        ("unknown", [gap("source_silent", "custody.balances"), gap("position_stale", "a")], ["custody.balances/w"], Verdict.TRUE),
        ("unknown", [gap("source_silent", "market.prices"), gap("price_stale", "XRP/JPY")], ["market.prices"], Verdict.BETWEEN),
        ("unknown", [gap("source_silent", "market.trades"), gap("price_stale", "XRP/JPY")], ["market.trades"], Verdict.BETWEEN),
        ("unknown", [gap("source_silent", "market.trades"), gap("position_stale", "a")], ["market.trades"], Verdict.TRUE),
        (
            "unknown",
            [gap("source_silent", "custody.balances"), gap("position_stale", "a")],
            ["custody.balances"],
            Verdict.BETWEEN,
        ),
        (
            "unknown",
            [gap("source_silent", "market.prices"), gap("position_missing", "client_asset")],
            ["market.prices"],
            Verdict.TRUE,
        ),
        ("unknown", [gap("source_silent", "market.trades")], [], Verdict.TRUE),
        (
            "unknown",
            [gap("source_silent", "a"), gap("record_rejected", "b"), gap("no_rate", "c", "figures")],
            ["a"],
            Verdict.BETWEEN,
        ),
        ("unknown", [gap("record_rejected", "b")], ["a"], Verdict.TRUE),
        ("unknown", [], ["a"], Verdict.TRUE),
    ],
)
def test_what_is_unknown_pages_unless_a_dead_feed_with_an_alert_explains_it(
    state: str, gaps: list[dict[str, Any]], dead: list[str], verdict: Verdict
) -> None:
    found = unknown_condition("jp-main", METHOD, result(state, gaps=gaps), frozenset(dead))
    assert (found.verdict, found.severity) == (verdict, "critical")


@pytest.mark.parametrize(
    ("cure_by", "state", "verdict"),
    [
        (date(2026, 1, 5), "shortfall", Verdict.TRUE),
        (date(2026, 1, 6), "shortfall", Verdict.TRUE),
        (date(2026, 1, 4), "shortfall", Verdict.TRUE),
        (date(2026, 1, 7), "shortfall", Verdict.CLEAR),
        (None, "adequate", Verdict.CLEAR),
        (None, "unknown", Verdict.UNKNOWN),
    ],
)
def test_a_cure_date_is_near_today_and_on_the_next_business_day(cure_by: date | None, state: str, verdict: Verdict) -> None:
    found = conditions(result("shortfall", row("fiat_trust", state, cure_by=cure_by)))["CureDeadlineNear", "fiat_trust", None]
    assert (found.verdict, found.dwells) == (verdict, False)


def backed(owed: object, there: object) -> Condition:
    figures = [value if isinstance(value, Figure) else Figure.of(Fraction(str(value))) for value in (owed, there)]
    found = keyed(entity_conditions("kr-main", [Backing("BTC", *figures)], [], []))[
        "LiabilityExceedsAssets", "liability_exceeds_assets", "BTC"
    ]
    assert found.identity.method is None
    return found


def backing(owed: object, there: object) -> Verdict:
    return backed(owed, there).verdict


def test_liabilities_above_all_assets_are_a_ledger_error_or_a_loss() -> None:
    assert backing("620000", "42000") is Verdict.TRUE
    assert backing("800", "800") is Verdict.CLEAR
    assert backing("800", OPEN_ENDED) is Verdict.UNKNOWN
    assert backing(OPEN_ENDED, "4") is Verdict.TRUE
    shown = backed("620000", "42000.5").show()
    assert shown.figures == {"client_liability": "620000", "held": "42000.5", "unit": "BTC"}
    assert shown.description == (
        "client_liability in BTC is 620,000, all other roles together hold 42,000.5: a ledger error or a loss."
    )
    assert backed("800", OPEN_ENDED).show().figures["held"] is None


def incident(status: str, severity: str = "high") -> IncidentSight:
    body = {
        "incident_id": "inc-1",
        "kind": "hot_wallet_theft",
        "status": status,
        "severity": severity,
        "revision": 2,
        "summary": "x",
    }
    return IncidentSight(body, Figure.of(1000), "JPY", 0)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("suspected", Verdict.TRUE), ("confirmed", Verdict.TRUE), ("contained", Verdict.TRUE),
                                                 ("closed", Verdict.CLEAR), ("withdrawn", Verdict.CLEAR)])  # fmt: skip
def test_an_incident_is_open_until_it_is_closed_or_withdrawn(status: str, verdict: Verdict) -> None:
    (found,) = entity_conditions("jp-main", [], [], [incident(status)])
    assert (found.verdict, found.dwells, found.ends_as) == (verdict, False, "ended")
    assert (found.identity.rule, found.identity.subject) == ("security_incident_open", "inc-1")


@pytest.mark.parametrize(
    ("severity", "expected"), [("low", "info"), ("medium", "warning"), ("high", "critical"), ("critical", "critical")]
)
def test_an_incidents_severity_is_the_alerts(severity: str, expected: str) -> None:
    (found,) = entity_conditions("jp-main", [], [], [incident("confirmed", severity)])
    assert found.severity == expected


def test_a_feed_is_silent_or_unhealthy_each_by_itself() -> None:
    found = keyed(entity_conditions("jp-main", [], [FeedKnown("custody.balances/w", silent=True)], []))
    assert found["SourceStale", "source_stale", "custody.balances/w"].verdict is Verdict.TRUE
    assert found["SourceUnhealthy", "source_unhealthy", "custody.balances/w"].verdict is Verdict.CLEAR
    assert {one.severity for one in found.values()} == {"warning"}


def test_texts_name_figures_and_gaps() -> None:
    found = unknown_condition(
        "jp-main", METHOD, result("unknown", gaps=[gap("price_missing", f"A{n}/JPY") for n in range(12)]), frozenset()
    )
    assert "price_missing A0/JPY" in found.show().description
    assert "and 4 more" in found.show().description


def refused(number: int, topic: str = "custody.balances") -> RejectedRecord:
    return RejectedRecord(SourcePartition(topic, 0, 0), number, number, (), f"b-{number}")


def test_a_thousand_refusals_are_a_few_alerts_and_none_is_lost() -> None:
    """What lets it fail: a feed that sends a thousand bad balances opens a thousand incidents, or all but some are dropped."""
    found = list(refused_conditions("e", [refused(number) for number in range(1000)]))
    assert len(found) == REFUSED_APART + 1
    rest = found[-1]
    assert rest.identity.subject == "custody.balances"
    assert rest.show().figures["records"] == str(1000 - REFUSED_APART)
    assert [one.severity for one in refused_conditions("e", [refused(1), refused(2, "security.incidents")])] == [
        "warning",
        "critical",
    ]
