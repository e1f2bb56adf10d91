"""Evaluation by what changed: what one event costs an entity that holds a lot, and the cliffs that may lie on the way.

    python -m benchmarks changed [--full] [--against COMMIT]

Each line is the CPU time from the event's record to the end of its evaluation, the median of several, in a process of its
own. `--against` measures a commit of this repository beside it, by turns, and prints how many times less each line costs now.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from time import process_time
from typing import Any

from monitor.collector import set_aside
from monitor.core.engine import Engine
from monitor.core.journal.records import JournalRecord, Source, SourcePartition, Statement, decode_record, encode_statement
from monitor.core.values.canonical import canonical_bytes, digest_of_bytes
from monitor.core.values.times import DAY, HOUR, MINUTE, SECOND, exact_time, parse_time
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration

START = parse_time("2026-02-26T06:00:00Z")
METHODS = (
    "jp.psa_custody",
    "hk.vatp",
    "kr.vaupa_cold",
    "sg.ps",
    "us.ny_custody",
    "eu.mica_67",
    "ae.vara",
    "jp.crypto_reserve_2026",
    "kr.vaupa_reserve",
    "house.composite",
)
_FIVE = ("us.ny_custody", "jp.psa_custody", "hk.vatp", "sg.ps", "ae.vara")
OPTIONS: dict[str, dict[str, Any]] = {"eu.mica_67": {"class": "2"}, "ae.vara": {"activities": ["exchange", "custody"]}}
CURRENCIES = ("JPY", "HKD", "KRW", "SGD", "USD", "EUR", "AED")
ROLES = (("client_liability", "ledger"), ("client_asset", "cold"), ("client_asset", "hot"), ("guarantee_asset", "cold"))
MIDNIGHT = parse_time("2026-02-26T15:00:00Z")
REPEATS = 9
_WARM = 3


class Desk:
    """An engine with one entity, or so many, and the pen of its journal.

    `spent`: CPU seconds that the engine has taken. `longest`: most of them in one step, while which the loop stands still.
    """

    def __init__(
        self,
        methods: Sequence[str],
        *,
        options: Mapping[str, dict[str, Any]] = OPTIONS,
        entities: int = 1,
        publish_interval_s: int = 60,
        **more: Any,
    ) -> None:
        self.engine = Engine(0, check_journal_time=True)
        self.now = START
        self.offset = 0
        self.spent = self.longest = 0.0
        self.buckets: dict[str, bytes] = {}
        entity = {
            "reporting_currency": "JPY",
            "time_zone": "Asia/Tokyo",
            "calendar": "JP",
            "methods": [{"id": name, "mode": "in_force", "options": options.get(name, {})} for name in methods],
        }
        self.names = ["e", *(f"e{number}" for number in range(1, entities))]
        each = dict.fromkeys(self.names, entity | more)
        settings = {
            "kafka": {"journal_partitions": 1},
            "entities": each,
            "publish_interval_s": publish_interval_s,
            "revision": 1,
        }
        text = canonical_bytes(build_configuration(settings_of(settings))).decode()
        digest = digest_of_bytes(text.encode())
        self.put("configuration", None, {"part": 1, "parts": 1, "revision": 1, "digest": digest, "data": text})

    def put(self, kind: str, topic: str | None, body: dict[str, Any], of: str = "e") -> None:
        """One more record, at `now`, of that entity unless it is of all."""
        self.offset += 1
        named = body if topic is None else {"event_id": f"n-{self.offset}", **body}
        source = None if topic is None else Source(SourcePartition(topic, 0, 0), offset=self.offset)
        entity = None if kind in ("price", "configuration", "tick") else of
        statement = Statement(kind, entity, self.now, named, source, None if topic is None else self.now)
        self._apply(decode_record(encode_statement(statement), self.offset, self.now))

    def tick(self, after: int = SECOND) -> None:
        """The clock moves on by so many ns, and everything that waits is evaluated."""
        self.now += after
        self.put("tick", None, {})

    def price(self, asset: str, currency: str, price: str, *, as_of: int | None = None, kind: str = "spot") -> None:
        """A price, of now unless another time is given."""
        own = exact_time(self.now if as_of is None else as_of)
        body = {"asset": asset, "currency": currency, "price": price, "as_of": own, "source": "index", "kind": kind}
        self.put("price", "market.prices", body)

    def position(
        self,
        account: str,
        place: tuple[str, str, str],
        quantity: str,
        *,
        as_of: int | None = None,
        group: str | None = None,
        of: str = "e",
    ) -> None:
        """A balance at (role, storage, asset); `group`: it is a group of one."""
        role, storage, asset = place
        own = exact_time(self.now if as_of is None else as_of)
        body: dict[str, Any] = {"account": account, "role": role, "storage": storage, "asset": asset, "quantity": quantity}
        size = None if group is None else 1
        rest = {"as_of": own, "sequence": 0, "source": None, "group": group, "group_size": size}
        self.put("position", "custody.balances", body | rest, of)

    def load(self, assets: int) -> Desk:
        """So many assets, each held in every role by every entity and priced in every currency."""
        for number in range(assets):
            asset = f"A{number:03d}"
            for currency in CURRENCIES:
                self.price(asset, currency, f"{100 + number}.5")
            for role, storage in ROLES:
                for name in self.names:
                    self.position(f"{role}-{storage}", (role, storage, asset), "5" if storage == "hot" else "1000", of=name)
        self.tick()
        return self

    def restart(self) -> None:
        """The engine is put back from a snapshot of itself: the next evaluation reads everything."""
        cut = self.engine.cut()
        self.buckets |= dict(cut.buckets)
        kept = {name: self.buckets[name] for name in cut.names}
        self.engine = Engine.restore(0, cut.position, cut.version, kept, check_journal_time=True)

    def spent_on(self, step: Callable[[], None]) -> float:
        """Milliseconds of CPU that a step takes the engine; what it has built is set aside first, as the assessor does."""
        set_aside()
        before, self.longest = self.spent, 0.0
        step()
        return (self.spent - before) * 1000

    def _apply(self, record: JournalRecord) -> None:
        begun = resumed = process_time()
        for _ in _steps(self.engine, record):
            self.longest, resumed = max(self.longest, process_time() - resumed), process_time()
        ended = process_time()
        self.longest, self.spent = max(self.longest, ended - resumed), self.spent + ended - begun


def _steps(engine: Engine, record: JournalRecord) -> Iterator[None]:
    """Of a commit before there were steps, a record is one."""
    if hasattr(engine, "steps"):
        yield from engine.steps(record)
    else:
        engine.apply(record)


def _median(desk: Desk, step: Callable[[Desk, int], None], repeats: int = REPEATS) -> float:
    """Milliseconds of CPU that a step takes the engine."""
    found = []
    for number in range(_WARM + repeats):
        before = desk.spent
        step(desk, number)
        found.append(desk.spent - before)
    return statistics.median(found[_WARM:]) * 1000


def _moved_price(desk: Desk, number: int) -> None:
    desk.price("A007", "JPY", f"{107 + number}.25")
    desk.tick()


def _moved_position(desk: Desk, number: int) -> None:
    desk.position("client_asset-cold", ("client_asset", "cold", "A007"), str(1001 + number))
    desk.tick()


def evaluation(assets: int) -> Iterator[tuple[str, float]]:
    """One price or position moves, of so many assets under ten methods."""
    desk = Desk(METHODS).load(assets)
    yield f"a price moves, {assets} assets x 10 methods", _median(desk, _moved_price)
    yield f"a position moves, {assets} assets x 10 methods", _median(desk, _moved_position)

    def anew(desk: Desk, number: int) -> None:
        desk.restart()
        _moved_price(desk, number + REPEATS)

    yield f"a price moves and all is read anew, {assets} assets x 10 methods", _median(desk, anew, repeats=3)


def window(assets: int) -> Iterator[tuple[str, float]]:
    """The K-factors' months of business days at the prices of then."""
    desk = Desk(("eu.ifr_k",))
    first = START - 400 * DAY
    for number in range(assets):
        asset = f"A{number:03d}"
        for role, storage in ROLES:
            desk.position(f"{role}-{storage}", (role, storage, asset), "1000", as_of=first)
        for month in range(14):
            desk.price(asset, "JPY", str(100 + month), as_of=first + month * 30 * DAY, kind="daily_close")
            desk.price(asset, "EUR", str(10 + month), as_of=first + month * 30 * DAY, kind="daily_close")
    desk.tick()
    yield f"a price moves, K-factors of {assets} assets", _median(desk, _moved_price)
    desk.restart()
    yield f"the same, the first after a start, {assets} assets", desk.spent_on(lambda: _moved_price(desk, 90))
    yield f"its longest step, {assets} assets", desk.longest * 1000


