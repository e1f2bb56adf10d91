"""The process's metrics: one registry, filled by what the stages report, read at `/metrics`.

The stages know this class only through the small Protocols they declare; what exists is declared in `monitor.metrics.declared`.
An entity's series are replaced as a whole, so a figure that is no longer known, or an entity that went to another
worker, leaves nothing behind.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from monitor.core.entity.measures import Measures
from monitor.core.journal.vocabulary import OUTCOMES, SOURCE_TOPICS, Unheeded
from monitor.core.values.times import SECOND
from monitor.metrics.declared import (
    ENTITY_METRICS,
    METRICS,
    PARTITION_METRICS,
    UNHEEDED_RECORDS,
    Folding,
    GaugeSample,
    Metric,
    entity_samples,
)
from monitor.notify.channel import OUTCOMES as DELIVERY_OUTCOMES


class EntityFigures(Protocol):
    """The part of an engine that metrics are read from."""

    @property
    def clock(self) -> int:
        """The engine's clock, ns since 1970."""
        ...

    @property
    def waiting(self) -> bool:
        """Whether something waits for an evaluation."""
        ...

    def entities(self) -> Iterable[str]:
        """The entities held."""
        ...

    def figures(self, entity: str) -> Mapping[str, Any]:
        """Of the status object of CONTRACT 5 what an evaluation changes."""
        ...

    def measures(self, entity: str) -> Measures:
        """Figures for metrics alone: custody, trade value, incident losses, feeds, holes, times."""
        ...


_END = "# EOF\n"
_HEARTBEAT = "reserve_evaluation_last_timestamp_seconds"
_Wrapper = TypeVar("_Wrapper", bound=MetricWrapperBase)


