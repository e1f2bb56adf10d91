"""`dlq`: what it lists, shows, asks for and hands on; the broker's part is in the contract suite."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.audit.signatures.keys import read_key
from monitor.cli.running.dlq import app
from monitor.core.journal.records import SourcePartition
from monitor.errors import UsageError
from streams.lookup.dead_letters import Act, LetterId, StoredLetter, dismissal, letter_of
from streams.wire import Invalid, Judge, Known, Reason, SourceFormat, Valid
from streams.wire.rejected import DeadLetter, headers_of
from streams.wire.signatures import Signing

WHERE = SourcePartition("custody.balances", 0, 0)


def letter(offset: int, value: bytes | None = b'{"entity": "a"}', *, reason: Reason = Reason.BAD_DECIMAL) -> StoredLetter:
    refused = DeadLetter(WHERE, offset, 1_767_571_200_000_000_000, b"k", value, [("origin", b"x")], reason, "quantity: no")
    found = letter_of(refused.key, refused.value, headers_of(refused, 1_767_571_201_000_000_000))
    assert found is not None
    return found


class Letters:
    """Three letters, one dismissed; what is done about them."""

    def __init__(self) -> None:
        self.stored = [letter(3), letter(5, b"\xff", reason=Reason.BAD_ENCODING), replace(letter(7), dismissed=True)]
        self.done: list[tuple[Any, ...]] = []
        self.in_source: dict[LetterId, bytes] = {}

    def with_source_values(self, letters: list[StoredLetter]) -> list[StoredLetter]:
        return [replace(one, value=self.in_source.get(one.id)) if one.value is None else one for one in letters]

    def read(self) -> list[StoredLetter]:
        return self.stored

    def signing(self, sign_with: list[Path] | None) -> Signing:
        return Signing({}, [read_key(path, "--sign-with") for path in sign_with or ()])

    def requeue(self, letters: list[StoredLetter], act: Act) -> None:
        self.done.append(("requeue", [str(one.id) for one in letters], act.by, act.reason))

    def dismiss(self, letters: list[StoredLetter], act: Act, entity: str | None) -> None:
        self.done.append(("dismiss", [str(one.id) for one in letters], act.by, act.reason, entity))


def run(*arguments: str, letters: Letters | None = None) -> Any:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=True, obj=letters or Letters())
    if isinstance(result.exception, UsageError):
        raise result.exception
    return result


def test_list_leaves_out_what_is_dismissed() -> None:
    lines = run("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["custody.balances/0/0/3", "custody.balances/0/0/5"]
    assert "bad_decimal" in lines[0]
    assert [one["offset"] for one in json.loads(run("list", "--all", "--json").stdout)] == [3, 5, 7]
    assert [one["offset"] for one in json.loads(run("list", "--reason", "bad_encoding", "--json").stdout)] == [5]
    assert json.loads(run("list", "--topic", "market.trades", "--json").stdout) == []


def test_show_gives_the_record_whole() -> None:
    (shown,) = json.loads(run("show", "custody.balances/0/0/5").stdout)
    assert shown == {
        "id": "custody.balances/0/0/5",
        "topic": "custody.balances",
        "epoch": 0,
        "partition": 0,
        "offset": 5,
        "reason": "bad_encoding",
        "detail": "quantity: no",
        "logged_at": "2026-01-05T00:00:00.000000Z",
        "refused_at": "2026-01-05T00:00:01.000000Z",
        "dismissed": False,
        "key": "k",
        "value": "\\xff",
        "headers": {"origin": "x"},
    }


def test_requeue_and_dismiss_say_who_and_why() -> None:
    letters = Letters()
    assert run("requeue", "custody.balances/0/0/3", "--reason", "feed repaired", "--by", "ann", letters=letters).exit_code == 0
    on_record = ("--reason", "noise", "--by", "ann", "--entity", "a")
    assert run("dismiss", "custody.balances/0/0/5", *on_record, letters=letters).exit_code == 0
    assert letters.done == [
        ("requeue", ["custody.balances/0/0/3"], "ann", "requeued: feed repaired"),
        ("dismiss", ["custody.balances/0/0/5"], "ann", "noise", "a"),
    ]


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_letter_without_its_value_is_not_put_back_as_a_tombstone(dry: list[str]) -> None:
    """Too large for the topic of dead letters, it stayed in its source, and is gone from there by now."""
    letters = Letters()
    letters.stored.append(letter(9, None))
    with pytest.raises(UsageError, match="9 has no value to put back"):
        run("requeue", "custody.balances/0/0/3", "custody.balances/0/0/9", "--reason", "x", *dry, letters=letters)
    assert letters.done == []


def test_a_letter_whose_value_stayed_in_the_source_is_fetched_from_it() -> None:
    letters = Letters()
    letters.stored.append(letter(9, None))
    letters.in_source[letters.stored[-1].id] = b'{"entity": "b"}'
    (shown,) = json.loads(run("show", "custody.balances/0/0/9", letters=letters).stdout)
    assert shown["value"] == '{"entity": "b"}'
    assert run("requeue", "custody.balances/0/0/9", "--reason", "x", "--by", "ann", letters=letters).exit_code == 0
    assert letters.done == [("requeue", ["custody.balances/0/0/9"], "ann", "requeued: x")]


def test_a_record_of_several_events_is_named_by_its_place_or_an_event_by_its_own() -> None:
    letters = Letters()
    letters.stored = [element(index, b"{}" if index == 1 else None) for index in (1, 4, 17)]
    record = "market.trades/venue/0/3/42"
    assert json.loads(run("show", f"{record}/4", letters=letters).stdout)[0]["value"] == "{}"
    run("requeue", record, "--reason", "x", "--by", "ann", letters=letters)
    assert letters.done == [("requeue", [f"{record}/{index}" for index in (1, 4, 17)], "ann", "requeued: x")]


def element(index: int, value: bytes | None) -> StoredLetter:
    """A refused element of one frame; of the frame one letter has the value."""
    where, left_out = SourcePartition("market.trades/venue", 0, 3), 2 if value is None else None
    refused = DeadLetter(where, 42, 0, b"k", value, (), Reason.BAD_DECIMAL, "price: no", index, "a", left_out)
    found = letter_of(refused.key, refused.value, headers_of(refused, 0))
    assert found is not None
    return found


def test_a_dry_run_does_nothing() -> None:
    letters = Letters()
    result = run("requeue", "custody.balances/0/0/3", "--reason", "x", "--dry-run", letters=letters)
    assert "would be requeued: custody.balances/0/0/3" in result.stderr
    run("dismiss", "custody.balances/0/0/3", "--reason", "x", "--dry-run", letters=letters)
    assert letters.done == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "custody.balances/0/0/4"], "there is no dead letter"),
        (["show", "custody.balances/0/3"], "is not topic/epoch/partition/offset"),
        (["show", "market.news/0/0/3"], "is not topic/epoch/partition/offset"),
        (["list", "--topic", "market.news"], "no source topic"),
        (["list", "--reason", "dull"], "no reason"),
        (["dismiss", "custody.balances/0/0/5", "--reason", "x"], "say with --entity"),
    ],
)
def test_what_cannot_be_is_a_usage_error(arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        run(*arguments)


def test_a_dismissal_is_a_lawful_operation() -> None:
    operation = dismissal(letter(3), Act("ann", "noise", 1_767_571_200_000_000_000))
    judge = Judge(SourceFormat("reserve.operations"), Known(frozenset({"a"}), 0))
    found = judge.verdict(json.dumps(operation).encode(), 1_767_571_200_000_000_000)
    assert isinstance(found, Valid), found
    assert found.body["body"] == {"topic": "custody.balances", "epoch": 0, "partition": 0, "offset": 3}


def test_headers_survive_what_they_describe() -> None:
    odd = DeadLetter(WHERE, 1, 0, None, None, (), Invalid(Reason.BAD_TEXT, "half a pair \ud800").reason, "half a pair \ud800")
    found = letter_of(None, None, headers_of(odd, 0))
    assert found is not None
    assert (found.id, found.logged_at, found.headers) == (LetterId(WHERE, 1), "1970-01-01T00:00:00.000000Z", ())
    assert letter_of(b"k", b"v", [("origin", b"x")]) is None


def test_of_records_that_were_taken_a_person_speaks_by_their_place() -> None:
    """Fails where a person who knows that a balance is right, or that no trade was sent twice, has no command to say so."""
    letters, places = Letters(), ["custody.balances/0/0/4", "market.prices/desk/0/1/9/2", "market.trades/0/2/881"]
    result = run("dismiss", *places, "--accepted", "--entity", "a", "--reason", "seen", "--by", "me", letters=letters)
    assert (result.exit_code, result.stderr.count("dismissed: ")) == (0, 3)
    assert letters.done == [("dismiss", places, "me", "seen", "a")]
    with pytest.raises(UsageError, match="--accepted"):
        run("dismiss", places[0], "--entity", "a", "--reason", "x")
    with pytest.raises(UsageError, match="say with --entity"):
        run("dismiss", places[0], "--accepted", "--reason", "x")


@pytest.mark.parametrize("path", ["README.md", "monitor/web/runbooks/ReserveMonitorKeysUnsafe.md", "monitor/cli/setup/topics.py"])
def test_what_is_said_of_trades_with_unsafe_keys_is_what_the_command_takes(path: str) -> None:
    """Fails where people are sent to dismiss as dead letters trades that were taken: the command finds none."""
    text = " ".join((Path(__file__).parents[3] / path).read_text(encoding="utf-8").split())
    assert "dlq dismiss" in text
    assert all("--accepted --entity" in rest[:160] for rest in text.split("dlq dismiss")[1:])
