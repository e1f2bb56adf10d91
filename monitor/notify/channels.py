"""From settings to a channel."""

from __future__ import annotations

from monitor.notify.alertmanager import AlertmanagerChannel
from monitor.notify.channel import Channel
from monitor.notify.pagerduty import PagerDutyChannel
from monitor.notify.settings import NO_LINKS, AlertmanagerSettings, AnyChannelSettings, Links, PagerDutySettings, WebhookSettings
from monitor.notify.slack import SlackChannel
from monitor.notify.webhook import WebhookChannel


def make_channel(name: str, settings: AnyChannelSettings, *, hold_s: float, links: Links = NO_LINKS) -> Channel:
    """The channel `name`. `hold_s` is `alerting.hold_s`; `links`: where its notifications lead."""
    if isinstance(settings, AlertmanagerSettings):
        return AlertmanagerChannel(name, settings, hold_s, links)
    if isinstance(settings, WebhookSettings):
        return WebhookChannel(name, settings, links)
    if isinstance(settings, PagerDutySettings):
        return PagerDutyChannel(name, settings, links)
    return SlackChannel(name, settings, links)
