"""Two real days of bitFlyer through the running daemon. The files stay outside the repository: without them it is skipped.

`test_made_day.py` asks the same of a made recording with the same defects, everywhere.
"""

from pathlib import Path

import pytest

from tests.integration.recorded_days import reconcile

TRADES = Path(__file__).resolve().parents[3] / "shared" / "data" / "trades"
FILES = [TRADES / f"bitflyer.execution.{day}.BTC_JPY.csv.gz" for day in ("20180125", "20180126")]


@pytest.mark.broker
@pytest.mark.timeout(240)
@pytest.mark.skipif(
    not all(file.exists() for file in FILES), reason="the real captures lie beside the repository, and are not there"
)
async def test_two_real_days_reconcile_exactly_across_a_kill(tmp_path: Path) -> None:
    oracle = await reconcile(FILES, tmp_path)
    assert oracle.repeats >= 47
