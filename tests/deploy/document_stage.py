"""Where the documents' commands are played: a folder, an archive of three days, a broker, a daemon and a pager."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from monitor.__main__ import program
from monitor.archive.records import ArchivedRecord
from monitor.audit.signatures.keys import read_keyring
from monitor.core.journal.records import encode_statement
from monitor.core.journal.vocabulary import BALANCES, CHECKPOINTS, PRICES, SOURCE_TOPICS
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import format_time, parse_time
from monitor.errors import MonitorError
from streams.demo.child import free_port
from tests.archive_maker import archive_in, fill
from tests.evidence_maker import ENTITY, published
from tests.journal_maker import Journal, configuration_text, house, load
from tests.made_capture import HEADER

DAY = datetime.now(UTC).date() - timedelta(days=3)
"""The day that the documents call 2026-01-05: its entries are archived, and the daemon goes on from there."""

DATES = {
    "2026-01-05": DAY,
    "2026-01-01": DAY - timedelta(days=4),
    "2026-02-01": DAY + timedelta(days=27),
    "--month 2026-01": f"--month {DAY:%Y-%m}",
}
ROWS = 5
TOTAL = "7,500,027.5"
"""What the rows of the capture come to: half a coin at 1,000,001 JPY, one at 1,000,002, and so on."""
_WAIT_S = 100


class Stage:
    """Runs commands as they are written, with the reader's own names put in, and waits for what they are to say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, str] = {
            "/etc/reserve-monitor": str(folder / "etc"),
            "/srv/reserve-archive": str(folder / "archived"),
            **{written: str(meant) for written, meant in DATES.items()},
        }
        self.said: dict[str, str] = {}
        self.printed = ""
        self.port, self.told_port, self.broker_port = free_port(), free_port(), free_port()
        (folder / "etc").mkdir()

    def put_in(self, written: str) -> str:
        """The command with what the reader puts in; the longest names first."""
        for name in sorted(self.names, key=len, reverse=True):
            edges = (r"(?<![A-Z])", r"(?![A-Z])") if name.isupper() else ("", "")
            written = re.sub(re.escape(name).join(edges), self.names[name], written)
        return written

    @property
    def played(self) -> set[str]:
        """The commands so far, as they are written."""
        return set(self.said)

    def runs(self, written: str, *more: str, code: int = 0, stdin: str | None = None) -> str:
        """What a command says, on both streams; it must end with `code`. What it prints alone is in `printed`."""
        result = CliRunner().invoke(program, [*shlex.split(self.put_in(written)), *more], input=stdin)
        error = result.exception
        ended = error.exit_code if isinstance(error, MonitorError) else result.exit_code
        output = result.output + (str(error) if isinstance(error, MonitorError) else "")
        assert error is None or isinstance(error, SystemExit | MonitorError), f"{written}: {error!r}"
        assert ended == code, f"reserve-monitor {written} ended with {ended}, not {code}: {output}"
        self.said[written], self.printed = output, result.stdout
        return output

    def comes_to_say(self, written: str, words: str, code: int = 0) -> str:
        """What it says once it says these words (a pattern)."""
        deadline = time.monotonic() + _WAIT_S
        while True:
            try:
                output = self.runs(written, code=code)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
            else:
                if re.search(words, output):
                    return output
                assert time.monotonic() < deadline, f"reserve-monitor {written} does not come to say {words}: {output}"
            time.sleep(0.2)

    @contextlib.contextmanager
    def process(self, written: str, *more: str) -> Iterator[Path]:
        """A command that runs until it is told to end, which it must do without an error; the file with what it says."""
        self.said[written] = ""
        words = [sys.executable, "-m", "monitor", *shlex.split(self.put_in(written)), *more]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RESERVE_")}
        said = self.folder / f"{'-'.join(words[3:])}.log".replace("/", "-")
        with said.open("w", encoding="utf-8") as log:
            process = subprocess.Popen(words, cwd=self.folder, env=environment, stdout=log)
            try:
                yield said
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                finally:
                    process.kill()
                    process.wait()
            assert process.returncode == 0, f"{written} ended with {process.returncode}"

    @staticmethod
    def first_line(file: Path) -> str:
        """Its first line, once it is there."""
        deadline = time.monotonic() + _WAIT_S
        while not (text := file.read_text(encoding="utf-8")).endswith("\n"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return text

    def configuration(self) -> dict[str, Any]:
        """reserve.yaml."""
        content: dict[str, Any] = yaml.safe_load((self.folder / "reserve.yaml").read_text(encoding="utf-8"))
        return content

    def configure(self, **sections: Any) -> None:
        """Changes of reserve.yaml, and the higher revision that the documents ask for with them."""
        content = self.configuration()
        content |= {"revision": content["revision"] + 1, **sections}
        (self.folder / "reserve.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")

    def archive(self) -> None:
        """An archive of the entity: a day that is well, a shortage of own coins, and its end."""
        records, start = self._journal(), parse_time(f"{DAY}T00:00:00Z")
        found, archive = (
            published(records, keys=read_keyring([self.folder / "etc/audit-2026.pem"])),
            archive_in(self.folder / "archived"),
        )
        kept = [
            ArchivedRecord(one.offset, one.journal_time // 1_000_000, None, encode_statement(one.statement))
            for one in records.records
        ]
        fill(archive, kept)
        for topic, values in {**found.outputs, CHECKPOINTS: found.checkpoints}.items():
            at = sorted(max(start, parse_time(value.get("updated_at") or value["at"])) // 1_000_000 for value in values)
            lines = [canonical_bytes(value) for value in values]
            fill(archive, [ArchivedRecord(n, at[n], ENTITY.encode(), line) for n, line in enumerate(lines)], topic)
        assert found.checkpoints

    @staticmethod
    def _journal() -> Journal:
        made = Journal(parse_time(f"{DAY}T00:00:00Z"))
        made.configure(configuration_text({ENTITY: house()}))
        load(made)
        made.at(60).tick()
        made.at(7200).position("own", "guarantee_asset", "cold", "BTC", "30")
        made.tick()
        made.at(10_000).position("own", "guarantee_asset", "cold", "BTC", "42")
        made.tick()
        made.at(86_400).tick()
        return made


def lines(name: str, records: list[tuple[str, Mapping[str, Any]]]) -> None:
    """An event file of now."""
    at = now()
    text = (json.dumps({"topic": topic, "timestamp": at, "value": value}) for topic, value in records)
    Path(name).write_text("".join(f"{line}\n" for line in text), encoding="utf-8")


def now() -> str:
    return format_time(time.time_ns() - 2_000_000_000)


def balances(hot: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The house's books and a price as of now, with so many BTC of clients in the hot wallet."""
    held = (("cold", "client_asset", "cold", "960"), ("hot", "client_asset", "hot", hot))
    owed = (("own", "guarantee_asset", "cold", "42"), ("ledger", "client_liability", "ledger", "990"))
    common = {"entity": ENTITY, "asset": "BTC", "as_of": now()}
    rows: list[tuple[str, Mapping[str, Any]]] = []
    for account, role, storage, quantity in (*held, *owed):
        named = {"event_id": f"{account}-{hot}", "account": account, "role": role, "storage": storage, "quantity": quantity}
        rows.append((BALANCES, common | named))
    price = {"event_id": f"p-{hot}", "asset": "BTC", "currency": "JPY", "price": "15000000", "as_of": now()}
    return [*rows, (PRICES, price | {"source": "index", "kind": "spot"})]


def declaration(kind: str, amount: str = "700000000") -> Mapping[str, Any]:
    return {
        "event_id": f"d-{kind}", "entity": ENTITY, "kind": kind, "effective_from": "2020-01-01T00:00:00Z", "effective_to": None,
        "currency": "JPY", "attributes": {}, "amount": amount,
    }  # fmt: skip


def capture(folder: Path) -> None:
    """A venue's recording of 26 January 2018."""
    text = ",".join(HEADER) + "\n"
    for n in range(1, ROWS + 1):
        at = f"2018-01-26T03:00:0{n}Z"
        text += f",BTC_JPY,{at},{n},{at},BUY,{1_000_000 + n},{n / 2},a,b\n"
    (folder / "capture.csv.gz").write_bytes(gzip.compress(text.encode()))


@contextlib.contextmanager
def pager(port: int) -> Iterator[list[dict[str, Any]]]:
    """An Alertmanager that takes everything."""
    taken: list[dict[str, Any]] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Not here."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Taking)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


EPOCHS = {topic: {"epoch": 1} for topic in SOURCE_TOPICS}
