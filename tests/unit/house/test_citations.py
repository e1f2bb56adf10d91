"""What the code cites is in the repository: `JOURNAL 3`, `INPUTS 1, Price`, `DESIGN P7` lead to sections of docs/design."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[3]
DESIGN = ROOT / "docs" / "design"
ROOMS = ("monitor", "streams", "tests", "benchmarks", "docs", "deploy", ".github")
TEXTS = {".py", ".md", ".yaml", ".yml", ".toml", ".html", ".json", ""}

_NAMES = "JOURNAL|INPUTS|CONTRACT|DESIGN|REGIMES|FEEDS|LAYOUT|CONVENTIONS|MODELS|CONTAINERS"
_NUMBER = r"\d{1,2}(?:\.\d+)?(?!\d)"
_FIRST = rf"(?:P\d|{_NUMBER})"
_CITATION = re.compile(
    rf"\b({_NAMES})\s+({_FIRST}(?:(?:,? and |, | to ){_NUMBER})*)(?:,\s+([A-Z][a-z]+(?:-[a-z]+)?|[a-z]+\.[a-z0-9_]+)\b)?"
)
_HEADING = re.compile(rf"#+ ({_FIRST})\.? ")
_LABEL = re.compile(r"#+ (.+)|(?:- )?\*\*(.+?)\*\*")


class Citation(NamedTuple):
    """A page, a section of it, and the label named within that section, if any."""

    page: str
    section: str
    label: str | None


@cache
def sections(page: str) -> dict[str, str]:
    """The text of each numbered section of a page, its subsections included; none if there is no such page."""
    path = DESIGN / f"{page.lower()}.md"
    found: dict[str, str] = {}
    opened: dict[int, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        level = len(line) - len(line.lstrip("#"))
        if level:
            opened = {depth: number for depth, number in opened.items() if depth < level}
            if heading := _HEADING.match(line):
                opened[level] = heading[1]
        for number in opened.values():
            found[number] = found.get(number, "") + line + "\n"
    return found


def labels(text: str) -> set[str]:
    """First words of the headings and bold labels of a section."""
    return {(match[1] or match[2]).split()[0].strip(",.:*") for line in text.splitlines() if (match := _LABEL.match(line))}


def citations(text: str) -> Iterator[Citation]:
    """Every citation in a text; of several sections the label belongs to the last."""
    for match in _CITATION.finditer(text):
        numbers = re.findall(_FIRST, match[2])
        for number in numbers:
            yield Citation(match[1], number, match[3] if number == numbers[-1] else None)


def fault(citation: Citation) -> str | None:
    """What is wrong with a citation, or None."""
    known = sections(citation.page)
    if citation.section not in known:
        return f"docs/design/{citation.page.lower()}.md has no section {citation.section}"
    text = known[citation.section]
    if citation.label and citation.label not in (text if "." in citation.label else labels(text)):
        return f"docs/design/{citation.page.lower()}.md, section {citation.section}, says nothing of {citation.label}"
    return None


def texts() -> list[Path]:
    """Every text of the repository that may cite."""
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file() and path.suffix in TEXTS]
    files += [path for path in ROOT.iterdir() if path.is_file() and path.suffix in {".md", ".toml", ".yml"}]
    return [path for path in files if "__pycache__" not in path.parts]


def test_every_citation_leads_to_a_section() -> None:
    wrong, count = [], 0
    for path in texts():
        if path == Path(__file__):
            continue
        for citation in citations(path.read_text(encoding="utf-8")):
            count += 1
            if problem := fault(citation):
                wrong.append(f"{path.relative_to(ROOT)}: {citation.page} {citation.section}: {problem}")
    assert wrong == []
    assert count > 150, "so few citations: is the search broken?"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("as JOURNAL 3, 4 and 99 say", "docs/design/journal.md has no section 99"),
        ("(INPUTS 1, Astrology)", "docs/design/inputs.md, section 1, says nothing of Astrology"),
        ("see MODELS 2", "docs/design/models.md has no section 2"),
        ("P8 is no promise: DESIGN P8", "docs/design/design.md has no section P8"),
    ],
)
def test_a_citation_that_leads_nowhere_is_found(text: str, problem: str) -> None:
    assert [found for one in citations(text) if (found := fault(one))] == [problem]


def test_links_between_the_pages_lead_to_files() -> None:
    broken: list[str] = []
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")]:
        targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
        broken += [f"{page.relative_to(ROOT)}: {target}" for target in targets if not (page.parent / target).exists()]
    assert broken == []
