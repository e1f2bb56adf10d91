import json

import pytest

from monitor.notify.alert import Alert, BadAlert
from streams.dispatch.board import Board, Forgotten
from tests.alert_samples import alert_value


def record(**changes: object) -> tuple[bytes, bytes]:
    value = alert_value(**changes)
    return value["fingerprint"].encode(), json.dumps(value).encode()


def test_the_highest_revision_wins_whatever_was_written_last() -> None:
    board = Board()
    assert isinstance(board.apply(0, *record(revision=2, status="resolved")), Alert)
    assert board.apply(0, *record(revision=1)) is None, "a paused assessor wrote its old state last"
    assert [alert.revision for alert in board.of_partition(0)] == [2]


def test_a_repeat_changes_nothing() -> None:
    board = Board()
    board.apply(0, *record(revision=2))
    assert (
        board.apply(0, *record(revision=2, reason="resent", chain={"sequence": 9, "previous_digest": None}, digest="sha256:9"))
        is None
    )


def test_a_tombstone_forgets_and_a_new_life_begins_at_revision_one() -> None:
    board = Board()
    key, body = record(revision=7, status="resolved")
    board.apply(0, key, body)
    assert board.apply(0, key, None) == Forgotten(key.decode())
    assert board.apply(0, key, None) is None
    assert isinstance(board.apply(0, *record(revision=1)), Alert)


def test_a_partition_that_is_dropped_takes_its_alerts_along() -> None:
    board = Board()
    board.apply(0, *record(entity="a"))
    key, body = record(entity="b")
    board.apply(3, key, body)
    assert board.drop_partition(3) == [key.decode()]
    assert board.partition_of(key.decode()) is None
    assert [alert.entity for alert in board.of_partition(0)] == ["a"]
    assert isinstance(board.apply(3, key, body), Alert), "read anew, it is news again"


def test_two_records_at_one_place_of_a_chain_are_a_fork() -> None:
    forks: list[tuple[int, str]] = []
    board = Board(lambda partition, alert: forks.append((partition, alert.entity)))
    board.apply(4, *record(revision=1, chain={"sequence": 5, "previous_digest": None}, digest="sha256:a"))
    board.apply(4, *record(revision=1, chain={"sequence": 5, "previous_digest": None}, digest="sha256:a"))
    assert forks == []
    board.apply(4, *record(rule="hot_ratio", chain={"sequence": 5, "previous_digest": None}, digest="sha256:b"))
    assert forks == [(4, "jp-main")]


def test_what_is_no_alert_is_named() -> None:
    with pytest.raises(BadAlert):
        Board().apply(0, b"k", b"nonsense")
