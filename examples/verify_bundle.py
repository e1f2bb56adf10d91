"""A second opinion on a bundle of evidence: chain, tree and signatures, in plain Python and nothing else.

    python verify_bundle.py jp-main.bundle [PUBLIC_KEY]

Written from docs/evidence.md alone; it uses no code of the program that made the bundle, and no library beyond Python's own.
It does not compute figures (that is the other program's part): it shows that the entries are one unbroken chain, that
the records they name are the ones in the file, and that the checkpoints seal that chain under the key.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import sys
import tarfile

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


class Wrong(Exception):
    """Something is not as it must be."""


def canonical(value):
    """RFC 8785 for values without fractions: what every digest and signature is over."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data):
    """The 32 bytes."""
    return hashlib.sha256(data).digest()


def digest(value):
    """As records write it."""
    return "sha256:" + sha256(canonical(value)).hex()


def without(value, *names):
    """The object without some fields."""
    return {name: item for name, item in value.items() if name not in names}


# --- Ed25519 (RFC 8032, 5.1), points as extended coordinates
def add(one, other):
    """The sum of two points."""
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    """The point added to itself."""
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point = add(point, point)
        number >>= 1
    return total


def decompressed(data):
    """The point that 32 bytes write."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise Wrong("the bytes are no point of the curve")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = decompressed(bytes.fromhex("5866666666666666666666666666666666666666666666666666666666666666"))


def verifies(public, message, signature):
    """Whether the 64 bytes are the signature of the 32-byte key over the message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    left, right = times(s, BASE), add(decompressed(signature[:32]), times(h, decompressed(public)))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


# --- the Merkle tree (RFC 6962, 2.1)
def root(peaks):
    """The root over the perfect trees so far, the largest first."""
    found = peaks[-1]
    for peak in reversed(peaks[:-1]):
        found = sha256(b"\x01" + peak + found)
    return found


def grown(peaks, size, leaf):
    """The perfect trees once a leaf is added behind `size` others."""
    node = sha256(b"\x00" + leaf)
    while size & 1:
        node, size = sha256(b"\x01" + peaks.pop() + node), size >> 1
    return [*peaks, node]


# --- the bundle
class Bundle:
    """The members of the file."""

    def __init__(self, path):
        with tarfile.open(path) as file:
            self.data = {member.name: file.extractfile(member).read() for member in file}
        self.manifest = json.loads(self.data["manifest.json"])
        for member in self.manifest["members"]:
            if "sha256:" + sha256(self.data[member["name"]]).hex() != member["digest"]:
                raise Wrong(f"{member['name']} is not as it was exported")
        self.state = self._state()
        if self.manifest["digest"] != digest(without(self.manifest, "digest", "key_id", "signature")):
            raise Wrong("the manifest is not as it was written")

    def _state(self):
        """What the bundle begins with, by name; nothing where it begins with the journal."""
        told = self.manifest.get("from")
        if not told:
            return {}
        buckets = {line["name"]: base64.b64decode(line["data"]) for line in self.lines("snapshot.ndjson.gz")}
        digests = {name: "sha256:" + sha256(data).hex() for name, data in buckets.items()}
        if told["digest"] != digest({"position": told["position"], "version": told["version"], "buckets": digests}):
            raise Wrong("the state is not the one the manifest names")
        if not any(line.get("record", {}).get("body", {}).get("snapshot") == told for line in self.lines("journal.ndjson.gz")):
            raise Wrong("no record of the journal names the state that the bundle begins with")
        parts = sorted((name.partition("~")[0], int(name.partition("~")[2] or 0), name) for name in buckets)
        texts = {}
        for name, _, part in parts:
            texts[name] = texts.get(name, b"") + buckets[part]
        return {name: json.loads(text) for name, text in texts.items()}

    @property
    def standing(self):
        """How the entity's chain and seals stood at the beginning."""
        return self.state.get(f"entity/{self.manifest['entity']}/standing", {})

    def lines(self, name):
        """The objects of a member."""
        return [json.loads(line) for line in gzip.decompress(self.data[name]).splitlines()]


def entries_of(bundle):
    """All entries by their place in the chain."""
    found = [entry for name in ("assessments", "exposures", "alerts") for entry in bundle.lines(f"{name}.ndjson.gz")]
    return sorted(found, key=lambda entry: entry["chain"]["sequence"])


def check_chain(entries, begun):
    """Every entry's own digest, and that it names the one before. Gives all digests; absent alerts are known by name alone."""
    digests = {}
    for entry in entries:
        sequence, previous = entry["chain"]["sequence"], entry["chain"]["previous_digest"]
        if entry["digest"] != digest(without(entry, "digest")):
            raise Wrong(f"entry {sequence} was altered: its digest is not its own")
        if sequence in digests:
            raise Wrong(f"entry {sequence} is there twice")
        if digests.setdefault(sequence - 1, previous) != previous:
            raise Wrong(f"entry {sequence} does not follow the one before it")
        digests[sequence] = entry["digest"]
    if digests.pop(begun.get("sequence", 0), None) != begun.get("digest"):
        raise Wrong("the first entry does not follow what the bundle begins with")
    return digests


