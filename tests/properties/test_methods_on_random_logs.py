"""Every method on random logs: the book answers like a plain search, whatever came late, twice, corrected or expired."""

from pathlib import Path
from typing import Any

import pytest

from monitor.core.configuration.configuration import parse_configuration
from monitor.core.values.times import DAY, HOUR, exact_time
from monitor.methods.loader import load_packs
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration
from tests import worked_cases
from tests.random_logs import ENTITIES, START, RandomLog

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


def without_since(result: dict[str, Any]) -> dict[str, Any]:
    """The plain search does not say since when a gap holds."""
    return result | {"gaps": [gap | {"since": None} for gap in result["gaps"]]}
