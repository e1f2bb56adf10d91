"""Figures and counts as people read them."""

from monitor.core.values.wording import count_of, grouped, percent


def test_one_is_singular_and_thousands_have_separators() -> None:
    assert [count_of(number, "checkpoint") for number in (0, 1, 2, 12_345)] == [
        "0 checkpoints",
        "1 checkpoint",
        "2 checkpoints",
        "12,345 checkpoints",
    ]
    assert [count_of(number, "entry", "entries") for number in (1, 2)] == ["1 entry", "2 entries"]


def test_figures_are_regrouped_or_cut_and_never_rounded_up() -> None:
    assert (grouped("-1234567.50"), grouped("999"), grouped(None)) == ("−1,234,567.50", "999", "—")
    assert (percent("0.999999"), percent("12.5"), percent("-0.00001"), percent(None)) == ("99.99 %", "1,250.00 %", "−0.01 %", "—")
