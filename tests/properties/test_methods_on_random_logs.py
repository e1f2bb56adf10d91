"""Every method on random logs: the book answers like a plain search, whatever came late, twice, corrected or expired."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from monitor.core.attribution.readings import Readings, ReadKey
from monitor.core.attribution.split_view import SplitView
from monitor.core.configuration.configuration import parse_configuration
from monitor.core.evaluation.evaluation import Evaluator
from monitor.core.journal.vocabulary import CAUSE_PARTS, CausePart
from monitor.core.values.times import DAY, HOUR, exact_time
from monitor.methods.loader import load_packs
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration
from tests import worked_cases
from tests.random_logs import ENTITIES, START, RandomLog

T = TypeVar("T")
OPTIONS: dict[str, dict[str, Any]] = {"eu.mica_67": {"class": "2"}, "ae.vara": {"activities": ["exchange", "custody"]}}


def configuration(max_age_s: int | None, pivots: list[str]) -> dict[str, Any]:
    methods = [{"id": method, "mode": "in_force", "options": OPTIONS.get(method, {})} for method in load_packs()]
    entity = {
        "reporting_currency": "JPY",
        "time_zone": "Asia/Tokyo",
        "calendar": "JP",
        "methods": methods,
        "prices": {"max_age_s": max_age_s, "pivots": pivots},
    }
    return build_configuration(settings_of({"entities": dict.fromkeys(ENTITIES, entity)}))


@pytest.mark.parametrize(("seed", "max_age_s", "pivots"), [(1, None, []), (2, 3 * DAY // 1_000_000_000, ["USD", "EUR"])])
def test_book_answers_like_a_plain_search(tmp_path: Path, seed: int, max_age_s: int | None, pivots: list[str]) -> None:
    RandomLog(seed, 120).write(tmp_path / "events.jsonl")
    content = configuration(max_age_s, pivots)
    config = parse_configuration(content)
    at = START + 49 * HOUR
    books = worked_cases.books_of(tmp_path, content, at)
    for entity in ENTITIES:
        for method in config.packs:
            check = {"at": exact_time(at), "entity": entity, "method": method}
            found = worked_cases.evaluated(books[entity], config, check)
            expected = worked_cases.by_naive_view(tmp_path, content, check)
            assert without_since(found) == without_since(expected), check


def test_what_an_evaluation_read_answers_it_again(tmp_path: Path) -> None:
    """Every method: noted reads change nothing, survive a snapshot, and are all that the method asks for beside prices."""
    RandomLog(3, 150).write(tmp_path / "events.jsonl")
    content = configuration(None, ["USD"])
    config = parse_configuration(content)
    at = START + 49 * HOUR
    books = worked_cases.books_of(tmp_path, content, at)
    questions = set[CausePart]()
    for entity in ENTITIES:
        book = books[entity]
        for prepared in Evaluator(entity, config).methods:
            plain = prepared.method.evaluate(prepared.view(book, at))
            view = SplitView(prepared, book, at)
            assert prepared.method.evaluate(view) == plain
            reads = view.finished()
            kept = Readings.of_state(json.loads(json.dumps(reads.state())))
            assert (kept.values, kept.clocks, kept.past) == (reads.values, reads.clocks, reads.past)
            again = Questioned(prepared, book, at, (kept, at), frozenset({"price"}))
            found = prepared.method.evaluate(again)
            assert (found.required_figure, found.available_figure) == (plain.required_figure, plain.available_figure)
            questions |= {part for part, keys in again.asked.items() if keys}
            assert all(again.asked[part] <= kept.values[part].keys() for part in CAUSE_PARTS), prepared.config
            assert again.dated <= {key for values in kept.values.values() for key in values}, prepared.config
    assert questions >= {"price", "balance", "volume", "declaration", "data_quality"}


class Questioned(SplitView):
    """Keeps what it is asked for: `asked` by part, `dated` of dates."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: dict[CausePart, set[ReadKey]] = {part: set() for part in CAUSE_PARTS}
        self.dated: set[ReadKey] = set()

    def _part(self, part: CausePart, key: ReadKey, fresh: Callable[[], T]) -> T:
        self.asked[part].add(key)
        return super()._part(part, key, fresh)

    def _noted(self, kind: str, text: str) -> None:
        self.dated.add((kind, self._terms[-1]))
        super()._noted(kind, text)


def without_since(result: dict[str, Any]) -> dict[str, Any]:
    """The plain search does not say since when a gap holds."""
    return result | {"gaps": [gap | {"since": None} for gap in result["gaps"]]}
