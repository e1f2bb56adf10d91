"""Input that is not what it says: what `assess` makes of it, held against what a person would find (CONTRACT 7).

Each case says what lets it fail: figures that an input does not support must be unknown, with a gap that names it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from monitor.__main__ import program

DAY = "2026-03-10"
NOON = f"{DAY}T12:00:00Z"


class Case:
    """An event file that grows, and a configuration; `assess` gives one method's result."""

    def __init__(self, folder: Path, *methods: str, currency: str = "USD", **sections: Any) -> None:
        self.folder = folder
        self.lines: list[dict[str, Any]] = []
        self.stderr = ""
        entity: dict[str, Any] = {"reporting_currency": currency, "methods": [{"id": method} for method in methods]}
        entity |= sections.pop("entity", {})
        self.content: dict[str, Any] = {"entities": {"sg-two": entity}, **sections}

    def line(self, topic: str, at: str, value: dict[str, Any]) -> Case:
        self.lines.append({"topic": topic, "timestamp": at, "value": value})
        return self

    def holds(self, role: str, storage: str, asset: str, quantity: str, at: str = NOON, **more: Any) -> Case:
        own = {"event_id": f"b{len(self.lines)}", "entity": "sg-two", "account": f"{role}-{storage}-{asset}", "role": role}
        own |= {"storage": storage, "asset": asset, "quantity": quantity, "as_of": at}
        return self.line("custody.balances", more.pop("logged", at), own | more)

    def owes(self, asset: str, quantity: str, at: str = NOON, **more: Any) -> Case:
        return self.holds("client_liability", "ledger", asset, quantity, at, **more)

    def priced(self, asset: str, price: str, at: str = NOON, currency: str = "USD", **more: Any) -> Case:
        own = {"event_id": f"p{len(self.lines)}", "asset": asset, "currency": currency, "price": price, "as_of": at}
        return self.line("market.prices", more.pop("logged", at), own | {"source": "desk", "kind": "spot"} | more)

    def declares(self, kind: str, amount: str, currency: str = "USD", at: str = NOON, **attributes: str) -> Case:
        own = {"event_id": f"d{len(self.lines)}", "entity": "sg-two", "kind": kind, "amount": amount, "currency": currency}
        return self.line("entity.declarations", at, own | {"effective_from": at, "attributes": attributes})

    def trades(self, market: str, trade_id: str, price: str = "1", quantity: str = "1", at: str = NOON) -> Case:
        own = {"trade_id": trade_id, "entity": "sg-two", "market": market, "price": price, "quantity": quantity}
        return self.line("market.trades", at, own | {"executed_at": at})

    def dismisses(self, topic: str, offset: int, at: str) -> Case:
        body = {"topic": topic, "epoch": 0, "partition": 0, "offset": offset}
        own = {"event_id": f"o{len(self.lines)}", "entity": "sg-two", "kind": "dismissal", "at": at, "by": ["r.okafor"]}
        return self.line("reserve.operations", at, own | {"reason": "looked at", "body": body})

    def assess(self, method: str, at: str | None = None) -> dict[str, Any]:
        """What holds at `at`."""
        events, config = self.folder / "events.jsonl", self.folder / "reserve.yaml"
        events.write_text("".join(json.dumps(line) + "\n" for line in self.lines))
        config.write_text(yaml.safe_dump(self.content))
        asked = [] if at is None else ["--at", at]
        result = CliRunner().invoke(program, ["assess", "--events", str(events), "--config", str(config), *asked])
        self.stderr = result.stderr
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        found: dict[str, Any] = next(one for one in json.loads(result.stdout) if one["method"] == method)
        return found


def gaps(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(gap["kind"], gap["subject"]) for gap in found["gaps"]}


def effects(found: dict[str, Any], kind: str) -> dict[str, str]:
    """By subject what gaps of a kind make unknown."""
    return {gap["subject"]: gap["effect"] for gap in found["gaps"] if gap["kind"] == kind}


def component(found: dict[str, Any], name: str) -> dict[str, Any]:
    row: dict[str, Any] = next(row for row in found["components"] if row["name"] == name)
    return row


# --- times that cannot be


@pytest.mark.parametrize(
    "absurd",
    ["0001-01-01T00:00:00Z", "1899-12-30T00:00:00Z", "1970-01-21T04:21:00Z", "2200-01-01T00:00:00Z", "9999-12-31T23:59:59Z"],
)
@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "Asia/Tokyo"])
def test_a_balance_of_an_absurd_time_is_refused_and_leaves_what_was_known(tmp_path: Path, absurd: str, zone: str) -> None:
    """Fails where such a time is taken: the calendar has no such day, or it is the first of a window."""
    case = Case(tmp_path, "us.ny_custody", "eu.ifr_k", entity={"time_zone": zone})
    case.content["entities"]["sg-two"]["methods"][1]["options"] = {"time_zone": zone}
    case.priced("ADA", "0.5").owes("ADA", "90").holds("client_asset", "cold", "ADA", "80")
    case.holds("client_asset", "cold", "ADA", "5000", absurd, logged=NOON)
    found = case.assess("us.ny_custody")
    assert (found["state"], found["surplus"]) == ("shortfall", "-5")
    assert ("record_rejected", "custody.balances") in gaps(found)
    assert "out_of_range" in case.stderr


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00Z", "1989-12-31T23:59:59Z", "2200-01-01T00:00:00+00:00", "9999-01-01T00:00:00Z"]
)
def test_assess_at_a_time_no_event_can_be_of_is_a_usage_error(tmp_path: Path, text: str) -> None:
    """Fails with the calendar's own error, or with figures of a day that is none."""
    from monitor.errors import UsageError

    events = tmp_path / "e.jsonl"
    events.write_text("")
    result = CliRunner().invoke(program, ["assess", "--events", str(events), "--at", text, "--method", "us.ny_custody"])
    assert isinstance(result.exception, UsageError)
    assert "1990 to 2199" in str(result.exception)


