"""Metrics: what exists is what CONTRACT 6 names, absent stays absent, an entity leaves nothing behind, labels stay few."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, get_args

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from prometheus_client.registry import Collector

from monitor.core.entity.measures import CustodyAmount, CustodyQuantity, IncidentLoss, LastEvent, Measures, TradedValue
from monitor.core.journal.vocabulary import ALERT_SEVERITIES, GAP_KINDS, OUTCOMES, SOURCE_TOPICS, STATES, Unheeded
from monitor.metrics.declared import ENTITY_METRICS, METRICS, Folding, GaugeSample, entity_samples, folding
from monitor.metrics.registry import Metrics
from tests import status_examples as examples
from tests.watching import calls_of

NS = 1_000_000_000
MEASURES = Measures(
    custody_quantity=(
        CustodyQuantity("BTC", "client_asset", "cold", "960"),
        CustodyQuantity("AAA", "client_asset", "cold", "1.5"),
        CustodyQuantity("BBB", "client_asset", "cold", "2"),
    ),
    custody_amount=(CustodyAmount("client_asset", "cold", "43150000000"), CustodyAmount("client_asset", "hot", None)),
    trade_value=(TradedValue("24h", "1000"),),
    incident_loss=(IncidentLoss("confirmed", None), IncidentLoss("closed", "0")),
    source_last_event=(
        LastEvent("market.prices", 5 * NS),
        LastEvent("market.prices/desk", 6 * NS),
        LastEvent("market.prices/unlisted", 7 * NS),
        LastEvent("custody.balances/unlisted", 8 * NS),
        LastEvent("security.incidents", None),
    ),
    holes={"market.trades": 0},
    evaluated_at=9 * NS,
    state_since={"jp.psa_custody": 4 * NS},
)
FOLD = folding(["BTC"], {"jp-main": ["market.prices/desk"]})


def made(**options: Any) -> Metrics:
    return Metrics(version="0.1.0", engine_version="1", process=False, fold=FOLD, **options)


def series(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every exposed sample by name and label values in the order of the declaration."""
    order = {metric.name: metric.labels for metric in METRICS}
    found = {}
    for family in parse(metrics.exposition()[0].decode()):
        for sample in family.samples:
            labels = order.get(sample.name, tuple(sorted(sample.labels)))
            found[sample.name, tuple(sample.labels[name] for name in labels)] = sample.value
    return found


def test_each_metric_is_declared_once_by_the_naming_rules() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
    for metric in METRICS:
        assert re.fullmatch(r"reserve_[a-z0-9_]+", metric.name)
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        assert metric.help.endswith("."), metric.name
        assert not {"account", "event_id", "trade_id", "incident_id", "le"} & set(metric.labels)


