import hashlib
import hmac
from pathlib import Path

import pytest

from monitor.notify.channel import Notice, Refused, Undelivered
from monitor.notify.settings import Links, WebhookSettings
from monitor.notify.webhook import WebhookChannel, signature
from tests.alert_samples import an_alert
from tests.receivers import WebhookReceiver


def channel(url: str, secret: Path | None = None, timeout_s: float = 5.0) -> WebhookChannel:
    return WebhookChannel(
        "hook", WebhookSettings(type="webhook", url=url, secret_file=secret, timeout_s=timeout_s), clock=lambda: 1_770_000_000.9
    )


def test_signature_is_hmac_of_time_point_body() -> None:
    expected = hmac.new(b"s3", b'1770000000.{"a":1}', hashlib.sha256).hexdigest()
    assert signature("s3", "1770000000", b'{"a":1}') == f"sha256={expected}"


async def test_posts_the_object_signed_with_its_key(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("first\n")
    async with WebhookReceiver(secret="first").serve() as receiver:
        hook = channel(receiver.url, secret)
        alert = an_alert(revision=3)
        await hook.deliver(Notice(alert))
        request = receiver.accepted[0]
        assert request.body == alert.body
        assert request.headers["Idempotency-Key"] == f"{alert.fingerprint}/3"
        assert request.headers["X-Reserve-Timestamp"] == "1770000000"
        secret.write_text("second")
        receiver.secret = "second"
        await hook.deliver(Notice(alert))
        assert len(receiver.accepted) == 2, "a new secret needs no restart"
        await hook.close()


async def test_a_header_leads_to_the_page_of_the_entity() -> None:
    async with WebhookReceiver().serve() as receiver:
        hook = WebhookChannel("hook", WebhookSettings(type="webhook", url=receiver.url), Links("https://reserve.example"))
        alert = an_alert()
        await hook.deliver(Notice(alert))
        assert receiver.accepted[0].headers["X-Reserve-Page"] == f"https://reserve.example/?entity={alert.entity}"
        assert receiver.accepted[0].body == alert.body
        await hook.close()


async def test_without_secret_nothing_is_signed() -> None:
    async with WebhookReceiver().serve() as receiver:
        hook = channel(receiver.url)
        await hook.deliver(Notice(an_alert()))
        assert "X-Reserve-Signature" not in receiver.accepted[0].headers
        await hook.close()


@pytest.mark.parametrize("status", [400, 413, 422, 302, 401, 404, 429, 500, 503])
async def test_answers(status: int) -> None:
    expected = Refused if status in {400, 413, 422} else Undelivered
    async with WebhookReceiver(status=status).serve() as receiver:
        hook = channel(receiver.url)
        with pytest.raises(expected, match=str(status)):
            await hook.deliver(Notice(an_alert()))
        await hook.close()


async def test_retry_after_is_read_and_bounded() -> None:
    async with WebhookReceiver(status=429, retry_after="7").serve() as receiver:
        hook = channel(receiver.url)
        for header, expected in (("7", 7.0), ("99999", 600.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None)):
            receiver.retry_after = header
            with pytest.raises(Undelivered) as caught:
                await hook.deliver(Notice(an_alert()))
            assert caught.value.retry_after_s == expected
        await hook.close()


async def test_a_receiver_that_hangs_or_is_gone_is_undelivered() -> None:
    async with WebhookReceiver(hanging=True).serve() as receiver:
        hook = channel(receiver.url, timeout_s=0.05)
        with pytest.raises(Undelivered):
            await hook.deliver(Notice(an_alert()))
    with pytest.raises(Undelivered):
        await hook.deliver(Notice(an_alert()))
    await hook.close()


async def test_a_missing_or_empty_secret_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    for path in (tmp_path / "absent", tmp_path / "empty"):
        hook = channel("http://127.0.0.1:1", path)
        with pytest.raises(Undelivered, match="secret file"):
            await hook.deliver(Notice(an_alert()))
        await hook.close()