# --- tickers that are codes


COIN_OR_MONEY = ["MNT", "BOB", "TOP", "ALL", "GEL", "ERN", "SOS"]


@pytest.mark.parametrize("ticker", COIN_OR_MONEY)
def test_a_code_in_a_hot_wallet_is_no_money_without_being_asked(tmp_path: Path, ticker: str) -> None:
    """Fails where every ISO 4217 code is taken for money: 40 % of the assets hot, and adequate."""
    case = Case(tmp_path, "jp.psa_custody", "house.composite", currency="JPY")
    case.content["entities"]["sg-two"]["methods"][0]["options"] = {"skip": ["fiat_trust", "capital", "net_assets"]}
    case.priced("LTC", "10000", currency="JPY").priced(ticker, "100", currency="JPY")
    case.holds("client_asset", "cold", "LTC", "1000").holds("guarantee_asset", "cold", "LTC", "50")
    assert case.assess("jp.psa_custody")["state"] == "adequate"
    case.holds("client_asset", "hot", ticker, "60000")
    found = case.assess("jp.psa_custody")
    assert found["state"] == "unknown"
    assert effects(found, "asset_ambiguous") == {ticker: "both"}
    assert component(found, "hot_ratio")["state"] == "unknown"
    assert case.assess("house.composite")["state"] == "unknown"
    case.content["assets"] = {"crypto": [ticker]}
    found = case.assess("jp.psa_custody")
    assert (found["state"], component(found, f"guarantee_asset.{ticker}")["shortfall"]) == ("shortfall", "60000")
    assert gaps(found) == set()
    case.content["assets"] = {"fiat": [ticker]}
    found = case.assess("jp.psa_custody")
    assert (found["state"], gaps(found)) == ("adequate", set())


def test_a_same_asset_rule_that_decides_either_way_keeps_its_state(tmp_path: Path) -> None:
    """Fails where the doubt about a ticker hides what quantities prove."""
    case = Case(tmp_path, "us.ny_custody", "ae.vara").owes("SOS", "100").holds("client_asset", "cold", "SOS", "60")
    skip = {"skip": ["paid_up_capital", "net_liquid_assets"], "activities": ["custody"]}
    case.content["entities"]["sg-two"]["methods"][1]["options"] = skip
    case.holds("reserve_asset", "cold", "SOS", "60").priced("SOS", "2").priced("SOS", "7", currency="AED")
    coins, all_assets = case.assess("us.ny_custody"), case.assess("ae.vara")
    assert (all_assets["state"], component(all_assets, "reserve_asset.SOS")["state"]) == ("shortfall", "shortfall")
    assert component(all_assets, "reserve_asset.SOS")["amount"] is None
    assert (coins["state"], component(coins, "client_asset.SOS")["state"]) == ("unknown", "unknown")
    assert ("asset_ambiguous", "SOS") in gaps(coins) & gaps(all_assets)
    case.holds("client_asset", "cold", "SOS", "140", "2026-03-10T12:00:01Z")
    found = case.assess("us.ny_custody")
    assert (found["state"], component(found, "client_asset.SOS")["state"]) == ("unknown", "adequate")


@pytest.mark.parametrize("method", ["us.ny_custody", "ae.vara"])
def test_a_same_asset_method_does_not_become_unknown_by_a_price(tmp_path: Path, method: str) -> None:
    """Fails where a headline in dollars hides that every asset is there: the rule compares quantities, no price is asked."""
    case = Case(tmp_path, method).owes("KAVA", "100").holds("client_asset", "cold", "KAVA", "100")
    skip = {"skip": ["paid_up_capital", "net_liquid_assets"], "activities": ["custody"]}
    case.content["entities"]["sg-two"]["methods"][0]["options"] = skip if method == "ae.vara" else {}
    found = case.assess(method)
    assert (found["state"], found["required"], found["coverage"]) == ("adequate", None, None)
    assert ("price_missing", f"KAVA/{found['currency']}") in gaps(found)
    case.holds("client_asset", "cold", "KAVA", "99", "2026-03-10T12:00:01Z")
    assert case.assess(method)["state"] == "shortfall"


@pytest.mark.parametrize(("method", "currency"), [("us.ny_custody", "USD"), ("ae.vara", "AED")])
def test_a_price_in_doubt_is_asked_no_more_than_one_that_is_missing(tmp_path: Path, method: str, currency: str) -> None:
    """Fails where a stray price pages for a rule that compares coins with coins, or where it hides that coins are missing."""
    case = Case(tmp_path, method, "house.composite", currency=currency).owes("KAVA", "100")
    case.holds("client_asset", "cold", "KAVA", "100").holds("reserve_asset", "cold", "KAVA", "100")
    skip = {"skip": ["paid_up_capital", "net_liquid_assets"], "activities": ["custody"]}
    case.content["entities"]["sg-two"]["methods"][0]["options"] = skip if method == "ae.vara" else {}
    case.priced("KAVA", "2", currency=currency).priced("KAVA", "2000000", f"{DAY}T12:05:00Z", currency)
    found = case.assess(method)
    assert (found["state"], found["required"], found["coverage"]) == ("adequate", None, None)
    assert ("price_outlier", f"KAVA/{currency}") in gaps(found)
    assert case.assess("house.composite")["required"] is None
    for role in ("client_asset", "reserve_asset"):
        case.holds(role, "cold", "KAVA", "99", "2026-03-10T12:05:01Z")
    assert case.assess(method)["state"] == "shortfall"


