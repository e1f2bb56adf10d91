"""Amounts taken by the column are those the authority takes, and the same; nothing else is."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.money import BadDecimal, parse_decimal
from monitor.core.values.times import parse_time
from streams.intake.segment.columns.texts import amounts_in, figure_of, texts_of_raw
from streams.intake.segment.trades.event_times import EventTimes
from streams.wire import LONGEST_AMOUNT, SourceFormat, lean_trades

PLAIN = ["1", "20", "1.5", "0.25", "007.50", "9" * 20]
ODD = ["", "0", "0.00", ".5", "5.", ".", "1..2", "1.2.3", "1\n2", "1.5\n2.5", "1\n"]
ODD += ["1e3", "-1", "+1", " 1", "1_0", "NaN", "\u0661"]
NUMBERS = [1, 10**20 - 1, 0, -1, 10**20]


def lawful(amount: Any) -> bool:
    try:
        return parse_decimal(str(amount)) > 0
    except BadDecimal:
        return False


@pytest.mark.parametrize("others", [[], ["1.5"], ["2"], [7], ["x"], ["1.5", ""]])
def test_what_a_column_takes_the_authority_takes_alike(others: list[Any]) -> None:
    for pair in product([*PLAIN, *ODD, *NUMBERS], repeat=2):
        column = [*pair, *others]
        amounts, _, doubtful, _ = amounts_in(column)
        for index, amount in enumerate(column):
            if index in doubtful:
                assert amount not in PLAIN
                assert amount not in NUMBERS[:2] or type(amount) is not int
            else:
                assert lawful(amount), column
                assert amounts[index] == parse_decimal(str(amount))


@pytest.mark.parametrize("others", [[], [b"1.5"], [b'"x"'], [b"1\\u0030"]])
def test_raw_texts_that_are_too_long_are_left_to_the_authority(others: list[bytes]) -> None:
    longest = b"9" * LONGEST_AMOUNT
    assert texts_of_raw([longest, *others])[0] == longest.decode()
    assert texts_of_raw([longest + b"9", *others])[0] == ""


def test_a_constant_amount_that_is_too_long_is_left_to_the_authority() -> None:
    assert lean_trades(SourceFormat(TRADES, constants={"price": "9" * LONGEST_AMOUNT})) is not None
    assert lean_trades(SourceFormat(TRADES, constants={"price": "9" * (LONGEST_AMOUNT + 1)})) is None


@pytest.mark.parametrize("count", [1, 31, 32, 33, 200])
def test_one_odd_text_of_many_leaves_the_others_judged_at_once(count: int) -> None:
    for place in {0, count // 2, count - 1}:
        column: list[Any] = [f"{number}.5" for number in range(count)]
        column[place] = "x1"
        amounts, _, doubtful, _ = amounts_in(column)
        assert doubtful == [place]
        assert [a for i, a in enumerate(amounts) if i != place] == [Decimal(t) for i, t in enumerate(column) if i != place]


TEXTS = st.from_regex(r"[0-9]{1,10}(\.[0-9]{1,9})?", fullmatch=True)
NEAR = st.sampled_from(
    ["0.1234567890123456", "0.1234567890123457", "0.12345678901234560", "1", "1.0", "01", "1.00000000000000000"]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXTS | NEAR | st.integers(1, 10**19), min_size=1, max_size=4), st.lists(TEXTS | NEAR, min_size=1, max_size=4))
def test_texts_tell_amounts_apart_whatever_column_they_stand_in(one: list[Any], other: list[Any]) -> None:
    columns = [*([value] for value in (*one, *other)), one, other, [*one, *other], ["x", *one], [*other, "0.0", *["2"] * 40]]
    told = [
        (amount, text)
        for column in columns
        for found in (amounts_in(column),)
        for row, (amount, text) in enumerate(zip(found.decimals, found.figures, strict=True))
        if row not in found.doubtful
    ]
    for amount, text in told:
        assert text == figure_of(amount)
        assert all((amount == other_amount) == (text == other_text) for other_amount, other_text in told)


@pytest.mark.parametrize("digits", [0, 1, 3, 6, 9])
def test_times_of_one_form_are_read_together_as_one_by_one(digits: int) -> None:
    whole = [f"2026-01-05T0{hour}:59:{second}.{number:09d}" for number, (hour, second) in enumerate(product("019", ["00", "59"]))]
    texts = [text[: 19 + (digits and digits + 1)] + "Z" for text in whole]
    times = EventTimes()
    assert times.of_one_form(texts) == [parse_time(text) for text in texts] == [times.of_lawful(text) for text in texts]
