"""Reading files with a progress bar: on stderr, only on a terminal."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

from monitor.errors import UsageError

_GZIP = b"\x1f\x8b"
_STEP = 1000


def text_lines(path: Path, binary: IO[bytes] | None = None, *, keep_bytes: bool = False) -> Iterator[str]:
    """The lines of a file, plain or gzip (told by its first bytes).

    Undecodable bytes become the replacement character or, where bytes are to be kept, surrogates that stand for them. Where
    they are kept, a line ends at a line feed alone, as in `eventfiles.codec`: a carriage return may be white space of its JSON.
    """
    raw = binary or opened(path)
    with raw:
        head = raw.read(2)
        raw.seek(0)
        content = gzip.GzipFile(fileobj=raw) if head == _GZIP else raw
        try:
            errors, newline = ("surrogateescape", "\n") if keep_bytes else ("replace", "")
            with io.TextIOWrapper(content, encoding="utf-8", errors=errors, newline=newline) as text:
                yield from text
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UsageError(f"{path}: is damaged: {error}") from None


def opened(path: Path) -> IO[bytes]:
    """The file in binary; UsageError when it cannot be read."""
    try:
        return path.open("rb")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None


def readable(paths: Sequence[Path]) -> None:
    """UsageError for the first file that cannot be read."""
    for path in paths:
        opened(path).close()


@contextmanager
def shown_lines(paths: Sequence[Path], what: str, *, keep_bytes: bool = False) -> Iterator[Iterator[tuple[str, str]]]:
    """The lines of all files in order, each with its place (`file:line`), with a bar where stderr is a terminal."""
    readable(paths)
    if not sys.stderr.isatty():
        yield _all_lines(paths, nullcontext(), keep_bytes=keep_bytes)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=sum(path.stat().st_size for path in paths))
        yield _all_lines(paths, _Advance(bar, task), keep_bytes=keep_bytes)


@contextmanager
def line_bar(paths: Sequence[Path], what: str) -> Iterator[Callable[[Any], None] | None]:
    """A callback for each line read of the files, with a bar where stderr is a terminal; None where it is not."""
    readable(paths)
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=sum(map(_count_lines, paths)))
        read = 0

        def told(_line: Any) -> None:
            nonlocal read
            read += 1
            if read % _STEP == 0:
                bar.update(task, completed=read)

        yield told
        bar.update(task, completed=read)


def _count_lines(path: Path) -> int:
    with opened(path) as raw:
        head = raw.read(2)
        raw.seek(0)
        content = gzip.GzipFile(fileobj=raw) if head == _GZIP else raw
        try:
            return sum(block.count(b"\n") for block in iter(lambda: content.read(1 << 20), b""))
        except (EOFError, gzip.BadGzipFile) as error:
            raise UsageError(f"{path}: is damaged: {error}") from None


class _Advance:
    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task = bar, task

    def __call__(self, count: int) -> None:
        self._bar.advance(self._task, count)


class _Counted(io.RawIOBase):
    """A file that reports what is read of it."""

    def __init__(self, file: IO[bytes], advance: _Advance) -> None:
        self._file, self._advance = file, advance

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._advance(len(data))
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _all_lines(paths: Sequence[Path], advance: Any, *, keep_bytes: bool) -> Iterator[tuple[str, str]]:
    for path in paths:
        file = opened(path)
        counted = io.BufferedReader(_Counted(file, advance), 1 << 16) if isinstance(advance, _Advance) else file
        for number, text in enumerate(text_lines(path, counted, keep_bytes=keep_bytes), 1):
            yield f"{path}:{number}", text


@contextmanager
def counted() -> Iterator[Callable[[str, int], None]]:
    """Records read so far, on stderr where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=Console(stderr=True)) as bar:
        task = bar.add_task("")
        yield lambda topic, count: bar.update(task, description=f"{topic}: {count}")
