"""Promotions in the engine: one with two signatures changes the mode at once, every other one is refused and remembered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from monitor.audit.signatures.keys import PrivateKey
from monitor.core.engine import Engine
from monitor.core.journal.snapshot import STATE_VERSION
from monitor.core.journal.vocabulary import ASSESSMENTS
from monitor.core.values.times import MINUTE, SECOND
from tests.control_maker import ANN, BOB, CANDIDATE, EVE, IN_FORCE, METHODS, controlled, method_body, promotion, put
from tests.journal_maker import START, Journal, load

MODES = {IN_FORCE: "in_force", CANDIDATE: "shadow"}
PROMOTED = {IN_FORCE: "in_force", CANDIDATE: "in_force"}


def begun(text: str | None = None) -> Journal:
    journal = Journal()
    journal.configure(controlled("methods") if text is None else text)
    load(journal)
    journal.at(1).tick()
    return journal.at(120)


def played(journal: Journal) -> Engine:
    engine = Engine(0, check_journal_time=False)
    for record in journal.records:
        engine.apply(record)
    return engine


def modes(engine: Engine) -> dict[str, str]:
    return {one["method"]: one["mode"] for one in engine.status("jp-main")["methods"]}


def verdicts(engine: Engine) -> list[tuple[str, str | None]]:
    return [(one["outcome"], one["reason"]) for one in engine.status("jp-main")["promotions"]]


def test_two_signatures_put_a_candidate_in_force_and_both_methods_go_on() -> None:
    journal = begun()
    before = modes(played(journal))
    put(journal, promotion())
    journal.at(121).tick()
    engine = Engine(0, check_journal_time=False)
    published = [
        output.value
        for record in journal.records
        for output in engine.apply(record)
        if output.topic == ASSESSMENTS and output.value
    ]
    assert (before, modes(engine), verdicts(engine)) == (MODES, PROMOTED, [("approved", None)])
    of_candidate = [one for one in published if one["method"] == CANDIDATE]
    assert [one["mode"] for one in of_candidate] == ["shadow", "in_force"]
    assert of_candidate[0]["result_digest"] == of_candidate[1]["result_digest"]
    (told,) = engine.status("jp-main")["promotions"]
    assert (told["by"], told["keys"]) == (["ann", "bob"], [ANN.public.text, BOB.public.text])
    assert told["backtest_digest"] == method_body()["backtest_digest"]


def test_what_it_replaces_informs_only_from_then_on() -> None:
    journal = begun()
    put(journal, promotion(method_body(replaces=IN_FORCE)))
    journal.at(121).tick()
    assert modes(played(journal)) == {IN_FORCE: "shadow", CANDIDATE: "in_force"}


@pytest.mark.parametrize(
    ("body", "signers", "refusal"),
    [
        (method_body(), {"ann": ANN}, "too_few_signatures"),
        (method_body(), {"ann": ANN, "bob": EVE}, "unknown_key"),
        (method_body(pack_digest="sha256:" + "0" * 64), None, "wrong_digest"),
        (method_body(options_digest="sha256:" + "0" * 64), None, "wrong_digest"),
        (method_body(method="hk.vatp"), None, "unknown_method"),
        (method_body(replaces="hk.vatp"), None, "unknown_method"),
    ],
)
def test_what_is_not_right_is_refused_and_remembered(
    body: Mapping[str, Any], signers: Mapping[str, PrivateKey] | None, refusal: str
) -> None:
    journal = begun()
    put(journal, promotion(body, signers))
    journal.at(121).tick()
    engine = played(journal)
    assert (modes(engine), verdicts(engine)) == (MODES, [("refused", refusal)])


def test_one_that_expired_is_refused() -> None:
    journal = begun()
    put(journal, promotion(lasts=30 * SECOND))
    journal.at(121).tick()
    assert verdicts(played(journal)) == [("refused", "expired")]


def test_an_older_promotion_sent_again_undoes_nothing() -> None:
    journal = begun()
    first = promotion()
    put(journal, first)
    put(journal.at(300), promotion(method_body(mode="shadow", backtest_digest=None), at=START + 4 * MINUTE))
    put(journal.at(400), first)
    put(journal.at(401), promotion(method_body(replaces=IN_FORCE), at=START + 3 * MINUTE))
    journal.at(402).tick()
    engine = played(journal)
    assert modes(engine) == MODES
    assert verdicts(engine) == [("approved", None), ("approved", None), ("refused", "outdated")]


def test_the_mode_is_in_the_snapshot_and_goes_on_from_there() -> None:
    journal = begun()
    put(journal, promotion())
    journal.at(121).tick()
    engine = played(journal)
    restored = Engine.restore(0, engine.position, STATE_VERSION, dict(engine.cut().buckets), check_journal_time=False)
    journal.at(500).position("hot", "client_asset", "hot", "BTC", "1")
    journal.at(501).tick()
    for record in journal.records[engine.position + 1 :]:
        assert [one.value for one in restored.apply(record)] == [one.value for one in engine.apply(record)]
    assert restored.status("jp-main") == engine.status("jp-main")
    assert modes(restored) == PROMOTED


def test_a_configuration_that_says_another_mode_has_its_word() -> None:
    journal = begun(controlled())
    put(journal, promotion())
    journal.at(200).configure(controlled(revision=2, prices={"outlier_ratio": "3"}))
    journal.at(201).tick()
    assert modes(played(journal)) == PROMOTED
    journal.at(300).configure(controlled(revision=3, methods=[METHODS[0], {**METHODS[1], "mode": "in_force"}]))
    journal.at(400).configure(controlled(revision=4))
    journal.at(401).tick()
    assert modes(played(journal)) == MODES


def test_a_configuration_that_nobody_approved_is_refused_whole() -> None:
    journal = begun()
    in_force = [METHODS[0], {**METHODS[1], "mode": "in_force"}]
    journal.configure(controlled("methods", revision=2, methods=in_force))
    journal.at(121).tick()
    engine = played(journal)
    assert (modes(engine), engine.configuration_refused) == (MODES, 1)
    assert engine.config is not None
    assert engine.config.revision == 1


def dismissed(journal: Journal, made: Mapping[str, Any]) -> list[str]:
    put(journal, made)
    journal.at(500).tick()
    return [gap["kind"] for one in played(journal).status("jp-main")["methods"] for gap in one["gaps"]]


def refused_record() -> Journal:
    journal = begun(controlled("dismissals"))
    journal.rejected("custody.balances")
    return journal


PLACE = {"topic": "custody.balances", "epoch": 0, "partition": 0, "offset": 4}


def test_a_dismissal_takes_two_people_where_it_is_listed() -> None:
    alone = promotion(PLACE, {"ann": ANN}, kind="dismissal")
    assert "record_rejected" in dismissed(refused_record(), alone)
    assert "record_rejected" not in dismissed(refused_record(), promotion(PLACE, kind="dismissal"))
    free = begun(controlled())
    free.rejected("custody.balances")
    assert "record_rejected" not in dismissed(free, alone)


def test_a_refused_dismissal_is_remembered() -> None:
    journal = refused_record()
    put(journal, promotion(PLACE, {}, kind="dismissal"))
    assert verdicts(played(journal)) == [("refused", "too_few_signatures")]


def test_a_note_of_an_earlier_release_that_is_called_a_promotion_harms_nobody() -> None:
    journal = begun(controlled())
    journal.operation("promotion", body={"anything": [1]})
    assert verdicts(played(journal)) == [("refused", "too_few_signatures")]


def test_no_more_verdicts_are_kept_than_the_newest() -> None:
    journal = begun(controlled())
    for number in range(120):
        put(journal, promotion(signers={}, at=START + MINUTE + number))
    found = played(journal).status("jp-main")["promotions"]
    assert len(found) == 100
    assert found[-1]["event_id"] == f"promotion-jp-main-{START + MINUTE + 119}"
    assert json.loads(json.dumps(found)) == found
