"""Where an archive lies: a folder, or a bucket that speaks S3. Nothing that was written is ever written over.

Each object and manifest is put as a whole and only where there is none of that name; S3 needs conditional writes for it
(`If-None-Match`), which AWS, MinIO, Ceph and Cloudflare have.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from monitor.errors import ConfigurationError, ConnectionProblem
from monitor.settings.sections import ArchiveSettings

S3 = "s3://"


class Target(Protocol):
    """Names are relative, with `/` between folders. `ConnectionProblem` where the place does not answer."""

    @property
    def place(self) -> str:
        """What people call it."""

    def put_new(self, name: str, content: bytes) -> bool:
        """Writes it whole and for good; False where something has that name already, which stays."""

    def get(self, name: str) -> bytes | None:
        """The content; None where there is none."""

    def names(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Names that begin so, with their sizes, in no order. `prefix` ends with `/` or is empty."""


def open_target(place: str, settings: ArchiveSettings, *, make: bool = False) -> Target:
    """The archive at a folder or an `s3://` address; endpoint and credentials are those of the settings.

    `make`: a folder that is not there is made. `ConfigurationError` where it cannot be opened.
    """
    try:
        if place.startswith(S3):
            return StoreTarget(place, _bucket(place.removeprefix(S3), settings))
        root = Path(place).expanduser().absolute()
        if not make and not root.is_dir():
            raise ConfigurationError(f"the archive {place} is no folder: is its name right, and has `run` written to it?")
        return FolderTarget(place, root, LocalStore(root, mkdir=make))
    except (BaseError, OSError, ValueError) as error:
        raise ConfigurationError(f"the archive {place} cannot be opened: {_first_line(error)}") from None


class StoreTarget:
    """Any store that obstore knows."""

    def __init__(self, place: str, store: Any) -> None:
        self.place = place
        self._store = store

    def put_new(self, name: str, content: bytes) -> bool:
        """See Target."""
        try:
            obstore.put(self._store, name, content, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as error:
            raise self._problem(f"{name} cannot be written", error) from error
        return True

    def get(self, name: str) -> bytes | None:
        """See Target."""
        try:
            return bytes(obstore.get(self._store, name).bytes())
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise self._problem(f"{name} cannot be read", error) from error

    def names(self, prefix: str) -> Iterator[tuple[str, int]]:
        """See Target."""
        try:
            for batch in obstore.list(self._store, prefix or None):
                yield from ((found["path"], found["size"]) for found in batch)
        except (BaseError, OSError) as error:
            raise self._problem("what is there cannot be listed", error) from error

    def _problem(self, what: str, error: BaseException) -> ConnectionProblem:
        return ConnectionProblem(f"archive {self.place}: {what}: {_first_line(error)}: check section archive")


class FolderTarget(StoreTarget):
    """A folder: what was put is on the disk, not only on its way there, when `put_new` returns."""

    def __init__(self, place: str, root: Path, store: LocalStore) -> None:
        super().__init__(place, store)
        self._root = root

    def put_new(self, name: str, content: bytes) -> bool:
        """See Target."""
        written = super().put_new(name, content)
        if written:
            try:
                for path in (self._root / name, (self._root / name).parent):
                    _flush(path)
            except OSError as error:
                raise self._problem(f"{name} is not on the disk", error) from error
        return written


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _bucket(address: str, settings: ArchiveSettings) -> S3Store:
    bucket, _, prefix = address.partition("/")
    config: dict[str, Any] = {}
    if settings.endpoint is not None:
        config["endpoint"] = settings.endpoint
        config["client_options"] = {"allow_http": settings.endpoint.startswith("http://")}
    if settings.region is not None:
        config["region"] = settings.region
    if settings.access_key_id is not None and settings.secret_key_file is not None:
        config["access_key_id"] = settings.access_key_id
        config["secret_access_key"] = settings.secret_key_file.read_text().strip()
    return S3Store(bucket, prefix=prefix.strip("/") or None, **config)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
