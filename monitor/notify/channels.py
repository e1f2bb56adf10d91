"""From settings to a channel."""

from __future__ import annotations

from monitor.notify.alertmanager import AlertmanagerChannel
from monitor.notify.channel import Channel
from monitor.notify.pagerduty import PagerDutyChannel
from monitor.notify.settings import AlertmanagerSettings, AnyChannelSettings, PagerDutySettings, WebhookSettings
from monitor.notify.slack import SlackChannel
from monitor.notify.webhook import WebhookChannel


def make_channel(name: str, settings: AnyChannelSettings, *, hold_s: float, status_url: str | None = None) -> Channel:
    """The channel `name`. `hold_s` is `alerting.hold_s`; `status_url` is where this daemon's status can be opened."""
    if isinstance(settings, AlertmanagerSettings):
        return AlertmanagerChannel(name, settings, hold_s, status_url)
    if isinstance(settings, WebhookSettings):
        return WebhookChannel(name, settings)
    if isinstance(settings, PagerDutySettings):
        return PagerDutyChannel(name, settings, status_url)
    return SlackChannel(name, settings, status_url)
