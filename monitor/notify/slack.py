"""Slack: one parent message an alert, edited when its state changes; a change of state or severity is also said in its thread.

Each message carries fingerprint and revision as metadata. When an answer was lost, or what was told is not known after a
crash, the parent is looked for by them, so that one alert has one parent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Self

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    DividerBlock,
    HeaderBlock,
    MarkdownTextObject,
    PlainTextObject,
    SectionBlock,
)
from slack_sdk.web.async_client import AsyncWebClient

from monitor.core.values.times import SECOND, parse_time
from monitor.notify import text
from monitor.notify.alert import Alert
from monitor.notify.channel import Beat, Group, Notice, Receipt, Refused, Undelivered
from monitor.notify.http import Http, read_secret, retry_after_s
from monitor.notify.settings import NO_LINKS, Links, SlackSettings

EVENT_TYPE = "reserve_alert"
_HEADER, _SECTION, _FIELD, _FIELDS = 150, 3000, 2000, 10
_LISTED = 20
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
_REFUSING = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "invalid_arguments"}
)
_HISTORY_SLACK_S = 3600


class SlackChannel:
    """One channel of a workspace. A handle is `<channel id>:<message ts>`: editing asks for the id, not the name."""

    refresh_s = None
    ends_disturb = True

    def __init__(self, name: str, settings: SlackSettings, links: Links = NO_LINKS) -> None:
        self.name = name
        self._settings = settings
        self._links = links
        self._http = Http(settings.timeout_s)

    @property
    def grouping(self) -> Self:
        """Many alerts are better told as one."""
        return self

    async def deliver(self, notice: Notice) -> Receipt:
        """Post or edit the parent, then say the change in its thread."""
        return await self._asked(self._deliver(notice, self._client()))

    async def deliver_group(self, group: Group) -> Receipt:
        """One message with the list of what fires, edited as that changes; graver news and the end are said in its thread."""
        return await self._asked(self._deliver_group(group, self._client()))

    async def _asked(self, asked: Awaitable[Receipt]) -> Receipt:
        try:
            return await asked
        except SlackApiError as error:
            raise _failure(error) from error
        except (SlackClientError, aiohttp.ClientError, OSError, AttributeError, ValueError) as error:
            # the last two: what the vendor's client raises for an answer that is not JSON
            raise Undelivered(f"Slack: {str(error) or type(error).__name__}") from error

    async def refresh(self, standing: Sequence[Notice], beats: Sequence[Beat]) -> int:  # noqa: ARG002 - nothing is told again
        """Nothing: Slack remembers."""
        return 0

    async def close(self) -> None:
        """End connections."""
        await self._http.close()

    def _client(self) -> AsyncWebClient:
        return AsyncWebClient(
            read_secret(self._settings.token_file), base_url=self._settings.url, session=self._http.session, retry_handlers=[]
        )

    async def _deliver(self, notice: Notice, client: AsyncWebClient) -> Receipt:
        handle = notice.told.handle if notice.told is not None else None
        if handle is None and notice.maybe_told:
            handle = await self._find(notice.alert.fingerprint, notice.alert.starts_at, client)
        if handle is None or not await self._edit(handle, self._message(notice), client):
            answer = await client.chat_postMessage(channel=self._settings.channel, **self._message(notice))
            return Receipt(f"{answer['channel']}:{answer['ts']}")
        if notice.told is None or (notice.told.firing, notice.told.severity) != (notice.firing, notice.alert.severity):
            worse = notice.firing and (notice.told is None or not notice.told.firing or notice.alert.severity == "critical")
            words = f"{text.title(notice.alert, notice.firing)}: {notice.alert.summary} ({notice.alert.reason})"
            await self._say(handle, words, client, broadcast=worse)
        return Receipt(handle)

    async def _deliver_group(self, group: Group, client: AsyncWebClient) -> Receipt:
        handle = group.handle
        if handle is None and group.maybe_told:
            handle = await self._find(group.key, min(notice.alert.starts_at for notice in group.changed), client)
        message = self._group_message(group)
        if handle is None or not await self._edit(handle, message, client):
            answer = await client.chat_postMessage(channel=self._settings.channel, **message)
            return Receipt(f"{answer['channel']}:{answer['ts']}")
        worse = [n.alert for n in group.changed if n.firing and (n.told is None or n.told.severity != n.alert.severity)]
        if group.begun and (worse or not group.standing):
            words = f"{text.group_title(group)}: {worse[0].summary if worse else 'all of this group are over'}"
            await self._say(handle, words, client, broadcast=bool(worse))
        return Receipt(handle)

    async def _edit(self, handle: str, message: Mapping[str, Any], client: AsyncWebClient) -> bool:
        channel, _, ts = handle.partition(":")
        try:
            await client.chat_update(channel=channel, ts=ts, **message)
        except SlackApiError as error:
            if error.response["error"] in _GONE:
                return False
            raise
        return True

    @staticmethod
    async def _say(handle: str, words: str, client: AsyncWebClient, *, broadcast: bool) -> None:
        """In the thread; what became worse is shown in the channel too, since nobody is told of an edit."""
        channel, _, ts = handle.partition(":")
        await client.chat_postMessage(channel=channel, thread_ts=ts, reply_broadcast=broadcast, text=_escaped(words))

    async def _find(self, name: str, starts_at: str, client: AsyncWebClient) -> str | None:
        """The parent of an alert or group among the messages since it began; None without the right to read it, or its id."""
        oldest = parse_time(starts_at) // SECOND - _HISTORY_SLACK_S
        try:
            answer = await client.conversations_history(
                channel=self._settings.channel, oldest=str(oldest), limit=200, include_all_metadata=True
            )
        except SlackApiError as error:
            if error.response["error"] in {"missing_scope", "channel_not_found", "not_in_channel"}:
                return None
            raise
        messages: list[dict[str, Any]] = answer.get("messages", [])
        for message in messages:
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == EVENT_TYPE and metadata["event_payload"].get("fingerprint") == name:
                return f"{self._settings.channel}:{message['ts']}"
        return None

    def _message(self, notice: Notice) -> dict[str, Any]:
        alert = notice.alert
        words = f"{text.title(alert, notice.firing)}: {alert.summary}"
        return _message(words, blocks(notice, self._links), alert.fingerprint, alert.revision, notice.firing)

    def _group_message(self, group: Group) -> dict[str, Any]:
        words = f"{text.group_title(group)}: {group.worst.summary}"
        revision = max(notice.alert.revision for notice in group.changed)
        return _message(words, group_blocks(group, self._links), group.key, revision, bool(group.standing))


def _message(words: str, shown: list[Block], name: str, revision: int, firing: bool) -> dict[str, Any]:
    payload = {"fingerprint": name, "revision": revision, "status": "firing" if firing else "resolved"}
    return {
        "text": _escaped(words),
        "blocks": shown,
        "metadata": {"event_type": EVENT_TYPE, "event_payload": payload},
        "unfurl_links": False,
    }


def group_blocks(group: Group, to: Links) -> list[Block]:
    """Headline, the worst, and the list of what fires: all within Slack's limits."""
    worst = group.worst
    result: list[Block] = [
        HeaderBlock(text=PlainTextObject(text=text.clipped(text.group_title(group), _HEADER), emoji=False)),
        _section(f"*{_escaped(worst.summary)}*\n{_escaped(worst.description)}"),
    ]
    lines = text.group_lines(group, _LISTED)
    if lines:
        result.append(_section("\n".join(f"• {_escaped(line)}" for line in lines)))
    times = f"since {worst.starts_at}" + ("" if group.standing else f", ended {worst.ends_at or worst.updated_at}")
    return [
        *result,
        DividerBlock(),
        ContextBlock(elements=[MarkdownTextObject(text=" | ".join([times, *_links(worst, to)]))]),
    ]


