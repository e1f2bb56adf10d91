"""The part of a lock file that reserve-monitor needs at run time: `python -m deploy.run_time FILE`.

The one lock file also pins what tests need. Entries are printed as they are, hashes included.
"""

import re
import sys
from pathlib import Path

from packaging.utils import canonicalize_name

from deploy.not_needed import ROOT, needed

_ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)


def run_time_entries(lock: str) -> list[str]:
    """The entries of the text `lock` whose distribution is in the closure of the root."""
    wanted = needed(ROOT)
    return [entry for entry in _ENTRY.split(lock) if canonicalize_name(re.split(r"[=\[ ;]", entry, maxsplit=1)[0]) in wanted]


if __name__ == "__main__":
    sys.stdout.write("".join(run_time_entries(Path(sys.argv[1]).read_text(encoding="utf-8"))))
