"""An entity with very many accounts on one worker: start from nothing, a cut after few have changed, restore, memory, standstill.

    python -m benchmarks accounts [--full]

The records go to a partition's worker as Faust delivers them, many together: read, applied, evaluated, and a snapshot taken every
50,000, into a table in memory; what Faust takes is not in it. `standstill` is the longest CPU time for which nobody else had the
loop, in the start and in the cuts.
Each size runs in two processes, so that the memory of the restore is its own. `--full` goes to a million accounts (minutes).
"""

from __future__ import annotations

import asyncio
import json
import pickle
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from time import process_time, thread_time
from types import SimpleNamespace
from typing import Any, cast

from benchmarks.changed import ROLES, START
from monitor.audit.signatures.keys import Keyring
from monitor.collector import Keeper, exempt
from monitor.core.journal.records import Source, SourcePartition, Statement
from monitor.core.values.canonical import canonical_bytes, digest_of_bytes
from monitor.core.values.times import SECOND, exact_time
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration
from streams.assessor.cuts import CutCosts, Cuts, SnapshotCadence
from streams.assessor.faust_app import AT_ONCE
from streams.assessor.observer import AssessorObserver
from streams.assessor.partition import PartitionWorker
from streams.assessor.publications import Publications
from streams.assessor.snapshots import SnapshotStore
from streams.journal.encoding import encode_fast
from streams.slices import Turns

SIZES = (10_000, 100_000)
ALL_SIZES = (*SIZES, 1_000_000)
CHANGED = 1_000
ASSETS = ("BTC", "ETH", "XRP", "SOL", "ADA")
A_SECOND = 1_000
"""Records whose `at` lies within one second: the engine evaluates before the first of a later one."""
_STRIDE = 7_919
_NOBODY = cast("AssessorObserver", type("_Nobody", (), {"__getattr__": lambda *_: lambda *_: None})())


class _Table:
    """A Faust table that keeps what is written, and counts it."""

    def __init__(self, data: dict[bytes, bytes]) -> None:
        self.data = data
        self.written = 0

    def send_changelog(self, _partition: int, _key: bytes, value: bytes | None, **_: Any) -> asyncio.Future[Any]:
        self.written += len(value or b"")
        return _done(None)


