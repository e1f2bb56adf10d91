"""What the deploy tests share: the repository's files, and programs that may be unpacked beside it (deploy/stack/fetch)."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.metrics.declared import METRICS

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
RULES = DEPLOY / "prometheus" / "rules" / "reserve-monitor.yml"

DECLARED = {metric.name for metric in METRICS}
EXPOSED = DECLARED | {
    f"{metric.name}_{suffix}" for metric in METRICS if metric.kind == "histogram" for suffix in ("bucket", "sum", "count")
}
FOREIGN = {"up", "ALERTS", "process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total"}
"""Series that Prometheus itself or its client library makes."""

_WORDS = {
    "sum", "max", "min", "by", "on", "rate", "increase", "changes", "time", "absent", "vector", "label_replace", "and", "or",
    "unless", "min_over_time", "group_left", "histogram_quantile", "count", "bool", "offset", "le", "without", "ignoring",
}  # fmt: skip


def tool(name: str) -> str:
    """Path of a program; the test is skipped where it is neither installed nor unpacked."""
    unpacked = REPOSITORY / ".cache/stack/root/usr/bin" / name
    found = str(unpacked) if unpacked.is_file() else shutil.which(name)
    if found is None:
        pytest.skip(f"no {name}: run deploy/stack/fetch or install Debian's package")
    return found


def run(*command: str, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    """The ended process with its output as text."""
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=380, check=False)


def rules() -> list[dict[str, Any]]:
    """Every alerting rule."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def metric_names(expression: str) -> set[str]:
    """Names of the series that a PromQL expression reads."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", expression)
    bare = re.sub(r"\{[^{}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(?:by|on|without|ignoring|group_left)\s*\([^()]*\)", "", bare)
    bare = re.sub(r"\boffset \d+[smhd]", "", bare)
    return set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", bare)) - _WORDS