class Metrics:
    """All metrics of one process; only the counters of its `stages` start at 0."""

    def __init__(
        self,
        *,
        version: str,
        engine_version: str,
        stages: Collection[str] = ("intake", "assessor", "dispatcher"),
        channels: Collection[str] = (),
        fold: Folding | None = None,
        process: bool = True,
    ) -> None:
        disable_created_metrics()
        self.registry = CollectorRegistry(auto_describe=False)
        self._fold = fold or Folding()
        self._entities = _EntitySeries()
        self._unheeded = _UnheededCollector()
        self.registry.register(self._unheeded)
        collected = {*ENTITY_METRICS, UNHEEDED_RECORDS}
        self._series = {metric.name: _wrapper(metric, self.registry) for metric in METRICS if metric not in collected}
        self._holes: dict[tuple[str, str], int] = {}
        self._behind: set[str] = set()
        self._digest: str | None = None
        self._gauge("reserve_build_info", version, engine_version).set(1)
        if process:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)
            GCCollector(registry=self.registry)
        self._start_at_zero(stages, channels)

    def _start_at_zero(self, stages: Collection[str], channels: Collection[str]) -> None:
        if "intake" in stages:
            for topic in SOURCE_TOPICS:
                for outcome in OUTCOMES:
                    self._counter("reserve_events_total", topic, outcome)
        if "assessor" in stages:
            for topic in SOURCE_TOPICS:
                self._counter("reserve_journal_holes_total", topic)
        if "dispatcher" in stages:
            for channel in channels:
                for delivered in DELIVERY_OUTCOMES:
                    self._counter("reserve_alert_delivery_total", channel, delivered)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """The text and its content type, in the format that the Accept header asks for."""
        encode, content_type = choose_encoder(accept)
        text = encode(self.registry).decode()
        end = _END if text.endswith(_END) else ""
        return "".join([text.removesuffix(_END), *self._entities.text(encode), end]).encode(), content_type

    # Intake

    def counted(self, topic: str, outcome: str, count: int = 1) -> None:
        """`count` source records of a topic (its default name) became `outcome`."""
        self._counter("reserve_events_total", topic, outcome).inc(count)

    def dead_letter(self, topic: str, reason: str) -> None:
        """A source record was refused. Its outcome is reported to `counted` like every other."""
        self._counter("reserve_dead_letters_total", topic, reason).inc()

    def keys_unsafe(self, topic: str, count: int) -> None:
        """Records of a topic of several partitions have a key that may part the records of one trade id."""
        self._counter("reserve_unsafe_keys_total", topic).inc(count)

    def lag(self, topic: str, partition: int, records: int | None) -> None:
        """Records of a source partition that are not read yet; None when the partition is no longer read here."""
        self._set("reserve_intake_lag_records", (topic, str(partition)), records)

    # Assessor

    def evaluated(self, engine: EntityFigures, entities: Iterable[str]) -> None:
        """These entities may have newer evaluations: their series are replaced before a scrape; those of one no longer held end.

        Nobody sees them before, and of many assets they take as long as an evaluation.
        """
        held = set(engine.entities())
        for entity in entities:
            if entity in held:
                self._behind.add(entity)
            else:
                self.drop_entity(entity)

    def refresh(self, engines: Callable[[], Iterable[EntityFigures]]) -> Generator[None, None, None]:
        """Before a scrape: every entity held has its series, no other has, and heartbeats are up to their engine's clock.

        A step an entity: between two of them others may go on, and partitions may come and go.

        An entity for which nothing has happened is not evaluated anew: its figures stand until the engine's clock, which
        therefore is its heartbeat as long as nothing waits.
        """
        for engine in list(engines()):
            for entity in engine.entities():
                if entity in self._behind or entity not in self._entities.entities():
                    self.update_entity(engine.figures(entity), engine.measures(entity))
                    yield
            if not engine.waiting:
                self._entities.heartbeats |= dict.fromkeys(engine.entities(), engine.clock / SECOND)
        held = {entity for engine in engines() for entity in engine.entities()}
        for gone in set(self._entities.entities()) - held:
            self.drop_entity(gone)

    def update_entity(self, status: Mapping[str, Any], measures: Measures) -> None:
        """Replace all series of the entity by those of its status object and the engine's measures."""
        entity = status["entity"]
        self._behind.discard(entity)
        self._entities.put(entity, entity_samples(status, measures, self._fold))
        if measures.evaluated_at is not None:
            self._entities.heartbeats[entity] = measures.evaluated_at / SECOND
        for topic, holes in measures.holes.items():
            found = holes - self._holes.get((entity, topic), 0)
            self._holes[entity, topic] = holes
            if found > 0:
                self._counter("reserve_journal_holes_total", topic).inc(found)

    def drop_entity(self, entity: str) -> None:
        """Remove all series of an entity that is no longer held here."""
        self._behind.discard(entity)
        self._entities.drop(entity)

    def journal_lag(self, partition: int, records: int, seconds: float) -> None:
        """Journal records of a partition that are not applied yet, and the age of the last one that is."""
        self._set("reserve_journal_lag_records", (str(partition),), records)
        self._set("reserve_journal_lag_seconds", (str(partition),), seconds)

    def engine_clock(self, partition: int, clock_ns: int) -> None:
        """The engine's clock of a partition, ns since 1970."""
        self._set("reserve_engine_clock_timestamp_seconds", (str(partition),), clock_ns / SECOND)

    def unheeded(self, partition: int, counts: Mapping[Unheeded, int]) -> None:
        """So many records of a partition its engine has not heeded, by reason."""
        self._unheeded.counts[partition] = counts

    def snapshot_taken(self, partition: int, at_ns: int) -> None:
        """A complete snapshot of a partition stands since `at_ns`."""
        self._set("reserve_snapshot_last_timestamp_seconds", (str(partition),), at_ns / SECOND)

    def partition_released(self, partition: int, entities: Iterable[str]) -> None:
        """A journal partition went to another worker: its series and those of its entities end."""
        for metric in PARTITION_METRICS:
            self._set(metric.name, (str(partition),), None)
        self._unheeded.counts.pop(partition, None)
        for entity in entities:
            self.drop_entity(entity)

    def records_applied(self, partition: int, seconds: float) -> None:  # noqa: ARG002 - the observer's signature
        """The engine took `seconds` for one record that led to evaluations."""
        self._of("reserve_evaluation_duration_seconds", Histogram).observe(seconds)

    def alert_published(self, seconds: float) -> None:
        """An alert change was published `seconds` after the log time of its newest cause."""
        self._of("reserve_event_to_alert_seconds", Histogram).observe(seconds)

    def chain_forked(self, partition: int) -> None:  # noqa: ARG002
        """An output differs from what was published before at the same place of its chain."""
        self._counter("reserve_chain_forks_total").inc()

    def evaluation_differed(self, partition: int) -> None:  # noqa: ARG002
        """A checked evaluation differed from one that read everything anew."""
        self._counter("reserve_evaluation_differences_total").inc()

    def partition_stopped(self, partition: int, reason: str) -> None:
        """A partition stands still: nothing to count, its clock says so by standing still."""

    def output_published(self, entity: str) -> None:
        """An output was published to the entity's chain."""
        self._counter("reserve_audit_records_total", entity).inc()

    def configuration(self, digest: str) -> None:
        """The configuration in force has this digest; an earlier one's series goes."""
        if self._digest is not None and self._digest != digest:
            self._set("reserve_config_info", (self._digest,), None)
        self._digest = digest
        self._gauge("reserve_config_info", digest).set(1)

    # Dispatcher

    def delivered(self, channel: str, outcome: str) -> None:
        """An attempt to deliver an alert change to a channel ended as `outcome`."""
        self._counter("reserve_alert_delivery_total", channel, outcome).inc()

    def outbox_oldest(self, channel: str, at_ns: int | None) -> None:
        """Time of the oldest alert change that a channel still has to deliver; None: there is none."""
        self._set("reserve_alert_outbox_oldest_timestamp_seconds", (channel,), None if at_ns is None else at_ns / SECOND)

    def broker_answered(self, at_s: float) -> None:
        """A broker answered this process last at `at_s` (seconds since 1970)."""
        self._gauge("reserve_broker_last_answer_timestamp_seconds").set(at_s)

    def log_failed(self, lines: int) -> None:
        """So many log lines could not be written since the start."""
        self._gauge("reserve_log_failed_lines").set(lines)

    # Archiver

    def archived(self, topic: str, records: int) -> None:
        """So many records of a topic (its default name) are in the archive."""
        self._counter("reserve_archived_records_total", topic).inc(records)

    def archive_failed(self, topic: str) -> None:
        """A partition of a topic could not be archived for now."""
        self._counter("reserve_archive_failures_total", topic).inc()

    def stamped(self, outcome: str) -> None:
        """A checkpoint's time stamp was written, or could not be had for now."""
        self._counter("reserve_checkpoint_stamps_total", outcome).inc()

    def archive_oldest(self, topic: str, at_ns: int | None) -> None:
        """Log time of the oldest record of a topic that is read and not archived yet; None: there is none."""
        self._set("reserve_archive_oldest_timestamp_seconds", (topic,), None if at_ns is None else at_ns / SECOND)

    def _set(self, name: str, labels: tuple[str, ...], value: float | None) -> None:
        metric = self._of(name, Gauge)
        if value is None:
            metric.remove(*labels)
        else:
            metric.labels(*labels).set(value)

    def _gauge(self, name: str, *labels: str) -> Gauge:
        metric = self._of(name, Gauge)
        return metric.labels(*labels) if labels else metric

    def _counter(self, name: str, *labels: str) -> Counter:
        metric = self._of(name, Counter)
        return metric.labels(*labels) if labels else metric

    def _of(self, name: str, kind: type[_Wrapper]) -> _Wrapper:
        metric = self._series[name]
        if not isinstance(metric, kind):
            raise TypeError(f"{name} is not a {kind.__name__}")
        return metric


