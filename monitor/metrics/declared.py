"""The metrics of CONTRACT 6, each declared once, and what one entity's series are.

Nothing here knows a metrics library: `monitor.metrics.registry` exposes what is declared here. Figures are exact decimal text
until this edge; a sample is a 64-bit float, for watching only, and no report is computed from one.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

from monitor.core.entity.measures import Measures
from monitor.core.journal.vocabulary import ALERT_SEVERITIES, EXPOSURE_PARTS, GAP_KINDS, SOURCE_TOPICS, STATES
from monitor.core.values.times import SECOND, parse_time

OTHER = "other"
_ASSET_FAMILIES = frozenset({"guarantee_asset", "reserve_asset", "client_asset", "holding"})

SeriesKind = Literal["gauge", "counter", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as it is exposed: `name` in full, what it is, its labels in order, and one sentence of help."""

    name: str
    kind: SeriesKind
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


def _gauge(name: str, labels: str, text: str) -> Metric:
    return Metric(name, "gauge", tuple(labels.split()), text)


def _counter(name: str, labels: str, text: str) -> Metric:
    return Metric(name, "counter", tuple(labels.split()), text)


ENTITY_METRICS = (
    _gauge("reserve_required_amount", "entity method currency", "What the method says must be held now."),
    _gauge("reserve_available_amount", "entity method currency", "What is held and counts under the method now."),
    _gauge("reserve_surplus_amount", "entity method currency", "Available less required; below zero it is the shortfall."),
    _gauge("reserve_coverage_ratio", "entity method", "Available over required; absent while it is not known."),
    _gauge("reserve_coverage_lower_ratio", "entity method", "Lowest coverage that the known inputs allow."),
    _gauge("reserve_coverage_upper_ratio", "entity method", "Highest coverage that the known inputs allow."),
    _gauge("reserve_exposure_amount", "entity currency part", "Operational-risk exposure by part."),
    _gauge("reserve_state", "entity method state", "1 for the state the method is in, 0 for each other state."),
    _gauge("reserve_state_since_timestamp_seconds", "entity method", "When the present state began."),
    _gauge("reserve_method_info", "entity method mode version", "The methods that are evaluated, always 1."),
    _gauge("reserve_gaps", "entity method kind", "What is missing for the method, counted by kind."),
    _gauge("reserve_component_required", "entity method component asset unit", "What one rule of the method asks, in unit."),
    _gauge("reserve_component_held", "entity method component asset unit", "What there is for one rule of the method, in unit."),
    _gauge("reserve_cure_deadline_timestamp_seconds", "entity method component", "End of the last day for curing a breach."),
    _gauge("reserve_custody_quantity", "entity asset role storage", "Quantity held, in whole units of the asset."),
    _gauge("reserve_custody_amount", "entity currency role storage", "Value of what is held, in the reporting currency."),
    _gauge("reserve_trade_value_amount", "entity currency window", "Value traded in the window, in the reporting currency."),
    _gauge("reserve_incident_loss_amount", "entity currency status", "Net loss of the incidents in a status."),
    _gauge("reserve_scenario_shortfall_amount", "entity currency method scenario", "Shortfall the scenario would cause now."),
    _gauge("reserve_margin_amount", "entity method currency", "What the tightest rule of the headline has to spare."),
    _gauge(
        "reserve_buffer_amount", "entity method currency horizon probability", "Surplus to hold against the margin's past falls."
    ),
    _gauge("reserve_shortfall_forecast_timestamp_seconds", "entity method", "Expected time of a shortfall; absent if none."),
    _gauge("reserve_source_last_event_timestamp_seconds", "entity source", "Log time of the newest event of a feed."),
    _gauge("reserve_alerts_firing", "entity alertname severity", "Alerts that fire now, without those of shadow methods."),
    _gauge("reserve_evaluation_last_timestamp_seconds", "entity", "Until when the entity's newest figures are known to stand."),
    _gauge("reserve_audit_checkpoint_timestamp_seconds", "entity", "When the newest checkpoint of the chain was cut."),
)
"""Series that belong to an entity and go when its journal partition goes."""

