"""Forges bundles by seeds, and asks both verifiers: `make tamper` (COUNT=3000 SEED=1).

    python -m tests.tampering.trials [--count N] [--seed S]

Prints how many of each kind were tried, by what they were named, and each forgery that was not found and named. Exit code 1
if there is one.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from monitor.audit.container import Reader
from monitor.audit.faults import Fault
from monitor.audit.verification import verify
from tests.evidence_maker import FIRM
from tests.tampering.forging import BYTES, MEMBER, PAST, PINNED, TAMPERINGS, Forgery, Original, original

EXAMPLE = Path(__file__).parents[2] / "examples" / "verify_bundle.py"


def plain_verifier() -> ModuleType:
    """The one of `examples/`."""
    spec = importlib.util.spec_from_file_location("verify_bundle", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Trial:
    """One forgery and what was said of it. `missed`: why that is not right; None where it is."""

    names: tuple[str, ...]
    found: Fault | None
    missed: str | None
    plain: bool | None
    """Whether the plain verifier refused it; None where it need not."""


def trial(told: Original, seed: int, path: Path, plain: ModuleType) -> Trial:
    """The forgery of this seed: mostly one tampering, else two or three at once."""
    chance = random.Random(seed)
    forgery, chosen = Forgery(dict(told.members)), chance.sample(TAMPERINGS, chance.choice((1, 1, 1, 2, 3)))
    chosen.sort(key=lambda one: (one.name != PAST, one.name == MEMBER))
    while forgery.members == told.members and not forgery.bare and forgery.signer is FIRM:
        for one in chosen:
            one.do(chance, forgery, told)
    forgery.write(path)
    names = tuple(one.name for one in chosen)
    try:
        verify(Reader(path), forgery.trust)
    except Fault as fault:
        fits = frozenset().union(*(one.kinds for one in chosen)) | (BYTES if forgery.bare else frozenset())
        missed = None if fault.kind in fits and fault.place and fault.cause else f"named {fault}"
        found: Fault | None = fault
    else:
        found, missed = None, "not found"
    seen = _seen(plain, path) if any(one.plain for one in chosen) and not forgery.bare else None
    return Trial(names, found, missed or ("the plain verifier did not find it" if seen is False else None), seen)


def _seen(plain: ModuleType, path: Path) -> bool:
    try:
        plain.check(path, PINNED[0].text)
    except (plain.Wrong, KeyError, ValueError, TypeError, IndexError):
        return True
    return False


def _say(*lines: str, error: bool = False) -> None:
    stream = sys.stderr if error else sys.stdout
    stream.write("\n".join(lines) + "\n")
    stream.flush()


def main() -> int:
    """Prints what was found of what, and each forgery that was not; 1 if there is one."""
    parser = argparse.ArgumentParser(prog="python -m tests.tampering.trials", description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tried, kinds, plain, missed = Counter[str](), Counter[str](), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        told, example = original(Path(folder)), plain_verifier()
        for number in range(options.count):
            one = trial(told, options.seed * 1_000_000 + number, Path(folder) / "forged", example)
            tried.update([*one.names, f"{len(one.names)} at once"])
            kinds.update([] if one.found is None else [one.found.kind])
            plain += one.plain is True
            if one.missed is not None:
                missed += 1
                _say(f"seed {options.seed * 1_000_000 + number}: {', '.join(one.names)}: {one.missed}")
            if number % 100 == 99:
                _say(f"{number + 1} of {options.count}, {missed} missed", error=True)
    for title, counts in (("tampered", tried), ("named", kinds)):
        _say(title, *(f"  {count:6} {name}" for name, count in counts.most_common()))
    _say(f"{options.count} forgeries, {missed} not found and named; the plain verifier refused {plain} that it must")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
