"""A sheet in the formats people ask for. All of them say the same: they are rendered from one sheet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, get_args

from monitor.errors import ConfigurationError
from monitor.report.adequacy.audience import Audience
from monitor.report.adequacy.sheet import Sheet, SheetCell, SheetTable
from monitor.report.adequacy.words import Language
from monitor.report.cells import BOM, csv_rows
from monitor.report.pages import page

ReportFormat = Literal["html", "pdf", "csv", "md", "json"]
FORMATS: Final[tuple[ReportFormat, ...]] = get_args(ReportFormat)


@dataclass(frozen=True, slots=True)
class ReportWanted:
    """In which form, in which language and for whom a report is asked for."""

    form: ReportFormat
    language: Language
    audience: Audience


_MARKUP = "\\`*_[]<>|#~"
_FONTS = ("noto_cjk_sans_jp_regular", "noto_cjk_sans_jp_bold")
_NO_TYPST = (
    "a PDF cannot be set here, as in the container image: run `report` where the wheel is installed, or `pip install typst "
    "noto-cjk-sans-jp-regular noto-cjk-sans-jp-bold`; --format html prints well too"
)


def rendered(sheet: Sheet, data: Mapping[str, Any], form: ReportFormat) -> bytes:
    """The report in a format; `data` is `reserve.report/1`, which is what `json` prints."""
    if form == "json":
        return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()
    return _RENDERERS[form](sheet)


def _html(sheet: Sheet) -> bytes:
    return page("report.html", sheet=sheet).encode()


def _pdf(sheet: Sheet) -> bytes:
    """Set by Typst with a Japanese font that a wheel ships; the same sheet gives the same bytes."""
    try:
        import typst

        fonts = [str(files(name)) for name in _FONTS]
    except ModuleNotFoundError:
        raise ConfigurationError(_NO_TYPST) from None
    template = Path(str(files("monitor.report") / "templates" / "report.typ"))
    made = typst.compile(
        str(template),
        font_paths=fonts,
        ignore_system_fonts=True,
        sys_inputs={"sheet": json.dumps(asdict(sheet), ensure_ascii=False)},
        format="pdf",
    )
    return bytes(made)


def _csv(sheet: Sheet) -> bytes:
    """Table below table, each under its title, for a spreadsheet; amounts are exact and ungrouped, no cell is a formula."""
    return (BOM + csv_rows(_csv_lines(sheet))).encode()


def _csv_lines(sheet: Sheet) -> Iterator[tuple[object, ...]]:
    yield (sheet.title, sheet.subtitle)
    yield from ((line,) for line in sheet.lead)
    for section in sheet.sections:
        yield ()
        yield (section.title,)
        yield from ((sentence,) for sentence in section.sentences)
        for table in section.tables:
            yield from [(table.caption,)] if table.caption else []
            yield tuple(column.title for column in table.columns)
            yield from (tuple(_exact(cell) for cell in row) for row in table.rows)
    yield ()
    yield from ((fact,) for fact in sheet.facts)


def _exact(cell: SheetCell) -> str:
    return cell.shown if cell.exact is None else cell.exact


def _markdown(sheet: Sheet) -> bytes:
    return ("\n".join(_markdown_lines(sheet)) + "\n").encode()


def _markdown_lines(sheet: Sheet) -> Iterator[str]:
    yield from (f"# {_escaped(sheet.title)}", "", _escaped(sheet.subtitle), "")
    yield from (f"> **{_escaped(line)}**  " for line in sheet.lead)
    for section in sheet.sections:
        yield from ("", f"## {_escaped(section.title)}")
        for sentence in section.sentences:
            yield from ("", _escaped(sentence))
        for table in section.tables:
            yield from _markdown_table(table)
    yield from ("", "---")
    for fact in sheet.facts:
        yield from ("", _escaped(fact))


def _markdown_table(table: SheetTable) -> Iterator[str]:
    yield from ("", f"### {_escaped(table.caption)}") if table.caption else ()
    yield from ("", f"| {' | '.join(_escaped(column.title) for column in table.columns)} |")
    yield f"|{'|'.join(' ---: ' if column.kind == 'number' else ' --- ' for column in table.columns)}|"
    for row in table.rows:
        yield f"| {' | '.join(_escaped(cell.shown) for cell in row)} |"


def _escaped(text: str) -> str:
    """Text that Markdown takes for text: no markup, no break of a table."""
    flat = " ".join(text.split())
    return "".join(f"\\{sign}" if sign in _MARKUP else sign for sign in flat)


_RENDERERS: Mapping[ReportFormat, Callable[[Sheet], bytes]] = {"html": _html, "pdf": _pdf, "csv": _csv, "md": _markdown}
