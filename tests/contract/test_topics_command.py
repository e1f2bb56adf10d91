"""`topics create` and `topics check`, as a user calls them."""

import asyncio
import json

import pytest
from typer.testing import CliRunner, Result

from monitor.cli.setup.topics import app
from monitor.errors import CHECK_FAILED, GOOD
from tests.contract.conftest import Broker


@pytest.fixture(autouse=True)
def _environment(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESERVE_KAFKA__BOOTSTRAP_SERVERS", broker.settings.bootstrap_servers)
    monkeypatch.setenv("RESERVE_KAFKA__EMBEDDED", str(broker.settings.embedded))
    monkeypatch.setenv("RESERVE_KAFKA__PREFIX", broker.settings.prefix)


async def _call(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, arguments, catch_exceptions=False)


@pytest.mark.parametrize("broker", [pytest.param("embedded", marks=pytest.mark.broker)], indirect=True)
async def test_check_fails_until_create_has_run(broker: Broker) -> None:  # on a broker of its own: the names are the defaults
    before = await _call("check")
    assert before.exit_code == CHECK_FAILED
    assert "market.trades: topic is absent" in before.stderr
    assert "reserve-monitor topics create" in before.stderr
    made = await _call("create", "--json")
    assert made.exit_code == GOOD
    assert json.loads(made.stdout)["created"] == json.loads(made.stdout)["topics"]
    after = await _call("check", "--json")
    assert after.exit_code == GOOD
    found = json.loads(after.stdout)
    assert (found["good"], found["drift"], list(found["keys"])) == (True, [], ["market.trades"])
    for step in ("entity|market", "sources.market.trades.epoch", "dlq dismiss", "keys_unsafe"):
        assert step in found["keys"]["market.trades"]
        assert step in (await _call("check")).stderr
    assert json.loads((await _call("create", "--json")).stdout)["created"] == []
