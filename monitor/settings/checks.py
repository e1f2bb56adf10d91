"""What a start would stumble over beyond the values themselves: files, packs, methods. Every finding, not the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from monitor.core.journal.vocabulary import TRADES
from monitor.errors import ConfigurationError, UsageError
from monitor.notify.settings import AlertmanagerSettings, AnyChannelSettings, WebhookSettings
from monitor.settings.admin.expiry import over, soon_over
from monitor.settings.admin.tls import ServerCertificate, client_context
from monitor.settings.load import Settings
from monitor.settings.record import absent_limits, build_configuration, deciding_lines, method_problems
from monitor.settings.sections import ADMIN_SERVER, RUNBOOKS

_LOOPBACK = ("127.", "localhost", "[::1]", "::1")
_FOR_EVERYBODY = 0o004
RECORD_YEARS: Mapping[str, tuple[int, str]] = {
    "jp": (10, "CAESP Order 33(2) for records of trades (daily records: 5)"),
    "kr": (15, "the User Protection Act (secondary source)"),
    "hk": (2, "the VATP guidelines for logs (secondary source)"),
}
"""How long records are kept, by the first part of a method's id."""

_PUBLIC = frozenset({"ca_file", "cert_file"})
"""Files that hold no secret."""


def problems(settings: Settings) -> list[str]:
    """One line for each reason why a start with these settings would end at once."""
    files = [line for key, path in named_files(settings) if (line := _unreadable(key, path))]
    folders = [
        f"methods.pack_dirs {folder}: is no folder: make it, or take it out"
        for folder in settings.methods.pack_dirs
        if not folder.is_dir()
    ]
    certificates = () if files else (*_certificate(settings), *over(named_files(settings)), *_authority(settings))
    return [*files, *_keys(settings), *certificates, *(folders or _methods(settings))]


def warnings(settings: Settings) -> Iterator[str]:
    """One line for each thing that works and is probably not meant."""
    yield from absent_limits(settings)
    yield from deciding_lines(settings)
    yield from _unnumbered(settings)
    yield from _signatures(settings)
    if not settings.alerting.channels:
        yield "alerting.channels is empty: nobody is told of an alert"
    if not urlsplit(settings.alerting.runbook_base_url).scheme:
        yield f"alerting.runbook_base_url {settings.alerting.runbook_base_url} is no address: links of alerts lead nowhere"
    if settings.alerting.runbook_base_url == RUNBOOKS and settings.http.local_url != ADMIN_SERVER:
        served = f"{settings.http.advertised_url or settings.http.local_url}/runbooks"
        yield f"alerting.runbook_base_url {RUNBOOKS} is not where this admin server has them: set it, perhaps to {served}"
    for name, entity in settings.entities.items():
        if entity.methods and all(method.mode == "shadow" for method in entity.methods):
            yield f"entities.{name}.methods are all shadow: nothing pages anybody"
    yield from _evidence(settings)
    if settings.http.advertised_url is None and any(map(_leaves_host, settings.alerting.channels.values())):
        here = settings.links.status_url
        lead = "have no link to the page" if here is None else f"lead to {here}, which opens on this host alone"
        yield f"http.advertised_url is absent: notifications {lead}"
    servers = settings.kafka.bootstrap_servers.split(",")
    if settings.kafka.security_protocol in {"PLAINTEXT", "SASL_PLAINTEXT"} and not all(map(_is_loopback, servers)):
        yield f"kafka.security_protocol is {settings.kafka.security_protocol} beyond this host: records can be read and forged"
    if not _is_loopback(settings.http.host):
        yield from _open_port(settings)
    yield from soon_over(named_files(settings))
    for key, path in named_files(settings):
        if key.rpartition(".")[2] not in _PUBLIC:
            yield from _open_to_everybody(key, path)
    for path in settings.audit.keys:
        yield from _open_to_everybody("audit.keys", path)


def _evidence(settings: Settings) -> Iterator[str]:
    """What makes the record weaker than an auditor asks."""
    if not settings.audit.keys:
        yield "audit.keys is empty: checkpoints and bundles are not signed, so whoever holds the broker could rewrite them"
    if settings.archive.target is None:
        yield "archive.target is absent: nothing keeps the record when Kafka loses it"
        if settings.audit.timestamp_authority is not None:
            yield "audit.timestamp_authority is asked by `audit stamp` alone: the daemon keeps its answers in archive.target"
        return
    used = {method.id.partition(".")[0] for entity in settings.entities.values() for method in entity.methods}
    for law, (years, ref) in RECORD_YEARS.items():
        if law in used and settings.archive.keep_years < years:
            yield f"archive.keep_years {settings.archive.keep_years} is below the {years} years of {ref}"