@pytest.mark.parametrize("where", ["bank", "trust"])
def test_money_in_a_bank_is_money(tmp_path: Path, where: str) -> None:
    """Fails where any code that is not a major currency is doubted."""
    case = Case(tmp_path, "us.ny_custody").owes("PHP", "100").holds("client_asset", where, "PHP", "100")
    found = case.owes("ADA", "3").holds("client_asset", "cold", "ADA", "3").priced("ADA", "1").assess("us.ny_custody")
    assert (found["state"], found["required"], gaps(found)) == ("adequate", "3", set())


def test_a_code_that_is_owed_and_in_no_bank_or_a_market_base_is_doubted(tmp_path: Path) -> None:
    """Fails where only wallets are looked at."""
    owed = (
        Case(tmp_path, "us.ny_custody").owes("TOP", "100").holds("client_asset", "third_party", "TOP", "100").priced("TOP", "1")
    )
    assert ("asset_ambiguous", "TOP") in gaps(owed.assess("us.ny_custody"))
    traded = Case(tmp_path, "us.ny_custody").owes("BOB", "9").holds("client_asset", "bank", "BOB", "9").priced("BOB", "1")
    assert traded.assess("us.ny_custody")["state"] == "adequate"
    assert ("asset_ambiguous", "BOB") in gaps(traded.trades("BOB/USDT", "77").assess("us.ny_custody"))


@pytest.mark.parametrize("storage", ["third_party", "in_transit"])
def test_a_code_that_only_passes_through_is_a_coin_or_money(tmp_path: Path, storage: str) -> None:
    """Fails where a place that says nothing is taken for a bank: 60 million GEL with an exchange counted in no crypto sum."""
    case = Case(tmp_path, "house.composite").holds("client_asset", storage, "GEL", "60000000").priced("GEL", "0.4")
    found = case.assess("house.composite")
    assert ("asset_ambiguous", "GEL") in gaps(found)
    assert found["figures"]["custody"] is None
    banked = case.holds("house_asset", "bank", "GEL", "1").assess("house.composite")
    assert ("asset_ambiguous", "GEL") not in gaps(banked)
    assert ("asset_ambiguous", "EUR") not in gaps(case.holds("client_asset", storage, "EUR", "5").assess("house.composite"))


def test_reporting_currencies_and_pivots_are_money(tmp_path: Path) -> None:
    """Fails where the list of the majors alone decides."""
    case = Case(tmp_path, "house.composite", currency="MNT", entity={"prices": {"pivots": ["GEL"]}})
    case.priced("XLM", "3", currency="GEL").priced("GEL", "1200", currency="MNT").trades("XLM/GEL", "1", price="3")
    case.holds("client_asset", "cold", "XLM", "10").holds("reserve_asset", "hot", "GEL", "5").holds(
        "client_asset", "hot", "MNT", "1"
    )
    assert {kind for kind, _ in gaps(case.assess("house.composite"))}.isdisjoint({"asset_ambiguous"})


# --- spam and dust


def test_an_ignored_asset_is_in_no_figure_and_in_every_list(tmp_path: Path) -> None:
    """Fails where a stranger who sends a worthless token turns the monitor: a guarantee for it is asked, nothing has a value."""
    case = Case(tmp_path, "jp.psa_custody", "house.composite", currency="JPY")
    case.content["entities"]["sg-two"]["methods"][0]["options"] = {"skip": ["fiat_trust", "capital", "net_assets"]}
    case.priced("LTC", "10000", currency="JPY").holds("client_asset", "cold", "LTC", "1000")
    case.holds("client_asset", "hot", "LTC", "10").holds("guarantee_asset", "cold", "LTC", "10")
    case.holds("reserve_asset", "cold", "LTC", "9").trades("LTC/JPY", "1", price="10000")
    before = case.assess("jp.psa_custody"), case.assess("house.composite")
    case.holds("client_asset", "hot", "CLAIM-NOW.NET", "5000000", account="w-7")
    case.trades("CLAIM-NOW.NET/JPY", "2", price="1000000", quantity="9")
    assert case.assess("jp.psa_custody")["state"] == "shortfall"
    case.content["assets"] = {"ignore": ["CLAIM-NOW.NET"]}
    after = case.assess("jp.psa_custody"), case.assess("house.composite")
    for one, other in zip(before, after, strict=True):
        for name in ("state", "required", "available", "figures", "components", "gaps"):
            assert one[name] == other[name], name
        assert (one["ignored"], other["ignored"]) == ([], [{"asset": "CLAIM-NOW.NET", "quantity": "5000000"}])


def test_what_clients_are_owed_cannot_be_ignored(tmp_path: Path) -> None:
    """Fails where leaving an asset out hides that clients hold it."""
    case = Case(tmp_path, "us.ny_custody", assets={"ignore": ["FLR"]})
    case.priced("FLR", "1").owes("FLR", "100").holds("client_asset", "hot", "FLR", "20")
    found = case.assess("us.ny_custody")
    assert found["state"] == "shortfall"
    assert ("asset_ambiguous", "FLR") in gaps(found)
    assert (found["ignored"], effects(found, "asset_ambiguous")) == ([], {"FLR": "both"})


# --- units and digits


@pytest.mark.parametrize(
    ("currency", "required"), [("BHD", "0.062"), ("CLP", "1"), ("VND", "1"), ("CLF", "0.0617"), ("THB", "0.07")]
)
def test_amounts_are_printed_in_the_minor_unit_of_their_currency(tmp_path: Path, currency: str, required: str) -> None:
    """Fails where every currency has two decimals."""
    case = Case(tmp_path, "house.composite", currency=currency)
    case.content["entities"]["sg-two"]["methods"][0]["options"] = {"skip": ["flow"]}
    case.priced("DOT", "1.2334", currency=currency).holds("client_asset", "hot", "DOT", "1")
    assert case.assess("house.composite")["required"] == required
    case.content["assets"] = {"minor_units": {currency: 5}}
    assert case.assess("house.composite")["required"] == "0.06167"


