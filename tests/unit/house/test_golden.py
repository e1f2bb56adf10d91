"""No byte of output changes unnoticed: a seeded run gives what it gave, or someone renewed it on purpose."""

import json

from tests.golden.run import DIGESTS, digests


def test_a_seeded_run_gives_the_same_bytes() -> None:
    expected, found = json.loads(DIGESTS.read_text(encoding="utf-8")), digests()
    changed = [kind for kind in sorted({*expected, *found}) if expected.get(kind) != found.get(kind)]
    assert changed == [], f"other bytes: {', '.join(changed)}; if that is meant: make golden, and a line in the changelog"