def _unnumbered(settings: Settings) -> Iterator[str]:
    """Feeds whose trades have no id of their own, so that their place in the log has to do."""
    for name, feed in settings.source(TRADES).feeds.items():
        if "%id" in str(feed.fields.get("trade_id")):
            yield (
                f"sources.{TRADES}.feeds.{name}.fields.trade_id is %id, the record's place: what a producer sends twice counts "
                "twice, and so does a history that is sent again after a reconnect"
            )


def _signatures(settings: Settings) -> Iterator[str]:
    """Where signatures leave a gap: sources beside signed ones that are not, and trades that could be brought again."""
    asked = {f"sources.{kind}": source.signatures for kind, source in settings.sources.items() if not source.feeds}
    for kind, source in settings.sources.items():
        asked |= {f"sources.{kind}.feeds.{name}": feed.signatures for name, feed in source.feeds.items()}
    if not any(asked.values()):
        return
    for place, signatures in asked.items():
        if signatures is None:
            yield f"{place}.signatures is absent while other sources ask for them: whoever can write this one is believed"
        elif place.startswith(f"sources.{TRADES}") and signatures.window_s > settings.intake.lookback_h * 3600:
            yield (
                f"{place}.signatures.window_s {signatures.window_s} is longer than intake.lookback_h: a signed trade that is "
                "brought again in between counts twice"
            )


def named_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Every file that the settings name, with its key."""
    yield from _files("", settings)


def _files(place: str, value: Any) -> Iterator[tuple[str, Path]]:
    if isinstance(value, Path):
        if place.endswith("_file"):
            yield place, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _files(f"{place}.{name}" if place else name, getattr(value, name))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _files(f"{place}.{name}", inner)


def _unreadable(key: str, path: Path) -> str | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        return f"{key} {path} cannot be read: {error.strerror}"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return f"{key} {path} is not text: is it the file that is meant?"
    return None if text.strip() else f"{key} {path} is empty"


def _open_to_everybody(key: str, path: Path) -> Iterator[str]:
    if path.exists() and path.stat().st_mode & _FOR_EVERYBODY:
        yield f"{key} {path} can be read by everybody: chmod 600"


def _keys(settings: Settings) -> Iterator[str]:
    if not settings.audit.keys:
        return
    from monitor.audit.signatures.keys import read_key  # with the signatures, which most configurations do without

    for path in settings.audit.keys:
        try:
            read_key(path, "audit.keys")
        except ConfigurationError as error:
            yield str(error)


def _methods(settings: Settings) -> list[str]:
    found = method_problems(settings)
    if found:
        return found
    try:
        build_configuration(settings)
    except ConfigurationError as error:
        return [str(error)]
    return []


def _certificate(settings: Settings) -> list[str]:
    try:
        client_context(settings.http)
        if settings.http.tls is not None:
            ServerCertificate(settings.http.tls)
    except ConfigurationError as error:
        return [str(error)]
    return []


def _authority(settings: Settings) -> list[str]:
    if settings.audit.timestamp_authority is None:
        return []
    from monitor.audit.signatures.timestamps import read_roots  # what most starts do without

    try:
        read_roots(settings.audit.timestamp_authority.ca_file)
    except UsageError as error:
        return [f"audit.timestamp_authority.ca_file: {error}"]
    return []


def _open_port(settings: Settings) -> Iterator[str]:
    """What is wrong with an admin port that is reached from other hosts."""
    http = settings.http
    if http.auth is None:
        yield f"http.host {http.host} is reached from other hosts without http.auth: everybody there reads every figure"
    if http.tls is None:
        yield f"http.host {http.host} is reached from other hosts without http.tls: figures and tokens can be read on the way"
    elif http.advertised_url and http.advertised_url.startswith("http:"):
        yield f"http.advertised_url {http.advertised_url} is not https, which http.tls asks for: links lead nowhere"


def _leaves_host(channel: AnyChannelSettings) -> bool:
    """Whether people read this channel elsewhere."""
    if isinstance(channel, AlertmanagerSettings):
        addresses = channel.urls
    elif isinstance(channel, WebhookSettings):
        addresses = (channel.url,)
    else:
        return True
    return not all(_is_loopback(urlsplit(address).hostname or "") for address in addresses)


def _is_loopback(server: str) -> bool:
    return server.strip().startswith(_LOOPBACK)
