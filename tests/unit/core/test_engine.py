"""The engine's clock, its evaluation points, its configuration, and what it publishes when (JOURNAL 2, 5, 7)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from monitor.core.engine import Engine
from monitor.core.journal.chain import NO_INPUTS, fold, inputs_text
from monitor.core.journal.outputs import Output
from monitor.core.journal.records import Statement
from monitor.core.journal.snapshot import TornSnapshot
from monitor.core.values.canonical import digest_of, digest_of_bytes
from monitor.core.values.times import SECOND, format_time
from tests.journal_maker import START, Journal, configuration_text, house, load

HOUSE = configuration_text({"jp-main": house()})


def journal(text: str = HOUSE) -> Journal:
    made = Journal()
    made.configure(text)
    return made


def engine_of(made: Journal, *, check: bool = False) -> tuple[Engine, list[Output]]:
    engine = Engine(0, check_journal_time=check)
    return engine, [output for record in made.records for output in engine.apply(record)]


def evaluated(outputs: list[Output], topic: str = "reserve.assessments") -> list[dict[str, Any]]:
    return [output.value for output in outputs if output.topic == topic and output.value is not None]


class TestClock:
    def test_it_is_the_running_maximum_of_at(self) -> None:
        made = journal()
        for second in (5, 3, 9, 1):
            made.at(second).price("BTC", "1")
        assert engine_of(made)[0].clock == START + 9 * SECOND

    def test_a_record_far_from_its_journal_time_does_not_move_it_and_is_counted(self) -> None:
        made = journal()
        made.at(100)
        made.put(Statement("tick", None, made.now, {}), journal_time=made.now - 6 * SECOND)
        made.put(Statement("tick", None, made.now, {}), journal_time=made.now + 6 * SECOND)
        engine, _ = engine_of(made, check=True)
        assert (engine.clock, engine.clock_refused) == (START, 2)

    def test_five_seconds_are_near_enough(self) -> None:
        made = journal().at(100)
        made.put(Statement("tick", None, made.now, {}), journal_time=made.now - 5 * SECOND)
        engine, _ = engine_of(made, check=True)
        assert (engine.clock, engine.clock_refused) == (made.now, 0)

    def test_the_check_is_off_where_the_broker_keeps_the_producers_time(self) -> None:
        made = journal().at(100)
        made.put(Statement("tick", None, made.now, {}), journal_time=0)
        assert engine_of(made)[0].clock == made.now

    def test_what_does_not_move_the_clock_still_counts_as_a_record(self) -> None:
        made = journal()
        load(made)
        body = dict(made.records[-1].statement.body) | {
            "account": "own",
            "role": "guarantee_asset",
            "storage": "cold",
            "quantity": "7",
        }
        made.put(
            Statement("position", "jp-main", made.now + 99 * SECOND, body, made.records[-1].statement.source, made.now), made.now
        )
        made.at(1).tick()
        engine, _ = engine_of(made, check=True)
        (newest,) = engine.evaluations("jp-main")["assessments"]
        assert newest["state"] == "shortfall"

    def test_a_record_before_the_position_is_refused(self) -> None:
        made = journal()
        engine, _ = engine_of(made)
        with pytest.raises(ValueError, match="applied already"):
            engine.apply(made.records[0])


class TestEvaluationPoints:
    def test_never_per_record(self) -> None:
        made = journal()
        load(made)
        for number in range(50):
            made.at(number / 100).position(f"a{number}", "client_asset", "cold", "BTC", "1")
        engine, outputs = engine_of(made)
        assert outputs == []
        assert engine.waiting

    def test_a_tick_evaluates_what_waits_at_its_own_time(self) -> None:
        made = journal()
        load(made)
        made.at(0.3).tick()
        engine, outputs = engine_of(made)
        assert [value["at"] for value in evaluated(outputs)] == [format_time(START + 300_000_000)]
        assert not engine.waiting

    def test_a_tick_that_is_not_ahead_of_the_clock_does_nothing(self) -> None:
        made = journal()
        load(made)
        made.tick()
        made.at(-3).tick()
        assert engine_of(made)[1] == []

    def test_two_writers_of_ticks_do_no_harm(self) -> None:
        one, two = journal(), journal()
        for made, times in ((one, 1), (two, 2)):
            load(made)
            for second in (0.5, 2.5):
                for _ in range(times):
                    made.at(second).tick()
        figures = [[(v["at"], v["result_digest"]) for v in evaluated(engine_of(made)[1])] for made in (one, two)]
        assert figures[0] == figures[1]

    def test_without_ticks_the_first_record_of_a_later_second_evaluates_what_waits(self) -> None:
        made = journal()
        load(made)
        made.at(0.9).position("hot", "client_asset", "hot", "BTC", "41")
        made.at(1.1).position("hot", "client_asset", "hot", "BTC", "42")
        _, outputs = engine_of(made)
        (value,) = evaluated(outputs)
        assert value["at"] == format_time(START + 900_000_000)
        assert value["journal"] == {"partition": 0, "offset": len(made.records) - 2}
        assert next(c["required"] for c in value["components"] if c["name"] == "guarantee_asset.BTC") == "41"

    def test_deadlines_are_evaluated_in_their_order_and_at_their_time_even_without_ticks(self) -> None:
        made = journal(configuration_text({"jp-main": house(prices={"max_age_s": 60}, levels={"dwell_s": 10})}))
        load(made)
        made.at(0.1).tick()
        made.at(500).tick()
        _, outputs = engine_of(made)
        moments = [value["at"] for value in evaluated(outputs)]
        assert moments == sorted(moments)
        unknown = next(value for value in evaluated(outputs) if value["state"] == "unknown")
        assert format_time(START + 60 * SECOND) <= unknown["at"] < format_time(START + 61 * SECOND)
        (alert,) = evaluated(outputs, "reserve.alerts")
        assert alert["updated_at"][:19] == format_time(START + 70 * SECOND)[:19]

    def test_an_entity_that_is_concerned_by_nothing_is_not_evaluated(self) -> None:
        made = journal(configuration_text({"jp-main": house(), "jp-other": house()}))
        load(made)
        made.at(0.1).tick()
        engine, _ = engine_of(made)
        assert set(engine.touched()) == {"jp-main", "jp-other"}
        made.at(0.2).position("hot", "client_asset", "hot", "BTC", "41")
        made.at(0.3).tick()
        for record in made.records[-2:]:
            engine.apply(record)
        assert engine.touched() == ["jp-main"]

    def test_a_quiet_entity_is_looked_at_every_minute(self) -> None:
        made = journal()
        load(made)
        for minute in range(4):
            made.at(0.1 + 60 * minute).tick()
        engine, _ = engine_of(made)
        assert engine.measures("jp-main").evaluated_at == START + 180_100_000_000

    def test_offline_nothing_is_evaluated_between_ticks(self) -> None:
        made = journal(configuration_text({"jp-main": house(prices={"max_age_s": 60})}))
        load(made)
        for number in range(1, 100):
            made.at(number * 3600).trades(number, number, str(number), start=0)
        made.at(500_000).tick()
        engine = Engine(0, check_journal_time=False, evaluate="at_ticks")
        outputs = [engine.apply(record) for record in made.records]
        assert [number for number, out in enumerate(outputs) if out] == [len(outputs) - 1]
        assert engine.evaluations("jp-main")["assessments"][0]["at"] == format_time(START + 500_000 * SECOND)


class TestConfiguration:
    def test_it_takes_hold_at_its_last_part(self) -> None:
        made = Journal()
        made.configure(HOUSE, parts=3)
        engine = Engine(0, check_journal_time=False)
        for record in made.records[:2]:
            engine.apply(record)
            assert engine.entities() == ()
        engine.apply(made.records[2])
        assert engine.entities() == ("jp-main",)
        assert engine.config is not None
        assert engine.config.digest == digest_of_bytes(HOUSE.encode())

    def test_a_lower_revision_and_the_same_with_another_content_change_nothing(self) -> None:
        made = journal(configuration_text({"jp-main": house()}, revision=5))
        made.configure(configuration_text({"jp-x": house()}, revision=4))
        made.configure(configuration_text({"jp-y": house()}, revision=5))
        engine, _ = engine_of(made)
        assert (engine.entities(), engine.configuration_refused) == (("jp-main",), 2)

    def test_what_cannot_be_read_is_refused_and_the_one_before_stays(self) -> None:
        made = journal()
        broken = json.loads(HOUSE) | {"revision": 9}
        del broken["sources"]
        made.configure(json.dumps(broken, sort_keys=True, separators=(",", ":")))
        engine, _ = engine_of(made)
        assert engine.configuration_refused == 1
        assert engine.config is not None
        assert engine.config.revision == 1

    def test_a_change_is_published_at_once_with_its_digest_and_its_cause(self) -> None:
        made = journal()
        load(made)
        made.at(0.1).tick()
        made.at(0.2).configure(configuration_text({"jp-main": house(levels={"dwell_s": 9})}, revision=2))
        made.at(0.3).tick()
        engine, outputs = engine_of(made)
        first, second = evaluated(outputs)
        assert first["result_digest"] == second["result_digest"]
        assert engine.config is not None
        assert second["config_digest"] == engine.config.digest != first["config_digest"]
        assert [(part["part"], part["causes"][0]["event_id"]) for part in second["why"]] == [("method", "configuration/2")]

    def taken_out(self, *, loaded: bool) -> Journal:
        """An entity that is short (or of which nothing is known) and then configured no more."""
        made = journal()
        if loaded:
            load(made)
            made.position("ledger", "client_liability", "ledger", "BTC", "2000")
        made.at(0.1).tick()
        made.at(1).configure(configuration_text({"jp-new": house()}, revision=2))
        made.at(2).tick()
        return made

    def told(self, made: Journal, name: str) -> list[tuple[str, str]]:
        _, outputs = engine_of(made)
        told = [value for value in evaluated(outputs, "reserve.alerts") if value["entity"] == "jp-main"]
        return [(value["status"], value["reason"]) for value in told if value["alertname"] == name]

    def test_what_was_known_of_an_entity_that_is_no_longer_configured_ends_as_that(self) -> None:
        """Fails where a configuration makes what clients are owed look paid: `ended` says that what it was about is gone."""
        made = self.taken_out(loaded=True)
        assert self.told(made, "LiabilityExceedsAssets") == [("firing", "entered"), ("resolved", "method_changed")]
        engine, _ = engine_of(made)
        assert engine.entities() == ("jp-new",)
        with pytest.raises(KeyError):
            engine.status("jp-main")

    def test_what_is_not_known_of_an_entity_outlives_its_configuration_until_people_end_it_on_record(self) -> None:
        """Fails where taking an entity out of the configuration is evidence that it is well."""
        made = self.taken_out(loaded=False)
        assert self.told(made, "ReserveUnknown") == [("firing", "entered"), ("firing", "method_changed")]
        fingerprint = next(v["fingerprint"] for v in evaluated(engine_of(made)[1], "reserve.alerts"))
        made.at(3).operation("dismissal", body={"alert": "0" * 32})
        made.at(4).tick()
        assert self.told(made, "ReserveUnknown") == [("firing", "entered"), ("firing", "method_changed")]
        made.at(5).operation("dismissal", body={"alert": fingerprint})
        made.at(6).tick()
        assert self.told(made, "ReserveUnknown") == [("firing", "entered"), ("firing", "method_changed"), ("resolved", "ended")]

    def test_a_feed_that_is_configured_no_more_is_not_said_to_speak_again(self) -> None:
        made = journal(configuration_text({"jp-main": house(freshness={"custody.balances": {"max_age_s": 5}})}))
        load(made)
        made.at(0.1).tick()
        made.at(20).tick()
        made.at(21).configure(configuration_text({"jp-main": house()}, revision=2))
        made.at(22).tick()
        assert self.told(made, "SourceStale") == [("firing", "entered"), ("resolved", "method_changed")]

    def test_people_do_not_end_an_alert_that_is_looked_at(self) -> None:
        made = journal()
        made.at(0.1).tick()
        fingerprint = next(v["fingerprint"] for v in evaluated(engine_of(made)[1], "reserve.alerts"))
        made.at(1).operation("dismissal", body={"alert": fingerprint})
        made.at(2).tick()
        assert self.told(made, "ReserveUnknown") == [("firing", "entered")]
        made.at(3).configure(configuration_text({"jp-new": house()}, revision=2))
        made.at(4).tick()
        assert self.told(made, "ReserveUnknown") == [("firing", "entered"), ("firing", "method_changed")]

    def test_records_of_an_entity_nobody_configured_are_ignored_and_counted(self) -> None:
        made = journal()
        load(made, entity="stranger")
        engine, _ = engine_of(made)
        assert (engine.entities(), engine.ignored) == (("jp-main",), 4)


class TestPublication:
    def changes(self, *events: tuple[float, str]) -> list[dict[str, Any]]:
        made = journal()
        load(made)
        made.at(0.1).tick()
        for second, price in events:
            made.at(second).price("BTC", price)
            made.at(second + 0.1).tick()
        return evaluated(engine_of(made)[1])

    def test_figures_that_move_are_published_once_an_interval_the_newest_at_its_end(self) -> None:
        published = self.changes(*[(1.0 + n, str(15_000_000 + n)) for n in range(130)])
        seconds = [int(value["at"][17:19]) + 60 * int(value["at"][14:16]) for value in published]
        assert seconds == [0, 60, 120]

    def test_figures_that_stopped_moving_are_published_when_the_interval_is_over(self) -> None:
        made = journal()
        load(made)
        made.at(0.1).tick()
        made.at(5).price("BTC", "15000001")
        made.at(5.1).tick()
        made.at(59).tick()
        made.at(61).tick()
        _, outputs = engine_of(made)
        assert [value["at"] for value in evaluated(outputs)] == [
            format_time(START + s) for s in (SECOND // 10, 60 * SECOND + SECOND // 10)
        ]

    def test_figures_that_stand_still_are_published_once(self) -> None:
        assert len(self.changes(*[(60.0 * n, "15000000") for n in range(1, 5)])) == 1

    def test_a_change_of_state_of_a_component_or_of_a_gap_is_published_at_once(self) -> None:
        made = journal()
        load(made)
        made.at(0.1).tick()
        made.at(1).position("own", "guarantee_asset", "cold", "BTC", "35")
        made.at(1.1).tick()
        made.at(2).rejected("custody.balances", "hot", "BTC", "client_asset")
        made.at(2.1).tick()
        states = [(value["state"], [gap["kind"] for gap in value["gaps"]]) for value in evaluated(engine_of(made)[1])]
        assert states == [("adequate", []), ("shortfall", []), ("shortfall", ["record_rejected"])]

    def test_the_newest_evaluation_is_visible_though_not_published(self) -> None:
        made = journal()
        load(made)
        made.at(0.1).tick()
        made.at(1).price("BTC", "15000001")
        made.at(1.1).tick()
        engine, outputs = engine_of(made)
        (newest,) = engine.evaluations("jp-main")["assessments"]
        assert (newest["required"], newest["digest"], newest["chain"]) == ("600000040", None, None)
        assert evaluated(outputs)[-1]["required"] == "600000000"

    def test_every_alert_comes_with_the_assessment_it_names(self) -> None:
        made = journal()
        load(made)
        made.at(0.1).tick()
        made.at(1).incident("i1", "confirmed")
        made.at(1.1).tick()
        engine, outputs = engine_of(made)
        assert len(evaluated(outputs)) == 2
        assert [value["alertname"] for value in evaluated(outputs, "reserve.alerts")] == ["SecurityIncidentOpen"]
        (published,) = evaluated(outputs, "reserve.alerts")
        assert engine.status("jp-main")["alerts"] == [published | {"clears_after_s": 0}]

    def test_every_output_says_from_what_it_was_made(self) -> None:
        made = journal()
        load(made)
        made.at(1).position("own", "guarantee_asset", "cold", "BTC", "35")
        made.at(1.1).tick()
        _, outputs = engine_of(made)
        running = NO_INPUTS
        for record in made.records:
            running = fold(running, record.digest)
        last = [output.value for output in outputs if output.value is not None][-1]
        assert last["inputs_digest"] == inputs_text(running)
        assert last["journal"] == {"partition": 0, "offset": len(made.records) - 1}
        for value in (output.value for output in outputs if output.value is not None):
            assert value.keys() >= {"journal", "inputs_digest", "config_digest", "method", "engine_version", "chain", "digest"}
            assert value["digest"] == digest_of({name: part for name, part in value.items() if name != "digest"})

    def test_an_entitys_inputs_are_its_own_records_and_the_partitions(self) -> None:
        entities = {"jp-main": house(), "jp-other": house()}
        alone, beside = journal(configuration_text(entities)), journal(configuration_text(entities))
        load(alone)
        load(beside)
        beside.position("hot", "client_asset", "hot", "BTC", "1", entity="jp-other")
        digests = []
        for made in (alone, beside):
            made.at(0.1).tick()
            digests.append({v["entity"]: v["inputs_digest"] for v in evaluated(engine_of(made)[1])})
        assert digests[0]["jp-main"] == digests[1]["jp-main"]
        assert digests[0]["jp-other"] != digests[1]["jp-other"]

    def test_the_exposure_has_its_four_parts_and_unknown_is_null(self) -> None:
        made = journal()
        load(made)
        made.at(0.1).tick()
        _, outputs = engine_of(made)
        (exposure,) = evaluated(outputs, "reserve.exposures")
        assert exposure["parts"] == {"custody": "35760000", "flow": None, "incidents": "0", "loss_history": "0"}
        assert (exposure["total"], exposure["scenarios"], exposure["forecast"]["shortfall_at"]) == (None, [], None)


class TestSnapshots:
    def test_a_record_applied_while_a_cut_is_read_tears_it(self) -> None:
        made = journal()
        load(made)
        engine, _ = engine_of(made)
        buckets = engine.cut().buckets
        next(buckets)
        made.tick()
        engine.apply(made.records[-1])
        with pytest.raises(TornSnapshot):
            list(buckets)

    def test_only_changed_buckets_are_written_again(self) -> None:
        made = journal()
        load(made)
        for number in range(3000):
            made.position(f"a{number}", "client_asset", "cold", "BTC", "1")
        made.at(0.1).tick()
        engine, _ = engine_of(made)
        whole = sum(len(data) for _, data in engine.cut().buckets)
        made.at(0.2).position("a7", "client_asset", "cold", "BTC", "2")
        engine.apply(made.records[-1])
        changed = dict(engine.cut().buckets)
        assert sum(map(len, changed.values())) < whole / 10

    def test_an_engine_before_its_first_configuration_can_be_cut(self) -> None:
        made = Journal()
        made.tick()
        made.configure(HOUSE, parts=2)
        first = Engine(0, check_journal_time=False)
        for record in made.records[:2]:
            first.apply(record)
        cut = first.cut()
        second = Engine.restore(0, cut.position, cut.version, dict(cut.buckets), check_journal_time=False)
        second.apply(made.records[2])
        assert second.entities() == ("jp-main",)