def test_an_asset_that_divides_further_counts_to_its_last_digit(tmp_path: Path) -> None:
    """Fails where 18 digits are all there are: the balance is refused, and a false shortfall beside it."""
    case = Case(tmp_path, "us.ny_custody", assets={"decimals": {"NEAR": 24}})
    case.priced("NEAR", "4").owes("NEAR", "7.000000000000000000000001").holds("client_asset", "cold", "NEAR", "7")
    found = case.assess("us.ny_custody")
    assert component(found, "client_asset.NEAR")["shortfall"] == "0.000000000000000000000001"
    assert gaps(found) == set()


# --- facts that contradict


def test_two_lengths_of_one_fiscal_year_are_no_turnover(tmp_path: Path) -> None:
    """Fails where the one that begins later silently wins."""
    case = Case(tmp_path, "jp.commodity_111", currency="JPY")
    case.declares("first_fiscal_year", "0", "JPY", fiscal_year="2025").declares(
        "liability_reserve", "0", "JPY", fiscal_year="2024"
    )
    case.declares("turnover_fiscal_year", "400", "JPY", line="futures.ordinary", fiscal_year="2025", months="4")
    assert case.assess("jp.commodity_111")["figures"]["item1"] is not None
    case.declares("turnover_fiscal_year", "900", "JPY", line="futures.ordinary", fiscal_year="2025", months="9")
    found = case.assess("jp.commodity_111")
    assert found["figures"]["item1"] is None
    assert ("declaration_missing", "turnover_fiscal_year") in gaps(found)


@pytest.mark.parametrize(
    "spelt", ['"quantity":"8","quantity":"90"', '"quantity": "8" , "quantity" :"90"', '"quantity":"8","qu\\u0061ntity":"90"']
)
def test_a_key_given_twice_is_refused_in_every_topic(tmp_path: Path, spelt: str) -> None:
    """Fails where the last of two values is taken."""
    case = Case(tmp_path, "house.composite").priced("XTZ", "1").holds("client_asset", "cold", "XTZ", "8").trades("XTZ/USD", "1")
    events = tmp_path / "twice.jsonl"
    lines = [json.dumps(line) for line in case.lines]
    lines[1] = lines[1].replace('"quantity": "8"', spelt)
    lines[2] = lines[2].replace('"quantity": "1"', spelt)
    events.write_text("\n".join(lines))
    result = CliRunner().invoke(program, ["assess", "--events", str(events), "--method", "house.composite"])
    refused = [line for line in result.stderr.splitlines() if "bad_json" in line and "twice" in line]
    assert [f"twice.jsonl:{n}" in refused[n - 2] for n in (2, 3)] == [True, True]
    assert [gap["kind"] for gap in json.loads(result.stdout)[0]["gaps"]].count("record_rejected") == 1


# --- scale and jumps of prices


def custody(case: Case) -> str:
    """What clients' assets are worth to `house.composite`, or `unknown`."""
    found = case.assess("house.composite")
    assert ("price_outlier" in {kind for kind, _ in gaps(found)}) == (found["figures"]["custody"] is None)
    return found["figures"]["custody"] or "unknown"


def watched(folder: Path, *prices: tuple[str, str], **sections: Any) -> Case:
    """1,000 FIL in a cold wallet; prices of one source, each with its seconds after noon."""
    case = Case(folder, "house.composite", **sections).holds("client_asset", "cold", "FIL", "1000", "2026-03-10T11:00:00Z")
    for price, time in prices:
        case.priced("FIL", price, f"2026-03-10T{time}Z")
    return case


@pytest.mark.parametrize("wrong", ["430000000", "0.0000043", "47.4", "0.42"])
def test_a_price_of_another_scale_is_in_doubt_whichever_way(tmp_path: Path, wrong: str) -> None:
    """Fails where the newest price is taken for what it says."""
    assert custody(watched(tmp_path, ("4.3", "11:59:59"), (wrong, "12:00:00"))) == "unknown"
    assert custody(watched(tmp_path, ("4.3", "11:59:59"), ("42.9", "12:00:00"))) == "17.16"


def test_repeating_a_price_at_once_confirms_nothing_but_a_minute_later_does(tmp_path: Path) -> None:
    """Fails where the two newest prices are compared, and the second wrong one stands for the first."""
    case = watched(tmp_path, ("4", "11:59:00"), ("400", "12:00:00"), ("400", "12:00:01"), ("401", "12:00:59.999"))
    assert custody(case) == "unknown"
    assert custody(case.priced("FIL", "402", "2026-03-10T12:01:00Z")) == "160.8"


def test_another_source_confirms_and_the_old_value_ends_the_doubt(tmp_path: Path) -> None:
    """Fails where a jump is held for ever, or where the price after a spike is measured by the spike."""
    spike = [("4", "11:59:00"), ("400", "12:00:00")]
    assert custody(watched(tmp_path, *spike).priced("FIL", "390", "2026-03-10T12:00:01Z", source="second")) == "156"
    assert custody(watched(tmp_path, *spike, ("4.1", "12:00:02"))) == "1.64"
    assert custody(watched(tmp_path, *spike).priced("FIL", "4.1", "2026-03-10T12:00:01Z", source="second")) == "1.64"
    assert custody(watched(tmp_path, *spike, ("0.03", "12:00:02"))) == "unknown"