PARTITION_METRICS = (
    _gauge("reserve_journal_lag_records", "partition", "Journal records that the engine has not applied yet."),
    _gauge("reserve_journal_lag_seconds", "partition", "Age of the oldest journal record that the engine has not applied yet."),
    _gauge("reserve_engine_clock_timestamp_seconds", "partition", "The engine's clock."),
    _gauge("reserve_snapshot_last_timestamp_seconds", "partition", "When the newest complete snapshot was made."),
)
"""Series that belong to a journal partition and go when it goes."""

UNHEEDED_RECORDS = _counter(
    "reserve_journal_unheeded_total",
    "partition reason",
    "Journal records that the engine did not heed (unknown_entity, configuration) or whose time it did not (clock).",
)
"""Counted by the engine itself and kept in its snapshots, so it goes on where the partition goes."""

_LATENCY_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_DURATION_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)

PROCESS_METRICS = (
    _counter("reserve_events_total", "topic outcome", "Source records read, by what became of them."),
    _counter("reserve_dead_letters_total", "topic reason", "Source records refused, by reason."),
    _counter("reserve_unsafe_keys_total", "topic", "Trades seen under a key that may part the records of one trade id."),
    _gauge("reserve_intake_lag_records", "topic partition", "Source records not read yet, by position."),
    _counter("reserve_journal_holes_total", "topic", "Holes in what the journal says of a topic, once for each entity."),
    _counter("reserve_chain_forks_total", "", "Outputs that differ from what was published before at the same place of a chain."),
    _counter("reserve_evaluation_differences_total", "", "Evaluations that differed from reading everything anew, if checked."),
    Metric("reserve_event_to_alert_seconds", "histogram", (), "From an alert's newest cause to its publication.", _LATENCY_S),
    Metric("reserve_evaluation_duration_seconds", "histogram", (), "Time one evaluation of one entity took.", _DURATION_S),
    _gauge("reserve_broker_last_answer_timestamp_seconds", "", "When a broker of Kafka answered this process last."),
    _gauge("reserve_log_failed_lines", "", "Log lines that could not be written since the start, as on a full disk."),
    _counter("reserve_alert_delivery_total", "channel outcome", "Attempts to deliver an alert change, by outcome."),
    _gauge("reserve_alert_outbox_oldest_timestamp_seconds", "channel", "Oldest alert change not delivered yet; absent if none."),
    _counter("reserve_audit_records_total", "entity", "Outputs published to an entity's chain."),
    _counter("reserve_archived_records_total", "topic", "Records of journal and outputs that are in the archive."),
    _counter("reserve_archive_failures_total", "topic", "Attempts to archive that failed: the store, or a log that differs."),
    _counter("reserve_checkpoint_stamps_total", "outcome", "Time stamps of checkpoints (RFC 3161): written, or failed for now."),
    _gauge("reserve_archive_oldest_timestamp_seconds", "topic", "Oldest record read and not archived yet; absent if none."),
    _gauge("reserve_config_info", "digest", "Digest of the configuration in force, always 1."),
    _gauge("reserve_build_info", "version engine_version", "Version of this program and of its engine, always 1."),
)
"""Series that belong to the process."""

METRICS = (*ENTITY_METRICS, *PARTITION_METRICS, UNHEEDED_RECORDS, *PROCESS_METRICS)

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GaugeSample:
    """One series' value; `labels` in the order of the metric's declaration."""

    name: str
    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Folding:
    """Which assets and feeds have series of their own; all else is `other` (labels come from closed sets only).

    `assets` is `metrics.assets` of the configuration; `sources` the feed names of each entity's `freshness`.
    """

    assets: frozenset[str] = frozenset()
    sources: Mapping[str, frozenset[str]] | None = None

    def asset(self, name: str) -> str:
        """The asset's label."""
        return name if name in self.assets else OTHER

    def source(self, entity: str, name: str) -> str:
        """The feed's label: a source topic or a configured feed name."""
        known = (self.sources or {}).get(entity, frozenset())
        return name if name in SOURCE_TOPICS or name in known else OTHER


