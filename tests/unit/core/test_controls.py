"""Two people: which signatures are an approval, and what a configuration may not change without one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from monitor.audit.signatures.approvals import approval_of
from monitor.core.configuration.configuration import Configuration, parse_configuration
from monitor.core.configuration.controls import Controls
from monitor.core.configuration.guard import part_digest, uncovered
from monitor.core.values.canonical import digest_of
from monitor.core.values.times import DAY, MINUTE
from tests.control_maker import ANN, APPROVERS, BOB, CANDIDATE, EVE, IN_FORCE, METHODS, controlled, method_body, promotion
from tests.journal_maker import START

NOW = START + 2 * MINUTE
TWO = Controls(APPROVERS)


@pytest.mark.parametrize(
    ("made", "controls", "refusal"),
    [
        (promotion(), TWO, None),
        (promotion(), Controls(), "no_approvers"),
        (promotion(signers={}), TWO, "too_few_signatures"),
        (promotion(signers={"ann": ANN}), TWO, "too_few_signatures"),
        (promotion(signers={"ann": ANN, "bob": EVE}), TWO, "unknown_key"),
        (promotion(signers={"ann": ANN, "bob": ANN}), TWO, "unknown_key"),
        (promotion(signers={"ann": ANN, "eve": EVE}), TWO, "unknown_key"),
        (promotion(signers={"ann": ANN, "bob": BOB}, by=["ann", "carl"]), TWO, "not_named"),
        (promotion(lasts=MINUTE), TWO, "expired"),
    ],
)
def test_an_approval_is_two_configured_people_in_time(made: dict[str, Any], controls: Controls, refusal: str | None) -> None:
    assert controls.refusal(approval_of(made), NOW) == refusal


def test_the_same_key_twice_is_one_person() -> None:
    made = promotion(signers={"ann": ANN})
    made["signatures"] *= 2
    assert TWO.refusal(approval_of(made), NOW) == "same_key"


@pytest.mark.parametrize("field", ["entity", "event_id", "reason", "body", "by", "at", "expires_at"])
def test_what_was_changed_after_it_was_signed_is_not_signed(field: str) -> None:
    made = promotion()
    made[field] = {
        "body": method_body(method=IN_FORCE), "by": ["ann", "bob", "eve"],
        "at": "2026-01-05T00:00:30Z", "expires_at": "2036-01-01T00:00:00Z",
    }.get(field, "other")  # fmt: skip
    assert TWO.refusal(approval_of(made), NOW) == "bad_signature"


# --- configurations
def configured(*four_eyes: str, **more: Any) -> Configuration:
    return parse_configuration(json.loads(controlled(*four_eyes, **more)))


def with_approvals(config: Configuration, *made: dict[str, Any]) -> Configuration:
    controls = {**config.content["controls"], "approvals": [approval_of(one) for one in made]}
    return parse_configuration({**config.content, "controls": controls})


def places(before: Configuration, after: Configuration, at: int = NOW) -> list[str]:
    return [change.place for change in uncovered(before, after, at)]


OTHER_OPTIONS = [{**METHODS[0], "options": {"skip": ["fiat_trust"]}}, METHODS[1]]
PROMOTED = [METHODS[0], {**METHODS[1], "mode": "in_force"}]
SWAPPED = [{**METHODS[0], "mode": "shadow"}, PROMOTED[1]]
OF_ASSETS = {"assets": {"crypto": ["MNT"]}}
OF_LIMITS = {"prices": {"outlier_ratio": "3"}}


@pytest.mark.parametrize(
    ("listed", "more", "expected"),
    [
        ("methods", {"methods": PROMOTED}, [f"entities.jp-main.methods {CANDIDATE}"]),
        ("methods", {"methods": METHODS[:1]}, []),
        ("methods", {"methods": METHODS[1:]}, [f"entities.jp-main.methods {IN_FORCE}"]),
        ("methods", {"methods": OTHER_OPTIONS}, [f"entities.jp-main.methods {IN_FORCE}"]),
        ("methods", {"methods": [*METHODS, {"id": "hk.vatp", "mode": "shadow", "options": {}}]}, []),
        ("methods", OF_ASSETS | OF_LIMITS, []),
        ("assets", OF_ASSETS, ["assets"]),
        ("assets", OF_LIMITS | {"methods": PROMOTED}, []),
        ("limits", OF_LIMITS, ["limits"]),
        ("limits", {"sources": {"custody.balances": {"jump_ratio": "2"}}}, ["limits"]),
        ("dismissals", OF_ASSETS | OF_LIMITS, []),
    ],
)
def test_what_is_listed_needs_two_people(listed: str, more: dict[str, Any], expected: list[str]) -> None:
    after = configured(listed, revision=2, **more)
    assert places(configured(listed), after) == expected
    assert places(configured(), after) == []


def test_who_may_approve_does_not_change_by_itself() -> None:
    before = configured("dismissals")
    assert places(before, configured(revision=2)) == ["controls"]
    assert places(before, configured("dismissals", "assets", revision=2)) == ["controls"]
    assert places(configured(), configured("dismissals", revision=2)) == []


@pytest.mark.parametrize("part", ["assets", "limits", "controls"])
def test_a_part_changes_to_what_was_approved_and_to_nothing_else(part: str) -> None:
    more: dict[str, Any] = OF_ASSETS if part == "assets" else OF_LIMITS if part == "limits" else {}
    before = configured("assets", "limits")
    after = configured(*(["assets", "limits", "methods"] if part == "controls" else ["assets", "limits"]), revision=2, **more)
    digest = part_digest(after.content, part)  # type: ignore[arg-type]
    right = promotion({"subject": part, "digest": digest})
    assert places(before, with_approvals(after, right)) == []
    assert places(before, with_approvals(after, promotion({"subject": part, "digest": "sha256:" + "0" * 64}))) == [part]
    assert places(before, with_approvals(after, promotion({"subject": part, "digest": digest}, {"ann": ANN}))) == [part]
    assert places(before, with_approvals(after, right), NOW + 2 * DAY) == [part]
    assert places(before, with_approvals(after, promotion({"subject": "controls", "digest": digest}))) == [part] * (
        part != "controls"
    )


def test_a_method_is_put_in_force_by_the_promotion_that_names_it() -> None:
    before = configured("methods")
    after, swapped = (configured("methods", revision=2, methods=methods) for methods in (PROMOTED, SWAPPED))
    assert places(before, with_approvals(after, promotion())) == []
    assert places(before, with_approvals(after, promotion(method_body(pack_digest="sha256:" + "0" * 64)))) != []
    assert places(before, with_approvals(after, promotion(method_body(options_digest=digest_of({"a": 1}))))) != []
    assert places(before, with_approvals(swapped, promotion())) == [f"entities.jp-main.methods {IN_FORCE}"]
    assert places(before, with_approvals(swapped, promotion(method_body(replaces=IN_FORCE)))) == []
