"""Kafka Streams and the best program by hand over one load of their own, where that yardstick lies beside this project.

It builds the Java programs by Maven, starts a broker of its own, and takes about a quarter of an hour. REPS and ONLY choose.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_PROGRAMS = _ROOT.parent / "shared" / "bench" / "kstreams"


def show() -> None:
    """Run it and let it print its table, or say what is missing for it."""
    present = {"../shared/bench": _PROGRAMS.is_dir(), "java": shutil.which("java"), "mvn": shutil.which("mvn")}
    missing = [name for name, there in present.items() if not there]
    if missing:
        print(f"\nKafka Streams: not measured, without {' and '.join(missing)}")
        return
    print("\nKafka Streams beside this intake and the best program by hand, each checked", flush=True)
    work = _ROOT / ".cache" / "yardstick"
    chosen = {"KS_WORK": str(work), "US": str(_ROOT), "PYTHON": sys.executable, "ONLY": "us|batch + msgspec|b3"}
    if subprocess.run([_PROGRAMS / "run.sh", "us"], env=chosen | os.environ, check=False).returncode:
        print(f"Kafka Streams: not measured, see {work}/us.err")
