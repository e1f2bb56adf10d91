"""Reading another process's `/metrics`: samples of named metrics, for commands that show them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from prometheus_client.parser import text_string_to_metric_families


def samples(exposition: str, names: Collection[str]) -> Iterator[tuple[str, dict[str, str], float]]:
    """Name, labels and value of every sample whose name is among `names`; ValueError for text that is no exposition."""
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if sample.name in names:
                yield sample.name, dict(sample.labels), sample.value