def blocks(notice: Notice, to: Links) -> list[Block]:
    """Headline, what it is, figures, why, cure deadline, links: in this order, all within Slack's limits."""
    alert = notice.alert
    result: list[Block] = [
        HeaderBlock(text=PlainTextObject(text=text.clipped(text.title(alert, notice.firing), _HEADER), emoji=False)),
        _section(f"*{_escaped(alert.summary)}*\n{_escaped(alert.description)}"),
    ]
    figures = list(text.figures(alert).items())[:_FIELDS]
    if figures:
        fields = [text.clipped(f"*{_escaped(name)}*\n{_escaped(figure)}", _FIELD) for name, figure in figures]
        result.append(SectionBlock(fields=[MarkdownTextObject(text=field) for field in fields]))
    why = text.causes(alert)
    if why:
        result.append(_section("*Why*\n" + "\n".join(f"• {_escaped(line)}" for line in why)))
    if alert.cure_by is not None and notice.firing:
        result.append(_section(f"*Cure by* {_escaped(alert.cure_by)}"))
    times = f"since {alert.starts_at}" + ("" if notice.firing else f", ended {alert.ends_at or alert.updated_at}")
    foot = " | ".join([times, *_links(alert, to), f"`explain {alert.fingerprint[:12]}`"])
    result += [DividerBlock(), ContextBlock(elements=[MarkdownTextObject(text=foot)])]
    return result


def _links(alert: Alert, to: Links) -> list[str]:
    links = [f"<{alert.runbook_url}|Runbook>"] if alert.runbook_url.startswith("http") else []
    if to.status_url is not None:
        links.append(f"<{text.page(to.status_url, alert)}|Status>")
    if to.boards_url is not None:
        links.append(f"<{text.board(to.boards_url, alert)}|Board>")
    return links


def _section(markdown: str) -> SectionBlock:
    return SectionBlock(text=MarkdownTextObject(text=text.clipped(markdown, _SECTION)))


def _escaped(words: str) -> str:
    """Text in which nothing is read as markup, mention or link."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _failure(error: SlackApiError) -> Undelivered | Refused:
    answer = error.response
    headers = getattr(answer, "headers", {})
    code = answer.get("error") if hasattr(answer, "get") else None
    detail = f"Slack: {code or error}"
    return Refused(detail) if code in _REFUSING else Undelivered(detail, retry_after_s(headers.get("Retry-After")))