def test_a_person_confirms_a_price(tmp_path: Path) -> None:
    """Fails where no operation can say that a jump is real."""
    case = watched(tmp_path, ("4", "11:59:00"), ("400", "12:00:00"))
    assert custody(case) == "unknown"
    assert custody(case.dismisses("market.prices", 2, "2026-03-10T12:00:05Z")) == "160"


def test_the_guard_can_be_set_and_switched_off(tmp_path: Path) -> None:
    """Fails where the ratio is not read, or null is the default."""
    pair = ("4", "11:59:00"), ("400", "12:00:00")
    assert custody(watched(tmp_path, *pair, prices={"outlier_ratio": None})) == "160"
    assert custody(watched(tmp_path, *pair, prices={"outlier_ratio": "100"})) == "160"
    assert custody(watched(tmp_path, *pair, sources={"market.prices": {"confirm_s": 0}})) == "unknown"


def test_a_trade_of_another_scale_is_in_doubt_too(tmp_path: Path) -> None:
    """Fails where only `market.prices` is guarded: own trades are prices as well."""
    case = watched(tmp_path, ("4", "11:59:00")).trades("FIL/USD", "1", price="4000", at="2026-03-10T12:00:00Z")
    assert custody(case) == "unknown"
    assert custody(case.trades("FIL/USD", "2", price="4.2", at="2026-03-10T12:00:01Z")) == "1.68"


def test_the_price_of_an_incident_within_a_second_is_the_newest_before_it(tmp_path: Path) -> None:
    """Fails where a second keeps one price: which one depends on how it was cut, and it may lie after the incident."""
    case = Case(tmp_path, "house.composite").holds("client_asset", "cold", "FIL", "0")
    for price, part in (("5", "100"), ("6", "400"), ("7", "800")):
        case.priced("FIL", price, f"2026-03-10T12:00:00.{part}Z")
    incident = {"incident_id": "i-9", "revision": 1, "entity": "sg-two", "kind": "key_compromise", "severity": "high"}
    incident |= {"status": "confirmed", "reported_by": "internal", "summary": "", "recoveries": []}
    incident |= dict.fromkeys(("occurred_at", "detected_at", "updated_at"), "2026-03-10T12:00:00.500Z")
    case.line(
        "security.incidents",
        "2026-03-10T12:00:02Z",
        incident | {"losses": [{"asset": "FIL", "quantity": "10", "owner": "house"}]},
    )
    assert case.assess("house.composite")["figures"]["incidents"] == "60"


# --- scale and jumps of balances, and balances too old to be so

WALLETS = {"custody.balances": {"jump_ratio": "50", "supply": {"KAS": "28704026601"}}}


def wallet(folder: Path, *balances: tuple[str, str], **more: Any) -> Case:
    """100 KAS owed, one wallet; its balances with their seconds."""
    case = Case(folder, "us.ny_custody", sources=WALLETS).priced("KAS", "0.1", "2026-03-10T11:00:00Z")
    case.owes("KAS", "100", "2026-03-10T11:00:00Z")
    for quantity, time in balances:
        case.holds("client_asset", "cold", "KAS", quantity, f"2026-03-10T{time}Z", source="node", **more)
    return case


def doubted(case: Case, at: str | None = None) -> tuple[str, bool]:
    found = case.assess("us.ny_custody", at)
    return found["state"], ("position_outlier", "client_asset") in gaps(found)


def test_a_balance_of_another_scale_is_a_bound_and_no_cover(tmp_path: Path) -> None:
    """Fails where a hundred million times as much is what it says: the shortfall is gone, without a gap."""
    assert doubted(wallet(tmp_path, ("90", "11:00:00"), ("9000000000", "12:00:00"))) == ("unknown", True)
    assert doubted(wallet(tmp_path, ("120", "11:00:00"), ("0.00000012", "12:00:00"))) == ("unknown", True)
    assert doubted(wallet(tmp_path, ("120", "11:00:00"), ("0", "12:00:00"))) == ("unknown", True)
    assert doubted(wallet(tmp_path, ("90", "11:00:00"), ("4500", "12:00:00"))) == ("adequate", False)


def test_what_ends_the_doubt_about_a_balance(tmp_path: Path) -> None:
    """Fails where repeating a jump at once confirms it, or where nothing does."""
    fall = [("120", "11:00:00"), ("1", "12:00:00")]
    assert doubted(wallet(tmp_path, *fall, ("1", "12:00:01"), ("1.5", "12:00:59"))) == ("unknown", True)
    assert doubted(wallet(tmp_path, *fall, ("1.5", "12:01:00"))) == ("shortfall", False)
    assert doubted(wallet(tmp_path, *fall, ("119", "12:00:01"))) == ("adequate", False)
    other = wallet(tmp_path, *fall).holds("client_asset", "cold", "KAS", "1", "2026-03-10T12:00:01Z", source="explorer")
    assert doubted(other) == ("shortfall", False)
    assert doubted(wallet(tmp_path, *fall).dismisses("custody.balances", 3, "2026-03-10T12:00:05Z")) == ("shortfall", False)


@pytest.mark.parametrize("named", [3, 4, 5, 6])
def test_a_person_may_name_any_record_that_said_what_is_in_doubt(tmp_path: Path, named: int) -> None:
    """Fails where the first and the newest alone are known: a feed that speaks each second is ahead of whoever looks."""
    fall = [("120", "11:00:00"), ("1", "12:00:00"), ("1.2", "12:00:01"), ("1.1", "12:00:02"), ("1", "12:00:03")]
    assert doubted(wallet(tmp_path, *fall)) == ("unknown", True)
    assert doubted(wallet(tmp_path, *fall).dismisses("custody.balances", named, "2026-03-10T12:00:30Z")) == ("shortfall", False)
    assert doubted(wallet(tmp_path, *fall).dismisses("custody.balances", 2, "2026-03-10T12:00:30Z")) == ("unknown", True)


