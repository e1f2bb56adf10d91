"""A bundle verifies as it is, and every way of tampering with it is found and named."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.audit.bundle import JOURNAL, MANIFEST, OUTPUTS, SEALS, CannotExport
from monitor.audit.checkpoints import content_of, digest_of_checkpoint, signed
from monitor.audit.container import Reader
from monitor.audit.faults import Fault, Kind
from monitor.audit.signatures.approvals import approval_of
from monitor.audit.signatures.keys import Keyring
from monitor.audit.verification import Trust, Verified, verify
from monitor.core.configuration.guard import part_digest
from monitor.core.journal.records import Statement, encode_statement
from monitor.core.journal.tree import TreeHead
from monitor.core.journal.vocabulary import ALERTS, ASSESSMENTS, EXPOSURES
from monitor.core.values.canonical import canonical_bytes, digest_of
from monitor.errors import UsageError
from tests.control_maker import ANN, BOB, EVE, controlled, promotion, put
from tests.evidence_maker import ENTITY, FIRM, OTHER, Published, export, key, members_of, published, put_together, two_days
from tests.journal_maker import Journal, load

FIRMS_KEY = Trust((key(1).public,))
FLIPS = 2000


@pytest.fixture(scope="module")
def journal() -> Journal:
    return two_days()


@pytest.fixture(scope="module")
def found(journal: Journal) -> Published:
    return published(journal)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, journal: Journal, found: Published) -> Path:
    return export(tmp_path_factory.mktemp("evidence") / "a.bundle", journal, found)


@pytest.fixture(scope="module")
def members(bundle: Path) -> dict[str, bytes]:
    return members_of(bundle)


def fault_of(path: Path, trust: Trust = FIRMS_KEY) -> Fault:
    with pytest.raises(Fault) as raised:
        verify(Reader(path), trust)
    return raised.value


def test_it_matches(bundle: Path, found: Published) -> None:
    result = verify(Reader(bundle), Trust((key(1).public,), tuple(found.checkpoints)))
    assert result.tally.equal == sum(len(values) for values in found.outputs.values())
    assert (result.checkpoints, result.signed, result.kept) == (2, 2, 2)
    assert result.stubs > 0
    assert result.notes == []


def test_a_forger_who_only_packs_it_anew_changes_nothing(tmp_path: Path, members: dict[str, bytes]) -> None:
    assert isinstance(verify(Reader(put_together(tmp_path / "b", members, FIRM)), FIRMS_KEY), Verified)


def test_without_the_firms_key_it_says_so(bundle: Path) -> None:
    assert "give the firm's public key" in verify(Reader(bundle), Trust()).notes[0]


# --- any bit, any byte: the container and its digests
def test_a_bit_anywhere_is_found(tmp_path: Path, bundle: Path) -> None:
    whole, chance, path = bundle.read_bytes(), random.Random(14), tmp_path / "b"
    for _ in range(FLIPS):
        place = chance.randrange(len(whole) * 8)
        data = bytearray(whole)
        data[place // 8] ^= 1 << place % 8
        path.write_bytes(data)
        try:
            fault = fault_of(path)
        except BaseException as error:
            raise AssertionError(f"bit {place} of the file") from error
        assert fault.kind in {Kind.CONTAINER, Kind.MANIFEST, Kind.MEMBER, Kind.SEAL}


def test_a_cut_anywhere_is_found(tmp_path: Path, bundle: Path) -> None:
    whole, chance, path = bundle.read_bytes(), random.Random(15), tmp_path / "b"
    for _ in range(300):
        path.write_bytes(whole[: chance.randrange(len(whole))])
        assert fault_of(path).kind is Kind.CONTAINER


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    fault = fault_of(tmp_path / "b")
    assert (fault.kind, fault.place, fault.cause) == (Kind.CONTAINER, "byte 0", "the file ends here: it is empty, or was cut")


def test_something_added_is_found(tmp_path: Path, bundle: Path) -> None:
    path = tmp_path / "b"
    for more in (b"x", bytes(512), bytes(1024)):
        path.write_bytes(bundle.read_bytes() + more)
        assert fault_of(path).kind is Kind.CONTAINER


# --- a forger who makes the manifest fit
Lines = list[bytes]


def dropped(lines: Lines, at: int) -> None:
    del lines[at]


def doubled(lines: Lines, at: int) -> None:
    lines.insert(at, lines[at])


def moved(lines: Lines, at: int) -> None:
    lines.insert(0 if at else len(lines) - 1, lines.pop(at))


def cut(lines: Lines, at: int) -> None:
    del lines[at:]


LINE_KINDS = {Kind.JOURNAL_ORDER, Kind.COMPLETENESS, Kind.ENTRY_MISSING, Kind.ENTRY_TOO_MANY, Kind.ENTRY_DIFFERS,
              Kind.CHECKPOINT, Kind.CHECKPOINT_MISSING}  # fmt: skip


@pytest.mark.parametrize("member", [JOURNAL, *OUTPUTS.values(), SEALS])
@pytest.mark.parametrize("tamper", [dropped, doubled, moved, cut])
def test_lines_that_are_dropped_doubled_moved_or_cut_off(
    tmp_path: Path, members: dict[str, bytes], member: str, tamper: Callable[[Lines, int], None]
) -> None:
    chance = random.Random(member + tamper.__name__)
    whole = members[member].splitlines()
    for at in sorted({0, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(2))}):
        lines = whole[:]
        tamper(lines, at)
        if lines == whole:
            continue
        forged = members | {member: b"".join(line + b"\n" for line in lines)}
        assert fault_of(put_together(tmp_path / "b", forged, FIRM)).kind in LINE_KINDS, (member, at)


def values_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all values that are no objects or lists."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from values_of(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from values_of(item, (*path, number))
    else:
        yield path


def changed(value: Any) -> Any:
    if isinstance(value, str):
        return (value[:-1] + ("1" if value[-1] != "1" else "2")) if value else "x"
    return 1 if value is None else value + 1


def altered(value: dict[str, Any], path: tuple[Any, ...]) -> None:
    inside: Any = value
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = changed(inside[path[-1]])


def replaced(members: dict[str, bytes], member: str, at: int, value: Any) -> dict[str, bytes]:
    lines = members[member].splitlines()
    lines[at] = canonical_bytes(value)
    return members | {member: b"".join(line + b"\n" for line in lines)}


@pytest.mark.parametrize("topic", [ASSESSMENTS, EXPOSURES, ALERTS])
def test_a_figure_that_was_changed(tmp_path: Path, members: dict[str, bytes], topic: str) -> None:
    chance, member = random.Random(topic), OUTPUTS[topic]
    lines = members[member].splitlines()
    for number in range(12):
        at = chance.randrange(len(lines))
        value = json.loads(lines[at])
        path = chance.choice([one for one in values_of(value) if one[0] not in {"chain", "digest", "entity"}])
        altered(value, path)
        wanted = Kind.ENTRY_ALTERED
        if number % 2:  # a forger who gives the entry a digest that fits
            value["digest"] = digest_of({name: item for name, item in value.items() if name != "digest"})
            wanted = Kind.ENTRY_DIFFERS
        fault = fault_of(put_together(tmp_path / "b", replaced(members, member, at, value), FIRM))
        if path[0] == "engine_version" and number % 2:
            assert fault.kind in {Kind.ENTRY_DIFFERS, Kind.CHECKPOINT}
            continue
        assert fault.kind is wanted, (path, fault)
        assert fault.expected != fault.found


@pytest.mark.parametrize("entity", [ENTITY, OTHER])
@pytest.mark.parametrize("whose", [ENTITY, OTHER])
def test_a_record_that_was_stepped_over_on_record_is_left_out_and_named(tmp_path: Path, entity: str, whose: str) -> None:
    """Fails where a bundle of a partition that once stood still never verifies again; and where any operation may leave out."""
    journal = two_days()
    bad = [one for one in journal.records if one.statement.entity == whose and one.statement.kind == "position"][-2]
    lame = replace(bad, statement=replace(bad.statement, body={}))
    journal.records[bad.offset] = replace(lame, digest=hashlib.sha256(encode_statement(lame.statement)).digest())
    if entity == whose:
        unsaid = export(tmp_path / "unsaid", journal, published(journal, entity, left_out=bad.offset), entity=entity)
        assert fault_of(unsaid).kind is Kind.RECORD
    place = {"topic": "reserve.journal", "epoch": 0, "partition": 0, "offset": bad.offset}
    journal.at(200_000).operation("dismissal", entity=whose, body=place)
    journal.tick()
    found = published(journal, entity, left_out=bad.offset)
    result = verify(Reader(export(tmp_path / "said", journal, found, entity=entity)), FIRMS_KEY)
    assert result.tally.equal == sum(len(values) for values in found.outputs.values())
    if entity == whose:
        offset = journal.records[-2].offset
        assert result.notes == [
            f"journal offset {bad.offset} is left out: the engine cannot take it, and offset {offset} steps over it"
        ]


def test_an_operation_leaves_out_no_record_that_the_engine_takes(tmp_path: Path, journal: Journal) -> None:
    """Fails where a forger hides a balance by an operation: the engine that ran took it."""
    altered = two_days()
    taken = next(r for r in altered.records if r.statement.kind == "position" and r.statement.entity == ENTITY)
    place = {"topic": "reserve.journal", "epoch": 0, "partition": 0, "offset": taken.offset}
    altered.at(200_000).operation("dismissal", body=place)
    found = published(altered)
    assert verify(Reader(export(tmp_path / "as-it-ran", altered, found)), FIRMS_KEY).notes == []
    hidden = published(altered, left_out=taken.offset)
    assert fault_of(export(tmp_path / "forged", altered, hidden)).kind is not Kind.RECORD


def test_a_record_that_was_changed(tmp_path: Path, members: dict[str, bytes]) -> None:
    chance = random.Random(3)
    lines = [json.loads(line) for line in members[JOURNAL].splitlines()]
    own = [at for at, line in enumerate(lines) if "record" in line and line["record"]["kind"] not in {"configuration", "tick"}]
    for _ in range(30):
        at = chance.choice(own)
        value = json.loads(json.dumps(lines[at]))
        path = chance.choice(list(values_of(value["record"]["body"])))
        altered(value["record"]["body"], path)
        fault = fault_of(put_together(tmp_path / "b", replaced(members, JOURNAL, at, value), FIRM))
        assert fault.kind in {*LINE_KINDS, Kind.LINE, Kind.RECORD}, (path, fault)


def test_the_cause_names_the_records(tmp_path: Path, members: dict[str, bytes]) -> None:
    lines = [json.loads(line) for line in members[JOURNAL].splitlines()]
    at = next(n for n, one in enumerate(lines) if "record" in one and one["record"]["body"].get("account") == "hot-1")
    lines[at]["record"]["body"]["event_id"] = "another"
    fault = fault_of(put_together(tmp_path / "b", replaced(members, JOURNAL, at, lines[at]), FIRM))
    assert fault.kind is Kind.ENTRY_DIFFERS
    first, last = (int(word) for word in fault.cause.split() if word.isdigit())
    assert first <= at <= last


def test_a_time_that_was_changed(tmp_path: Path, members: dict[str, bytes]) -> None:
    """The journal's own time decides whether a record moves the clock."""
    lines = [json.loads(line) for line in members[JOURNAL].splitlines()]
    at = next(n for n, one in enumerate(lines) if one.get("record", {}).get("kind") == "tick")
    lines[at]["time"] = "2026-03-01T00:00:00.000000Z"
    assert fault_of(put_together(tmp_path / "b", replaced(members, JOURNAL, at, lines[at]), FIRM)).kind in {
        Kind.ENTRY_DIFFERS, Kind.ENTRY_TOO_MANY, Kind.ENTRY_MISSING, Kind.CHECKPOINT,
    }  # fmt: skip


