"""The evidence chain, and what a take-over suppresses and compares."""

import hashlib
from typing import Any

import pytest

from monitor.core.journal.chain import NO_INPUTS, Chain, Forked, Published, fold, inputs_text
from monitor.core.journal.outputs import Output
from monitor.core.journal.vocabulary import ASSESSMENTS
from monitor.core.values.canonical import digest_of


def outputs(count: int, start: str = "x") -> list[Output]:
    chain = Chain()
    return [Output(ASSESSMENTS, "jp", "jp", chain.stamp({"n": number, "seed": start})) for number in range(count)]


def value(output: Output) -> dict[str, Any]:
    assert output.value is not None
    return output.value


def test_each_record_names_the_one_before_and_its_digest_covers_all_of_it() -> None:
    first, second = (value(output) for output in outputs(2))
    assert first["chain"] == {"sequence": 1, "previous_digest": None}
    assert second["chain"] == {"sequence": 2, "previous_digest": first["digest"]}
    assert second["digest"] == digest_of({name: part for name, part in second.items() if name != "digest"})


def test_the_inputs_digest_runs_over_the_digests_of_the_records_in_order() -> None:
    one, two = hashlib.sha256(b"1").digest(), hashlib.sha256(b"2").digest()
    expected = hashlib.sha256(hashlib.sha256(bytes(32) + one).digest() + two).hexdigest()
    assert inputs_text(fold(fold(NO_INPUTS, one), two)) == f"sha256:{expected}"


def test_what_is_published_already_is_not_sent_again() -> None:
    published = Published()
    all_of_them = outputs(5)
    published.expect({"jp": (3, value(all_of_them[2])["digest"])}, {})
    assert published.unsent(all_of_them[:2]) == []
    assert published.unsent(all_of_them[2:4]) == [all_of_them[3]]
    assert published.unsent(all_of_them[4:]) == [all_of_them[4]]


def test_another_digest_under_the_same_sequence_is_a_fork() -> None:
    published = Published()
    published.expect({"jp": (3, value(outputs(3, "y")[2])["digest"])}, {})
    with pytest.raises(Forked, match="sequence 3"):
        published.unsent(outputs(3))


def test_a_restored_head_that_differs_is_a_fork_at_once() -> None:
    with pytest.raises(Forked):
        Published().expect({"jp": (2, "sha256:other")}, {"jp": Chain(2, "sha256:mine")})


def test_tombstones_and_other_entities_pass_when_nothing_is_expected_of_them() -> None:
    published = Published()
    published.expect({"kr": (9, "sha256:x")}, {})
    tombstone = Output("reserve.alerts", "f", "jp", None)
    assert published.unsent([tombstone, *outputs(1)]) == [tombstone, *outputs(1)]


def test_a_head_survives_its_state() -> None:
    chain = Chain()
    chain.stamp({"a": 1})
    assert Chain.of_state(chain.state()) == chain
