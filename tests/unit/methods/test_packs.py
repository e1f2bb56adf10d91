"""Packs as data: strict, located messages, versions, digests, options; calendars and zones resolved from libraries."""

import copy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from monitor.core.components import RULES, TERMS
from monitor.core.components.packs.pack import STATUSES
from monitor.errors import ConfigurationError
from monitor.methods import loader
from monitor.methods.loader import (
    SHIPPED,
    check_options,
    load_documents,
    load_packs,
    pack_digest,
    read_pack_file,
    resolve_calendars,
    resolve_zones,
)
from tests.method_bench import Bench, gaps

IDS = {
    "jp.psa_custody", "jp.fiea_175", "jp.commodity_111", "jp.capital_ratio", "jp.crypto_reserve_2026", "kr.vaupa_cold",
    "kr.vaupa_reserve", "kr.kfb_reserve", "hk.vatp", "eu.mica_67", "eu.ifr_k", "uk.mifidpru_k", "basel.ope25", "sg.ps",
    "ae.vara", "us.ny_custody", "house.composite",
}  # fmt: skip


def shipped(name: str) -> dict[str, Any]:
    return copy.deepcopy(load_documents()[name].value)


def written(tmp_path: Path, pack: dict[str, Any] | str, name: str = "site.yaml") -> Path:
    file = tmp_path / name
    file.write_text(pack if isinstance(pack, str) else yaml.safe_dump(pack, sort_keys=False), encoding="utf-8")
    return file


def test_every_method_has_a_pack_named_after_it() -> None:
    assert set(load_packs()) == IDS


def test_of_the_shipped_only_those_named_are_read_unless_a_site_may_replace_them(tmp_path: Path) -> None:
    """What lets it fail: a shipped pack in a file of another name is not found."""
    for name in IDS:
        assert load_packs((), {name, "no.such"}) == {name: load_packs()[name]}
    assert load_packs((), {"../packs/hk.vatp"}) == {}
    assert set(load_packs([tmp_path], {"hk.vatp"})) == IDS
    assert {file.stem for file in SHIPPED.glob("*.yaml")} == IDS


def test_every_parameter_says_how_well_it_is_known_and_where_from() -> None:
    for pack in load_packs().values():
        for parameter in pack["parameters"].values():
            assert parameter["status"] in STATUSES
            assert parameter["ref"]
        assert all(law["url"].startswith("https://") for law in pack["law"])


def test_every_type_of_the_closed_set_is_used() -> None:
    used = {
        raw["type"] for pack in load_packs().values() for part in ("terms", "components") for raw in pack.get(part, {}).values()
    }
    assert used == {*TERMS, *RULES}


def test_digest_is_of_the_canonical_content_without_the_documentation() -> None:
    pack = load_packs()["hk.vatp"]
    assert "documentation" not in pack
    assert pack_digest(pack) == pack_digest(dict(reversed(pack.items())))
    changed = copy.deepcopy(pack)
    changed["parameters"]["hk.vatp.hot_max"]["value"] = "0.03"
    assert pack_digest(changed) != pack_digest(pack)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('value: "0.02"', "value: 0.02", r'line 15, parameters\.hk\.vatp\.hot_max\.value: write it as text, "0\.02"'),
        ('value: "0.02"', 'value: "2 %"', r"parameters\.hk\.vatp\.hot_max\.value: '2 %' is not a plain decimal"),
        ('value: "0.02"', 'value: "-1"', r"hot_max\.value: must not be negative"),
        ("limit: hk.vatp.hot_max", "limit: hk.vatp.hot", r"components\.hot_ratio\.limit: 'hk\.vatp\.hot' is not a parameter"),
        ("part: hot_value", "part: hot", r"components\.hot_ratio\.part: 'hot' is not a term"),
        ("type: share", "type: python", r"components\.hot_ratio\.type: is 'python', must be one of"),
        ("bound: max", "bound: most", r"components\.hot_ratio\.bound: is 'most', must be one of min, max"),
        ("role: client_asset, storage: cold", "role: client, storage: cold", r"terms\.cold_value\.role: is 'client'"),
        ("status: in_force", "status: maybe", r"status: is 'maybe', must be one of in_force, draft, study"),
        ("currency: HKD", "currency: XYZ", r"currency: 'XYZ' is not a currency"),
        ('effective_from: "2023-06-01"', 'effective_from: "soon"', r"effective_from: 'soon' is not a date"),
        ("title: SFC", "titel: SFC", r"titel: is not a field here"),
        ("headline: {components: [compensation]}", "headline: {components: [total]}", r"headline\.components\.0: is 'total'"),
        ("compensation_required: {type: sum, of: [cold_charge", "compensation_required: {type: sum, of: [compensation_required",
         r"terms\.compensation_required: is computed from itself"),
        ("figures: {cold_value: cold_value", "figures: {cold_value: cold", r"figures\.cold_value: 'cold' is not a term"),
        ("calendar: HK", "calendar: HK\ncalendar: JP", r"calendar: is given twice"),
        ("calendar: HK", "calendar: !!python/object:os.system HK", r"has no place in a pack"),
        ('status: secondary, ref: "Guidelines 10.6(c)"', "status: sure, ref: x", r"hot_max\.status: is 'sure'"),
    ],
)  # fmt: skip
def test_message_names_file_line_and_field(tmp_path: Path, before: str, after: str, message: str) -> None:
    text = (SHIPPED / "hk.vatp.yaml").read_text(encoding="utf-8")
    assert before in text
    file = written(tmp_path, text.replace(before, after, 1))
    with pytest.raises(ConfigurationError, match=rf"site\.yaml, line \d+, .*{message}|site\.yaml, {message}"):
        read_pack_file(file)


