"""A seeded run through intake's readers and the engine, and the digest of every byte that comes out of it.

The log is random, of every topic, with lines that are refused; days close, feeds fall silent, alerts begin and end.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from monitor.core.engine import Engine
from monitor.core.journal.records import JournalRecord, encode_statement
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import HOUR
from monitor.methods.stresses import load_scenarios
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration
from streams.eventfiles.offline import statements
from tests.random_logs import ENTITIES, RandomLog

DIGESTS = Path(__file__).parent / "digests.json"
SEED, LINES, BROKEN = 11, 60, 8
METHODS: dict[str, dict[str, Any]] = {
    "jp.psa_custody": {},
    "eu.mica_67": {"class": "2"},
    "house.composite": {},
}
FAULTS: tuple[Any, ...] = (
    "not JSON",
    None,
    {},
    {"schema": "nobody.v9"},
    {"entity": "c-3"},
    {"quantity": "NaN"},
    {"as_of": "2099-01-01T00:00:00Z"},
)


def digests() -> dict[str, str]:
    """The digest of all bytes of a kind, by kind: what intake says and refuses, what the engine publishes and keeps."""
    found: dict[str, list[bytes]] = defaultdict(list)
    refused: list[Any] = []
    engine = Engine(0, check_journal_time=False, evaluate="always")
    with tempfile.TemporaryDirectory() as folder:
        for record in statements(
            [_log(Path(folder))], _configuration(), None, refused.append, next_look=lambda at: at + 6 * HOUR
        ):
            _note(found, record)
            for output in engine.apply(record):
                found[f"output {output.topic}"].append(canonical_bytes([output.key, output.value]))
    found["dead letters"] = [f"{one.line} {one.topic} {one.reason.value} {one.detail}".encode() for one in refused]
    found["checkpoints"] = [canonical_bytes(checkpoint) for checkpoint in engine.checkpoints()]
    found["snapshot"] = [f"{name} ".encode() + data for name, data in engine.cut().buckets]
    found["status"] = [canonical_bytes([engine.status(name), engine.evaluations(name)]) for name in ENTITIES]
    return {kind: f"{len(parts)} sha256:{_digest(parts)}" for kind, parts in sorted(found.items())}


def _digest(parts: list[bytes]) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def _log(folder: Path) -> Path:
    """The event file of the seeded log; every so many lines one has a fault, and one is told again."""
    chance = random.Random(SEED)
    log = RandomLog(SEED, LINES)
    for index in range(BROKEN, LINES, BROKEN):
        line, fault = log.lines[index], chance.choice(FAULTS)
        line["value"] = line["value"] | fault if isinstance(fault, dict) and fault else fault
        log.lines[index + 1] = log.lines[index - 1] | {"timestamp": log.lines[index + 1]["timestamp"]}
    return log.write(folder / "events.jsonl")


def _configuration() -> dict[str, Any]:
    entity = {
        "reporting_currency": "JPY",
        "time_zone": "Asia/Tokyo",
        "methods": [{"id": method, "mode": "in_force", "options": options} for method, options in METHODS.items()],
        "prices": {"pivots": ["USD", "EUR"]},
        "levels": {"dwell_s": 600},
        "freshness": {"custody.balances": {"max_age_s": 1500}, "market.trades": {"max_age_s": 3600}},
    }
    other = entity | {"reporting_currency": "EUR", "time_zone": "UTC", "levels": {"watch_enter": "1.2", "watch_exit": "1.3"}}
    entities = dict(zip(ENTITIES, (entity, other), strict=True))
    off = dict.fromkeys(list(load_scenarios())[1:])  # one is enough: each is an evaluation more
    return build_configuration(settings_of({"kafka": {"journal_partitions": 1}, "entities": entities, "scenarios": off}))


def _note(found: dict[str, list[bytes]], record: JournalRecord) -> None:
    kind = record.statement.kind
    name = "configuration" if kind == "configuration" else f"journal {kind}"
    found[name].append(encode_statement(record.statement))


def main() -> None:
    """Write the digests of the code as it is, after a change of behaviour that is meant."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    DIGESTS.write_text(json.dumps(digests(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