def test_text_and_openmetrics_both_parse_and_carry_only_declared_names() -> None:
    metrics = made()
    metrics.update_entity(examples.shortfall(), MEASURES)
    declared = {metric.name.removesuffix("_total") for metric in METRICS}
    text, content_type = metrics.exposition()
    assert content_type.startswith("text/plain")
    assert {family.name for family in parse(text.decode())} <= declared
    openmetrics, content_type = metrics.exposition("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert {family.name for family in parse_openmetrics(openmetrics.decode())} == declared


def test_figures_of_an_assessment_become_series() -> None:
    metrics = made()
    metrics.update_entity(examples.shortfall(), MEASURES)
    found = series(metrics)
    assert found["reserve_required_amount", ("jp-main", "jp.psa_custody", "JPY")] == 1_850_000_000
    assert found["reserve_surplus_amount", ("jp-main", "jp.psa_custody", "JPY")] == -25_000_000
    assert found["reserve_coverage_ratio", ("jp-main", "jp.psa_custody")] == 0.98648648
    assert found["reserve_exposure_amount", ("jp-main", "JPY", "incidents")] == 25_000_000
    assert found["reserve_component_held", ("jp-main", "jp.psa_custody", "hot_ratio", "", "1")] == 0.04111112
    assert found["reserve_component_required", ("jp-main", "jp.psa_custody", "guarantee_asset", "BTC", "BTC")] == 40
    assert found["reserve_method_info", ("jp-main", "kr.vaupa_reserve", "shadow", "2026.1")] == 1
    assert found["reserve_state_since_timestamp_seconds", ("jp-main", "jp.psa_custody")] == 4
    assert found["reserve_evaluation_last_timestamp_seconds", ("jp-main",)] == 9


@pytest.mark.parametrize("status", [examples.adequate(), examples.shortfall(), examples.unknown()])
def test_exactly_one_state_of_each_method_is_one(status: dict[str, Any]) -> None:
    metrics = made()
    metrics.update_entity(status, MEASURES)
    found = series(metrics)
    for assessment in status["methods"]:
        states = {state: found["reserve_state", ("jp-main", assessment["method"], state)] for state in STATES}
        assert states == {state: float(state == assessment["state"]) for state in STATES}


def test_an_absent_figure_has_no_series_and_loses_the_one_it_had() -> None:
    metrics = made()
    metrics.update_entity(examples.adequate(), MEASURES)
    assert ("reserve_coverage_ratio", ("jp-main", "jp.psa_custody")) in series(metrics)
    metrics.update_entity(examples.unknown(), MEASURES)
    found = series(metrics)
    for name in ("reserve_required_amount", "reserve_available_amount", "reserve_surplus_amount"):
        assert (name, ("jp-main", "jp.psa_custody", "JPY")) not in found
    assert ("reserve_coverage_ratio", ("jp-main", "jp.psa_custody")) not in found
    assert found["reserve_coverage_lower_ratio", ("jp-main", "jp.psa_custody")] == 0.91
    assert ("reserve_exposure_amount", ("jp-main", "JPY", "custody")) not in found
    assert ("reserve_custody_amount", ("jp-main", "JPY", "client_asset", "hot")) not in found
    assert ("reserve_incident_loss_amount", ("jp-main", "JPY", "confirmed")) not in found
    assert found["reserve_incident_loss_amount", ("jp-main", "JPY", "closed")] == 0


def test_gaps_and_alerts_that_are_not_there_are_zero() -> None:
    metrics = made()
    metrics.update_entity(examples.unknown(), MEASURES)
    found = series(metrics)
    gaps = {kind: found["reserve_gaps", ("jp-main", "jp.psa_custody", kind)] for kind in GAP_KINDS}
    assert {kind for kind, count in gaps.items() if count} == {"price_stale", "source_silent"}
    alerts = {key: value for key, value in found.items() if key[0] == "reserve_alerts_firing"}
    assert len(alerts) == sum(len(severities) for severities in ALERT_SEVERITIES.values())
    assert [key[1][1] for key, value in alerts.items() if value] == ["ReserveUnknown"]


def test_alerts_of_shadow_methods_do_not_count_as_firing() -> None:
    status = examples.adequate()
    status["alerts"] = [examples.alert("ReserveShortfall", mode="shadow"), examples.alert("ReserveShortfall")]
    metrics = made()
    metrics.update_entity(status, MEASURES)
    assert series(metrics)["reserve_alerts_firing", ("jp-main", "ReserveShortfall", "critical")] == 1


def test_assets_and_feeds_outside_the_configuration_are_folded() -> None:
    metrics = made()
    metrics.update_entity(examples.adequate(), MEASURES)
    found = series(metrics)
    assert found["reserve_custody_quantity", ("jp-main", "BTC", "client_asset", "cold")] == 960
    assert found["reserve_custody_quantity", ("jp-main", "other", "client_asset", "cold")] == 3.5
    feeds = {key[1][1]: value for key, value in found.items() if key[0] == "reserve_source_last_event_timestamp_seconds"}
    assert feeds == {"market.prices": 5, "market.prices/desk": 6, "other": 8}


def test_of_folded_assets_the_worst_backed_one_is_shown() -> None:
    status = examples.adequate()
    status["methods"][0]["components"] = [
        examples.component("guarantee_asset.AAA", required="10", held="500", unit="AAA"),
        examples.component("guarantee_asset.BBB", "shortfall", required="10", held="1", unit="BBB"),
    ]
    found = {(sample.name, sample.labels): sample.value for sample in entity_samples(status, MEASURES, Folding())}
    labels = ("jp-main", "jp.psa_custody", "guarantee_asset", "other", "other")
    assert (found["reserve_component_required", labels], found["reserve_component_held", labels]) == (10, 1)


def test_a_cure_deadline_is_the_end_of_the_local_day_where_the_engine_says_so() -> None:
    status = examples.shortfall()
    labels = ("jp-main", "jp.psa_custody", "fiat_trust")
    metrics = made()
    metrics.update_entity(status, replace(MEASURES, cure_ends={"jp.psa_custody": {"fiat_trust": 1_767_798_000 * NS}}))
    assert series(metrics)["reserve_cure_deadline_timestamp_seconds", labels] == 1_767_798_000
    metrics.update_entity(examples.adequate(), MEASURES)
    assert ("reserve_cure_deadline_timestamp_seconds", labels) not in series(metrics)


def test_a_released_partition_leaves_nothing_behind() -> None:
    metrics = made(stages=())
    before = series(metrics)
    metrics.update_entity(examples.shortfall(), MEASURES)
    metrics.journal_lag(3, 5, 0.5)
    metrics.engine_clock(3, NS)
    metrics.snapshot_taken(3, NS)
    metrics.unheeded(3, dict.fromkeys(get_args(Unheeded), 1))
    metrics.partition_released(3, ["jp-main"])
    metrics.partition_released(4, ["never-seen"])
    assert series(metrics) == before


def test_an_entity_that_is_seen_again_is_replaced_as_a_whole() -> None:
    metrics = made()
    metrics.update_entity(examples.unknown(), MEASURES)
    metrics.update_entity(examples.adequate(), MEASURES)
    assert not [key for key in series(metrics) if "jp.crypto_reserve_2026" in key[1]]


def test_counters_of_the_stages_that_run_here_start_at_zero() -> None:
    found = series(made(stages=("intake",)))
    assert {key[1] for key in found if key[0] == "reserve_events_total"} == {(t, o) for t in SOURCE_TOPICS for o in OUTCOMES}
    assert not [key for key in found if key[0] == "reserve_journal_holes_total"]
    assert ("reserve_alert_delivery_total", ("pager", "failed")) in series(made(stages=("dispatcher",), channels=("pager",)))


def test_when_kafka_answered_last_is_a_time_and_not_an_age() -> None:
    metrics = Metrics(version="1", engine_version="1", stages=("intake",), channels=(), fold=FOLD)
    metrics.broker_answered(1767582245.5)
    assert "reserve_broker_last_answer_timestamp_seconds 1.7675822455e+09" in metrics.exposition()[0].decode()


def test_counts_reports_of_the_stages() -> None:
    metrics = made()
    metrics.counted("market.trades", "applied", 3)
    metrics.dead_letter("market.trades", "bad_json")
    metrics.lag("market.trades", 2, 70)
    metrics.delivered("pager", "delivered")
    metrics.outbox_oldest("pager", 5 * NS)
    metrics.chain_forked(0)
    metrics.evaluation_differed(0)
    metrics.output_published("jp-main")
    metrics.configuration("sha256:old")
    metrics.configuration("sha256:new")
    metrics.records_applied(0, 0.02)
    metrics.alert_published(0.7)
    found = series(metrics)
    assert found["reserve_events_total", ("market.trades", "applied")] == 3
    assert found["reserve_dead_letters_total", ("market.trades", "bad_json")] == 1
    assert found["reserve_intake_lag_records", ("market.trades", "2")] == 70
    assert found["reserve_alert_delivery_total", ("pager", "delivered")] == 1
    assert found["reserve_alert_outbox_oldest_timestamp_seconds", ("pager",)] == 5
    assert found["reserve_chain_forks_total", ()] == 1
    assert found["reserve_evaluation_differences_total", ()] == 1
    assert found["reserve_audit_records_total", ("jp-main",)] == 1
    assert [key[1] for key in found if key[0] == "reserve_config_info"] == [("sha256:new",)]
    assert found["reserve_evaluation_duration_seconds_count", ()] == 1
    assert found["reserve_event_to_alert_seconds_sum", ()] == 0.7


def test_what_is_over_has_no_series() -> None:
    metrics = made()
    metrics.lag("market.trades", 2, 70)
    metrics.lag("market.trades", 2, None)
    metrics.outbox_oldest("pager", NS)
    metrics.outbox_oldest("pager", None)
    metrics.outbox_oldest("never", None)
    gone = {"reserve_intake_lag_records", "reserve_alert_outbox_oldest_timestamp_seconds"}
    assert not [key for key in series(metrics) if key[0] in gone]


OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class AsTheLibrary(Collector):
    """The samples of an entity, for the library to write."""

    def __init__(self, samples: Iterable[GaugeSample]) -> None:
        self._samples = list(samples)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for metric in ENTITY_METRICS:
            family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for sample in self._samples:
                if sample.name == metric.name:
                    family.add_metric(sample.labels, sample.value)
            yield family


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_the_lines_of_an_entity_are_those_that_the_library_writes(accept: str) -> None:
    status = examples.shortfall()
    status["methods"][0] |= {"currency": 'a "quoted" \\ word\nand a line', "surplus": "-0.000000000000012345"}
    metrics, library = made(), CollectorRegistry()
    metrics.update_entity(status, replace(MEASURES, evaluated_at=None))
    library.register(AsTheLibrary(entity_samples(status, replace(MEASURES, evaluated_at=None), FOLD)))
    body, content_type = metrics.exposition(accept)
    wanted, same_type = choose_encoder(accept)
    lines = wanted(library).decode().splitlines()
    assert content_type == same_type
    assert [line for line in body.decode().splitlines() if line in set(lines)] == lines
    assert body.decode().endswith("# EOF\n") == bool(accept)
    assert body.decode().count("# EOF") == bool(accept)


class FakeEngine:
    """An engine that holds what it is given."""

    def __init__(self, clock: int, *statuses: dict[str, Any]) -> None:
        self.clock, self.waiting = clock, False
        self.held = {status["entity"]: status for status in statuses}

    def entities(self) -> list[str]:
        return list(self.held)

    def figures(self, entity: str) -> dict[str, Any]:
        return self.held[entity]

    def measures(self, _entity: str) -> Measures:
        return MEASURES


def test_a_quiet_entity_has_its_series_and_its_heartbeat_follows_the_clock() -> None:
    metrics, engine = made(), FakeEngine(70 * NS, examples.adequate())
    list(metrics.refresh(lambda: [engine]))
    assert series(metrics)["reserve_evaluation_last_timestamp_seconds", ("jp-main",)] == 70
    engine.clock, engine.waiting = 130 * NS, True
    list(metrics.refresh(lambda: [engine]))
    assert series(metrics)["reserve_evaluation_last_timestamp_seconds", ("jp-main",)] == 70
    engine.waiting = False
    list(metrics.refresh(lambda: [engine]))
    assert series(metrics)["reserve_evaluation_last_timestamp_seconds", ("jp-main",)] == 130
    list(metrics.refresh(lambda: [FakeEngine(1)]))
    assert not [key for key in series(metrics) if "jp-main" in key[1]]


def test_what_was_evaluated_is_looked_at_once_before_a_scrape() -> None:
    metrics, engine = made(), FakeEngine(70 * NS, examples.adequate())
    list(metrics.refresh(lambda: [engine]))
    with calls_of(FakeEngine.figures) as asked:
        for _ in range(3):
            metrics.evaluated(engine, ["jp-main"])
        assert asked == []
        list(metrics.refresh(lambda: [engine]))
        list(metrics.refresh(lambda: [engine]))
    assert len(asked) == 1


def test_a_partition_that_goes_while_a_scrape_is_prepared_leaves_no_series() -> None:
    metrics, held = made(), [FakeEngine(70 * NS, examples.adequate())]
    refreshing = metrics.refresh(lambda: held)
    next(refreshing)
    held.clear()
    assert list(refreshing) == []
    assert not [key for key in series(metrics) if "jp-main" in key[1]]


def test_an_entity_that_is_no_longer_configured_loses_its_series() -> None:
    metrics, engine = made(), FakeEngine(70 * NS, examples.adequate())
    list(metrics.refresh(lambda: [engine]))
    assert [key for key in series(metrics) if "jp-main" in key[1]]
    metrics.evaluated(FakeEngine(80 * NS), ["jp-main"])
    assert not [key for key in series(metrics) if "jp-main" in key[1]]


def test_what_an_engine_did_not_heed_is_counted_where_its_partition_is() -> None:
    metrics = made()
    metrics.unheeded(3, {"unknown_entity": 4, "clock": 1, "configuration": 0})
    metrics.unheeded(5, {"unknown_entity": 0, "clock": 0, "configuration": 2})
    metrics.unheeded(3, {"unknown_entity": 6, "clock": 1, "configuration": 0})
    name = "reserve_journal_unheeded_total"
    found = {key[1]: value for key, value in series(metrics).items() if key[0] == name}
    assert found["3", "unknown_entity"] == 6
    assert (found["3", "clock"], found["5", "configuration"]) == (1, 2)
    metrics.partition_released(3, [])
    assert {key[1][0] for key in series(metrics) if key[0] == name} == {"5"}


def test_holes_count_once_for_each_entity() -> None:
    metrics = made()
    metrics.update_entity(examples.adequate(), replace(MEASURES, holes={"market.trades": 2}))
    metrics.update_entity(examples.adequate(), replace(MEASURES, holes={"market.trades": 2}))
    metrics.update_entity(examples.adequate(), replace(MEASURES, holes={"market.trades": 3}))
    assert series(metrics)["reserve_journal_holes_total", ("market.trades",)] == 3


def test_series_budget_of_an_entity_holds_whatever_is_traded() -> None:
    """A hundred assets, markets and feeds cost no more series than three: the closed label sets bound them."""
    status = examples.shortfall()
    coins = [f"COIN{number}" for number in range(100)]
    status["methods"][0]["components"] += [
        examples.component(f"{family}.{coin}", required="1", held="2", unit=coin)
        for coin in coins
        for family in ("guarantee_asset", "client_asset")
    ]
    many = replace(
        MEASURES,
        custody_quantity=tuple(CustodyQuantity(coin, "client_asset", "hot", "1") for coin in coins),
        source_last_event=tuple(LastEvent(f"custody.balances/{coin}", NS) for coin in coins),
    )
    samples = entity_samples(status, many, FOLD)
    by_metric: dict[str, int] = {}
    for sample in samples:
        by_metric[sample.name] = by_metric.get(sample.name, 0) + 1
    assert by_metric["reserve_custody_quantity"] == 1
    assert by_metric["reserve_source_last_event_timestamp_seconds"] == 1
    assert by_metric["reserve_component_required"] <= 10
    assert max(by_metric.values()) <= len(GAP_KINDS) * len(status["methods"])
    assert len(samples) < 120
    assert len({(sample.name, sample.labels) for sample in samples}) == len(samples)