def check_records(bundle, entries):
    """That each entry's `inputs_digest` is over the very records in the file."""
    wanted = {}
    for entry in entries:
        if "inputs_digest" in entry:
            wanted[entry["journal"]["offset"]] = entry["inputs_digest"]
    inputs = bundle.state.get("engine", {}).get("inputs", {}).get(bundle.manifest["entity"], bytes(32).hex())
    running, count = bytes.fromhex(inputs), 0
    first = bundle.manifest.get("from", {"position": -1})["position"] + 1
    for number, line in enumerate(bundle.lines("journal.ndjson.gz"), first):
        if line["offset"] != number:
            raise Wrong(f"journal record {number} is not there")
        # An evaluation that a later record brings about stands on the records before it: that is the offset it names.
        if "record" in line:
            running, count = sha256(running + sha256(canonical(line["record"]))), count + 1
        if number in wanted and wanted[number] != "sha256:" + running.hex():
            raise Wrong(f"the records up to journal offset {number} are not those the entries were made from")
    return count


def check_seals(bundle, digests, key):
    """Roots, order and signatures of the checkpoints, then the manifest's; keys begin with `key`, else with those listed."""
    keys = [key] if key else list(bundle.manifest["public_keys"])
    begun, newest = bundle.standing.get("chain", {}), bundle.standing.get("seal", {}).get("newest")
    peaks, size = [bytes.fromhex(peak) for peak in begun.get("peaks", [])], begun.get("sequence", 0)
    previous = digest(newest) if newest else None
    for checkpoint in bundle.lines("checkpoints.ndjson.gz"):
        while size < checkpoint["tree_size"]:
            if size + 1 not in digests:
                raise Wrong(f"entry {size + 1} is not in the file and not named by another: the tree cannot be built")
            peaks = grown(peaks, size, bytes.fromhex(digests[size + 1][7:]))
            size += 1
        place = f"the checkpoint over {size} entries"
        if checkpoint["root"] != "sha256:" + root(peaks).hex() or checkpoint["entity"] != bundle.manifest["entity"]:
            raise Wrong(f"{place} seals another chain")
        if checkpoint["previous"] != previous:
            raise Wrong(f"{place} does not follow the one before it")
        previous = digest(without(checkpoint, "key_id", "rotation", "signature"))
        rotation = checkpoint.get("rotation")
        if rotation and rotation["previous_public_key"] in keys:
            before = bytes.fromhex(rotation["previous_public_key"][8:])
            if verifies(before, canonical(without(rotation, "signature")), bytes.fromhex(rotation["signature"])):
                keys.append(rotation["public_key"])
        signing = [one for one in keys if hashlib.sha256(bytes.fromhex(one[8:])).hexdigest()[:16] == checkpoint["key_id"]]
        message = canonical(without(checkpoint, "signature"))
        if not signing or not verifies(bytes.fromhex(signing[0][8:]), message, bytes.fromhex(checkpoint["signature"])):
            raise Wrong(f"{place} is not signed by the key")
    check_manifest(bundle.manifest, keys)
    return size


def check_manifest(manifest, keys):
    """That one of these keys signed it; an exporter without a key signs nothing."""
    if manifest["key_id"] is None and manifest["signature"] is None:
        return
    message = canonical(without(manifest, "signature"))
    signing = [one for one in keys if hashlib.sha256(bytes.fromhex(one[8:])).hexdigest()[:16] == manifest["key_id"]]
    if not signing or not verifies(bytes.fromhex(signing[0][8:]), message, bytes.fromhex(manifest["signature"])):
        raise Wrong("the manifest is not signed by the key")


def check_counts(bundle):
    """That there are as many lines as the manifest says."""
    told = {**bundle.manifest["outputs"], "records": bundle.manifest["records"], "checkpoints": bundle.manifest["checkpoints"]}
    for name, count in told.items():
        member = "journal" if name == "records" else name.removeprefix("reserve.")
        if len(bundle.lines(f"{member}.ndjson.gz")) != count:
            raise Wrong(f"lines of {member} were cut off or added")


SIGNED = ("event_id", "kind", "at", "by", "reason", "expires_at", "body")


def check_people(bundle):
    """That each signature of a person under an act is right where the journal or a configuration says so, and wrong else."""
    records = [line["record"] for line in bundle.lines("journal.ndjson.gz") if "record" in line]
    acts = [{**record["body"], "entity": record["entity"]} for record in records if record["kind"] == "operation"]
    for name, data in bundle.data.items():
        if name.startswith("configurations/"):
            acts += json.loads(data).get("controls", {}).get("approvals", [])
    for act in acts:
        for one in act.get("signatures", []):
            said = {"schema": "reserve.operation/1", "entity": act["entity"], **{name: act[name] for name in SIGNED}}
            public, signature = bytes.fromhex(one["key"][8:]), bytes.fromhex(one["signature"])
            if verifies(public, canonical(said), signature) is not one["right"]:
                raise Wrong(f"the journal says of {one['by']}'s signature under {act['event_id']} what is not so")


def check(path, key=None):
    """What was checked, in one line; `Wrong` otherwise."""
    bundle = Bundle(path)
    entries = entries_of(bundle)
    digests = check_chain(entries, bundle.standing.get("chain", {}))
    records = check_records(bundle, entries)
    sealed = check_seals(bundle, digests, key)
    check_people(bundle)
    check_counts(bundle)
    return f"{len(entries)} entries are one chain over {records} records, sealed up to entry {sealed}"


if __name__ == "__main__":
    try:
        print(check(*sys.argv[1:3]))
    except (Wrong, KeyError, ValueError, OSError, tarfile.TarError) as error:
        sys.exit(f"not right: {error}")
