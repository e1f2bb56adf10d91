"""The worked cases of tests/cases, and one in-process run of a case: event file, journal records, book, evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monitor.core.book.book import Book
from monitor.core.book.shared import Shared
from monitor.core.configuration.configuration import Configuration, EntityConfig, MethodConfig, parse_configuration
from monitor.core.evaluation.assessment import Method, result_object
from monitor.core.values.times import parse_time
from monitor.core.view.view import View
from monitor.settings.load import load_settings, settings_of
from monitor.settings.record import build_configuration
from streams.eventfiles.offline import statements
from tests.naive_view import NaiveView, calendar, read_events, zone

CASES = Path(__file__).resolve().parent / "cases"
_CONFIGURATION_KINDS = ("configuration", "tick")


def folders() -> list[Path]:
    """Every case folder."""
    return sorted(path.parent for path in CASES.glob("*/case.json"))


def checks(folder: Path) -> Iterator[Mapping[str, Any]]:
    """The checks of a case."""
    yield from json.loads((folder / "case.json").read_text(encoding="utf-8"))["checks"]


def configuration(folder: Path) -> dict[str, Any]:
    """The configuration record of a case."""
    file = folder / "config.yaml"
    if file.exists():
        return build_configuration(load_settings(file))
    return build_configuration(settings_of({}), list(dict.fromkeys(check["method"] for check in checks(folder))))


def event_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("events*.jsonl*"))


def by_book(folder: Path, content: Mapping[str, Any], check: Mapping[str, Any]) -> dict[str, Any]:
    """The result through journal records and the book."""
    return evaluated(books_of(folder, content, parse_time(check["at"]))[check["entity"]], parse_configuration(content), check)


def books_of(folder: Path, content: Mapping[str, Any], at: int) -> dict[str, Book]:
    """The books of a folder's events as known at `at` (ns)."""
    config = parse_configuration(content)
    shared = Shared(config)
    books: dict[str, Book] = {}
    refused: list[Any] = []
    for record in statements(event_files(folder), content, at, refused.append):
        statement = record.statement
        if statement.kind in _CONFIGURATION_KINDS:
            continue
        if statement.entity is not None and statement.entity not in books:
            books[statement.entity] = Book(statement.entity, config, shared)
        (shared if statement.entity is None else books[statement.entity]).apply(record, statement.at)
    assert refused == []
    return books


def evaluated(book: Book, config: Configuration, check: Mapping[str, Any]) -> dict[str, Any]:
    """The result of one check on a book."""
    own, method = _method(config, check)
    place, days = config.method_zone(check["entity"], method), config.method_calendar(check["entity"], method)
    ready = Method(method, config.packs[method.id])
    view = View(book, parse_time(check["at"]), place, days, str(ready.currency(own.reporting_currency)))
    return {**result_object(ready.evaluate(view, own.levels.watch_enter)), "mode": method.mode}


def by_naive_view(folder: Path, content: Mapping[str, Any], check: Mapping[str, Any]) -> dict[str, Any]:
    """The result through a search over the plain events."""
    config = parse_configuration(content)
    own, method = _method(config, check)
    ready = Method(method, config.packs[method.id])
    pack = ready.plan.pack
    view = NaiveView(
        read_events(event_files(folder)),
        check["entity"],
        parse_time(check["at"]),
        place=zone(method.options.get("time_zone") or pack.time_zone or own.time_zone or "UTC"),
        days=calendar(method.options.get("calendar") or pack.calendar or own.calendar or "weekdays"),
        currency=str(ready.currency(own.reporting_currency)),
        price_max_age_ns=own.price_max_age_ns,
        pivots=own.pivots,
    )
    return {**result_object(ready.evaluate(view, own.levels.watch_enter)), "mode": method.mode}  # type: ignore[arg-type]


def _method(config: Configuration, check: Mapping[str, Any]) -> tuple[EntityConfig, MethodConfig]:
    own = config.entity(check["entity"])
    assert own is not None
    return own, next(method for method in own.methods if method.id == check["method"])