def folding(assets: Collection[str], sources: Mapping[str, Collection[str]]) -> Folding:
    """The folding of a configuration."""
    return Folding(frozenset(assets), {entity: frozenset(names) for entity, names in sources.items()})


def entity_samples(status: Mapping[str, Any], measures: Measures, fold: Folding) -> tuple[GaugeSample, ...]:
    """All series of one entity from its status object (CONTRACT 5) and the engine's measures; a null figure has none."""
    entity = status["entity"]
    samples: list[GaugeSample] = []
    for assessment in status["methods"]:
        samples.extend(_assessment(entity, assessment, measures, fold))
    samples.extend(_exposure(entity, status["exposure"], measures))
    samples.extend(_quantities(entity, measures, fold))
    samples.extend(_alerts(entity, status["alerts"]))
    samples.extend(_sources(entity, measures, fold))
    if status.get("checkpoint") is not None:
        cut_at = parse_time(status["checkpoint"]["at"])
        samples.append(GaugeSample("reserve_audit_checkpoint_timestamp_seconds", (entity,), cut_at / SECOND))
    return tuple(samples)


def number(text: str | None) -> float | None:
    """The nearest float of an exact figure; None stays None, so that absent never becomes 0."""
    return None if text is None else float(Decimal(text))


def _present(name: str, labels: Labels, figure: str | None) -> Iterator[GaugeSample]:
    value = number(figure)
    if value is not None:
        yield GaugeSample(name, labels, value)


def _assessment(entity: str, assessment: Mapping[str, Any], measures: Measures, fold: Folding) -> Iterator[GaugeSample]:
    method, currency = assessment["method"], assessment["currency"]
    for figure in ("required", "available", "surplus"):
        yield from _present(f"reserve_{figure}_amount", (entity, method, currency), assessment[figure])
    for figure in ("coverage", "coverage_lower", "coverage_upper"):
        yield from _present(f"reserve_{figure}_ratio", (entity, method), assessment[figure])
    for state in STATES:
        yield GaugeSample("reserve_state", (entity, method, state), float(assessment["state"] == state))
    since = measures.state_since.get(method)
    if since is not None:
        yield GaugeSample("reserve_state_since_timestamp_seconds", (entity, method), since / SECOND)
    yield GaugeSample("reserve_method_info", (entity, method, assessment["mode"], assessment["method_version"]), 1.0)
    kinds = [gap["kind"] for gap in assessment["gaps"]]
    for kind in GAP_KINDS:
        yield GaugeSample("reserve_gaps", (entity, method, kind), float(kinds.count(kind)))
    yield from _components(entity, method, assessment["components"], measures, fold)


def _components(
    entity: str, method: str, components: list[Mapping[str, Any]], measures: Measures, fold: Folding
) -> Iterator[GaugeSample]:
    cure_ends = measures.cure_ends.get(method, {})
    worst: dict[Labels, tuple[float, Mapping[str, Any]]] = {}
    for component in components:
        family, asset, unit = component_labels(component, fold)
        labels: Labels = (entity, method, family, asset, unit)
        ratio = _ratio(component)
        if labels not in worst or ratio < worst[labels][0]:
            worst[labels] = (ratio, component)
        if component["cure_by"] is not None:
            ends = cure_ends.get(component["name"])
            at = ends / SECOND if ends is not None else _end_of_day(component["cure_by"])
            yield GaugeSample("reserve_cure_deadline_timestamp_seconds", (entity, method, family), at)
    for labels, (_, component) in worst.items():
        yield from _present("reserve_component_required", labels, component["required"])
        yield from _present("reserve_component_held", labels, component["held"])