def test_broken_yaml_and_an_absent_directory_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"site\.yaml, line 2: "):
        read_pack_file(written(tmp_path, "a: [1\nb: }"))
    with pytest.raises(ConfigurationError, match=r"pack_dirs: .*nowhere is not a directory"):
        load_packs([tmp_path / "nowhere"])
    with pytest.raises(ConfigurationError, match="the file is empty"):
        read_pack_file(written(tmp_path, ""))
    with pytest.raises(ConfigurationError, match="nested more than 100 deep"):
        read_pack_file(written(tmp_path, "[" * 200_000 + "]" * 200_000))


def test_site_overrides_a_parameter_only_by_a_new_version(tmp_path: Path) -> None:
    pack = shipped("hk.vatp")
    written(tmp_path, pack)
    assert load_packs([tmp_path]) == load_packs()  # the same content is no override
    pack["parameters"]["hk.vatp.hot_max"]["value"] = "0.03"
    written(tmp_path, pack)
    with pytest.raises(ConfigurationError, match=r"site\.yaml, line \d+, version: 2026\.1 is the version of"):
        load_packs([tmp_path])
    written(tmp_path, pack | {"version": "site-1"})
    assert load_packs([tmp_path])["hk.vatp"]["version"] == "site-1"


def test_site_adds_a_pack_but_not_two_of_one_id(tmp_path: Path) -> None:
    written(tmp_path, shipped("us.ny_custody") | {"id": "xx.custody"}, "a.yaml")
    assert "xx.custody" in load_packs([tmp_path])
    written(tmp_path, shipped("us.ny_custody") | {"id": "xx.custody"}, "b.yaml")
    with pytest.raises(ConfigurationError, match=r"b\.yaml, line \d+, id: xx\.custody is in .*a\.yaml too"):
        load_packs([tmp_path])


def test_null_parameter_of_any_pack_refuses_to_compute() -> None:
    pack = copy.deepcopy(load_packs()["us.ny_custody"])
    pack["parameters"]["us.ny.holding_ratio"]["value"] = None
    bench = Bench().hold("client_liability", "ledger", "BTC", "1").hold("client_asset", "cold", "BTC", "1")
    result = bench.assess("us.ny_custody", pack=pack)
    assert (result["state"], result["required"]) == ("not_computable", None)
    assert gaps(result) == [("parameter_null", "us.ny.holding_ratio")]


