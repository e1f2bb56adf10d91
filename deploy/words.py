"""The catalogues of the reports' words: `python -m deploy.words` brings them up to date with the code and compiles them.

A word that the code no longer says goes; a new one stands with an empty translation, which a test then asks for.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
CODE = ROOT / "monitor" / "report" / "adequacy"
CATALOGUE = CODE / "locale" / "ja" / "LC_MESSAGES" / "report.po"
MARKS = {"say": None, "word": None}
_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)
HEADER = "# Japanese for the reports of reserve-monitor. `make words` brings it up to date with the code."


def words_of_code() -> list[str]:
    """Every text that the report's code says, in the order of the files."""
    found = extract_from_dir(CODE, keywords=MARKS)
    return list(dict.fromkeys(message for _, _, message, _, _ in found if isinstance(message, str)))


def read_catalogue() -> Catalog:
    """The catalogue as it is."""
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="ja", domain="report", charset="utf-8")


def updated() -> Catalog:
    """The catalogue with the words of the code, and no others."""
    known = {message.id: message.string for message in read_catalogue() if message.id}
    made = Catalog(locale="ja", domain="report", charset="utf-8", project="reserve-monitor", version="", fuzzy=False)
    for text in words_of_code():
        made.add(text, known.get(text, ""))
    return made


def compiled(catalogue: Catalog) -> bytes:
    """What a program reads; the same whenever it is made."""
    catalogue.creation_date = catalogue.revision_date = _ANY_DAY
    target = io.BytesIO()
    write_mo(target, catalogue)
    return target.getvalue()


def _printed(catalogue: Catalog) -> str:
    target = io.BytesIO()
    write_po(target, catalogue, width=120, omit_header=True, no_location=True)
    entry = 'msgid ""\nmsgstr ""\n"Language: ja\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    return f"{HEADER}\n{entry}\n{target.getvalue().decode()}"


def main() -> None:
    """Write both files."""
    catalogue = updated()
    CATALOGUE.write_text(_printed(catalogue), encoding="utf-8")
    CATALOGUE.with_suffix(".mo").write_bytes(compiled(read_catalogue()))


if __name__ == "__main__":
    main()