def test_a_stub_for_a_record_and_a_record_for_a_stub(tmp_path: Path, members: dict[str, bytes]) -> None:
    lines = [json.loads(line) for line in members[JOURNAL].splitlines()]
    stub = next(one for one in lines if "stub" in one and "at" in one["stub"])
    own = next(n for n, one in enumerate(lines) if "record" in one and one["record"]["entity"] == ENTITY)
    for entity, kinds in ((OTHER, {Kind.ENTRY_DIFFERS, Kind.COMPLETENESS}), (ENTITY, {Kind.STUB})):
        forged = {"offset": own, "time": lines[own]["time"], "digest": stub["digest"], "stub": stub["stub"] | {"entity": entity}}
        assert fault_of(put_together(tmp_path / "b", replaced(members, JOURNAL, own, forged), FIRM)).kind in kinds
    other = json.loads(json.dumps(lines[own]))
    other["record"]["entity"] = OTHER
    assert fault_of(put_together(tmp_path / "b", replaced(members, JOURNAL, own, other), FIRM)).kind is Kind.RECORD


def test_a_stub_that_hides_trades(tmp_path: Path, members: dict[str, bytes]) -> None:
    lines = [json.loads(line) for line in members[JOURNAL].splitlines()]
    at = next(n for n, one in enumerate(lines) if "flow" in one.get("stub", {}))
    lines[at]["stub"]["cells"] = []
    assert fault_of(put_together(tmp_path / "b", replaced(members, JOURNAL, at, lines[at]), FIRM)).kind in LINE_KINDS


