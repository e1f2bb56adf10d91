"""The file of a bundle: a plain tar whose every byte is either a member's content or follows from names and sizes.

So there is no place in it where a changed bit would not be seen: headers are made anew and compared, padding is zero, and
the manifest holds the SHA-256 of every other member.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self, cast

from monitor.audit.faults import Fault, Kind

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)
_CHUNK = 1 << 20
_LONGEST_LINE = 64 << 20

Advance = Callable[[int], None]
"""Told how many more bytes were read."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file in the bundle: where its content lies, and how long it is."""

    name: str
    offset: int
    size: int


class Writer:
    """Writes members one after the other into a new file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self.digests: dict[str, str] = {}
        self.sizes: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._file.write(END)
        finally:
            self._file.close()

    def add(self, name: str, content: bytes) -> None:
        """A member with this content."""
        with self._member(name):
            self._file.write(content)

    @contextmanager
    def lines(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """A gzip member made line by line: yields what takes the next line, without its end."""
        with self._member(name), gzip.GzipFile("", "wb", 6, cast("Any", self._file), mtime=0) as packed:

            def put(line: bytes) -> None:
                packed.write(line + b"\n")

            yield put

    @contextmanager
    def _member(self, name: str) -> Iterator[None]:
        start = self._file.tell()
        self._file.write(bytes(BLOCK))
        yield
        size = self._file.tell() - start - BLOCK
        self._file.write(bytes(-size % BLOCK))
        end = self._file.tell()
        self._file.seek(start)
        self._file.write(_header(name, size))
        self._file.seek(end)
        self.sizes[name] = size
        self.digests[name] = self._digest(start + BLOCK, size)

    def _digest(self, start: int, size: int) -> str:
        self._file.flush()
        with Path(self._file.name).open("rb") as file:
            return _digest(file, start, size, lambda _: None)


class Reader:
    """Reads a bundle; `Fault` of the kind `container` when it is not one, whole and unchanged in its form."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        with path.open("rb") as file:
            self.members = {member.name: member for member in self._members(file)}

    def content(self, name: str, limit: int = 64 << 20) -> bytes:
        """The bytes of a small member."""
        member = self._of(name)
        if member.size > limit:
            raise Fault(Kind.CONTAINER, name, f"the member is longer than {limit} bytes")
        with self.path.open("rb") as file:
            file.seek(member.offset)
            return file.read(member.size)

    def digest(self, name: str, advance: Advance) -> str:
        """`sha256:<hex>` over a member's bytes as they lie in the file."""
        member = self._of(name)
        with self.path.open("rb") as file:
            return _digest(file, member.offset, member.size, advance)

    def lines(self, name: str, advance: Advance = lambda _: None) -> Iterator[bytes]:
        """The lines of a gzip member, without their ends."""
        member = self._of(name)
        with self.path.open("rb") as file:
            part = _Part(file, member, advance)
            try:
                with gzip.GzipFile(fileobj=cast("Any", part), mode="rb") as packed:
                    while line := packed.readline(_LONGEST_LINE):
                        if not line.endswith(b"\n"):
                            raise Fault(Kind.LINE, name, "the last line has no end: the file was cut")
                        yield line[:-1]
            except (OSError, EOFError, zlib.error) as error:
                raise Fault(Kind.CONTAINER, name, f"the member cannot be unpacked: {error}") from error

    def _of(self, name: str) -> Member:
        if name not in self.members:
            raise Fault(Kind.CONTAINER, name, "the member is not there")
        return self.members[name]

    def _members(self, file: IO[bytes]) -> Iterator[Member]:
        seen: set[str] = set()
        while (header := file.read(BLOCK)) != bytes(BLOCK):
            member = self._member(header, file.tell() - len(header))
            if member.name in seen:
                raise Fault(Kind.CONTAINER, member.name, "the member is there twice")
            seen.add(member.name)
            file.seek(member.offset + member.size)
            padding = file.read(-member.size % BLOCK)
            if file.tell() > self.size or padding != bytes(-member.size % BLOCK):
                raise Fault(Kind.CONTAINER, member.name, "the member is cut, or what follows it is not zero")
            yield member
        if file.read() != bytes(BLOCK):
            raise Fault(Kind.CONTAINER, "the end", "the file does not end as it must: it was cut or something was added")

    def _member(self, header: bytes, start: int) -> Member:
        if len(header) < BLOCK:
            raise Fault(Kind.CONTAINER, f"byte {start}", "the file ends here: it is empty, or was cut")
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
            same = _header(info.name, info.size) == header
        except (tarfile.TarError, UnicodeError, ValueError) as error:
            raise Fault(Kind.CONTAINER, f"byte {start}", f"this is no header of a member: {error}") from error
        if not same:
            raise Fault(Kind.CONTAINER, f"byte {start}", "the header of the member says more than name and size")
        return Member(info.name, start + BLOCK, info.size)


class _Part:
    """The bytes of one member as a file that is read once."""

    def __init__(self, file: IO[bytes], member: Member, advance: Advance) -> None:
        self._file, self._left, self._advance = file, member.size, advance
        file.seek(member.offset)

    def read(self, count: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(self._left if count < 0 else min(count, self._left))
        self._left -= len(data)
        self._advance(len(data))
        return data


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o444
    return info.tobuf(tarfile.GNU_FORMAT)


def _digest(file: IO[bytes], start: int, size: int, advance: Advance) -> str:
    running, left = hashlib.sha256(), size
    file.seek(start)
    while left and (data := file.read(min(left, _CHUNK))):
        running.update(data)
        left -= len(data)
        advance(len(data))
    return "sha256:" + running.hexdigest()
