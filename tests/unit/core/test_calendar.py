"""Zones, local days and business days."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.core.configuration.configuration import BadConfiguration, cell_width, parse_configuration
from monitor.core.values.calendar import ALL_DAYS, UTC_ZONE, WEEKDAYS, Calendar, Zone, month_before, month_end
from monitor.core.values.times import HOUR, QUARTER, SECOND, parse_time
from monitor.methods.loader import resolve_zones
from tests.book_maker import ENTITY, ZONES, content

BRUSSELS = Zone(
    "Europe/Brussels",
    [parse_time(str(t)) for t, _ in ZONES["Europe/Brussels"]],
    [int(str(o)) for _, o in ZONES["Europe/Brussels"]],
)


def test_local_days_are_those_of_the_zone_library_over_a_change_of_the_clocks() -> None:
    real = ZoneInfo("Europe/Brussels")
    day = date(2026, 3, 20)
    while day < date(2026, 4, 10):
        midnight = datetime(day.year, day.month, day.day, tzinfo=real)
        assert BRUSSELS.day_start(day) == round(midnight.timestamp()) * 10**9
        assert BRUSSELS.local_date(BRUSSELS.day_start(day)) == day
        assert BRUSSELS.local_date(BRUSSELS.day_end(day) - 1) == day
        day += timedelta(days=1)
    assert BRUSSELS.day_end(date(2026, 3, 29)) - BRUSSELS.day_start(date(2026, 3, 29)) == 23 * HOUR
    assert BRUSSELS.day_end(date(2026, 10, 25)) - BRUSSELS.day_start(date(2026, 10, 25)) == 25 * HOUR


@pytest.mark.parametrize(
    "name", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Chatham"]
)
def test_local_days_of_zones_off_whole_hours_are_those_of_the_zone_library(name: str) -> None:
    """The days around both changes of the clocks of 2026, at their first and last quarter."""
    real, raw = ZoneInfo(name), resolve_zones([name])
    zone = parse_configuration(content() | {"zones": raw}).zone(name)
    assert zone.grain == cell_width(raw) == QUARTER
    days = [date(2026, month, 1) + timedelta(days=n) for month in (1, 4, 10) for n in range(9)]
    for day in days:
        start, end = zone.day_start(day), zone.day_end(day)
        assert datetime.fromtimestamp(start // SECOND, real).isoformat()[:19] == f"{day}T00:00:00"
        assert (start % QUARTER, end % QUARTER) == (0, 0)
        quarters = range(start, end, QUARTER)
        assert {zone.local_date(quarter) for quarter in quarters} == {day}
        assert {datetime.fromtimestamp(quarter // SECOND, real).date() for quarter in quarters} == {day}


def test_a_midnight_that_does_not_exist_begins_the_day_at_the_jump() -> None:
    jump = parse_time("2026-03-08T04:00:00Z")
    zone = Zone("x", [0, jump], [-4, -3])
    assert zone.day_start(date(2026, 3, 8)) == jump
    assert zone.local_date(jump) == date(2026, 3, 8)
    assert zone.local_date(jump - 1) == date(2026, 3, 7)


def test_before_the_first_transition_its_offset_holds() -> None:
    assert BRUSSELS.offset(parse_time("1960-01-01T00:00:00Z")) == HOUR
    assert UTC_ZONE.start_of(parse_time("2026-01-05T10:00:00Z")) == parse_time("2026-01-05T00:00:00Z")


def test_business_days_are_counted_over_weekends_and_holidays() -> None:
    japan = Calendar("JP", frozenset({5, 6}), frozenset({date(2026, 2, 11)}), frozenset({date(2026, 2, 14)}))
    assert japan.add_business_days(date(2026, 2, 10), 1) == date(2026, 2, 12)
    assert japan.add_business_days(date(2026, 2, 10), 3) == date(2026, 2, 14)
    assert japan.add_business_days(date(2026, 2, 10), 0) == date(2026, 2, 10)
    assert WEEKDAYS.first_business_day(2026, 8) == date(2026, 8, 3)
    assert ALL_DAYS.first_business_day(2026, 8) == date(2026, 8, 1)


def test_months() -> None:
    assert month_before(2026, 1) == (2025, 12)
    assert month_before(2026, 3, 15) == (2024, 12)
    assert month_before(2026, 12, -1) == (2027, 1)
    assert month_end(2024, 2) == date(2024, 2, 29)


# --- configuration


def test_zones_and_calendars_of_a_method_its_option_then_its_pack_then_the_entity() -> None:
    methods = [
        {"id": "a", "mode": "in_force", "options": {}},
        {"id": "b", "mode": "shadow", "options": {"time_zone": "Europe/Brussels", "calendar": "all"}},
        {"id": "c", "mode": "shadow", "options": {}},
    ]
    raw = content({"methods": methods})
    raw["packs"] = {"a": {"time_zone": "UTC", "calendar": "weekdays"}, "b": {"time_zone": "UTC"}, "c": {"time_zone": None}}
    config = parse_configuration(raw)
    own = config.entities[ENTITY]
    assert [config.method_zone(ENTITY, m).name for m in own.methods] == ["UTC", "Europe/Brussels", "Asia/Tokyo"]
    assert [config.method_calendar(ENTITY, m).code for m in own.methods] == ["weekdays", "all", "weekdays"]
    assert [zone.name for zone in config.zones_in_use(ENTITY)] == ["Asia/Tokyo", "Europe/Brussels", "UTC"]
    assert config.entity("nobody") is None
    assert [zone.name for zone in config.zones_in_use("nobody")] == ["UTC"]


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "reserve.configuration/2"},
        {"entities": {"x": {}}},
        {"zones": {"Asia/Kolkata": [["1970-01-01T00:00:00Z", "5.5"]]}},
        {"zones": {"Africa/Monrovia": [["1970-01-01T00:00:00Z", "-00:44"]]}},
    ],
)
def test_a_content_it_cannot_read_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadConfiguration):
        parse_configuration(content() | change)


def test_the_digest_is_of_the_whole_content() -> None:
    one, other = parse_configuration(content()), parse_configuration(content(bad_share="0.1"))
    assert one.digest == parse_configuration(content()).digest != other.digest