def test_a_pack_or_a_configuration_that_was_replaced(tmp_path: Path, members: dict[str, bytes]) -> None:
    for prefix, kind in (("packs/", Kind.PACK), ("configurations/", Kind.CONFIGURATION)):
        for name in [name for name in members if name.startswith(prefix)]:
            value = json.loads(members[name])
            altered(value, next(values_of(value)))
            forged = members | {name: canonical_bytes(value)}
            assert fault_of(put_together(tmp_path / "b", forged, FIRM)).kind is kind
            without = {other: data for other, data in members.items() if other != name}
            assert fault_of(put_together(tmp_path / "b", without, FIRM)).kind is Kind.CONTAINER
    more = {"packs/more.json": b"{}", **members}
    assert fault_of(put_together(tmp_path / "b", more, FIRM)).kind is Kind.COMPLETENESS


# --- keys and checkpoints
def test_another_key(tmp_path: Path, journal: Journal, members: dict[str, bytes]) -> None:
    stranger = Keyring((key(7),))
    forged = published(journal, keys=stranger)
    path = export(tmp_path / "b", journal, forged, keys=stranger)
    assert fault_of(path).kind is Kind.KEY
    lines = members[SEALS].splitlines()
    value = json.loads(lines[0]) | {"signature": forged.checkpoints[0]["signature"]}
    assert fault_of(put_together(tmp_path / "c", replaced(members, SEALS, 0, value), FIRM)).kind is Kind.SIGNATURE
    value = json.loads(lines[0]) | {"signature": None, "key_id": None}
    assert fault_of(put_together(tmp_path / "c", replaced(members, SEALS, 0, value), FIRM)).kind is Kind.SIGNATURE
    assert fault_of(put_together(tmp_path / "d", members, stranger)).kind is Kind.KEY