def test_who_confirms_more_than_there_is_has_not_confirmed_what_is_more_still(tmp_path: Path) -> None:
    """Fails where naming the record of the old figure lifts the limit for the one that came while the person wrote."""
    said = [("90", "11:00:00"), ("9000000000000", "12:00:00"), ("9000000000001", "12:00:01"), ("9500000000000", "12:00:02")]
    limit = {"custody.balances": {"supply": {"KAS": "99000000"}}}

    def after(offset: int) -> tuple[str, bool]:
        case = wallet(tmp_path, *said)
        case.content["sources"] = limit
        return doubted(case.dismisses("custody.balances", offset, "2026-03-10T12:00:30Z"))

    assert [after(offset) for offset in (3, 4)] == [("unknown", True)] * 2
    assert after(5) == ("adequate", False)


def test_a_person_may_speak_before_the_balance_is_read(tmp_path: Path) -> None:
    """Fails where what is known depends on which partition is read faster: that of operations or that of balances."""
    case = wallet(tmp_path, ("120", "11:00:00"))
    case.dismisses("custody.balances", 4, "2026-03-10T11:59:59Z")
    assert doubted(case) == ("adequate", False)
    case.holds("client_asset", "cold", "KAS", "1", "2026-03-10T12:00:00Z", source="node")
    assert doubted(case) == ("shortfall", False)


def test_a_person_confirms_what_a_feed_says(tmp_path: Path) -> None:
    """Fails where a place in a feed, which has an index too, is compared with an offset: no operation ends the doubt."""
    names = ("event_id", "entity", "account", "role", "storage", "asset", "quantity", "as_of")
    prices = ("event_id", "asset", "currency", "price", "as_of", "source", "kind")
    feeds = {
        "custody.balances": {"jump_ratio": "10", "feeds": {"node": {"topic": "md.node", "fields": {n: f"$.{n}" for n in names}}}},
        "market.prices": {"feeds": {"oracle": {"topic": "md.px", "fields": {n: f"$.{n}" for n in prices}}}},
    }
    case = Case(tmp_path, "us.ny_custody", sources=feeds)
    own = {"event_id": "b", "entity": "sg-two", "account": "w", "role": "client_asset", "storage": "cold", "asset": "ADA"}
    case.line(
        "md.node", NOON, own | {"account": "o", "role": "client_liability", "storage": "ledger", "quantity": "50", "as_of": NOON}
    )
    price = {"event_id": "p", "asset": "ADA", "currency": "USD", "source": "oracle", "kind": "spot"}
    for second, quantity, each in ((0, "60", "1"), (1, "6000", "100")):
        at = f"{DAY}T12:00:0{second}Z"
        case.line("md.node", at, own | {"quantity": quantity, "as_of": at})
        case.line("md.px", at, price | {"price": each, "as_of": at})
    assert {kind for kind, _ in gaps(case.assess("us.ny_custody"))} == {"position_outlier", "price_outlier"}
    for topic, feed, offset in (("custody.balances", "node", 3), ("market.prices", "oracle", 4)):
        body = {"topic": topic, "feed": feed, "epoch": 0, "partition": 0, "offset": offset}
        act = {"event_id": feed, "entity": "sg-two", "kind": "dismissal", "at": NOON, "by": ["r.okafor"], "reason": "seen"}
        case.line("reserve.operations", NOON, act | {"body": body})
    found = case.assess("us.ny_custody")
    assert (found["required"], found["available"], gaps(found)) == ("5000", "5000", set())


def test_what_is_owed_in_doubt_is_a_bound_of_what_is_required(tmp_path: Path) -> None:
    """Fails where a ledger that reads a hundredth makes every rule met."""
    case = wallet(tmp_path, ("90", "11:00:00")).owes("KAS", "1", "2026-03-10T12:00:00Z")
    found = case.assess("us.ny_custody")
    assert found["state"] == "unknown"
    assert {"kind": "position_outlier", "subject": "client_liability", "effect": "required"}.items() <= found["gaps"][0].items()


def test_more_than_there_is_stays_in_doubt_however_often_it_is_said(tmp_path: Path) -> None:
    """Fails where a wrong scale confirms itself by repeating, or where a first balance has nothing to be held against."""
    wrong = [("9000000000000", "12:00:00"), ("9000000000000", "12:05:00"), ("9000000000001", "13:00:00")]
    assert doubted(wallet(tmp_path, *wrong)) == ("unknown", True)
    assert doubted(wallet(tmp_path, *wrong, ("120", "13:00:01"))) == ("adequate", False)
    lifted = wallet(tmp_path, *wrong)
    lifted.content["sources"] = {"custody.balances": {"supply": {"KAS": "99000000000000"}}}
    assert doubted(lifted) == ("adequate", False)
    assert doubted(wallet(tmp_path, *wrong).dismisses("custody.balances", 4, "2026-03-10T14:00:00Z")) == ("adequate", False)


def test_without_limits_nothing_is_in_doubt(tmp_path: Path) -> None:
    """Fails where the limits of balances are not optional."""
    case = wallet(tmp_path, ("90", "11:00:00"), ("9000000000", "12:00:00"))
    case.content["sources"] = {}
    assert doubted(case) == ("adequate", False)


