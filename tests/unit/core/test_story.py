"""What changed a figure, in sentences: figures before and now, amounts in threes, and what said nothing new left out."""

from typing import Any

from monitor.core.attribution.story import cause_words, change_sentences, short_change


def cause(before: str | None, after: str | None, subject: str = "client_asset BTC hot-1") -> dict[str, Any]:
    place = {"topic": "custody.balances", "partition": 0, "offset": 7, "event_id": "b"}
    return place | {"subject": subject, "before": before, "after": after}


def moved(*causes: dict[str, Any], required: str | None = "-277299750", coverage: str | None = "0") -> dict[str, Any]:
    part = {"part": "balance", "required_delta": required, "available_delta": "0", "coverage_delta": coverage}
    figures = {"required": "114182250", "available": "391482000", "coverage": "1", "currency": "JPY"}
    return figures | {"why_since": "sha256:ab", "why": [part | {"causes": list(causes)}]}


def test_a_change_says_the_figure_before_and_now() -> None:
    found = moved(cause("42", "12.25"), coverage="0.25")
    whole, part = change_sentences(found)
    assert whole == "Since the figure before: required 391,482,000 → 114,182,250 JPY, coverage 75.00 % → 100.00 %."
    assert part.startswith(
        "Balances: required −277,299,750 JPY, coverage +25 points (custody.balances client_asset BTC hot-1 42 → 12.25"
    )
    assert short_change(found) == (
        "Since the figure before: required 391,482,000 → 114,182,250 JPY, coverage 75.00 % → 100.00 %; balances required "
        "−277,299,750 JPY (custody.balances client_asset BTC hot-1 42 → 12.25)."
    )


def test_what_is_not_known_now_has_no_step() -> None:
    found = moved(cause("42", "12.25")) | {"available": None}
    assert next(iter(change_sentences(found))) == "Since the figure before: required −277,299,750 JPY."
    alone = "Since the figure before: balances required −277,299,750 JPY (custody.balances client_asset BTC hot-1 42 → 12.25)."
    assert short_change(found := moved(cause("42", "12.25")) | {"available": None}) == alone, found
    unmoved = moved(cause("42", "42"), required="0")
    assert next(iter(change_sentences(unmoved))) == "Since the figure before: neither side moved."
    assert short_change(unmoved) == ""


def test_a_balance_that_says_what_was_known_is_no_cause_beside_one_that_changed() -> None:
    _, part = change_sentences(moved(cause("42", "42", "client_asset BTC hot-2"), cause("42", "12.25")))
    assert "hot-2" not in part
    assert "42 → 12.25" in part
    _, alone = change_sentences(moved(cause("1042", "1042")))
    assert "(custody.balances client_asset BTC hot-1 1,042 as before)" in alone


def test_declared_amounts_have_their_digits_in_threes() -> None:
    assert cause_words(cause(None, "700000000 JPY", "capital")) == "custody.balances capital new: 700,000,000 JPY"
    assert cause_words(cause("700000000 JPY", "700000000.5 JPY", "capital")).endswith("700,000,000 JPY → 700,000,000.5 JPY")
    assert cause_words(cause("revision 1, high, open", "revision 2, high, open", "i")).endswith(
        "revision 1, high, open → revision 2, high, open"
    )
