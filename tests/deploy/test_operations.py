"""docs/operations.md: each test that it says has tried a case is there, and each command is one of the program."""

import re

from monitor.__main__ import COMMANDS
from tests.deploy.tools import REPOSITORY

TEXT = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
TRIED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TEXT)


def test_every_test_that_tried_a_case_is_there() -> None:
    assert len(TRIED) >= 7
    absent = [
        f"{path}::{name}"
        for path, name in TRIED
        if not re.search(rf"def {name}\b", (REPOSITORY / path).read_text(encoding="utf-8"))
    ]
    assert absent == []


def test_every_command_is_one_of_the_program() -> None:
    named = set(re.findall(r"^    reserve-monitor ([a-z]+)", TEXT, re.MULTILINE))
    assert named
    assert named <= COMMANDS.keys()
