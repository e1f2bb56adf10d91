"""Command lines of the documents that call other programs: each is tried somewhere, or is in the closed list with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.test_documents import PAGES
from tests.deploy.tools import REPOSITORY

PROGRAMS = (
    r"make|kubectl|systemctl|journalctl|docker|kafka-[a-z-]+\.sh|pipx?|python -m|openssl|curl|amtool|promtool|deploy/[a-z/]+"
)
_SPAN = re.compile(rf"`((?:{PROGRAMS}) [^`\n]*)`")
_LINE = re.compile(rf"^\s*(?:\$ )?((?:{PROGRAMS}) .*)$")
_COMMENT = re.compile(r"\s+#\s.*$")

TRIED = {
    r"systemctl (?:status|stop|start|restart) \S+": "deploy/systemd/trial/look.py",
    r"journalctl -u \S+ -p warning": "deploy/systemd/trial/look.py",
    r"deploy/systemd/install jp": "deploy/systemd/trial/look.py",
    r"kafka-(?:configs|topics|get-offsets)\.sh .*": "tests/secure/test_rotation.py",
    r"curl -s http://HOST:9464/.*": "tests/deploy/test_documents_served.py",
    r"amtool (?:check-config|config routes test)": "tests/deploy/test_alertmanager.py",
    r"promtool (?:check|test rules)": "tests/deploy/test_prometheus.py",
    r"python -m deploy\.grafana": "tests/deploy/test_grafana.py",
    r"python -m deploy\.kubernetes.*": "tests/deploy/test_kubernetes.py",
    r"python -m deploy\.links.*": "tests/deploy/test_prometheus.py",
    r"python -m deploy\.kafka\.acls.*": "deploy/kafka/up",
    r"python -m monitor\.probe readyz": "docker-compose.yml",
    r"pip install --require-hashes .*": "tests/deploy/test_wheel.py",
    r"docker compose --profile simulator up --build": "deploy/compose/trial/run",
    r"docker build -f deploy/Dockerfile .*": "deploy/compose/trial/run",
}
"""A command line, and the file that runs it."""

NOT_RUN = {
    r"kubectl apply -k \S+": "no cluster: what it would send is rendered and resolved by tests/deploy/test_kubernetes.py",
    r"kubectl describe pod -l \S+": "no cluster: that the pods have this label is asked below",
    r"pipx (?:install|runpip) .*": "pipx makes its own environment of the same wheel that tests/deploy/test_wheel.py installs",
    r"amtool alert query .*": "an Alertmanager of the reader's: tests/stack reads the same by its API",
    r"curl -s http://PROMETHEUS:9090/.*": "a Prometheus of the reader's: tests/stack reads the same addresses",
    r"openssl genpkey -algorithm ed25519": "in place of `audit keygen`, whose keys are played",
    r"python -m benchmarks.*": "minutes of measuring, by hand: docs/benchmarks.md has what it gave",
}
"""What no test runs as it is written, and why."""


def lines(page: Path) -> Iterator[str]:
    fenced = False
    for line in page.read_text(encoding="utf-8").splitlines():
        fenced ^= line.startswith("```")
        found = _LINE.match(line) if fenced or line.startswith("    ") else None
        for span in [found[1]] if found else _SPAN.findall(line):
            yield _COMMENT.sub("", span).strip()


def documented() -> set[str]:
    return {line for page in PAGES for line in lines(page)}


def test_every_line_is_tried_or_says_why_not() -> None:
    others = {line for line in documented() if not line.startswith("make ")}
    known = TRIED | NOT_RUN
    assert {line for line in others if not any(re.fullmatch(one, line) for one in known)} == set()
    assert {one for one in known if not any(re.fullmatch(one, line) for line in others)} == set(), "in the list and in no page"


def test_what_tries_them_is_there() -> None:
    assert [place for place in set(TRIED.values()) if not (REPOSITORY / place).exists()] == []


def test_every_target_that_is_named_is_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {line.split()[1] for line in documented() if line.startswith("make ")}
    assert len(named) > 15
    assert named - targets == set()


@pytest.mark.parametrize("line", sorted(line for line in documented() if line.startswith("kubectl ")))
def test_what_is_asked_of_a_cluster_is_what_the_manifests_have(line: str) -> None:
    if folder := re.search(r" -k (\S+)", line):
        assert (REPOSITORY / folder[1] / "kustomization.yaml").is_file()
        return
    name, value = re.findall(r"-l (\S+)=(\S+)", line)[0]
    for stage in ("intake", "assessor", "dispatcher"):
        assert f"{name}: {value}" in (REPOSITORY / f"deploy/kubernetes/base/{stage}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("line", sorted(line for line in documented() if line.startswith(("systemctl ", "journalctl "))))
def test_a_unit_that_is_named_is_one_that_is_installed(line: str) -> None:
    (unit,) = re.findall(r"reserve-monitor\S*", line)
    assert re.fullmatch(r'reserve-monitor@(?:intake|assessor|dispatcher|archiver|\*"?)', unit), "the units are templates"
