"""Settings of the channels: section `alerting.channels` (CONTRACT 4). Secrets are paths of files, read again at each send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MASK = "********"
"""What stands where a secret was."""


def masked_url(url: str) -> str:
    """The address without its user information and query, which may be secret: what logs, records and pages may say of it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = f"{MASK}@" if "@" in parts.netloc else ""
    return urlunsplit((parts.scheme, user + host, parts.path, MASK if parts.query else "", ""))


def _http_url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("an address starts with http:// or https://")
    if not _names_host(text):
        raise ValueError("an address names a host, and a port by its number if it names one")
    return text.rstrip("/")


def _names_host(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket that is not closed, a port that is no number
        return False


def _secure_url(text: str) -> str:
    if urlsplit(text).scheme == "http" and urlsplit(text).hostname not in _LOOPBACK:
        raise ValueError("a key is not sent without TLS: the address starts with https://")
    return text


HttpUrl = Annotated[str, AfterValidator(_http_url)]
SecureUrl = Annotated[HttpUrl, AfterValidator(_secure_url)]
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Links(NamedTuple):
    """Base addresses of what a notification links to; None: no such link."""

    status_url: str | None = None
    boards_url: str | None = None


NO_LINKS = Links()


class ChannelSettings(BaseModel):
    """What every channel has: limits of one attempt and of their rate, and the pace of retries."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    timeout_s: float = Field(default=5.0, gt=0, le=60)
    """Of one attempt, connection included."""
    max_per_minute: int = Field(default=600, ge=1)
    """Changes told in a minute; a burst of as many is let through at once."""
    retry_first_s: float = Field(default=0.5, gt=0)
    """Wait after the first failed attempt; it doubles from there, with jitter."""
    retry_max_s: float = Field(default=30.0, gt=0)
    """Longest wait between two attempts, so the delay after an outage."""
    undelivered_after_s: float = Field(default=120.0, gt=0)
    """Age of an undelivered change at which the other channels are told that this one fails."""


class AlertmanagerSettings(ChannelSettings):
    """Prometheus Alertmanager, API v2. Every address is sent to, as a cluster asks; one that is down is caught up later."""

    type: Literal["alertmanager"]
    """The kind of channel."""
    urls: tuple[HttpUrl, ...] = Field(min_length=1)
    """Base addresses of every member of the cluster."""
    resend_s: float = Field(default=60.0, gt=0, le=180)
    """How often what is active is sent again."""
    bearer_token_file: Path | None = None
    """Token for an Alertmanager behind a proxy that asks for one."""
    max_per_minute: int = Field(default=60_000, ge=1)
    """Changes told in a minute; a burst of as many is let through at once."""


class WebhookSettings(ChannelSettings):
    """The alert object by POST; signed when there is a secret."""

    type: Literal["webhook"]
    """The kind of channel."""
    url: HttpUrl
    """Where the alert object is posted."""
    secret_file: Path | None = None
    """Key of the signature in `X-Reserve-Signature`; absent: unsigned."""
    max_per_minute: int = Field(default=6_000, ge=1)
    """Changes told in a minute; a burst of as many is let through at once."""


class PagerDutySettings(ChannelSettings):
    """PagerDuty Events v2. `url` is for another service region or a test."""

    type: Literal["pagerduty"]
    """The kind of channel."""
    routing_key_file: Path
    """The integration key of a service (Events API v2)."""
    url: SecureUrl = "https://events.pagerduty.com"
    """Another service region's address."""
    max_per_minute: int = Field(default=120, ge=1)
    """Changes told in a minute; a burst of as many is let through at once."""


class SlackSettings(ChannelSettings):
    """One Slack channel. The bot token has `chat:write`, and `channels:history` to find what a lost answer posted."""

    type: Literal["slack"]
    """The kind of channel."""
    token_file: Path
    """The bot's token (`xoxb-...`)."""
    channel: str = Field(min_length=1)
    """Best its id (`C...`): by a name nothing can be found again."""
    url: SecureUrl = "https://slack.com/api"
    """Address of the API, for a proxy."""
    max_per_minute: int = Field(default=50, ge=1)
    """Changes told in a minute; a burst of as many is let through at once."""


AnyChannelSettings = Annotated[
    AlertmanagerSettings | WebhookSettings | PagerDutySettings | SlackSettings,
    Field(discriminator="type"),
]
