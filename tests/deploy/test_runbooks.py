"""Runbooks: one page for each alert and none for what does not exist, each with all its parts and commands that exist."""

import re

import pytest

from monitor.core.journal.vocabulary import ALERT_SEVERITIES
from streams.dispatch import failing, own_alerts, stalled
from tests.deploy.tools import DEPLOY, rules

RUNBOOKS = DEPLOY / "runbooks"
DISPATCHER = (failing.ALERTNAME, stalled.ALERTNAME, own_alerts.WATCHDOG, own_alerts.HEARTBEAT)
EVERY = [*ALERT_SEVERITIES, *DISPATCHER, *(rule["alert"] for rule in rules())]
PARTS = ["Meaning", "Impact", "Confirm", "What to do", "Who must be told, by when", "How it clears"]
COMMANDS = {
    "status", "explain", "lag", "assess", "config check", "config show", "topics check", "dlq list", "dlq show", "dlq requeue",
    "dlq dismiss", "alerts list", "alerts test", "archive list", "archive verify", "schema", "replay", "run", "methods show",
}  # fmt: skip


def test_alerts_and_pages_match_one_to_one() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == set(EVERY)
    assert len(EVERY) == len(set(EVERY))


def test_every_alert_is_a_heading_of_the_index_that_leads_to_its_page() -> None:
    index = (RUNBOOKS / "README.md").read_text()
    assert re.findall(r"^## (\S+)$", index, re.MULTILINE) == EVERY
    assert re.findall(r"\[Page\]\((\S+)\)", index) == [f"{name}.md" for name in EVERY]


@pytest.mark.parametrize("name", EVERY)
def test_a_page_has_all_its_parts(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS
    for part, body in zip(PARTS, re.split(r"^## .+$", text, flags=re.MULTILINE)[1:], strict=True):
        assert len(body.strip()) >= (4 if part == "Impact" else 20), part
    assert "TODO" not in text


@pytest.mark.parametrize("name", EVERY)
def test_a_page_names_only_commands_of_the_contract(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    for used in re.findall(r"`reserve-monitor ([a-z]+(?: [a-z]+)?)", text):
        first = used.split()[0]
        assert used in COMMANDS or first in COMMANDS, used


@pytest.mark.parametrize(("name", "severities"), ALERT_SEVERITIES.items())
def test_a_page_names_the_severity(name: str, severities: tuple[str, ...]) -> None:
    (line,) = re.findall(r"^Severity: (.+)$", (RUNBOOKS / f"{name}.md").read_text(), re.MULTILINE)
    assert set(re.findall(r"info|warning|critical|none", line)) == set(severities)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rules_page_names_its_severity(rule: dict[str, dict[str, str]]) -> None:
    text = (RUNBOOKS / f"{rule['alert']}.md").read_text()
    assert f"Severity: {rule['labels']['severity']}\n" in text
