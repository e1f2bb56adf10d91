"""TLS of the admin port: what the server shows, and what those who ask it trust."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.errors import ConfigurationError

if TYPE_CHECKING:
    from monitor.settings.admin.http import HttpSettings, TlsSettings


class ServerCertificate:
    """The context of the server. `renew` takes a certificate that was replaced on file for all connections that come."""

    def __init__(self, settings: TlsSettings) -> None:
        self._files = (settings.cert_file, settings.key_file)
        self._seen = self._marks()
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._load()

    def renew(self) -> bool:
        """Whether the files changed and were taken; ConfigurationError where they do not fit, and what was there stays."""
        marks = self._marks()
        if marks == self._seen:
            return False
        self._load()
        self._seen = marks
        return True

    def _load(self) -> None:
        certificate, key = self._files
        try:
            self.context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"http.tls: {certificate} and {key} cannot be used: {error}") from None

    def _marks(self) -> list[int]:
        return [_changed_at(path) for path in self._files]


def client_context(http: HttpSettings) -> ssl.SSLContext | None:
    """What the command line and the peers trust; None where the admin port has no TLS."""
    if http.tls is None:
        return None
    try:
        return ssl.create_default_context(cafile=None if http.tls.ca_file is None else str(http.tls.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"http.tls.ca_file {http.tls.ca_file} cannot be used: {error}") from None


def login(http: HttpSettings) -> dict[str, str]:
    """The header that an asker shows: the first token of the file; none where no login is asked for."""
    if http.auth is None:
        return {}
    try:
        lines = http.auth.token_file.read_text(encoding="utf-8").split()
    except OSError as error:
        raise ConfigurationError(f"http.auth.token_file {http.auth.token_file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"http.auth.token_file {http.auth.token_file} is not text: is it that file?") from None
    if not lines:
        raise ConfigurationError(f"http.auth.token_file {http.auth.token_file} is empty")
    return {"Authorization": f"Bearer {lines[0]}"}


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
