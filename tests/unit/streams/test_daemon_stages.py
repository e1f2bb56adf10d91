"""The daemon's stages: what one asks of another does not depend on which was made first."""

from itertools import permutations

import pytest

from monitor.core.engine import Engine
from monitor.core.values.times import SECOND
from monitor.settings.load import settings_of
from streams.daemon import Daemon
from streams.dispatch.own_alerts import HEARTBEAT, WATCHDOG
from tests.journal_maker import Journal, configuration_text, house
from tests.unit.streams.test_partition import Bench
from tests.unit.streams.test_snapshots import Table


@pytest.mark.parametrize("stages", [("dispatcher",), *permutations(("intake", "assessor", "dispatcher"))], ids="-".join)
def test_the_dispatcher_tells_of_every_entity_evaluated_here_whatever_was_made_first(stages: tuple[str, ...]) -> None:
    daemon = Daemon(settings_of({"kafka": {"journal_partitions": 1}}), stages)
    assert list(daemon.stages) == list(stages)
    assert daemon.dispatcher is not None
    engine = evaluated()
    if daemon.assessor is not None:
        holder = Bench(Table()).worker
        holder.engine, holder.taken_over = engine, True
        daemon.assessor._workers[0] = holder
    signs = daemon.dispatcher.life.signs(engine.clock + SECOND, 10)
    told = [(HEARTBEAT, "jp-main")] if "assessor" in stages else []
    assert [(sign.alertname, sign.entity) for sign in signs] == [(WATCHDOG, None), *told]


def evaluated() -> Engine:
    """An engine that knows one entity."""
    journal = Journal()
    journal.configure(configuration_text({"jp-main": house()}))
    journal.tick()
    engine = Engine(0, check_journal_time=False)
    for record in journal.records:
        engine.apply(record)
    return engine