def test_another_entitys_checkpoint(tmp_path: Path, journal: Journal, members: dict[str, bytes]) -> None:
    others = published(journal, OTHER).checkpoints
    fault = fault_of(put_together(tmp_path / "b", replaced(members, SEALS, 0, others[0]), FIRM))
    assert fault.kind is Kind.CHECKPOINT
    assert "another entity" in fault.cause
    assert fault_of(put_together(tmp_path / "b", members, FIRM), Trust((), (others[0],))).kind is Kind.CHECKPOINT


@pytest.mark.parametrize("field", ["at", "business_date", "first_sequence", "last_sequence", "tree_size", "root", "previous"])
def test_a_checkpoint_that_was_changed_and_signed_again(tmp_path: Path, members: dict[str, bytes], field: str) -> None:
    from monitor.audit.checkpoints import content_of, signed

    value = content_of(json.loads(members[SEALS].splitlines()[1]))
    value[field] = changed(value[field])
    fault = fault_of(put_together(tmp_path / "b", replaced(members, SEALS, 1, signed(value, FIRM)), FIRM))
    assert (fault.kind, field in fault.place) == (Kind.CHECKPOINT, True)


def test_a_new_key_that_the_old_one_vouches_for(tmp_path: Path, journal: Journal) -> None:
    old, both = published(journal), published(journal, keys=Keyring((key(1), key(2))))
    turned = Published(old.outputs, [old.checkpoints[0], *both.checkpoints[1:]])
    path = export(tmp_path / "b", journal, turned, keys=Keyring((key(1), key(2))))
    assert verify(Reader(path), FIRMS_KEY).key_ids == (key(1).public.id, key(2).public.id)
    path = export(tmp_path / "c", journal, turned, keys=Keyring((key(2),)))
    assert verify(Reader(path), FIRMS_KEY).signed == 2
    assert verify(Reader(path), Trust()).signed == 2
    assert fault_of(path, Trust((key(2).public,))).kind is Kind.KEY