def test_a_balance_older_than_the_horizon_is_refused_and_told(tmp_path: Path) -> None:
    """Fails where a changed unit makes the new balance silently older than the old one: an emptied wallet stays green."""
    case = wallet(tmp_path, ("120", "11:00:00"))
    case.holds("client_asset", "cold", "KAS", "1", "1998-06-01T00:00:00Z", logged="2026-03-10T12:00:00Z", source="node")
    assert ("record_rejected", "custody.balances") in gaps(case.assess("us.ny_custody"))
    assert f"events.jsonl:{len(case.lines)}: custody.balances: too_old: as_of 1998-06-01T00:00:00" in case.stderr
    case.holds("client_asset", "cold", "KAS", "110", "2026-03-10T12:00:01Z", source="node")
    assert gaps(case.assess("us.ny_custody")) == set()
    assert case.stderr.count("too_old") == 1


def test_a_wallet_that_rests_may_say_the_same_old_time_every_day(tmp_path: Path) -> None:
    """Fails where age alone refuses: the first balance of an account and its exact repeats are what it holds."""
    case = wallet(tmp_path)
    for day in ("08", "09", "10"):
        case.holds("client_asset", "cold", "KAS", "130", "2024-01-02T00:00:00Z", logged=f"2026-03-{day}T12:00:00Z", source="node")
    case.lines.sort(key=lambda line: line["timestamp"])
    found = case.assess("us.ny_custody")
    assert (found["state"], gaps(found)) == ("adequate", set())
    case.holds("client_asset", "cold", "KAS", "7", "2024-01-02T00:00:00Z", logged="2026-03-10T13:00:00Z", source="node")
    assert ("record_rejected", "custody.balances") in gaps(case.assess("us.ny_custody"))


# --- prices that are refused, and prices of another scale with nothing before them


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("2023-01-01T00:00:00Z", ("record_rejected", "market.prices")),  # older than the horizon, so the book refuses it
        ("1970-01-21T12:00:00Z", ("record_rejected", "market.prices")),  # of no year there is, so intake does
    ],
)
def test_a_price_whose_time_lies_is_refused_and_told(tmp_path: Path, time: str, said: tuple[str, str]) -> None:
    """What lets it fail: the price halves, its time is of another unit, and nothing is said until the old one is too old."""
    case = Case(tmp_path, "us.ny_custody").owes("SOL", "10").holds("client_asset", "cold", "SOL", "10").priced("SOL", "150")
    case.priced("SOL", "75", time, logged=f"{DAY}T12:05:00Z")
    assert said in gaps(case.assess("us.ny_custody"))
    assert case.assess("us.ny_custody")["required"] == "1500"
    assert case.stderr.count("left out") == 1
    case.priced("ETH", "75", f"{DAY}T12:06:00Z")
    assert said in gaps(case.assess("us.ny_custody"))
    case.priced("SOL", "76", f"{DAY}T12:06:00Z", source="other")
    assert said in gaps(case.assess("us.ny_custody"))
    case.priced("SOL", "75", f"{DAY}T12:07:00Z")
    found = case.assess("us.ny_custody")
    assert (gaps(found), found["required"]) == (set(), "750")


def test_an_old_first_price_its_exact_repeat_and_daily_closes_count(tmp_path: Path) -> None:
    """What lets it fail: a feed of a coin that hardly trades, or a history of closes, is refused for its age."""
    case = Case(tmp_path, "us.ny_custody").owes("SOL", "10").holds("client_asset", "cold", "SOL", "10")
    case.priced("SOL", "150", "2023-01-01T00:00:00Z", logged=NOON).priced("SOL", "150", "2023-01-01T00:00:00Z", logged=NOON)
    case.priced("SOL", "140", "2022-01-01T00:00:00Z", logged=NOON, kind="daily_close")
    case.priced("SOL", "141", "2022-01-02T00:00:00Z", logged=NOON, kind="daily_close")
    found = case.assess("us.ny_custody")
    assert (gaps(found), found["required"]) == (set(), "1500")


def test_a_person_lifts_the_mark_of_a_refused_price(tmp_path: Path) -> None:
    """What lets it fail: the mark of a price that will never come again stays for ever."""
    case = Case(tmp_path, "us.ny_custody").owes("SOL", "10").holds("client_asset", "cold", "SOL", "10").priced("SOL", "150")
    case.priced("SOL", "75", "2023-01-01T00:00:00Z", logged=f"{DAY}T12:05:00Z")
    case.dismisses("market.prices", len(case.lines) - 1, f"{DAY}T12:06:00Z")
    assert gaps(case.assess("us.ny_custody")) == set()


@pytest.mark.parametrize(("asset", "scaled"), [("BTC", "6140993501000"), ("ETH", "179579000000"), ("USDC", "99990000")])
def test_the_first_price_of_all_is_in_doubt_where_nothing_ever_cost_so_much(tmp_path: Path, asset: str, scaled: str) -> None:
    """What lets it fail: an oracle's integer is the only price there is, and it repeats itself."""
    case = Case(tmp_path, "us.ny_custody", entity={"prices": {"pivots": []}})
    case.owes(asset, "10").holds("client_asset", "cold", asset, "10").priced(asset, scaled)
    for minute in (1, 5, 9):
        case.priced(asset, scaled, f"{DAY}T12:0{minute}:00Z")
    found = case.assess("us.ny_custody")
    assert (found["state"], found["required"], gaps(found)) == ("adequate", None, {("price_outlier", f"{asset}/USD")})
    case.content["prices"] = {"highest": {"USD": None}}
    assert case.assess("us.ny_custody")["state"] == "adequate"
    del case.content["prices"]
    case.dismisses("market.prices", len(case.lines) - 1, f"{DAY}T12:10:00Z")
    assert gaps(case.assess("us.ny_custody")) == set()


