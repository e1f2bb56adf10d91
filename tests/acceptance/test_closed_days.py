"""Closed business days: published at their end, revised by what comes later, never overwritten (JOURNAL 7, P1)."""

from __future__ import annotations

from typing import Any

from monitor.core.engine import Engine
from monitor.core.journal.snapshot import STATE_VERSION
from monitor.core.values.times import DAY, HOUR, SECOND, parse_time
from tests.journal_maker import START, Journal, configuration_text, house, load
from tests.owner import TimeLine

HOUR_S = 3600
TOKYO_MIDNIGHT_S = 15 * HOUR_S
NOON = START + 3 * HOUR


def line_of(**own: Any) -> TimeLine:
    line = TimeLine(**own)
    line.idle_s = HOUR_S
    return line


def own(journal: Journal, quantity: str, as_of: int) -> None:
    journal.position("own", "guarantee_asset", "cold", "BTC", quantity, as_of=as_of)


def closes(line: TimeLine, method: str = "jp.psa_custody") -> list[tuple[str, int, str]]:
    return [(value["business_date"], value["revision"], value["state"]) for value in line.assessments("close", method)]


def test_a_day_is_closed_at_its_end_in_the_methods_zone() -> None:
    line = line_of().play((0, load), until=50 * HOUR_S)
    assert closes(line) == [("2026-01-05", 0, "adequate"), ("2026-01-06", 0, "adequate")]
    first = line.assessments("close")[0]
    assert (first["at"], first["replaces"]) == ("2026-01-05T14:59:59.999999Z", None)
    published = [second for second, output in line.outputs if output.value is not None and output.value.get("kind") == "close"]
    assert TOKYO_MIDNIGHT_S <= published[0] <= TOKYO_MIDNIGHT_S + 1


def test_a_day_off_whole_hours_is_closed_at_its_quarter_and_revised_by_what_belongs_to_it() -> None:
    """In Kathmandu a day ends at 18:15Z; a balance of 18:00Z that comes late is of the day before, one of 18:20Z is not."""
    methods = [
        house()["methods"][0] | {"options": {"skip": ["fiat_trust", "capital", "net_assets"], "time_zone": "Asia/Kathmandu"}}
    ]
    six = START + 18 * HOUR
    late = [
        (20 * HOUR_S, lambda journal: own(journal, "30", six + 1_200 * SECOND)),
        (21 * HOUR_S, lambda journal: own(journal, "31", six)),
    ]
    line = line_of(methods=methods).play((0, load), *late, until=22 * HOUR_S)
    first, second = line.assessments("close")
    assert (first["business_date"], first["at"], first["state"]) == ("2026-01-05", "2026-01-05T18:14:59.999999Z", "adequate")
    assert (second["business_date"], second["revision"], second["why"][0]["part"]) == ("2026-01-05", 1, "balance")
    assert second["replaces"] == first["digest"]


def test_each_method_closes_in_its_own_zone() -> None:
    methods = [house()["methods"][0], {"id": "us.ny_custody", "mode": "shadow"}]
    line = line_of(methods=methods).play((0, load), until=24 * HOUR_S)
    assert [date for date, *_ in closes(line)] == ["2026-01-05"]
    assert [date for date, *_ in closes(line, "us.ny_custody")] == ["2026-01-04"]


def test_a_late_balance_revises_the_day_and_names_what_it_replaces() -> None:
    late = (20 * HOUR_S, lambda journal: own(journal, "30", NOON))
    line = line_of().play((0, load), late, until=21 * HOUR_S)
    first, second = line.assessments("close")
    assert closes(line) == [("2026-01-05", 0, "adequate"), ("2026-01-05", 1, "shortfall")]
    assert second["replaces"] == first["digest"]
    assert second["at"] == first["at"]
    assert second["why"][0]["part"] == "balance"


def test_every_later_day_that_changes_with_it_is_revised_and_no_other() -> None:
    events = [
        (30 * HOUR_S, lambda journal: own(journal, "50", journal.now)),
        (70 * HOUR_S, lambda journal: own(journal, "30", NOON)),
    ]
    line = line_of().play((0, load), *events, until=71 * HOUR_S)
    assert [one for one in closes(line) if one[1]] == [("2026-01-05", 1, "shortfall")]


def test_what_changes_nothing_revises_nothing() -> None:
    late = (20 * HOUR_S, lambda journal: own(journal, "42", NOON))
    older = (20 * HOUR_S + 10, lambda journal: own(journal, "1", START - HOUR))
    assert [one for one in closes(line_of().play((0, load), late, older, until=21 * HOUR_S)) if one[1]] == []


def test_a_late_price_revises_a_day_that_is_valued_with_it() -> None:
    late = (16 * HOUR_S, lambda journal: journal.price("BTC", "16000000", as_of=START + 14 * HOUR))
    line = line_of().play((0, load), late, until=17 * HOUR_S)
    assert [value["required"] for value in line.assessments("close")] == ["600000000", "640000000"]


