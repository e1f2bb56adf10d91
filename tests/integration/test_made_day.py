"""A made recording with every defect of real ones through the running daemon, to the last digit and across a kill."""

from pathlib import Path

import pytest

from tests.integration.recorded_days import reconcile
from tests.made_capture import MadeCapture


@pytest.mark.broker
@pytest.mark.timeout(240)
async def test_made_days_reconcile_exactly_across_a_kill(tmp_path: Path) -> None:
    planted = MadeCapture(seed=20180126, polls=900).write(tmp_path / "capture.csv.gz")
    oracle = await reconcile([tmp_path / "capture.csv.gz"], tmp_path)
    assert (oracle.rows, oracle.without_time, oracle.repeats) == (planted.rows, planted.without_time, planted.repeats)
    assert len(oracle.days) == 2