def test_an_absurd_price_leaves_the_one_before_it_as_the_other_bound(tmp_path: Path) -> None:
    """What lets it fail: of a believed price and an absurd one nothing is known at all, or the absurd one alone."""
    case = Case(tmp_path, "us.ny_custody", prices={"outlier_ratio": None})
    case.owes("BTC", "1").holds("client_asset", "cold", "BTC", "2").priced("BTC", "60000")
    case.priced("BTC", "6000000000000", f"{DAY}T12:01:00Z").priced("BTC", "6000000000000", f"{DAY}T12:05:00Z")
    found = case.assess("us.ny_custody")
    assert (found["required"], ("price_outlier", "BTC/USD") in gaps(found)) == (None, True)


@pytest.mark.parametrize(("asset", "units"), [("BTC", "90000000000"), ("LTC", "840000000000"), ("XRP", "900000000000000")])
def test_the_first_balance_of_all_is_in_doubt_where_there_cannot_be_so_much(tmp_path: Path, asset: str, units: str) -> None:
    """What lets it fail: satoshis or drops are the first balance of their account, and nothing bounds them."""
    case = Case(tmp_path, "us.ny_custody").priced(asset, "5").owes(asset, "1000").holds("client_asset", "cold", asset, units)
    found = case.assess("us.ny_custody")
    assert (found["state"], gaps(found)) == ("unknown", {("position_outlier", "client_asset")})
    case.content["sources"] = {"custody.balances": {"supply": {asset: None}}}
    assert case.assess("us.ny_custody")["state"] == "adequate"


# --- what is not known begins no term anew


def test_not_knowing_on_the_way_does_not_begin_the_cure_term_anew(tmp_path: Path) -> None:
    """What lets it fail: short since Monday, unknown on Tuesday, short on Wednesday, and the term counts from Wednesday."""
    house = {"reporting_currency": "JPY", "calendar": "JP", "time_zone": "Asia/Tokyo"}
    case = Case(tmp_path, "jp.psa_custody", entity=house)
    case.owes("JPY", "100", "2026-03-09T01:00:00Z").declares("trust_principal", "50", "JPY", "2026-03-09T01:00:00Z")
    case.lines[-1]["value"]["effective_to"] = "2026-03-10T01:00:00Z"
    case.declares("trust_principal", "60", "JPY", "2026-03-11T01:00:00Z")
    on_tuesday = component(case.assess("jp.psa_custody", "2026-03-10T02:00:00Z"), "fiat_trust")
    on_wednesday = component(case.assess("jp.psa_custody", "2026-03-11T02:00:00Z"), "fiat_trust")
    assert (on_tuesday["state"], on_wednesday["state"], on_wednesday["cure_by"]) == ("unknown", "shortfall", "2026-03-11")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Midway"])
@pytest.mark.parametrize("day", ["1990-01-01T00:00:00Z", "2199-12-31T23:59:59Z"])
def test_the_first_and_the_last_instant_there_is_are_days_like_any_other(tmp_path: Path, zone: str, day: str) -> None:
    """What lets it fail: a local date before the first or behind the last of the calendar ends `assess`, or a partition."""
    case = Case(tmp_path, "eu.ifr_k", "house.composite", currency="EUR", entity={"time_zone": zone, "calendar": "weekdays"})
    case.content["entities"]["sg-two"]["methods"][0]["options"] = {"time_zone": zone, "calendar": "weekdays"}
    case.holds("client_asset", "cold", "SOL", "10", day).priced("SOL", "5", day, "EUR").declares("own_funds", "9", "EUR", day)
    assert case.assess("house.composite")["state"] == "unknown"
    assert case.assess("eu.ifr_k", day)["state"] in {"unknown", "shortfall", "not_computable"}


# --- what a price decides and what it does not


@pytest.mark.parametrize("method", ["us.ny_custody", "jp.psa_custody", "ae.vara"])
def test_rules_in_kind_are_decided_without_any_price(tmp_path: Path, method: str) -> None:
    """Fails where a missing price hides a shortfall in kind, or makes a rule unknown that asks for quantities alone."""
    case = Case(tmp_path, method)
    skip = {"jp.psa_custody": ["fiat_trust", "capital", "net_assets"], "ae.vara": ["paid_up_capital", "net_liquid_assets"]}
    options: dict[str, Any] = {"skip": skip[method]} if method in skip else {}
    case.content["entities"]["sg-two"]["methods"][0]["options"] = options | (
        {"activities": ["custody"]} if method == "ae.vara" else {}
    )
    case.owes("QNT", "9").holds("client_asset", "cold", "QNT", "10").holds("guarantee_asset", "cold", "QNT", "0")
    name = {"ae.vara": "reserve_asset.QNT"}.get(method, "client_asset.QNT")
    assert component(case.assess(method), name)["state"] == "adequate"
    case.holds("client_asset", "cold", "QNT", "8", "2026-03-10T12:00:01Z")
    found = case.assess(method)
    assert (component(found, name)["state"], component(found, name)["shortfall"], found["state"]) == (
        "shortfall",
        "1",
        "shortfall",
    )


def test_a_coin_nobody_owes_and_nobody_prices_leaves_a_rule_in_kind_known(tmp_path: Path) -> None:
    """Fails where dust in a client wallet makes a method unknown that never values it."""
    case = Case(tmp_path, "us.ny_custody", "house.composite").priced("QNT", "5")
    case.owes("QNT", "9").holds("client_asset", "cold", "QNT", "10").holds("client_asset", "hot", "DUSTX", "3")
    found = case.assess("us.ny_custody")
    assert (found["state"], found["coverage"], gaps(found)) == ("adequate", "1", set())
    assert case.assess("house.composite")["state"] == "unknown", "an exposure is a sum of values"
