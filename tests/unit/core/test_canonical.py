"""One text for one value."""

from typing import Any

import pytest

from monitor.core.values.canonical import canonical_bytes, digest_of, digest_of_bytes


def test_keys_are_sorted_and_nothing_is_spaced() -> None:
    assert canonical_bytes({"b": [1, True, None], "a": "é"}) == '{"a":"é","b":[1,true,null]}'.encode()


@pytest.mark.parametrize("value", [1.5, {"a": 0.1}, [b"x"], {1: "a"}, {"é": 1}])
def test_a_value_without_a_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical_bytes(value)


def test_an_integer_that_a_double_cannot_hold_is_refused() -> None:
    assert canonical_bytes(2**53 - 1) == b"9007199254740991"
    with pytest.raises(ValueError, match="beyond 2\\*\\*53"):
        canonical_bytes([2**53])


def test_a_digest_names_its_algorithm() -> None:
    assert digest_of({}) == digest_of_bytes(b"{}") == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
