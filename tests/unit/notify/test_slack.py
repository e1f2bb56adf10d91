import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor.notify.channel import Notice, Receipt, Refused, Told, Undelivered
from monitor.notify.settings import NO_LINKS, Links, SlackSettings
from monitor.notify.slack import SlackChannel, blocks
from tests.alert_samples import an_alert
from tests.receivers import SlackReceiver


@contextlib.asynccontextmanager
async def channel(receiver: SlackReceiver, tmp_path: Path, timeout_s: float = 5.0) -> AsyncIterator[SlackChannel]:
    token = tmp_path / "token"
    token.write_text("xoxb-1\n")
    settings = SlackSettings(type="slack", token_file=token, channel="C1", url=f"{receiver.url}/api", timeout_s=timeout_s)
    made = SlackChannel("chat", settings, Links("http://status"))
    try:
        yield made
    finally:
        await made.close()


def told(receipt: Receipt, **changes: object) -> Told:
    fields = {
        "revision": 1,
        "starts_at": "2026-01-05T03:00:00Z",
        "severity": "critical",
        "firing": True,
        "handle": receipt.handle,
    }
    return Told(**(fields | changes))  # type: ignore[arg-type]


async def test_one_parent_edited_and_its_changes_in_the_thread(tmp_path: Path) -> None:
    async with SlackReceiver(token="xoxb-1").serve() as slack, channel(slack, tmp_path) as chat:
        first = await chat.deliver(Notice(an_alert(severity="warning")))
        assert first.handle == "C1:1770000000.000000"
        await chat.deliver(Notice(an_alert(revision=2, reason="escalated"), told(first, severity="warning")))
        await chat.deliver(Notice(an_alert(revision=3, reason="updated"), told(first, revision=2)))
        await chat.deliver(Notice(an_alert(revision=4, status="resolved"), told(first, revision=3)))
        (parent,) = slack.parents
        assert parent["text"].startswith("RESOLVED ReserveShortfall jp-main")
        assert parent["metadata"]["event_payload"]["revision"] == 4
        assert [(reply["thread_ts"], reply["reply_broadcast"]) for reply in slack.replies] == [
            ("1770000000.000000", True),
            ("1770000000.000000", False),
        ], "an escalation is shown in the channel, changed figures only edit, an end is said in the thread"


async def test_a_lost_answer_leaves_one_parent(tmp_path: Path) -> None:
    async with SlackReceiver(token="xoxb-1", swallow_answers=1).serve() as slack, channel(slack, tmp_path) as chat:
        with pytest.raises(Undelivered):
            await chat.deliver(Notice(an_alert()))
        receipt = await chat.deliver(Notice(an_alert(), None, maybe_told=True))
        assert len(slack.parents) == 1
        assert receipt.handle is not None
        assert receipt.handle.endswith("1770000000.000000")


async def test_without_the_right_to_read_it_posts_again_rather_than_not_at_all(tmp_path: Path) -> None:
    async with SlackReceiver(token="xoxb-1", can_read=False).serve() as slack, channel(slack, tmp_path) as chat:
        await chat.deliver(Notice(an_alert(), None, maybe_told=True))
        assert len(slack.parents) == 1


async def test_a_parent_that_is_gone_is_posted_anew(tmp_path: Path) -> None:
    async with SlackReceiver(token="xoxb-1").serve() as slack, channel(slack, tmp_path) as chat:
        receipt = await chat.deliver(Notice(an_alert(revision=2), told(Receipt("C1:1.0"))))
        assert receipt.handle == "C1:1770000000.000000"


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_too_long", "invalid_auth", "not_in_channel", "internal_error"])
async def test_errors_of_the_service(tmp_path: Path, error: str) -> None:
    expected = Refused if error in {"invalid_blocks", "msg_too_long"} else Undelivered
    async with SlackReceiver(token="xoxb-1", error=error).serve() as slack, channel(slack, tmp_path) as chat:
        with pytest.raises(expected, match=error):
            await chat.deliver(Notice(an_alert()))


async def test_too_many_requests_names_the_time(tmp_path: Path) -> None:
    async with SlackReceiver(token="xoxb-1", status=429, retry_after="12").serve() as slack, channel(slack, tmp_path) as chat:
        with pytest.raises(Undelivered) as caught:
            await chat.deliver(Notice(an_alert()))
        assert caught.value.retry_after_s == 12.0
        assert len(slack.requests) == 1


async def test_an_answer_that_is_not_json_is_undelivered(tmp_path: Path) -> None:
    async with SlackReceiver(token="xoxb-1", plain_text=True).serve() as slack, channel(slack, tmp_path) as chat:
        with pytest.raises(Undelivered):
            await chat.deliver(Notice(an_alert()))


@pytest.mark.parametrize("status", [500, 503])
async def test_a_failing_or_hanging_service_is_undelivered(tmp_path: Path, status: int) -> None:
    async with SlackReceiver(token="xoxb-1", status=status).serve() as slack, channel(slack, tmp_path, timeout_s=0.1) as chat:
        with pytest.raises(Undelivered):
            await chat.deliver(Notice(an_alert()))
        slack.status, slack.hanging = None, True
        with pytest.raises(Undelivered):
            await chat.deliver(Notice(an_alert()))


def test_blocks_say_what_why_until_when_and_where() -> None:
    made = [
        block.to_dict()
        for block in blocks(
            Notice(an_alert(summary="<!channel> & more", rehearsal=True)), Links("http://status", "http://grafana/")
        )
    ]
    assert [block["type"] for block in made] == ["header", "section", "section", "section", "section", "divider", "context"]
    assert made[0]["text"]["text"].startswith("[REHEARSAL] CRITICAL ReserveShortfall")
    assert "&lt;!channel&gt; &amp; more" in made[1]["text"]["text"]
    assert "*required*\n1,850,000,000" in [field["text"] for field in made[2]["fields"]]
    assert "b-1 (custody.balances partition 3 offset 881)" in made[3]["text"]["text"]
    assert made[4]["text"]["text"] == "*Cure by* 2026-01-09"
    assert f"`explain {an_alert().fingerprint[:12]}`" in made[6]["elements"][0]["text"]
    assert "<http://status/?entity=jp-main|Status>" in made[6]["elements"][0]["text"]


def test_long_texts_are_cut_to_what_the_service_takes() -> None:
    causes = [{"topic": "t", "partition": 0, "offset": n, "event_id": "e" * 900} for n in range(9)]
    figures = {f"figure_{n}": "9" * 40 for n in range(30)}
    made = [
        block.to_dict() for block in blocks(Notice(an_alert(description="d" * 9000, causes=causes, figures=figures)), NO_LINKS)
    ]
    assert all(len(block.get("text", {}).get("text", "")) <= 3000 for block in made)
    assert max(len(block.get("fields", [])) for block in made) == 10
