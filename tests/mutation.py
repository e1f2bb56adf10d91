"""Do the tests bite? Changes the product one place at a time and asks whether a test notices: `make mutate`.

    python -m tests.mutation [--count N] [--seed S] [--room PATH]... [--at-once N]

Mutants are drawn at random from four rooms, by mutmut's operators; the seed is printed, and gives the same sample of the
same code. Each is tried in a copy of the tree against the digests of a seeded run, which see most changes in seconds, then
against the tests of its room, the fast ones first; which of the two it was is told. Texts for people (any
with a space) are left alone. What survives is printed as a diff: a test is missing, or the change says the same as before.
"""

from __future__ import annotations

import argparse
import difflib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import libcst
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).resolve().parents[1]
TREES = ("monitor", "streams", "tests", "deploy", "docs", "benchmarks")
BOOKS = (
    "tests/unit/core",
    "tests/properties/test_book.py",
    "tests/properties/test_book_oracle.py",
    "tests/acceptance/test_input_that_lies.py",
    "tests/properties/test_snapshots_whole.py",
)
ROOMS = {
    "monitor/core/alerts": (
        "tests/unit/core/test_alerting.py",
        "tests/unit/core/test_alerts.py",
        "tests/unit/core/test_rehearsal.py",
        "tests/acceptance/test_alert_time_lines.py",
        "tests/properties/test_alerting_machine.py",
    ),
    "monitor/core/view": BOOKS,
    "monitor/core/book": BOOKS,
    "streams/intake/segment": (
        "tests/unit/intake",
        "tests/properties/test_lookback.py",
        "tests/properties/test_lean_trades.py",
        "tests/properties/test_intake_columns.py",
        "tests/properties/test_intake_segments.py",
        "tests/properties/test_feeds.py",
        "tests/properties/test_lean_feeds.py",
    ),
}
GOLDEN = ("tests/unit/house/test_golden.py",)
PATIENCE_S = 900
SURVIVED = "SURVIVED"


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    file: Path
    before: str
    after: str

    def diff(self) -> str:
        """The change, as a unified diff without its head."""
        lines = difflib.unified_diff(self.before.splitlines(), self.after.splitlines(), n=1, lineterm="")
        return "\n".join(list(lines)[2:])


class Places(libcst.CSTVisitor):
    """Every change that an operator would make, as (node, its replacement)."""

    def __init__(self) -> None:
        self.found: list[tuple[libcst.CSTNode, libcst.CSTNode]] = []

    def on_visit(self, node: libcst.CSTNode) -> bool:
        if isinstance(node, libcst.Annotation | libcst.Decorator | libcst.ImportFrom | libcst.Import):
            return False
        if isinstance(node, libcst.SimpleString | libcst.FormattedString) and " " in libcst.Module([]).code_for_node(node):
            return False
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                self.found += [(node, changed) for changed in operator(node)]
        return True


@dataclass(frozen=True)
class Place:
    """The `number`th change of a file."""

    room: str
    file: Path
    number: int


def changes(file: Path) -> tuple[libcst.Module, list[tuple[libcst.CSTNode, libcst.CSTNode]]]:
    """A file and every change of it."""
    module = libcst.parse_module((ROOT / file).read_text(encoding="utf-8"))
    places = Places()
    module.visit(places)
    return module, places.found


def places_of(room: str) -> Iterator[Place]:
    """All places of a room."""
    for path in sorted((ROOT / room).rglob("*.py")):
        file = path.relative_to(ROOT)
        yield from (Place(room, file, number) for number in range(len(changes(file)[1])))


def mutant_at(place: Place) -> Mutant:
    """The mutant of a place."""
    module, found = changes(place.file)
    replaced = module.deep_replace(*found[place.number])
    assert isinstance(replaced, libcst.Module)
    return Mutant(place.file, module.code, replaced.code)


def copy_of_the_tree(to: Path) -> Path:
    """What the tests of the rooms need."""
    for tree in TREES:
        shutil.copytree(ROOT / tree, to / tree, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, to / file)
    return to


def passes(tree: Path, tests: tuple[str, ...]) -> bool:
    """Whether the tests of a room pass in a copy; too slow is no pass."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", *tests]
    try:
        done = subprocess.run(command, cwd=tree, capture_output=True, check=False, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return False
    if done.returncode > 1:
        sys.stderr.write(done.stdout.decode(errors="replace")[-2000:])
    return done.returncode == 0


def fate(mutant: Mutant, room: str, trees: SimpleQueue[Path]) -> str:
    """What becomes of one mutant in a free copy of the tree."""
    tree = trees.get()
    try:
        (tree / mutant.file).write_text(mutant.after, encoding="utf-8")
        if not passes(tree, GOLDEN):
            return "seen by the digests"
        return SURVIVED if passes(tree, ROOMS[room]) else "seen by the tests of its room"
    finally:
        (tree / mutant.file).write_text(mutant.before, encoding="utf-8")
        trees.put(tree)


def drawn(rooms: list[str], count: int, seed: int) -> list[tuple[str, Mutant]]:
    """A sample of the mutants of the rooms."""
    every = [place for room in rooms for place in places_of(room)]
    say(f"{len(every)} mutants in {', '.join(rooms)}; {count} of them, seed {seed}")
    chosen = random.Random(seed).sample(every, min(count, len(every)))
    return [(place.room, mutant_at(place)) for place in chosen]


def say(text: str) -> None:
    """A line of progress, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Exit 0 when the unchanged tree passes, whatever survived: the rate is read, not enforced."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Change the product; does a test notice?")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--room", action="append", choices=ROOMS)
    parser.add_argument("--at-once", type=int, default=2)
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    sample = drawn(given.room or list(ROOMS), given.count, seed)
    began, survivors = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(given.at_once):
            trees.put(copy_of_the_tree(Path(folder) / str(number)))
        with ThreadPoolExecutor(given.at_once) as pool:
            asked = [(room, mutant, pool.submit(fate, mutant, room, trees)) for room, mutant in sample]
            for number, (room, mutant, answer) in enumerate(asked, 1):
                became = answer.result()
                survivors += became == SURVIVED
                say(f"{number}/{len(asked)} {became} {mutant.file}")
                if became == SURVIVED:
                    say(f"  tests of {room} pass with\n{mutant.diff()}")
    killed = len(sample) - survivors
    share = 100 * killed // max(1, len(sample))
    say(f"{killed} of {len(sample)} killed ({share} %), seed {seed}, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