def test_a_forged_past_against_a_kept_checkpoint(tmp_path: Path, found: Published) -> None:
    """Whoever holds the firm's key can sign another past; a checkpoint kept from before shows it."""
    forged = _another_past()
    path = export(tmp_path / "b", forged, published(forged))
    assert isinstance(verify(Reader(path), FIRMS_KEY), Verified)
    fault = fault_of(path, Trust((key(1).public,), (found.checkpoints[1],)))
    assert fault.kind is Kind.CHECKPOINT
    assert "that you hold" in fault.cause


def test_an_end_cut_off_against_a_kept_checkpoint(tmp_path: Path, journal: Journal, found: Published) -> None:
    short = Journal()
    short.records = [record for record in journal.records if record.journal_time < short.start + 20_000 * 10**9]
    path = export(tmp_path / "b", short, published(short))
    assert isinstance(verify(Reader(path), FIRMS_KEY), Verified)
    assert fault_of(path, Trust((key(1).public,), (found.checkpoints[1],))).kind is Kind.COMPLETENESS


def _another_past() -> Journal:
    from monitor.core.journal.records import decode_record, encode_statement

    journal, changed_one = two_days(), False
    for at, record in enumerate(journal.records):
        if record.statement.body.get("account") == "hot-1" and not changed_one:
            text = encode_statement(record.statement).replace(b'"quantity":"1"', b'"quantity":"2"')
            journal.records[at] = decode_record(text, record.offset, record.journal_time)
            changed_one = True
    return journal


