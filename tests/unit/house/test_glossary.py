"""The glossary covers the vocabulary: every closed set has its line, with its words as they are; longer sets stand on a page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from monitor.core.journal import vocabulary

DOCS = Path(__file__).resolve().parents[3] / "docs"
LINES = dict(re.findall(r"^- \*\*(.+?)\*\*: (.+)$", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE))
TERMS = {term.lower(): said for term, said in LINES.items()}
SETS = {name: get_args(found) for name, found in vars(vocabulary).items() if not name.isupper() and get_args(found)}
ON_A_PAGE = {
    "Role": "contract.md",
    "Storage": "contract.md",
    "State": "contract.md",
    "Mode": "contract.md",
    "GapKind": "contract.md",
    "DeclarationKind": "inputs.md",
}
"""Sets whose words are told apart there; the glossary says what they are."""


@pytest.mark.parametrize("name", SETS)
def test_a_closed_vocabulary_has_its_line(name: str) -> None:
    term = re.sub(r"(?<!^)([A-Z])", r" \1", name).lower()
    said = TERMS.get(term, TERMS.get(term.removesuffix(" kind")))
    assert said is not None, f"docs/glossary.md has no line for {term}"
    if name not in ON_A_PAGE:
        assert tuple(re.findall(r"`([^`]+)`", said)) == SETS[name], f"docs/glossary.md, {term}: write its words as they are now"


@pytest.mark.parametrize("name", ON_A_PAGE)
def test_the_words_of_a_longer_one_stand_on_its_page(name: str) -> None:
    page = (DOCS / "design" / ON_A_PAGE[name]).read_text(encoding="utf-8")
    assert [word for word in SETS[name] if word not in page] == []


def test_a_term_has_one_line() -> None:
    terms = re.findall(r"^- \*\*(.+?)\*\*", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted({term for term in terms if terms.count(term) > 1}) == []


def test_the_kinds_of_journal_records_are_in_the_journals_page() -> None:
    page = (DOCS / "design" / "journal.md").read_text(encoding="utf-8")
    kinds = vocabulary.ENTITY_KINDS | vocabulary.PARTITION_KINDS
    assert sorted(kind for kind in kinds if kind not in page) == []
