"""Operations: the monitor itself, from throughput to delivery."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.board import AGE_STEPS, NONE_IS_GOOD, board
from deploy.grafana.parts import FULL_WIDTH, PanelBuilder, Query, Text, course_panel, rows_panel, value_panel


def operations() -> dashboard.Dashboard:
    return board(
        "reserve-operations",
        "Operations of the monitor",
        "The monitor itself: throughput, lag, latency from event to alert, dead letters, delivery, snapshots.",
        ("job",),
        (
            ("Can I trust it", _health()),
            ("Intake", _intake()),
            ("Assessor", _assessor()),
            ("Delivery", _delivery()),
            ("Archive", _archive()),
            ("Processes", _processes()),
        ),
    )


def _health() -> Sequence[PanelBuilder]:
    down = Text("Processes that do not answer", "Processes that Prometheus cannot scrape.", "short", "ReserveMonitorDown")
    clock = Text("Clock behind", "How far the slowest partition's engine clock is behind.", "s", "ReserveMonitorClockStalled")
    holes = Text("Holes, last hour", "Holes found in what the journal says of the topics.", "short", "ReserveMonitorJournalHole")
    forks = Text("Forks, last hour", "Outputs that differ from what was published before.", "short", "ReserveMonitorChainFork")
    rules = Text("Rules that fire", "Alerting rules of the monitor itself. Empty: none fires.", "short")
    behind = "max(time() - max by (partition) (reserve_engine_clock_timestamp_seconds))"
    firing = 'max by (alertname, severity) (ALERTS{alertstate="firing", alertname=~"ReserveMonitor.*", severity!="none"})'
    return (
        value_panel(down, [Query('sum(up{job=~"$job"} == bool 0)', "not answering")], NONE_IS_GOOD),
        value_panel(clock, [Query(behind, "slowest partition")], AGE_STEPS),
        value_panel(holes, [Query("sum(increase(reserve_journal_holes_total[1h]))", "holes")], NONE_IS_GOOD),
        value_panel(forks, [Query("sum(increase(reserve_chain_forks_total[1h]))", "forks")], NONE_IS_GOOD),
        rows_panel(rules, [Query(firing)], {"alertname": "Rule", "severity": "Severity", "Value": "Firing"}, span=FULL_WIDTH),
    )


def _intake() -> Sequence[PanelBuilder]:
    rate = Text("Records read", "Source records a second by topic.", "ops", "ReserveMonitorIntakeStalled")
    outcomes = Text(
        "What became of them", "Source records a second by outcome, over all topics.", "ops", "ReserveMonitorDeadLetters"
    )
    lag = Text("Records waiting", "Source records that intake has not read yet, by position.", "short", "ReserveMonitorIntakeLag")
    dead = Text("Dead letters", "Refused records a minute by topic and reason.", "opm", "ReserveMonitorDeadLetters")
    events = "sum by ({by}) (rate(reserve_events_total[$__rate_interval]))"
    refused = "60 * sum by (topic, reason) (rate(reserve_dead_letters_total[$__rate_interval]))"
    return (
        course_panel(rate, [Query(events.format(by="topic"), "{{topic}}")]),
        course_panel(outcomes, [Query(events.format(by="outcome"), "{{outcome}}")]),
        course_panel(lag, [Query("sum by (topic) (reserve_intake_lag_records)", "{{topic}}")]),
        course_panel(dead, [Query(refused, "{{topic}} {{reason}}")]),
    )


def _quantiles(histogram: str) -> list[Query]:
    rate = f"sum by (le) (rate({histogram}_bucket[$__rate_interval]))"
    return [Query(f"histogram_quantile({share}, {rate})", f"p{share[2:]}") for share in ("0.50", "0.99")]


def _assessor() -> Sequence[PanelBuilder]:
    latency = Text(
        "From event to alert",
        "From an alert's newest cause to its publication, half and 99 % of them.",
        "s",
        "ReserveMonitorSlow",
    )
    duration = Text("Time of an evaluation", "Time one evaluation took, half and 99 % of them.", "s", "ReserveMonitorSlow")
    evaluations = Text("Evaluations", "Evaluations a second.", "ops", "ReserveMonitorNoEvaluation")
    lag = Text("Journal records waiting", "Journal records not applied yet, by partition.", "short", "ReserveMonitorJournalLag")
    late = Text(
        "Journal behind", "Age of the oldest journal record not applied yet, by partition.", "s", "ReserveMonitorJournalLag"
    )
    snapshot = Text("Age of snapshots", "Age of the newest complete snapshot, by partition.", "s", "ReserveMonitorSnapshotOld")
    outputs = Text("Evidence written", "Outputs a second, by entity.", "ops")
    unheeded = Text(
        "Journal records not heeded", "Records that an engine did not heed, or not their time, an hour by reason.", "short"
    )
    clock = Text("Engine clock behind", "How far each partition's engine clock is behind.", "s", "ReserveMonitorClockStalled")
    by = "by (partition)"
    return (
        course_panel(latency, _quantiles("reserve_event_to_alert_seconds")),
        course_panel(duration, _quantiles("reserve_evaluation_duration_seconds")),
        course_panel(
            evaluations, [Query("sum(rate(reserve_evaluation_duration_seconds_count[$__rate_interval]))", "evaluations")]
        ),
        course_panel(outputs, [Query("sum by (entity) (rate(reserve_audit_records_total[$__rate_interval]))", "{{entity}}")]),
        course_panel(lag, [Query(f"max {by} (reserve_journal_lag_records)", "{{partition}}")]),
        course_panel(late, [Query(f"max {by} (reserve_journal_lag_seconds)", "{{partition}}")]),
        course_panel(snapshot, [Query(f"time() - max {by} (reserve_snapshot_last_timestamp_seconds)", "{{partition}}")]),
        course_panel(unheeded, [Query("sum by (reason) (increase(reserve_journal_unheeded_total[1h]))", "{{reason}}")]),
        course_panel(clock, [Query(f"time() - max {by} (reserve_engine_clock_timestamp_seconds)", "{{partition}}")]),
    )


def _delivery() -> Sequence[PanelBuilder]:
    attempts = Text("Deliveries", "Attempts a minute by channel and outcome.", "opm", "ReserveMonitorDeliveryFailing")
    oldest = Text(
        "Oldest undelivered alert",
        "Age of the oldest alert change that a channel has not taken. Empty: nothing waits.",
        "s",
        "ReserveMonitorAlertsUndelivered",
    )
    rate = "60 * sum by (channel, outcome) (rate(reserve_alert_delivery_total[$__rate_interval]))"
    waits = "time() - min by (channel) (reserve_alert_outbox_oldest_timestamp_seconds)"
    return (
        course_panel(attempts, [Query(rate, "{{channel}} {{outcome}}")]),
        course_panel(oldest, [Query(waits, "{{channel}}")]),
    )


def _archive() -> Sequence[PanelBuilder]:
    waits = Text(
        "Oldest record not archived",
        "Age of the oldest record that is read and not in the archive yet: a day is normal. Empty: nothing waits, or no archive.",
        "s",
        "ReserveMonitorArchiveBehind",
    )
    failures = Text("Archiving that failed", "Attempts an hour that the store refused.", "short", "ReserveMonitorArchiveFailing")
    stamps = Text("Time stamps", "Checkpoints an hour, stamped or failed.", "short", "ReserveMonitorStampsFailing")
    age = "time() - min by (topic) (reserve_archive_oldest_timestamp_seconds)"
    stamped = "sum by (outcome) (increase(reserve_checkpoint_stamps_total[1h]))"
    return (
        course_panel(waits, [Query(age, "{{topic}}")]),
        course_panel(failures, [Query("sum by (topic) (increase(reserve_archive_failures_total[1h]))", "{{topic}}")]),
        course_panel(stamps, [Query(stamped, "{{outcome}}")]),
    )


def _processes() -> Sequence[PanelBuilder]:
    memory = Text("Memory", "Resident memory of each process.", "bytes")
    processor = Text("Processor", "Processor time a second of each process.", "percentunit")
    started = Text("Started", "When each process started.", "dateTimeFromNow", "ReserveMonitorRestarting")
    versions = Text(
        "Versions and configuration",
        "What runs where, and under which configuration.",
        "short",
        "ReserveMonitorConfigurationsDiffer",
    )
    lost = Text("Log lines not written", "Since each process started, as on a full disk.", "short", "ReserveMonitorLogLinesLost")
    used = 'rate(process_cpu_seconds_total{job=~"$job"}[$__rate_interval])'
    names = {"version": "Version", "engine_version": "Engine", "digest": "Configuration", "instance": "Process"}
    return (
        course_panel(memory, [Query('process_resident_memory_bytes{job=~"$job"}', "{{instance}}")]),
        course_panel(processor, [Query(used, "{{instance}}")]),
        rows_panel(started, [Query('1000 * max by (instance) (process_start_time_seconds{job=~"$job"})')], {"Value": "Started"}),
        rows_panel(
            versions,
            [Query("reserve_build_info"), Query("reserve_config_info")],
            names,
            hidden=("Value #A", "Value #B"),
        ),
        course_panel(lost, [Query("max by (instance) (reserve_log_failed_lines)", "{{instance}}")]),
    )