def groups(known: int) -> Iterator[tuple[str, float]]:
    """A record where so many groups of positions came before it."""
    desk = Desk(METHODS[:1]).load(1)
    for number in range(known):
        desk.position("x", ("house_asset", "hot", "A000"), "1", group=f"g-{number}")
    desk.tick()

    def step(desk: Desk, number: int) -> None:
        desk.now += SECOND // 50
        desk.position("y", ("house_asset", "hot", "A000"), str(number))

    yield f"a record after {known:,} groups", _median(desk, step)


def closes(accounts: int) -> Iterator[tuple[str, float]]:
    """A day's end with so many accounts, and what comes late for a day that is closed."""
    desk = Desk(METHODS[:2], freshness={"custody.balances": {"account_max_age_s": 864_000}}).load(30)
    for number in range(accounts):
        asset = f"A{number % 30:03d}"
        desk.position(f"client-{number}", ("client_liability", "ledger", asset), "1", as_of=desk.now - number * SECOND)
    desk.tick()
    yield f"an evaluation of {accounts:,} accounts", _median(desk, _moved_price)
    yield from _day(desk, f"{accounts:,} accounts")


def days(assets: int) -> Iterator[tuple[str, float]]:
    """The same with so many assets under ten methods, six of which close at this day's end."""
    yield from _day(Desk(METHODS).load(assets), f"{assets} assets x 10 methods")