def test_the_second_of_two_corrections_replaces_the_first() -> None:
    events = [
        (20 * HOUR_S, lambda journal: own(journal, "30", NOON)),
        (21 * HOUR_S, lambda journal: own(journal, "31", NOON + SECOND)),
    ]
    values = line_of().play((0, load), *events, until=22 * HOUR_S).assessments("close")
    assert [value["revision"] for value in values] == [0, 1, 2]
    assert values[2]["replaces"] == values[1]["digest"]


def test_what_comes_late_in_bulk_is_one_revision_at_once_and_one_of_all_the_rest_a_minute_later() -> None:
    def late(number: int) -> tuple[float, Any]:
        price = str(16_000_000 + number)
        return 20 * HOUR_S + number, lambda journal: journal.price("BTC", price, as_of=START + 14 * HOUR + number)

    line = line_of().play((0, load), *(late(number) for number in range(30)), until=20 * HOUR_S + 59)
    assert [value["required"] for value in line.assessments("close")] == ["600000000", "640000000"]
    line.play(until=20 * HOUR_S + 61)
    assert [value["required"] for value in line.assessments("close")] == ["600000000", "640000000", "640001160"]
    line.play((20 * HOUR_S + 200, lambda journal: own(journal, "30", NOON)), until=20 * HOUR_S + 201)
    assert closes(line)[-1] == ("2026-01-05", 3, "shortfall"), "a lone correction waits for nothing"


def test_an_engine_restored_while_corrections_are_gathered_publishes_what_the_other_does() -> None:
    events = [(20 * HOUR_S + n, lambda journal, n=n: own(journal, str(30 + n), NOON + n)) for n in range(3)]
    line = line_of().play((0, load), *events, until=20 * HOUR_S + 90)
    records = line.journal.records
    half = next(n for n, record in enumerate(records) if record.statement.at > START + (20 * HOUR_S + 30) * SECOND)
    first = Engine(0, check_journal_time=True)
    for record in records[:half]:
        first.apply(record)
    other = Engine.restore(0, first.position, STATE_VERSION, dict(first.cut().buckets), check_journal_time=True)
    expected = [output.value for record in records[half:] for output in first.apply(record)]
    assert [output.value for record in records[half:] for output in other.apply(record)] == expected
    assert [value["revision"] for value in expected if value and value.get("kind") == "close"] == [2]


def test_days_an_outage_slept_through_are_closed_in_order_when_it_is_over() -> None:
    line = line_of().play((0, load), until=1)
    line._last_tick = START + 4 * DAY  # nobody wrote ticks meanwhile
    line.play((4 * 24 * HOUR_S, lambda journal: own(journal, "42", journal.now)), until=4 * 24 * HOUR_S + 2)
    assert [date for date, *_ in closes(line)] == ["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08"]


def test_a_large_correction_is_worked_off_in_portions_and_wholly() -> None:
    line = line_of().play((0, load), until=12 * 24 * HOUR_S)
    line.play((12 * 24 * HOUR_S + 1, lambda journal: own(journal, "30", NOON)), until=12 * 24 * HOUR_S + 30)
    revised = [date for date, revision, _ in closes(line) if revision == 1]
    assert len(revised) == 12
    assert revised == sorted(revised)


def test_a_group_that_stays_incomplete_revises_its_day_when_it_applies() -> None:
    def half(journal: Journal) -> None:
        journal.position("own", "guarantee_asset", "cold", "BTC", "30", as_of=NOON, group=("g", 2))

    def whole(journal: Journal) -> None:
        journal.position("other", "house_asset", "cold", "BTC", "5", group=("g", 2))

    line = line_of().play((0, load), (20 * HOUR_S, half), until=20 * HOUR_S + 30)
    assert closes(line)[-1][:2] == ("2026-01-05", 1)
    (revision,) = [value for value in line.assessments("close") if value["revision"]]
    assert revision["state"] == "unknown", "what is missing may be of any account"
    line.play((21 * HOUR_S, whole), until=21 * HOUR_S + 30)
    assert closes(line)[-1] == ("2026-01-05", 2, "shortfall")


def test_a_new_configuration_does_not_rewrite_the_past() -> None:
    text = configuration_text({"jp-main": house(levels={"watch_enter": "1.5"})}, revision=2)
    line = line_of().play((0, load), (20 * HOUR_S, lambda journal: journal.configure(text)), until=21 * HOUR_S)
    assert closes(line) == [("2026-01-05", 0, "adequate")]


def test_a_summer_time_zone_closes_at_its_own_midnight() -> None:
    start = parse_time("2026-03-29T00:00:00Z")
    methods = [{"id": "eu.ifr_k", "mode": "in_force"}]
    line = TimeLine(methods=methods, start=start)
    line.idle_s = HOUR_S
    line.play(until=48 * HOUR_S)
    assert [value["at"] for value in line.assessments("close", "eu.ifr_k")] == [
        "2026-03-29T21:59:59.999999Z",
        "2026-03-30T21:59:59.999999Z",
    ]