class _EntitySeries:
    """Series of the entities held here, as their newest evaluation gave them: the lines of each, made once.

    A library that makes every line at every scrape takes seconds of a thousand entities, and the loop waits for it.
    """

    def __init__(self) -> None:
        self.heartbeats: dict[str, float] = {}
        self._lines: dict[str, dict[str, str]] = {}
        self._forms = {metric.name: _form_of(metric) for metric in ENTITY_METRICS}
        self._heads = {metric.name: _head_of(metric) for metric in ENTITY_METRICS}

    def entities(self) -> Collection[str]:
        """Those that have series."""
        return self._lines.keys()

    def put(self, entity: str, samples: Iterable[GaugeSample]) -> None:
        """All series of an entity but its heartbeat."""
        lines: dict[str, str] = {}
        for sample in samples:
            lines[sample.name] = lines.get(sample.name, "") + self._line(sample)
        self._lines[entity] = lines

    def drop(self, entity: str) -> None:
        """The entity has none any more."""
        self._lines.pop(entity, None)
        self.heartbeats.pop(entity, None)

    def text(self, encode: Callable[[CollectorRegistry], bytes]) -> Iterator[str]:
        """The lines of every series, each metric's under its head as the format has it."""
        several = tuple(self._lines.values())  # a scrape runs beside the loop that replaces them
        heartbeats = tuple(self.heartbeats.items())
        for name, head in self._heads.items():
            yield encode(head).decode().removesuffix(_END)
            yield from (lines[name] for lines in several if name in lines)
            if name == _HEARTBEAT:
                yield from (self._line(GaugeSample(name, (entity,), at_s)) for entity, at_s in heartbeats)

    def _line(self, sample: GaugeSample) -> str:
        return self._forms[sample.name].format(*map(_escaped, sample.labels), floatToGoString(sample.value))


class _Head(Collector):
    """A metric without samples."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(self._metric.name, self._metric.help, labels=self._metric.labels)


def _head_of(metric: Metric) -> CollectorRegistry:
    head = CollectorRegistry(auto_describe=False)
    head.register(_Head(metric))
    return head


def _form_of(metric: Metric) -> str:
    """A line of the metric, to be filled with the values of its labels and its own; labels stand in the order of their names."""
    labels = sorted((label, place) for place, label in enumerate(metric.labels))
    written = ",".join(f'{label}="{{{place}}}"' for label, place in labels)
    return f"{metric.name}{{{{{written}}}}} {{{len(metric.labels)}}}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


class _UnheededCollector(Collector):
    """What the engines here say of their partitions: their own counts, which outlive this process."""

    def __init__(self) -> None:
        self.counts: dict[int, Mapping[Unheeded, int]] = {}

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(UNHEEDED_RECORDS.name, UNHEEDED_RECORDS.help, labels=UNHEEDED_RECORDS.labels)
        for partition, counts in tuple(self.counts.items()):  # as above
            for reason, count in counts.items():
                family.add_metric((str(partition), reason), count)
        yield family


def _wrapper(metric: Metric, registry: CollectorRegistry) -> MetricWrapperBase:
    if metric.kind == "histogram":
        return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=registry)
    if metric.kind == "counter":
        return Counter(metric.name, metric.help, metric.labels, registry=registry)
    return Gauge(metric.name, metric.help, metric.labels, registry=registry)
