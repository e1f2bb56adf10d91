"""The benchmark command at a tiny size: it runs, and its programs agree on the totals (it ends with an error if not)."""

import pytest

from benchmarks.__main__ import main


@pytest.mark.broker
def test_programs_and_stages_agree_on_a_tiny_load(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["programs", "stages", "--records", "1500"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for line in ("this intake", "only fetching, getmany", "a pydantic model", "plain Faust agent, Tables", "decode and validate"):
        assert line in printed.out


def test_an_unknown_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["speed"])
    assert ended.value.code == 2
    assert "no part speed" in capsys.readouterr().err
