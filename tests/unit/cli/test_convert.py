"""Converters: every defect of the real files, in small hand-made samples; nothing repaired, nothing guessed."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.__main__ import program
from monitor.cli.event_files.convert import NothingConverted
from monitor.cli.event_files.formats import FORMATS, Given, pair, plain_number, reader_of
from monitor.core.values.times import parse_time
from monitor.errors import UsageError
from monitor.events import Event

HEADER = '"domain","product_code","loaded","id","exec_date","side","price","size","buy_child_order_acceptance_id","sell"\n'


def bitflyer(*rows: str) -> list[str]:
    return [HEADER, *(f'"bitflyer.jp",{row},"A","B"\n' for row in rows)]


def converted(form: str, lines: list[str], **said: str) -> list[Event]:
    return list(reader_of(form)(lines, Given(**{"entity": "jp-main", **said})))


def values(form: str, lines: list[str], **said: str) -> list[dict[str, Any]]:
    return [event.value for event in converted(form, lines, **said)]


def test_bitflyer_row_is_one_trade_with_the_recorders_log_time() -> None:
    row = '"BTC_JPY","2018-01-26T00:00:06.549+09:00","122","2018-01-26T00:00:04.613+09:00","BUY","1242900.0","0.0052"'
    (event,) = converted("bitflyer-executions", bitflyer(row))
    assert event.topic == "market.trades"
    assert event.key == "jp-main|BTC/JPY"
    assert event.logged_at == parse_time("2018-01-25T15:00:06.549Z")
    assert event.value == {
        "trade_id": "122",
        "entity": "jp-main",
        "market": "BTC/JPY",
        "price": "1242900.0",
        "quantity": "0.0052",
        "executed_at": "2018-01-26T00:00:04.613+09:00",
        "side": "buy",
    }


def test_bitflyer_exponent_is_expanded_exactly() -> None:
    row = '"BTC_JPY","2018-01-26T00:00:06+09:00","1","2018-01-26T00:00:04+09:00","SELL","1242900.0","1E-7"'
    (value,) = values("bitflyer-executions", bitflyer(row))
    assert value["quantity"] == "0.0000001"


def test_bitflyer_blank_time_is_null_and_blank_side_is_left_out() -> None:
    row = '"BTC_JPY","2018-01-26T00:00:06+09:00","1","","","1242900.0","1"'
    (value,) = values("bitflyer-executions", bitflyer(row))
    assert value["executed_at"] is None
    assert "side" not in value


def test_bitflyer_log_time_never_goes_back() -> None:
    times = ("2018-01-26T00:00:06+09:00", "2018-01-26T00:00:01+09:00", "", "2018-01-26T00:00:07+09:00")
    rows = [f'"BTC_JPY","{loaded}","{n}","2018-01-26T00:00:00+09:00","BUY","1","1"' for n, loaded in enumerate(times)]
    logged = [event.logged_at for event in converted("bitflyer-executions", bitflyer(*rows))]
    first, last = parse_time("2018-01-25T15:00:06Z"), parse_time("2018-01-25T15:00:07Z")
    assert logged == [first, first, first, last]


def test_bitflyer_first_row_needs_a_log_time() -> None:
    with pytest.raises(UsageError, match="line 2"):
        converted("bitflyer-executions", bitflyer('"BTC_JPY","","1","","BUY","1","1"'))


@pytest.mark.parametrize(
    ("code", "market", "instrument"),
    [
        ("BTC_JPY", "BTC/JPY", None),
        ("ETH_BTC", "ETH/BTC", None),
        ("FX_BTC_JPY", "BTC/JPY", "derivative"),
        ("BTCJPY24DEC2021", "BTC/JPY", "derivative"),
        ("", None, None),
    ],
)
def test_bitflyer_product_codes(code: str, market: str | None, instrument: str | None) -> None:
    row = f'"{code}","2018-01-26T00:00:06+09:00","1","2018-01-26T00:00:04+09:00","BUY","1","1"'
    (value,) = values("bitflyer-executions", bitflyer(row))
    assert (value["market"], value.get("instrument")) == (market, instrument)


def test_another_file_is_refused_by_its_columns() -> None:
    with pytest.raises(UsageError, match="exec_date"):
        converted("bitflyer-executions", ["a,b\n", "1,2\n"])


def test_binance_frame_and_the_taker_side() -> None:
    frame = (
        '{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","t":7,"p":"61837.6300","q":"0.02","T":1723161255342,"m":%s}}'
    )
    lines = [
        f"1723161254087896568 {frame % 'true'}\n",
        f"1723161254087896569 {frame % 'false'}\n",
        '1723161254087896570 {"data":{"e":"depthUpdate"}}\n',
    ]
    sells, buys = converted("binance-trades", lines)
    assert (sells.value["side"], buys.value["side"]) == ("sell", "buy")
    assert sells.logged_at == 1723161254087896568
    assert sells.value["executed_at"] == "2024-08-08T23:54:15.342000Z"
    assert sells.value["trade_id"] == "7"
    assert sells.value["market"] == "BTC/USDT"
    assert sells.value["price"] == "61837.6300"


def test_cryptofeed_bitflyer_has_several_trades_in_one_message() -> None:
    message = (
        '{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_executions_FX_BTC_JPY","message":['
        '{"id":1,"side":"BUY","price":5860832.0,"size":1e-8,"exec_date":"2021-12-12T23:05:29.9692063Z"},'
        '{"id":2,"side":"","price":5860832.0,"size":0.01,"exec_date":""}]}}'
    )
    lines = [
        "wss://x <-> 1.5\n",
        "wss://x <- 1.6: {}\n",
        f"1639350330.082294: {message}\n",
        '1639350330.1: {"params":{"channel":"lightning_board_X","message":{}}}\n',
    ]
    first, second = converted("cryptofeed-bitflyer", lines)
    assert first.value["quantity"] == "0.00000001"
    assert first.value["instrument"] == "derivative"
    assert first.logged_at == 1639350330082294000
    assert second.value["executed_at"] is None
    assert "side" not in second.value


def test_cryptofeed_upbit_reads_bytes_literals_and_names_the_base_first() -> None:
    payload = '{"ty":"trade","cd":"BTC-ITAM","ttms":1618678272000,"tp":0.00000113,"tv":9.9E-7,"ab":"ASK","sid":16186782720000000}'
    (value,) = values("cryptofeed-upbit", [f"1618678272.5: b'{payload}'\n", '1618678272.6: b\'{"ty":"orderbook"}\'\n'])
    assert value["market"] == "ITAM/BTC"
    assert value["quantity"] == "0.00000099"
    assert value["side"] == "sell"
    assert value["executed_at"] == "2021-04-17T16:51:12.000000Z"


def bybit(symbol: str) -> list[str]:
    data = f'{{"trade_time_ms":1618677786614,"symbol":"{symbol}","side":"Sell","size":77,"price":60622,"trade_id":"5ffb"}}'
    return [f'1618677786.9: {{"topic":"trade.{symbol}","data":[{data}]}}\n']


def test_bybit_inverse_sizes_are_dollars() -> None:
    (value,) = values("cryptofeed-bybit", bybit("BTCUSD"))
    assert value["instrument"] == "derivative"
    worth = Decimal(value["quantity"]) * Decimal(value["price"])
    assert 0 <= 77 - worth < Decimal("1e-12")


def test_bybit_linear_sizes_are_coins_and_the_option_decides() -> None:
    assert values("cryptofeed-bybit", bybit("BTCUSDT"))[0]["quantity"] == "77"
    assert values("cryptofeed-bybit", bybit("BTCUSD"), size_in="base")[0]["quantity"] == "77"


def test_bitstamp_takes_the_text_form() -> None:
    figures = '"amount":0.0792,"amount_str":"0.07920000","price":3805.44,"price_str":"3805.44"'
    data = f'{{"id":21,{figures},"type":1,"microtimestamp":"1641343699596000"}}'
    (value,) = values("cryptofeed-bitstamp", [f'1.5: {{"data":{data},"channel":"live_trades_ethusd","event":"trade"}}\n'])
    assert value["quantity"] == "0.07920000"
    assert value["market"] == "ETH/USD"
    assert value["side"] == "sell"
    assert value["executed_at"] == "2022-01-05T00:48:19.596000Z"


POR = "venue,snapshot_date,snapshot_time_utc,asset,customer_net_balance,venue_net_balance,exchange_balance,third_party_custody\n"


def test_published_balances_do_not_count_a_split_holding_twice() -> None:
    found = values("por-balances", [POR, "V,2024-09-01,,BTC,612675,618757,605936,12821\n"], storage="cold")
    assert [(one["account"], one["role"], one["storage"], one["quantity"]) for one in found] == [
        ("V/customers", "client_liability", "ledger", "612675"),
        ("V/exchange", "client_asset", "cold", "605936"),
        ("V/third-party", "client_asset", "third_party", "12821"),
    ]


def test_published_balances_blank_is_not_zero_and_a_ratio_alone_is_nothing() -> None:
    assert values("por-balances", [POR, "V,2023-08-01,,BTC,,,,\n"], storage="cold") == []


def test_published_balances_time_of_day() -> None:
    lines = [POR, "V,2022-11-22,23:59,BTC,1,,,\n", "V,2023-11-01,,BTC,1,,,\n", "V,2020-01,,BTC,1,,,\n"]
    assert [one["as_of"] for one in values("por-balances", lines, storage="cold")] == [
        "2022-11-22T23:59:00Z",
        "2023-11-01T00:00:00Z",
        None,
    ]
    assert values("por-balances", lines, storage="cold", time_of_day="12:30")[1]["as_of"] == "2023-11-01T12:30:00Z"


def test_what_a_file_lacks_must_be_said() -> None:
    with pytest.raises(UsageError, match="--storage"):
        values("por-balances", [POR])
    with pytest.raises(UsageError, match="--severity"):
        values("dn-incidents", ["{}\n"], kind="other")
    with pytest.raises(UsageError, match="--kind"):
        values("currency-rates", ["date,base,quote,rate\n"])
    with pytest.raises(UsageError, match="--asset"):
        values("candles", ["timestamp,close\n"])
    with pytest.raises(UsageError, match="--entity"):
        list(reader_of("bitflyer-executions")(bitflyer('"BTC_JPY","2018-01-26T00:00:06+09:00","1","","BUY","1","1"'), Given()))


def test_an_unknown_loss_is_unknown_never_nothing() -> None:
    lines = [
        '{"file":"2013-X.md","date":"2013-05-23","title":"t","loss":"unknown"}\n',
        '{"file":"2014-Y.md","date":"2014-02-28","title":"u","loss":"450000000"}\n',
    ]
    unknown, known = values("dn-incidents", lines, severity="high", kind="other", owner="client")
    assert unknown["losses"] == [{"asset": "USD", "quantity": None, "owner": "client"}]
    assert unknown["loss_estimate"] is None
    assert known["loss_estimate"] == {"amount": "450000000", "currency": "USD"}
    assert known["incident_id"] == "2014-Y"
    assert known["occurred_at"] == "2014-02-28T00:00:00Z"


def test_candles_close_on_the_date_they_are_of() -> None:
    lines = ["timestamp,open,close\n", "1502928000000,1,4285.08\n", "1503014400000,1,4108.37\n"]
    found = values("candles", lines, asset="BTC", currency="USDT", kind="daily_close")
    assert [(one["as_of"], one["price"]) for one in found] == [
        ("2017-08-17T23:59:59.999000Z", "4285.08"),
        ("2017-08-18T23:59:59.999000Z", "4108.37"),
    ]


def test_of_shorter_candles_a_daily_close_is_the_last_of_the_day() -> None:
    lines = [
        "datetime,close\n",
        *(f"2024-04-05 {hour:02d}:00:00,{hour}\n" for hour in (8, 12, 16, 20)),
        "2024-04-06 00:00:00,99\n",
    ]
    found = values("candles", lines, asset="ETH", currency="USDT", kind="daily_close")
    assert [one["price"] for one in found] == ["20"]
    assert len(values("candles", lines, asset="ETH", currency="USDT", kind="spot")) == 5


def test_absurd_rates_pass_as_they_are() -> None:
    (value,) = values("currency-rates", ["date,base,quote,rate\n", "2024-03-02,btc,jpy,4\n"], kind="daily_close")
    assert (value["asset"], value["currency"], value["price"], value["as_of"]) == ("BTC", "JPY", "4", "2024-03-02T00:00:00Z")


def test_a_symbol_that_two_quotes_could_end_needs_the_market() -> None:
    assert pair("ethusd", ("USD", "EUR")) == "ETH/USD"
    with pytest.raises(UsageError, match="--market"):
        pair("XTUSD", ("USD", "TUSD"))
    with pytest.raises(UsageError, match="--market"):
        pair("ABC", ("USD",))


def test_numbers_keep_every_digit_and_what_is_none_stays() -> None:
    assert plain_number("1.230E-5") == "0.0000123"
    assert plain_number("2E3") == "2000"
    assert plain_number("1242900.0") == "1242900.0"
    assert plain_number("") == ""
    assert plain_number("1E999999") == "1E999999"
    assert plain_number(None) is None


def test_every_format_of_the_contract_has_a_reader() -> None:
    for form in FORMATS:
        assert callable(reader_of(form))
    with pytest.raises(UsageError, match="no format"):
        reader_of("nothing")


def run_on(folder: Path, *rows: str) -> Any:
    path = folder / "rates.csv"
    path.write_text("".join(f"{row}\n" for row in rows))
    return CliRunner().invoke(program, ["convert", "currency-rates", str(path), "--kind", "daily_close", "--source", "x"])


def test_it_is_said_what_intake_would_refuse(tmp_path: Path) -> None:
    result = run_on(tmp_path, "date,base,quote,rate", "2024-03-02,btc,jpy,4", "2024-03-02,eth,jpy,-4", "2024-03-02,xrp,jpy,-5")
    assert result.exit_code == 0
    assert "3 events of 4 rows" in result.stderr
    assert "intake would refuse 2 of market.prices as " in result.stderr


def test_a_file_of_which_no_row_becomes_an_event_is_an_error(tmp_path: Path) -> None:
    result = run_on(tmp_path, "date,base,quote,rate")
    assert isinstance(result.exception, NothingConverted)
    assert "no row of 1 is a record of currency-rates" in str(result.exception)
