"""The embedded broker: up in a moment, gone afterwards, and a clear word when it cannot be."""

import signal
import socket
import sys
from pathlib import Path

import pytest

from monitor.errors import CONNECTION, ConnectionProblem
from streams.kafka.embedded import EmbeddedBroker


def _listens(bootstrap: str) -> bool:
    host, port = bootstrap.rsplit(":", 1)
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@pytest.mark.broker
async def test_it_listens_on_loopback_while_it_is_open_and_not_after() -> None:
    async with EmbeddedBroker() as broker:
        assert broker.bootstrap.startswith("127.0.0.1:")
        assert broker.settings.embedded
        assert broker.settings.bootstrap_servers == broker.bootstrap
        assert _listens(broker.bootstrap)
    assert not _listens(broker.bootstrap)


@pytest.mark.broker
async def test_two_stand_side_by_side() -> None:
    async with EmbeddedBroker() as one, EmbeddedBroker() as other:
        assert one.bootstrap != other.bootstrap


@pytest.mark.broker
async def test_it_is_gone_after_an_error_inside() -> None:
    broker = EmbeddedBroker()
    with pytest.raises(ZeroDivisionError):
        async with broker:
            raise ZeroDivisionError
    assert not _listens(broker.bootstrap)


def _script(tmp_path: Path, text: str) -> Path:
    program = tmp_path / "broker"
    program.write_text(text)
    program.chmod(0o755)
    return program


async def test_a_broker_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    program = _script(tmp_path, "#!/bin/sh\necho first\necho 'no such storage' >&2\nexit 3\n")
    with pytest.raises(ConnectionProblem, match=r"did not start.*no such storage") as refused:
        await EmbeddedBroker(program).start()
    assert refused.value.exit_code == CONNECTION


async def test_a_wheel_without_the_binary_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConnectionProblem, match="make kafka-up"):
        await EmbeddedBroker(tmp_path / "tansu").start()


LISTENS_AND_IGNORES_TERM = f"""#!{sys.executable}
import signal, socket, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
port = int(sys.argv[sys.argv.index("--listener-url") + 1].rsplit(":", 1)[1])
listener = socket.create_server(("127.0.0.1", port))
time.sleep(60)
"""


async def test_one_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    broker = EmbeddedBroker(_script(tmp_path, LISTENS_AND_IGNORES_TERM), stop_s=0.2)
    await broker.start()
    process = broker._process
    assert process is not None
    await broker.stop()
    assert process.returncode == -signal.SIGKILL
