"""When the certificates that the settings name end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

SOON = timedelta(days=14)
"""A certificate that ends within this is warned of."""


def ends(files: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, Path, datetime]]:
    """Key, file and end of each certificate that is shown to others; what is no certificate is told where it is loaded."""
    from cryptography import x509  # what most commands do without

    for key, path in files:
        if key.rpartition(".")[2] != "cert_file" or not path.is_file():
            continue
        try:
            leaf = x509.load_pem_x509_certificates(path.read_bytes())[0]
        except ValueError:
            continue
        yield key, path, leaf.not_valid_after_utc


def over(files: Iterable[tuple[str, Path]], now: datetime | None = None) -> Iterator[str]:
    """One line for each certificate that nobody accepts any more."""
    for key, path, end in ends(files):
        if end <= (now or datetime.now(UTC)):
            yield f"{key} {path} ended at {end:%Y-%m-%d %H:%M} UTC, and whoever it is shown to refuses it: put a new one there"


def soon_over(files: Iterable[tuple[str, Path]], now: datetime | None = None) -> Iterator[str]:
    """One line for each certificate to be renewed."""
    at = now or datetime.now(UTC)
    for key, path, end in ends(files):
        if at < end <= at + SOON:
            yield f"{key} {path} ends at {end:%Y-%m-%d %H:%M} UTC: put a new one there before (deploy/README.md, Rotate)"