@pytest.mark.parametrize(("effective_to", "state"), [("2026-01-05", "not_computable"), ("2026-01-06", "adequate")])
def test_pack_ends_before_its_effective_to(effective_to: str, state: str) -> None:
    pack = load_packs()["us.ny_custody"] | {"effective_to": effective_to}
    bench = Bench().hold("client_liability", "ledger", "BTC", "0").hold("client_asset", "cold", "BTC", "1")
    assert bench.assess("us.ny_custody", "2026-01-05T12:00:00Z", pack=pack)["state"] == state


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("hk.vatp", {"colour": "red"}, "colour is not an option"),
        ("hk.vatp", {"skip": ["liquid"]}, "skip names 'liquid'"),
        ("hk.vatp", {"skip": "liquid_assets"}, "must be a list"),
        ("eu.mica_67", {"class": 4}, "class is 4, must be one of 1, 2, 3"),
        ("eu.mica_67", {"services": ["mining"]}, r"services is \['mining'\]"),
        ("eu.mica_67", {"services": []}, "services is"),
        ("eu.ifr_k", {"permanent_minimum": "-1"}, "permanent_minimum is '-1'"),
        ("eu.ifr_k", {"permanent_minimum": 0.5}, "permanent_minimum is 0.5"),
        ("jp.fiea_175", {"fiscal_year_start": "02-29"}, "fiscal_year_start is '02-29'"),
        ("kr.vaupa_reserve", {"market": "usd"}, "market is 'usd', must be one of krw, other"),
        ("ae.vara", {"custodian": "own"}, "activities is needed"),
        ("sg.ps", {"calendar": 3}, "calendar is 3, must be a name"),
    ],
)
def test_bad_option_is_named(method: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check_options(load_packs()[method], options)


def test_good_options_pass() -> None:
    packs = load_packs()
    check_options(packs["eu.mica_67"], {"class": 3, "time_zone": "Europe/Paris", "calendar": "ECB", "skip": ["reserve"]})
    check_options(packs["ae.vara"], {"skip": ["paid_up_capital"]})
    check_options(packs["jp.psa_custody"], {"skip": ["guarantee_asset.BTC", "hot_ratio"]})
    check_options(packs["eu.ifr_k"], {"skip": ["k_asa"], "permanent_minimum": 0})


def test_calendars_of_every_shipped_pack_resolve_with_local_changes() -> None:
    codes = ["JP", "KR", "HK", "GB", "SG", "AE", "ECB", "weekdays", "all"]
    found = resolve_calendars(codes, {"JP": {"closed": [date(2026, 1, 6)], "open": [date(2026, 1, 1)]}})
    assert set(found) == set(codes)
    assert found["all"] == {"weekend": [], "closed": [], "open": []}
    assert found["weekdays"]["weekend"] == [5, 6]
    assert "2026-01-06" in found["JP"]["closed"]
    assert "2026-01-01" not in found["JP"]["closed"]
    assert found["JP"]["open"] == ["2026-01-01"]
    assert "2026-02-11" in found["JP"]["closed"]
    assert "2026-05-01" in found["ECB"]["closed"]
    with pytest.raises(ConfigurationError, match="calendar 'XX' is not known"):
        resolve_calendars(["XX"])


RESTLESS = ("Africa/Casablanca", "Asia/Gaza", "Europe/Brussels", "Pacific/Apia")
"""Zones whose clocks change by decree, for a month at times, or by a day."""


@pytest.mark.parametrize("name", RESTLESS)
def test_no_change_of_a_zone_is_passed_over(name: str) -> None:
    zone, at, changes = ZoneInfo(name), datetime(1970, 1, 1, tzinfo=UTC), list[str]()
    while at.year <= 2040:
        before, at = at, at + timedelta(days=1)
        if at.astimezone(zone).utcoffset() != before.astimezone(zone).utcoffset():
            minutes = (before + timedelta(minutes=n) for n in range(1, 24 * 60 + 1))
            changed = next(one for one in minutes if one.astimezone(zone).utcoffset() != before.astimezone(zone).utcoffset())
            changes.append(changed.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    found = [instant for instant, _ in resolve_zones([name])[name]][1:]
    assert found == changes[len(changes) - len(found) :] != []


def test_zones_on_quarter_hours_only(monkeypatch: pytest.MonkeyPatch) -> None:
    found = resolve_zones(["Asia/Tokyo", "Europe/Brussels", "UTC"])
    assert found["Asia/Tokyo"] == [["1970-01-01T00:00:00.000000Z", 9]]
    assert found["UTC"] == [["1970-01-01T00:00:00.000000Z", 0]]
    assert ["2024-03-31T01:00:00.000000Z", 2] in found["Europe/Brussels"]
    assert resolve_zones(["Asia/Singapore"])["Asia/Singapore"][-1][1] == 8  # half an hour off until 1981 only
    assert resolve_zones(["Asia/Kolkata"])["Asia/Kolkata"] == [["1970-01-01T00:00:00.000000Z", "+05:30"]]
    assert resolve_zones(["Asia/Kathmandu"])["Asia/Kathmandu"][-1] == ["1985-12-31T18:30:00.000000Z", "+05:45"]
    assert {offset for _, offset in resolve_zones(["Australia/Lord_Howe"])["Australia/Lord_Howe"]} >= {"+10:30", 11}
    assert {offset for _, offset in resolve_zones(["America/St_Johns"])["America/St_Johns"]} >= {"-03:30", "-02:30"}
    monkeypatch.setattr(loader, "FIRST_YEAR", 1971)
    with pytest.raises(ConfigurationError, match="Africa/Monrovia is not on quarter hours"):
        resolve_zones(["Africa/Monrovia"])  # 44 minutes and a half until 1972
    with pytest.raises(ConfigurationError, match="time zone 'Mars/Base' is not known"):
        resolve_zones(["Mars/Base"])