# --- what is not tampering
def test_alerts_that_compaction_took_are_pinned_by_the_chain(tmp_path: Path, journal: Journal, found: Published) -> None:
    newest = {alert["fingerprint"]: alert for alert in found.outputs[ALERTS]}
    last = max(value["chain"]["sequence"] for values in found.outputs.values() for value in values)
    kept = [a for a in found.outputs[ALERTS] if newest[a["fingerprint"]] is a or a["chain"]["sequence"] == last]
    path = export(tmp_path / "b", journal, Published({**found.outputs, ALERTS: kept}, found.checkpoints))
    result = verify(Reader(path), FIRMS_KEY)
    assert result.tally.absent == len(found.outputs[ALERTS]) - len(kept) > 0
    assert "keeps only the newest" in result.notes[0]


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with the digest that is its own."""
    return {**value, "digest": digest_of({name: item for name, item in value.items() if name != "digest"})}


def by_another_engine(found: Published, upto: int) -> Published:
    """What was published where another engine version made the entries up to a sequence, each linked to the one before it."""
    chain = sorted(
        ((value["chain"]["sequence"], topic, value) for topic, values in found.outputs.items() for value in values),
        key=lambda one: int(one[0]),
    )
    outputs: dict[str, list[Mapping[str, Any]]] = {topic: [] for topic in found.outputs}
    before, tree, sizes, roots = None, TreeHead(), {one["tree_size"] for one in found.checkpoints}, {}
    for sequence, topic, value in chain:
        linked = {**value, "chain": {"sequence": sequence, "previous_digest": before}}
        linked = sealed(linked | ({"engine_version": "0"} if sequence <= upto else {}))
        outputs[topic].append(linked)
        before = linked["digest"]
        tree.append(bytes.fromhex(before.removeprefix("sha256:")))
        if tree.size in sizes:
            roots[tree.size] = "sha256:" + tree.root().hex()
    checkpoints: list[Mapping[str, Any]] = []
    for one in found.checkpoints:
        previous = digest_of_checkpoint(checkpoints[-1]) if checkpoints else None
        checkpoints.append(signed(content_of(one) | {"root": roots[one["tree_size"]], "previous": previous}, FIRM))
    return Published(outputs, checkpoints)


@pytest.mark.parametrize("share", [2, 1])
def test_a_chain_of_another_engine_version_is_compared_by_results_links_and_seals(
    tmp_path: Path, journal: Journal, found: Published, share: int
) -> None:
    whole = sum(len(values) for values in found.outputs.values())
    older = by_another_engine(found, whole // share)
    result = verify(Reader(export(tmp_path / "b", journal, older)), FIRMS_KEY)
    assert (result.tally.equal, result.tally.results_only) == (0, whole)
    assert (result.checkpoints, result.signed) == (2, 2)
    assert "another engine version" in result.notes[0]


def test_another_engine_version_hides_no_other_result_link_or_seal(tmp_path: Path, journal: Journal, found: Published) -> None:
    older = by_another_engine(found, 10_000)
    assessments = list(older.outputs[ASSESSMENTS])
    results = [*assessments]
    results[3] = sealed({**results[3], "result_digest": results[2]["result_digest"]})
    links = [*assessments]
    links[3] = sealed({**links[3], "chain": links[3]["chain"] | {"previous_digest": links[0]["digest"]}})
    for number, (changed, text) in enumerate(((results, "the result is another"), (links, "follows another entry"))):
        path = export(tmp_path / str(number), journal, Published({**older.outputs, ASSESSMENTS: changed}, older.checkpoints))
        fault = fault_of(path)
        assert fault.kind is Kind.ENTRY_DIFFERS
        assert text in str(fault)
    another = Published(older.outputs, found.checkpoints)
    assert fault_of(export(tmp_path / "seals", journal, another)).kind is Kind.CHECKPOINT


def test_repeats_after_a_crash_are_left_out_and_a_fork_is_refused(tmp_path: Path, journal: Journal, found: Published) -> None:
    values = list(found.outputs[ASSESSMENTS])
    again = {**found.outputs, ASSESSMENTS: [*values[:5], *values[2:]]}
    path = export(tmp_path / "b", journal, Published(again, [*found.checkpoints, found.checkpoints[0]]))
    assert isinstance(verify(Reader(path), FIRMS_KEY), Verified)
    forked = {**found.outputs, ASSESSMENTS: [*values[:5], {**values[2], "digest": "sha256:other"}, *values[5:]]}
    with pytest.raises(CannotExport, match="forks at"):
        export(tmp_path / "c", journal, Published(forked, found.checkpoints))
    assert not (tmp_path / "c").exists()


def test_a_journal_with_a_hole_is_not_exported(tmp_path: Path, found: Published) -> None:
    short = two_days()
    del short.records[0]
    with pytest.raises(CannotExport, match="has no record 0"):
        export(tmp_path / "b", short, found)


def test_a_file_that_is_there_is_not_written_over(bundle: Path, journal: Journal, found: Published) -> None:
    before = bundle.read_bytes()
    with pytest.raises(UsageError, match="cannot be written anew"):
        export(bundle, journal, found)
    assert bundle.read_bytes() == before


def test_the_manifest_counts_are_checked(tmp_path: Path, members: dict[str, bytes]) -> None:
    for name in ("records", "stubs", "last_sequence", "checkpoints"):
        manifest = json.loads(members[MANIFEST])
        manifest[name] += 1
        forged = members | {MANIFEST: canonical_bytes(manifest)}
        fault = fault_of(put_together(tmp_path / "b", forged, FIRM))
        assert fault.kind is Kind.COMPLETENESS
        assert name in fault.place


# --- signatures of people
def approved() -> Journal:
    """A promotion with two signatures, then a configuration that carries another one."""
    journal = Journal()
    journal.configure(controlled("methods", "limits"))
    load(journal)
    journal.at(1).tick()
    put(journal.at(120), promotion())
    after = json.loads(controlled("methods", "limits", revision=2, prices={"outlier_ratio": "3"}))
    after["controls"]["approvals"] = [approval_of(promotion({"subject": "limits", "digest": part_digest(after, "limits")}))]
    journal.at(121).configure(canonical_bytes(after).decode())
    journal.at(122).tick()
    return journal


def test_approvals_are_checked_again(tmp_path: Path) -> None:
    journal = approved()
    found = published(journal)
    assert {one["mode"] for one in found.outputs[ASSESSMENTS][-2:]} == {"in_force"}
    assert {one["config_digest"] for one in found.outputs[ASSESSMENTS]} != {found.outputs[ASSESSMENTS][0]["config_digest"]}
    assert isinstance(verify(Reader(export(tmp_path / "a", journal, found)), FIRMS_KEY), Verified)


@pytest.mark.parametrize("signer", [{"ann": ANN}, {"ann": ANN, "bob": EVE}])
def test_a_journal_that_calls_a_wrong_signature_right_is_found(tmp_path: Path, signer: dict[str, Any]) -> None:
    """Intake, or who wrote in its place, put on record that two people signed what one did: figures and chain fit."""
    made = promotion(signers=signer)
    body = {name: value for name, value in approval_of(made).items() if name != "entity"}
    right = {"by": "bob", "key": BOB.public.text, "signature": "00" * 64, "right": True}
    body["signatures"] = [*(one for one in body["signatures"] if one["by"] == "ann"), right]
    journal = Journal()
    journal.configure(controlled("methods"))
    load(journal)
    journal.at(120).put(Statement("operation", ENTITY, journal.now, body))
    journal.at(121).tick()
    found = published(journal)
    assert found.outputs[ASSESSMENTS][-1]["mode"] == "in_force"
    fault = fault_of(export(tmp_path / "a", journal, found))
    assert (fault.kind, fault.place) == (Kind.APPROVAL, f"journal offset 6, {made['event_id']}")


def test_a_configuration_that_calls_a_wrong_signature_right_is_found(tmp_path: Path) -> None:
    journal = Journal()
    journal.configure(controlled("limits"))
    after = json.loads(controlled("limits", revision=2, prices={"outlier_ratio": "3"}))
    approval = approval_of(promotion({"subject": "limits", "digest": part_digest(after, "limits")}, {"ann": ANN, "bob": EVE}))
    approval["signatures"] = [
        one | {"right": True, "key": BOB.public.text if one["by"] == "bob" else one["key"]} for one in approval["signatures"]
    ]
    after["controls"]["approvals"] = [approval]
    load(journal)
    journal.at(121).configure(canonical_bytes(after).decode())
    journal.at(122).tick()
    fault = fault_of(export(tmp_path / "a", journal, published(journal)))
    assert (fault.kind, fault.place) == (Kind.APPROVAL, f"configuration 2, {approval['event_id']}")
