"""Files that are written whole or not at all: a full disk leaves no half of one, and takes away none that was there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_NO_OTHER = frozenset({errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS})
"""A file that is mounted by itself, or lies in a folder that takes no other, is written where it lies."""


def write_new(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Content in a new file; FileExistsError where there is one, and nothing is left behind by any other OSError."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb", buffering=0) as file:
        try:
            _put(file.fileno(), content)
        except OSError as error:
            path.unlink()
            raise OSError(error.errno, error.strerror, str(path)) from error


def write_over(path: Path, content: bytes) -> None:
    """Content in a file, in the place of what it held, which stays where the content cannot be written."""
    if path.exists() and not path.is_file():  # a device or a pipe takes what it takes
        path.write_bytes(content)
        return
    path = path.resolve()
    if not path.exists():
        write_new(path, content)
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_new(beside, content, path.stat().st_mode & 0o777)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        if error.errno not in _NO_OTHER:
            raise
        path.write_bytes(content)


def _put(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
    os.fsync(file)
