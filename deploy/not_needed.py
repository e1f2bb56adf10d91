"""Names the installed distributions that reserve-monitor does not need at run time: `pip uninstall -y $(python not_needed.py)`.

The image is built from the one lock file, which also pins what tests need; this takes that out again.
"""

from importlib.metadata import distribution, distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "reserve-monitor"


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


def not_needed() -> list[str]:
    """Installed distributions outside the closure of the root, sorted."""
    kept = needed(ROOT)
    return sorted({name for one in distributions() if (name := canonicalize_name(one.metadata["Name"])) not in kept})


if __name__ == "__main__":
    print(*not_needed())  # noqa: T201 - a command's output
