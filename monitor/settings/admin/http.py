"""The section `http` as CONTRACT 4 names it: where the admin server listens, who may ask it, and its certificate."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from monitor.settings.sections import Section
from monitor.settings.values import Whole


class AuthSettings(Section):
    """Login of the admin port: without it whoever reaches the port reads everything."""

    token_file: Path
    """File of tokens, one a line: a bearer token, or the password of a browser's login. Read anew each time, so tokens rotate."""


class TlsSettings(Section):
    """Certificate of the admin port, without which figures and tokens can be read on the way."""

    cert_file: Path
    """Certificate and chain, PEM. Replaced on file it is taken within half a minute."""
    key_file: Path
    """Its private key, PEM."""
    ca_file: Path | None = None
    """Authority that the command line and peers trust, where it is not one of the system's."""


class HttpSettings(Section):
    """The admin server, and the other workers the command line may ask."""

    host: str = Field(default="127.0.0.1", pattern=r"^[^.]{1,63}(\.[^.]{1,63})*$")
    """Address the admin server listens on. Loopback; beyond it, set `auth` and `tls`."""
    port: Whole = Field(default=9464, ge=0, le=65_535)
    """Its port; processes that share a host need one each. 0: any free one."""
    advertised_url: str | None = None
    """Where others reach this process: links in notifications, the owner told to a wrong worker."""
    peers: tuple[str, ...] = ()
    """Base addresses of the other processes, which the command line asks too."""
    stale_after_s: float = Field(default=30, gt=0, le=3600)
    """Age of the newest evaluation from which every answer is `unknown`: s. An idle partition ticks three times in it."""
    auth: AuthSettings | None = None
    """Asks for a token on everything but the probes' yes or no."""
    tls: TlsSettings | None = None
    """Serves the admin port under TLS."""

    @property
    def local_url(self) -> str:
        """Where this host's process is asked."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - asked of, not bound to
        return f"{'http' if self.tls is None else 'https'}://{host}:{self.port}"
