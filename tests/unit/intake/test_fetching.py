"""Which way of fetching is chosen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import aiokafka
import pytest

from streams.intake import fetching
from streams.intake.fetching import TRIED_WITH, PublicFetch, WholeFetch, best_fetch


def consumer(**without: Any) -> Any:
    names = {"_records": {}, "_notify": None, "_wait_consume_future": None, "_create_fetch_waiter": None}
    return SimpleNamespace(_fetcher=SimpleNamespace(**{name: value for name, value in names.items() if name not in without}))


def test_the_installed_aiokafka_is_the_one_tried() -> None:
    assert aiokafka.__version__ == TRIED_WITH
    assert isinstance(best_fetch(consumer()), WholeFetch)


@pytest.mark.parametrize("name", ["_records", "_notify", "_wait_consume_future", "_create_fetch_waiter"])
def test_without_a_private_name_it_is_the_public_way(name: str) -> None:
    assert isinstance(best_fetch(consumer(**{name: True})), PublicFetch)


def test_with_another_release_it_is_the_public_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching.aiokafka, "__version__", "0.15.0")
    assert isinstance(best_fetch(consumer()), PublicFetch)
