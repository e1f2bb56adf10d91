"""What a configuration may not change without the approval of two people: a pure function of the one before and the new one.

So every journal partition says the same, whatever operations it has seen: a configuration carries its approvals itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from monitor.core.configuration.configuration import Configuration
from monitor.core.journal.vocabulary import ConfigurationPart, Mode
from monitor.core.values.canonical import digest_of

_JUDGED = ("late_after_s", "max_ahead_s", "bad_share", "jump_ratio", "supply", "confirm_s")
"""Limits of a source."""


class _Held(NamedTuple):
    """How a method is held of an entity: what an approval of it must name."""

    mode: Mode
    pack_digest: str
    options_digest: str


_ABSENT = _Held("shadow", "", "")


@dataclass(frozen=True, slots=True)
class GuardedChange:
    """A change that needs two people: of one method of an entity, or of a part of the configuration.

    `named` is what the body of the promotion that approves it says of it.
    """

    place: str
    named: Mapping[str, Any]
    entity: str | None = None

    def approved_by(self, approval: Mapping[str, Any]) -> bool:
        """Whether a promotion is of this change; its signatures are judged elsewhere."""
        body = approval["body"]
        if self.entity is not None and approval["entity"] != self.entity:
            return False
        if body.get("replaces") is not None and self.named == {"subject": "method", "method": body["replaces"], "mode": "shadow"}:
            return True
        return all(body.get(name) == value for name, value in self.named.items())


def uncovered(before: Configuration, after: Configuration, at: int) -> list[GuardedChange]:
    """Changes from `before` to `after` that need two people under `before` and have no valid approval at `at` (ns)."""
    controls = before.controls
    valid = [one for one in after.controls.approvals if controls.refusal(one, at) is None]
    return [change for change in changes(before, after) if not any(change.approved_by(one) for one in valid)]


def changes(before: Configuration, after: Configuration) -> Iterator[GuardedChange]:
    """Every change from `before` to `after` that needs two people under `before`."""
    listed = before.controls.four_eyes
    if not listed:
        return
    parts: list[ConfigurationPart] = ["controls"]
    parts += ["assets"] if "assets" in listed else []
    parts += ["limits"] if "limits" in listed else []
    for part in parts:
        digest = part_digest(after.content, part)
        if digest != part_digest(before.content, part):
            yield GuardedChange(part, {"subject": part, "digest": digest})
    if "methods" in listed:
        for entity in sorted({*before.entities, *after.entities}):
            yield from _methods(entity, before, after)


def part_digest(content: Mapping[str, Any], part: ConfigurationPart) -> str:
    """The digest of a part of a configuration's content: what a promotion of it names."""
    if part == "assets":
        return digest_of(content.get("assets"))
    if part == "controls":
        controls = content.get("controls") or {}
        return digest_of({name: controls.get(name) for name in ("approvers", "four_eyes")})
    entities = {
        name: {of: entity[of] for of in ("levels", "prices", "freshness")} for name, entity in content["entities"].items()
    }
    sources = {topic: _source_limits(source) for topic, source in content["sources"].items()}
    return digest_of({"entities": entities, "sources": sources, "prices": content["prices"], "horizon": content["corrections"]})


def _source_limits(source: Mapping[str, Any]) -> dict[str, Any]:
    feeds = {name: _source_limits(feed) for name, feed in source.get("feeds", {}).items()}
    return {name: source.get(name) for name in _JUDGED} | ({"feeds": feeds} if feeds else {})


def _methods(entity: str, before: Configuration, after: Configuration) -> Iterator[GuardedChange]:
    """Methods of an entity that begin or cease to be in force, or whose pack or options change; candidates may come and go."""
    old, new = _held(entity, before), _held(entity, after)
    for method in sorted({*old, *new}):
        was, now = old.get(method, _ABSENT), new.get(method, _ABSENT)
        if was == now or ("in_force" not in (was.mode, now.mode) and _ABSENT in (was, now)):
            continue
        place = f"entities.{entity}.methods {method}"
        named: dict[str, Any] = {"subject": "method", "method": method, "mode": now.mode}
        if now.mode == "in_force" or (was.mode == "shadow" and now is not _ABSENT):
            named |= {"pack_digest": now.pack_digest, "options_digest": now.options_digest}
        yield GuardedChange(place, named, entity)


def _held(entity: str, config: Configuration) -> dict[str, _Held]:
    entity_config = config.entities.get(entity)
    methods = () if entity_config is None else entity_config.methods
    return {one.id: _Held(one.mode, config.pack_digests[one.id], digest_of(dict(one.options))) for one in methods}
