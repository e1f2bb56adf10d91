"""What deploy/kafka/up asks of Kafka's tools, and what it says when they fail, with a stand-in for Java."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from streams.demo.child import free_port

UP = Path(__file__).resolve().parents[2] / "deploy" / "kafka" / "up"
FAILS = """#!/bin/sh
for argument; do echo "$argument"; done >"$ARGUMENTS"
echo "first words"
echo "kafka-storage: error: it did not please"
exit 1
"""


def test_a_refused_format_is_told_in_its_own_words_and_the_cluster_id_is_no_option(tmp_path: Path) -> None:
    java, libs = tmp_path / "bin" / "java", tmp_path / "cache" / "libs"
    java.parent.mkdir()
    java.write_text(FAILS)
    java.chmod(0o755)
    libs.mkdir(parents=True)
    (libs / ".complete").touch()
    environment = os.environ | {
        "PATH": f"{java.parent}:{os.environ['PATH']}",
        "ARGUMENTS": str(tmp_path / "arguments"),
        "KAFKA_CACHE": str(tmp_path / "cache"),
        "KAFKA_PORT": str(free_port()),
    }
    done = subprocess.run([UP], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert done.stderr == "kafka: the data folder could not be formatted: kafka-storage: error: it did not please\n"
    arguments = (tmp_path / "arguments").read_text().splitlines()
    identity = arguments[arguments.index("--cluster-id") + 1]
    assert len(identity) == 22
    assert not identity.startswith("-")
