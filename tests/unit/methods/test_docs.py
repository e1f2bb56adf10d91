"""Pages of packs are generated, and their examples are computed; what is in docs/ is what the packs say today."""

from pathlib import Path

import pytest

from monitor.methods.describe import describe, index, parameter_text
from monitor.methods.example import worked_example
from monitor.methods.loader import load_documents

DOCS = Path(__file__).resolve().parents[3] / "docs"
DOCUMENTS = load_documents()
HOW = "write it anew: reserve-monitor methods show {} --format md > docs/methods/{}.md"


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_page_is_up_to_date(name: str) -> None:
    page = describe(DOCUMENTS[name])
    assert (DOCS / "methods" / f"{name}.md").read_text(encoding="utf-8") == page, HOW.format(name, name)


def test_index_names_every_pack() -> None:
    assert (DOCS / "methods.md").read_text(encoding="utf-8") == index(DOCUMENTS)
    assert {page.stem for page in (DOCS / "methods").glob("*.md")} == set(DOCUMENTS)


def test_page_shows_status_and_source_of_every_parameter() -> None:
    page = describe(DOCUMENTS["hk.vatp"])
    for name, parameter in DOCUMENTS["hk.vatp"].value["parameters"].items():
        assert f"| `{name}` | {parameter_text(parameter['value'], parameter['unit'])} | " in page
        assert f" | {parameter['status']} | {parameter['ref']} |" in page


def test_numbers_have_their_digits_in_threes_and_fractions_stand_in_percent_too() -> None:
    assert parameter_text("10000000", "JPY") == "10,000,000"
    assert parameter_text("0.0015", "fraction_of_hot_value") == "0.0015 (0.15 %)"
    assert parameter_text(None, "fraction") == "null"
    assert parameter_text(["hot", "1200"], "enum") == "hot, 1,200"
    page = describe(DOCUMENTS["jp.psa_custody"])
    assert "| `jp.psa.hot_ratio_max` | 0.05 (5 %) | " in page
    assert "| hot_ratio | 5.00 % | " in page


@pytest.mark.parametrize(
    ("name", "required", "state"),
    [
        ("jp.psa_custody", "1850000000", "shortfall"),
        ("jp.fiea_175", "2000000000", "shortfall"),
        ("jp.commodity_111", "18531000", "shortfall"),
        ("jp.capital_ratio", "960000000", "adequate"),
        ("jp.crypto_reserve_2026", None, "not_computable"),
        ("kr.vaupa_cold", "1488000000000", "adequate"),
        ("kr.vaupa_reserve", "17700000000", "adequate"),
        ("kr.kfb_reserve", "9000000000", "adequate"),
        ("hk.vatp", "510000000", "adequate"),
        ("eu.mica_67", "1100000", "adequate"),
        ("eu.ifr_k", "50015.27", "shortfall"),
        ("uk.mifidpru_k", "50015.27", "shortfall"),
        ("basel.ope25", "5550271942.54", "adequate"),
        ("sg.ps", "350000", "adequate"),
        ("ae.vara", "1401000", "adequate"),
        ("us.ny_custody", "1197000", "shortfall"),
        ("house.composite", "66000000", "adequate"),
    ],
)
def test_worked_example_is_computed_live(name: str, required: str | None, state: str) -> None:
    result = worked_example(DOCUMENTS[name])
    assert (result.required, result.state) == (required, state)