def component_labels(component: Mapping[str, Any], fold: Folding) -> tuple[str, str, str]:
    """Component, asset and unit labels: `guarantee_asset.ETH` is family `guarantee_asset` of asset `ETH`.

    Of the assets folded to `other` the one with the lowest held over required stands for all: quantities of
    different assets have no sum, and a surplus of one must not hide what another lacks.
    """
    family, _, rest = component["name"].partition(".")
    if family not in _ASSET_FAMILIES or not rest:
        return component["name"], "", component["unit"]
    asset = fold.asset(rest)
    return family, asset, component["unit"] if asset != OTHER else OTHER


def _ratio(component: Mapping[str, Any]) -> float:
    required, held = number(component["required"]), number(component["held"])
    if required is None or held is None:
        return -1.0
    return held / required if required > 0 else float("inf")


def _end_of_day(text: str) -> float:
    return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC).timestamp()


def _exposure(entity: str, exposure: Mapping[str, Any] | None, measures: Measures) -> Iterator[GaugeSample]:
    if exposure is None:
        return
    currency = exposure["currency"]
    for part in EXPOSURE_PARTS:
        yield from _present("reserve_exposure_amount", (entity, currency, part), exposure["parts"][part])
    for row in exposure["scenarios"]:
        yield from _present("reserve_scenario_shortfall_amount", (entity, currency, "", row["name"]), row["shortfall"])
        for each in row.get("methods", ()):
            labels = (entity, each["currency"], each["method"], row["name"])
            yield from _present("reserve_scenario_shortfall_amount", labels, each["shortfall"])
    for forecast in exposure["forecasts"]:
        if forecast["shortfall_at"] is not None:
            at = parse_time(forecast["shortfall_at"]) / SECOND
            yield GaugeSample("reserve_shortfall_forecast_timestamp_seconds", (entity, forecast["method"]), at)
    for row in exposure["buffers"]:
        held: Labels = (entity, row["method"], row["currency"], f"{row['horizon_h']}h", row["probability"])
        yield from _present("reserve_buffer_amount", held, row["amount"])
    for row in [one for one in exposure["buffers"] if one["horizon_h"] == 1 and one["probability"] == "0.01"]:
        yield from _present("reserve_margin_amount", (entity, row["method"], row["currency"]), row["margin"])
    for row in measures.custody_amount:
        yield from _present("reserve_custody_amount", (entity, currency, row.role, row.storage), row.amount)
    for row in measures.trade_value:
        yield from _present("reserve_trade_value_amount", (entity, currency, row.window), row.amount)
    for row in measures.incident_loss:
        yield from _present("reserve_incident_loss_amount", (entity, currency, row.status), row.amount)


def _quantities(entity: str, measures: Measures, fold: Folding) -> Iterator[GaugeSample]:
    sums: dict[Labels, Decimal] = {}
    for row in measures.custody_quantity:
        labels: Labels = (entity, fold.asset(row.asset), row.role, row.storage)
        sums[labels] = sums.get(labels, Decimal(0)) + Decimal(row.quantity)
    for labels, quantity in sums.items():
        yield GaugeSample("reserve_custody_quantity", labels, float(quantity))


def _alerts(entity: str, alerts: list[Mapping[str, Any]]) -> Iterator[GaugeSample]:
    counts = {(name, severity): 0 for name, severities in ALERT_SEVERITIES.items() for severity in severities}
    for alert in alerts:
        if alert["mode"] != "shadow" and alert["status"] == "firing":
            key = (alert["alertname"], alert["severity"])
            counts[key] = counts.get(key, 0) + 1
    for (name, severity), count in counts.items():
        yield GaugeSample("reserve_alerts_firing", (entity, name, severity), float(count))


def _sources(entity: str, measures: Measures, fold: Folding) -> Iterator[GaugeSample]:
    newest: dict[str, int] = {}
    for row in measures.source_last_event:
        if row.at is not None:
            name = fold.source(entity, row.source)
            newest[name] = max(newest.get(name, 0), row.at)
    for name, at in newest.items():
        yield GaugeSample("reserve_source_last_event_timestamp_seconds", (entity, name), at / SECOND)
