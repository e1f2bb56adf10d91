"""Reads that are kept by asset: left whole and in order, with what was read last of each."""

from typing import Any

from monitor.core.attribution.kept_reads import KeptReads, ReadsOfAsset
from monitor.core.attribution.readings import Readings


def read(asset: str, price: Any, *, held: bool = True) -> ReadsOfAsset:
    reads = ReadsOfAsset()
    if held:
        reads.made["balance", ("held", "client_asset", asset, "*")] = 5
    reads.made["price", ("price", asset, "JPY")] = price
    reads.past[f"{asset}/JPY"] = None
    return reads


def left(kept: KeptReads, *assets: str) -> Readings:
    into = Readings()
    kept.leave(assets, into, "custody")
    return into


def prices(reads: Readings) -> list[tuple[str, Any]]:
    return [(key[1], value) for key, value in reads.values["price"].items()]


def test_an_asset_read_again_keeps_its_place_and_has_its_newest_values() -> None:
    kept = KeptReads()
    for asset in ("BTC", "ETH"):
        kept.put(asset, read(asset, 1))
    before = left(kept, "BTC", "ETH")
    kept.put("BTC", read("BTC", 2))
    after = left(kept, "BTC", "ETH")
    assert prices(before) == [("BTC", 1), ("ETH", 1)]
    assert prices(after) == [("BTC", 2), ("ETH", 1)]
    assert after.clocks == {"custody": "balance"}
    assert after.past == {"BTC/JPY", "ETH/JPY"}


def test_what_an_asset_no_longer_reads_is_gone_and_so_is_an_asset_that_is_none_of_them() -> None:
    kept = KeptReads()
    for asset in ("BTC", "ETH"):
        kept.put(asset, read(asset, 1))
    assert len(left(kept, "BTC", "ETH").values["balance"]) == 2
    kept.put("ETH", read("ETH", 1, held=False))
    assert list(left(kept, "BTC", "ETH").values["balance"]) == [("held", "client_asset", "BTC", "*")]
    only = left(kept, "ETH")
    assert prices(only) == [("ETH", 1)]
    assert (only.past, only.clocks) == ({"ETH/JPY"}, {})


def test_some_are_left_by_themselves() -> None:
    kept, into = KeptReads(), Readings()
    for asset in ("BTC", "ETH"):
        kept.put(asset, read(asset, 1))
    kept.leave_some(["ETH"], into, "flow")
    assert prices(into) == [("ETH", 1)]
    assert prices(left(kept, "BTC", "ETH")) == [("BTC", 1), ("ETH", 1)]
