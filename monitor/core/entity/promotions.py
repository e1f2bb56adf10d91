"""Acts that need two people, as they were judged: what was approved, what was refused and why, and the modes that follow.

Every operation that changes a method's mode, approves a part of the configuration, or dismisses where two must, is here with
its verdict: a function of the journal alone, so that whoever reads it again finds the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.core.configuration.controls import Controls
from monitor.core.evaluation.evaluation import Prepared
from monitor.core.journal.records import JournalRecord
from monitor.core.journal.vocabulary import ApprovalRefusal, Mode
from monitor.core.values.canonical import digest_of
from monitor.core.values.times import format_time, parse_time

REMEMBERED = 100
"""Verdicts kept of an entity; of more the oldest go. The journal keeps every act."""

_TOLD = ("subject", "method", "mode", "replaces", "pack_digest", "options_digest", "backtest_digest", "digest")


@dataclass(slots=True)
class Promotions:
    """`modes`: of each method promoted on record its mode; `since` (ns): when the newest promotion of a method was made."""

    modes: dict[str, Mode] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)
    verdicts: list[dict[str, Any]] = field(default_factory=list)

    def take(self, record: JournalRecord, controls: Controls, methods: Sequence[Prepared], at: int) -> bool:
        """Judges an operation read at the engine clock `at` (ns); whether a method's mode has changed by it."""
        body = record.statement.body
        if body["kind"] == "dismissal":
            if "dismissals" in controls.four_eyes:
                self._note(record, at, controls.dismissal_refusal(body, at))
            return False
        if body["kind"] != "promotion":
            return False
        if not self._note(record, at, self._refusal(body, controls, methods, at)) or body["body"].get("subject") != "method":
            return False
        before, said = dict(self.modes), body["body"]
        self.modes[said["method"]] = said["mode"]
        self.since[said["method"]] = parse_time(body["at"])
        if said["replaces"] is not None:
            self.modes[said["replaces"]] = "shadow"
            self.since[said["replaces"]] = parse_time(body["at"])
        return self.modes != before

    def configure(self, before: Mapping[str, Mode], after: Mapping[str, Mode]) -> None:
        """Another configuration: a mode that it changes itself, or of a method it no longer has, is its own again."""
        gone = [method for method in self.modes if before.get(method) != after.get(method)]
        for method in gone:
            del self.modes[method]

    def state(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        since = {method: str(at) for method, at in self.since.items()}
        return {"modes": self.modes, "since": since, "verdicts": self.verdicts}

    @staticmethod
    def of_state(state: Mapping[str, Any]) -> Promotions:
        """What `state` wrote."""
        since = {method: int(at) for method, at in state["since"].items()}
        return Promotions(dict(state["modes"]), since, list(state["verdicts"]))

    def _refusal(
        self, body: Mapping[str, Any], controls: Controls, methods: Sequence[Prepared], at: int
    ) -> ApprovalRefusal | None:
        refusal = controls.refusal(body, at)
        said = body["body"]
        if refusal is not None or said.get("subject") != "method":
            return refusal
        found = {prepared.config.id: prepared for prepared in methods}
        if said["method"] not in found or (said["replaces"] is not None and said["replaces"] not in found):
            return "unknown_method"
        prepared = found[said["method"]]
        if prepared.method.plan.pack.study:
            return "study"
        if (said["pack_digest"], said["options_digest"]) != (prepared.digest, digest_of(dict(prepared.config.options))):
            return "wrong_digest"
        newest = max(self.since.get(said["method"], 0), self.since.get(said["replaces"] or "", 0))
        return "outdated" if parse_time(body["at"]) <= newest else None

    def _note(self, record: JournalRecord, at: int, refusal: ApprovalRefusal | None) -> bool:
        """Puts a verdict among the others, once for each act; whether it is a new approval."""
        statement, body = record.statement, record.statement.body
        act = digest_of({"entity": statement.entity, **body})
        if any(one["act"] == act and (one["outcome"] == "approved" or one["reason"] == refusal) for one in self.verdicts):
            return False
        self.verdicts.append(
            {
                "act": act,
                "event_id": body["event_id"],
                "kind": body["kind"],
                "at": body["at"],
                "judged_at": format_time(at),
                "outcome": "approved" if refusal is None else "refused",
                "reason": refusal,
                "by": list(body["by"]),
                "keys": [one["key"] for one in body.get("signatures", ())],
                **{name: body["body"][name] for name in _TOLD if body["body"].get(name) is not None},
                "journal_offset": record.offset,
            }
        )
        del self.verdicts[:-REMEMBERED]
        return refusal is None
