"""Cost of an evaluation: it must not grow with accounts or days, only with assets and instruments.

    python -m benchmarks evaluation [--full]

For a growing number of accounts (one day) and of days (1,000 accounts): records applied a second, time of one evaluation
of each method, and the memory of the process that holds the book. Each size runs in a process of its own, since memory is
measured at its peak. `--full` goes to a million accounts.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from monitor.core.book.book import Book
from monitor.core.book.shared import Shared
from monitor.core.configuration.configuration import parse_configuration
from monitor.core.evaluation.assessment import Method
from monitor.core.journal.records import JournalRecord, Source, SourcePartition, Statement
from monitor.core.values.times import DAY, SECOND, exact_time, parse_time
from monitor.core.view.view import View
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration

START = parse_time("2026-02-27T00:00:00Z")
METHODS = ("jp.psa_custody", "hk.vatp", "kr.vaupa_cold", "eu.ifr_k", "house.composite")
ASSETS = ("BTC", "ETH", "XRP", "SOL", "ADA")
CURRENCIES = ("JPY", "HKD", "KRW", "EUR")
ACCOUNTS = (1_000, 10_000, 100_000)
ALL_ACCOUNTS = (*ACCOUNTS, 1_000_000)
DAYS = (1, 30, 120, 400)
MOVED_A_DAY = 20
REPEATS = 20


def show(*, full: bool) -> None:
    """Print one row a size."""
    print(f"{'accounts':>9} {'days':>5} {'records/s':>10} {'MiB':>6} " + " ".join(f"{name:>15}" for name in METHODS))
    accounts = ALL_ACCOUNTS if full else ACCOUNTS
    for size in [(number, 1) for number in accounts] + [(1_000, days) for days in DAYS[1:]]:
        found = subprocess.run(
            [sys.executable, "-m", "benchmarks.evaluation", "measure", *map(str, size)],
            capture_output=True,
            text=True,
            check=True,
        )
        row = json.loads(found.stdout)
        times = " ".join(f"{row['ms'][name]:>12.2f} ms" for name in METHODS)
        print(f"{size[0]:>9} {size[1]:>5} {row['rate']:>10.0f} {row['mib']:>6.0f} {times}")


def measure(accounts: int, days: int) -> dict[str, Any]:
    """Build the book of one size and time its evaluations."""
    methods = [{"id": method, "mode": "in_force"} for method in METHODS]
    entity = {"reporting_currency": "JPY", "time_zone": "Asia/Tokyo", "calendar": "JP", "methods": methods}
    config = parse_configuration(build_configuration(settings_of({"entities": {"e": entity}})))
    shared = Shared(config)
    book = Book("e", config, shared)
    records = list(_records(accounts, days))
    began = time.perf_counter()
    for record in records:
        (shared if record.statement.entity is None else book).apply(record, record.statement.at)
    rate = len(records) / (time.perf_counter() - began)
    del records
    milliseconds = {method.id: _milliseconds(book, config, method) for method in config.entities["e"].methods}
    return {"rate": rate, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "ms": milliseconds}


def _milliseconds(book: Book, config: Any, method: Any) -> float:
    """The median of several evaluations."""
    ready = Method(method, config.packs[method.id])
    place, days = config.method_zone("e", method), config.method_calendar("e", method)
    taken = []
    for _ in range(REPEATS):
        began = time.process_time()
        ready.evaluate(View(book, START + 60 * SECOND, place, days, str(ready.currency("JPY"))))
        taken.append(time.process_time() - began)
    return sorted(taken)[REPEATS // 2] * 1000


def _records(accounts: int, days: int) -> Iterator[JournalRecord]:
    """Every account once at the beginning, then on each day some that moved, and a close of every price."""
    first = START - days * DAY
    for number in range(accounts):
        yield _position(number, number, "10", first + number % 60 * SECOND)
    offset = accounts
    for day in range(days):
        at = first + day * DAY + 3600 * SECOND
        for number in range(MOVED_A_DAY):
            offset += 1
            yield _position(offset, number * 7 % accounts, str(10 + day), at)
        for asset in ASSETS:
            for currency in CURRENCIES:
                offset += 1
                body = {"asset": asset, "currency": currency, "price": str(100 + day), "as_of": exact_time(at), "source": "index"}
                yield _record(offset, "market.prices", "price", {**body, "kind": "daily_close"}, at)


def _position(offset: int, account: int, quantity: str, at: int) -> JournalRecord:
    body = {
        "account": f"account-{account}",
        "role": "client_asset",
        "storage": "hot" if account % 50 == 0 else "cold",
        "asset": ASSETS[account % len(ASSETS)],
        "quantity": quantity,
        "as_of": exact_time(at),
        "sequence": 0,
        "source": None,
        "group": None,
        "group_size": None,
    }
    return _record(offset, "custody.balances", "position", body, at)


def _record(offset: int, topic: str, kind: str, body: dict[str, Any], at: int) -> JournalRecord:
    source = Source(SourcePartition(topic, 0, 0), offset=offset)
    entity = None if kind == "price" else "e"
    statement = Statement(kind, entity, at, {"event_id": f"{kind}-{offset}", **body}, source, at)
    return JournalRecord(statement, offset, at, b"")


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[2]), int(sys.argv[3]))))