def _day(desk: Desk, held: str) -> Iterator[tuple[str, float]]:
    """A day's end in Tokyo; then prices that come late for the day that is closed."""
    desk.tick(MIDNIGHT - SECOND - desk.now)
    yield f"the end of a day, {held}", desk.spent_on(desk.tick)
    yield f"its longest step, {held}", desk.longest * 1000
    desk.tick(HOUR)
    for asset in range(30):
        desk.price(f"A{asset:03d}", "JPY", "250")
    desk.tick()
    desk.tick(MINUTE)

    def late(desk: Desk, number: int) -> None:
        desk.price("A007", "JPY", f"{200 + number}", as_of=MIDNIGHT - 6 * HOUR + number * SECOND)
        desk.tick()

    yield f"a late price revises a closed day, {held}", _median(desk, late)

    def thirty() -> None:
        for asset in range(30):
            desk.price(f"A{asset:03d}", "JPY", "300", as_of=MIDNIGHT - 5 * HOUR)
        desk.tick()

    desk.tick(MINUTE)
    yield f"30 late prices revise it, {held}", desk.spent_on(thirty)


def entities(count: int) -> Iterator[tuple[str, float]]:
    """So many entities with three assets each on one engine: a price that all of them use, and a position of one.

    Nothing is due for publication meanwhile; a minute in which it is, with explanation and scenarios, is a row of its own.
    """
    skip = {METHODS[0]: {"skip": ["fiat_trust", "capital", "net_assets"]}}
    desk = Desk(METHODS[:1], options=skip, entities=count, publish_interval_s=DAY // SECOND).load(3)
    desk.tick(MINUTE)
    _median(desk, _shared_price, repeats=1)
    yield f"a price moves that {count:,} entities use, of each", desk.spent_on(lambda: _shared_price(desk, 70)) / count
    yield f"its longest step, {count:,} entities", desk.longest * 1000
    yield f"a price moves that none of {count:,} holds", desk.spent_on(lambda: _foreign_price(desk))
    yield f"a position of one of {count:,} entities moves", _median(desk, _own_position)
    desk = Desk(METHODS[:1], options=skip, entities=count).load(3)
    desk.tick(MINUTE)
    began = desk.spent
    for number in range(6):
        _shared_price(desk, number)
    yield f"a minute of {count:,} entities, 6 prices, figures published, of each", (desk.spent - began) * 1000 / count


_ALL_AGAIN = 10 * SECOND
"""After so long each of a thousand entities is evaluated again for a price alone (`Population.pace`)."""


def _shared_price(desk: Desk, number: int) -> None:
    desk.price("A001", "JPY", f"{107 + number}.25")
    desk.tick(_ALL_AGAIN)


def _foreign_price(desk: Desk) -> None:
    desk.price("B001", "JPY", "5")
    desk.tick(_ALL_AGAIN)


def _own_position(desk: Desk, number: int) -> None:
    desk.position("client_asset-cold", ("client_asset", "cold", "A001"), str(1001 + number))
    desk.tick()


def telling(assets: int) -> Iterator[tuple[str, float]]:
    """What alerts and scenarios take beside the figures: of so many assets under five methods, after every price has moved."""
    desk = Desk(_FIVE, levels={"enter_dwell_s": 0, "exit_dwell_s": 0}).load(assets)
    desk.tick(MINUTE)
    short, published = [], []
    for number in range(_WARM + 3):
        _all_prices(desk, assets, number)
        desk.tick()
        desk.position("client_asset-cold", ("client_asset", "cold", "A000"), "1")
        short.append(desk.spent_on(desk.tick))
        desk.position("client_asset-cold", ("client_asset", "cold", "A000"), "1000")
        desk.tick()
        _all_prices(desk, assets, number + 100)
        published.append(desk.spent_on(lambda: desk.tick(MINUTE)))
    yield f"a position breaks rules, {assets} assets x 5 methods", statistics.median(short[_WARM:])
    yield f"moved figures and scenarios are published, {assets} assets x 5 methods", statistics.median(published[_WARM:])


def _all_prices(desk: Desk, assets: int, number: int) -> None:
    for asset in range(assets):
        desk.price(f"A{asset:03d}", "JPY", f"{107 + asset + number}.25")


def trust(changes: int) -> Iterator[tuple[str, float]]:
    """Client money in breach, with so many changes in two days."""
    desk = Desk(METHODS[:1]).load(1)
    for number in range(changes):
        desk.position("c", ("client_liability", "ledger", "JPY"), str(10_000 + number), as_of=desk.now - number * SECOND)
    desk.tick()
    yield f"client money in breach, {changes:,} changes", _median(desk, _moved_price)


SIZES: dict[str, tuple[Callable[[int], Iterator[tuple[str, float]]], tuple[int, ...], tuple[int, ...]]] = {
    "evaluation": (evaluation, (100,), (100, 500)),
    "window": (window, (20,), (100,)),
    "groups": (groups, (5_000,), (20_000,)),
    "closes": (closes, (5_000,), (50_000,)),
    "days": (days, (100,), (100, 500)),
    "telling": (telling, (20,), (100,)),
    "trust": (trust, (5_000,), (40_000,)),
    "entities": (entities, (100,), (1_000,)),
}
"""Each subject with its sizes, and those of `--full`."""


def show(*, full: bool, against: str | None) -> None:
    """Print a line for each subject and size."""
    with tempfile.TemporaryDirectory() as folder:
        before = None if against is None else _checked_out(against, Path(folder))
        print(f"{'':60} {'ms':>9}" + (f" {'before':>9} {'less':>7}" if before else ""))
        for name, (_, small, large) in SIZES.items():
            for size in large if full else small:
                now = _measured(name, size, Path.cwd())
                then = {} if before is None else _measured(name, size, before)
                for line, cost in now.items():
                    beside = f" {then[line]:>9.2f} {then[line] / cost:>6.1f}x" if before else ""
                    print(f"{line:60} {cost:>9.2f}{beside}", flush=True)


def _checked_out(commit: str, folder: Path) -> Path:
    """The packages of a commit, with this file's measures."""
    packed = subprocess.run(["git", "archive", commit, "monitor", "benchmarks"], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    (folder / "benchmarks" / Path(__file__).name).write_bytes(Path(__file__).read_bytes())
    return folder


def _measured(name: str, size: int, root: Path) -> dict[str, float]:
    child = [sys.executable, "-m", "benchmarks.changed", name, str(size)]
    done = subprocess.run(child, capture_output=True, text=True, check=True, cwd=root)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(dict(SIZES[sys.argv[1]][0](int(sys.argv[2])))))