class _Bench:
    """A worker on a table, and the pen of its journal."""

    def __init__(self, table: _Table) -> None:
        self.table = table
        self.offset = -1
        self.spent = 0.0
        """CPU seconds of the worker, without those in which records were made."""
        self.worker = PartitionWorker(
            0,
            Publications(0, send=self._send, refuse=lambda _: _done(None), observer=_NOBODY),
            Cuts(
                0,
                SnapshotStore(table, 0),
                SnapshotCadence(seconds=1e9),
                CutCosts(),
                acknowledge=lambda *_: None,
                observer=_NOBODY,
                ended=lambda _: None,
            ),
            rewind=self._rewind,
            observer=_NOBODY,
            memory=Keeper(),
            check_time=False,
            keys=Keyring(),
            turns=Turns(),
        )

    async def put(self, statements: Iterable[Statement]) -> None:
        """The next records, delivered as many together as Faust delivers them."""
        made = iter(statements)
        while delivered := tuple(map(self._message, islice(made, AT_ONCE))):
            await asyncio.sleep(0)
            began = process_time()
            await self.worker.put(SimpleNamespace(message=SimpleNamespace(records=delivered)))
            while self.worker.engine.position < self.offset:  # noqa: ASYNC110 - nobody tells when records are applied
                await asyncio.sleep(0)
            await self.worker.cuts.written()
            self.spent += process_time() - began

    def _message(self, statement: Statement) -> Any:
        self.offset += 1
        return SimpleNamespace(value=encode_fast(statement), offset=self.offset, timestamp=statement.at // 1_000_000)

    async def cut(self) -> float:
        """The snapshot of the next cadence, at once; the CPU seconds that it takes."""
        began = process_time()
        await self.worker._snapshot()  # noqa: SLF001
        await self.worker.cuts.written()
        return process_time() - began

    async def _send(self, *_: Any) -> asyncio.Future[Any]:
        return _done(SimpleNamespace(offset=self.offset))

    async def _rewind(self, *_: int) -> bool:
        return False


class _Standstill:
    """The longest time for which the loop's thread was busy and this task, which only ever waits for its turn, had none."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        while True:
            before = thread_time()
            await asyncio.sleep(0)
            self.longest = max(self.longest, thread_time() - before)


def show(*, full: bool) -> None:
    """Print one row a size."""
    heads = f"{'accounts':>9} {'start':>8} {'MiB':>5} {'standstill':>11} {'a cut of 1,000':>15}"
    print(f"{heads} {'its CPU':>8} {'restore':>8} {'MiB':>5}")
    for accounts in ALL_SIZES if full else SIZES:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "table")
            begun, restored = _measured("start", accounts, path), _measured("restore", accounts, path)
        print(
            f"{accounts:>9,} {begun['start']:>6.1f} s {begun['mib']:>5.0f} {begun['standstill']:>8.0f} ms "
            f"{begun['bytes'] / 1e6:>12.2f} MB {begun['cut']:>6.2f} s {restored['restore']:>6.1f} s {restored['mib']:>5.0f}",
            flush=True,
        )


def _measured(what: str, accounts: int, path: str) -> dict[str, float]:
    child = [sys.executable, "-m", "benchmarks.accounts", what, str(accounts), path]
    done = subprocess.run(child, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


async def start(accounts: int, path: Path) -> dict[str, float]:
    """From nothing to so many accounts with all snapshots on the way, then one more after `CHANGED` of them changed."""
    bench, idle = _Bench(_Table({})), _Standstill()
    exempt()
    watching = asyncio.create_task(idle.watch())
    working = asyncio.create_task(bench.worker.run(lambda _: True))
    await bench.put([_configuration()])
    await bench.put(_position(number, number, "10") for number in range(accounts))
    taken, bench.table.written = bench.spent + await bench.cut(), 0
    await bench.put(_position(accounts + number, number * _STRIDE % accounts, "11") for number in range(CHANGED))
    cut = await bench.cut()
    watching.cancel()
    working.cancel()
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    await asyncio.to_thread(path.write_bytes, pickle.dumps(bench.table.data))
    return {"start": taken, "mib": mib, "standstill": idle.longest * 1000, "bytes": bench.table.written, "cut": cut}


async def restore(path: Path) -> dict[str, float]:
    """From the table that `start` left."""
    bench = _Bench(_Table(pickle.loads(await asyncio.to_thread(path.read_bytes))))
    began = process_time()
    await bench.worker.prepare()
    taken = process_time() - began
    return {"restore": taken, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _configuration() -> Statement:
    methods = [{"id": "jp.psa_custody", "mode": "in_force"}]
    entity = {"reporting_currency": "JPY", "time_zone": "Asia/Tokyo", "calendar": "JP", "methods": methods}
    settings = {"kafka": {"journal_partitions": 1}, "entities": {"e": entity}, "revision": 1}
    text = canonical_bytes(build_configuration(settings_of(settings))).decode()
    body = {"part": 1, "parts": 1, "revision": 1, "digest": digest_of_bytes(text.encode()), "data": text}
    return Statement("configuration", None, START, body)


def _position(number: int, account: int, quantity: str) -> Statement:
    at = START + number * (SECOND // A_SECOND)
    role, storage = ROLES[account % 2]
    body = {
        "event_id": f"n-{number}",
        "account": f"account-{account}",
        "role": role,
        "storage": storage,
        "asset": ASSETS[account % len(ASSETS)],
        "quantity": f"{quantity}.{account % 997}",
        "as_of": exact_time(at),
        "sequence": 0,
        "source": None,
        "group": None,
        "group_size": None,
    }
    return Statement("position", "e", at, body, Source(SourcePartition("custody.balances", 0, 0), offset=number), at)


def _done(result: Any) -> asyncio.Future[Any]:
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    done.set_result(result)
    return done


if __name__ == "__main__":
    where = Path(sys.argv[3])
    print(json.dumps(asyncio.run(start(int(sys.argv[2]), where) if sys.argv[1] == "start" else restore(where))))
