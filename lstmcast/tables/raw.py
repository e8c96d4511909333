"""The bytes of a table, from a file or standard input; refuses early what is not a table."""

from __future__ import annotations

import mmap
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lstmcast import limits
from lstmcast.errors import DataError, nearest

PACKED = (b"PAR1", b"\x1f\x8b")
"""First bytes of Parquet and gzip files, which have no lines."""


def read_bytes(source: Path | str, limit: int = -1) -> bytes:
    """The bytes of a file, or of standard input.

    Args:
        source: Path, or "-" for standard input.
        limit: Most bytes to read; below 0: all.

    Raises:
        DataError: It cannot be read, is not a file, or has an endless line.
    """
    if str(source) == "-":
        return b"".join(_pieces(sys.stdin.buffer))
    path = Path(source)
    try:
        with path.open("rb") as file:
            if stat.S_ISCHR(path.stat().st_mode) and not file.isatty():
                raise DataError(f"{path}: is a device, not a file")
            if limit < 0 and path.stat().st_size >= limits.LONGEST_LINE:
                _refuse_endless_file(file, str(path))
            return file.read(limit)
    except FileNotFoundError:
        folder = path.parent
        if not folder.is_dir():
            raise DataError(f"{path}: there is no folder {folder}") from None
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
        raise DataError(f"{path}: there is no such file; {nearest(path.name, names)}") from None
    except IsADirectoryError:
        raise DataError(
            f"{path}: is a folder: give a file in it, or, for train, predict and window, a config "
            "with this folder as data.path"
        ) from None
    except PermissionError:
        raise DataError(f"{path}: cannot be read: check its permissions") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def bounded_lines(file: IO[str], name: str) -> Iterator[str]:
    """The lines of a text file; raises DataError if a line is too long."""
    while line := file.readline(limits.LONGEST_LINE):
        if len(line) == limits.LONGEST_LINE and not line.endswith("\n"):
            raise _endless(name)
        yield line


def refuse_endless_lines(data: bytes | mmap.mmap, name: str) -> None:
    """Refuse text with a line that is too long.

    Args:
        data: The text; only the pages up to the first line end of each piece are read.
        name: Name of the file in messages.

    Raises:
        DataError: A piece has no line end.
    """
    for begin in range(0, len(data) - limits.LONGEST_LINE + 1, limits.LONGEST_LINE):
        end = begin + limits.LONGEST_LINE
        if data.find(b"\n", begin, end) < 0 and data.find(b"\r", begin, end) < 0:
            raise _endless(name)


def _refuse_endless_file(file: IO[bytes], name: str) -> None:
    """Refuse a file with a line that is too long, without reading all of it."""
    begin = file.read(4)
    file.seek(0)
    if begin.startswith(PACKED):
        return
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        refuse_endless_lines(data, name)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Standard input in pieces."""
    packed = False
    for number, piece in enumerate(iter(lambda: file.read(limits.LONGEST_LINE), b"")):
        packed = packed or (number == 0 and piece.startswith(PACKED))
        if not packed:
            refuse_endless_lines(piece, "standard input")
        yield piece


def _endless(name: str) -> DataError:
    return DataError(
        f"{name}: has a line of over {limits.LONGEST_LINE >> 20} MiB: check that it is a table"
    )
