"""Files of plain numbers as arrays: their pages are the kernel's to read and to drop."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Any, Literal

import numpy as np


def map_file(
    path: Path,
    kind: Any,
    shape: tuple[int, ...],
    offset: int = 0,
    mode: Literal["r", "r+"] = "r",
) -> np.ndarray:
    """A part of a file as an array; what is written to it is written to the file.

    Shared and not private, even where it is only read: of a private one that can be written to, the
    kernel wants to be able to hold all in memory.
    """
    if not int(np.prod(shape)):
        return np.empty(shape, dtype=kind)
    return np.asarray(np.memmap(path, dtype=kind, mode=mode, offset=offset, shape=shape))


def new_file(path: Path, kind: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A new file as an array of zeros, its room on the disk taken.

    A write to a mapped page for which there is no room ends the process: so all is asked for first.

    Raises:
        OSError: The disk is full.
    """
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    with path.open("wb") as file:
        if size:
            reserve(file.fileno(), size)
    return map_file(path, kind, shape, mode="r+")


def reserve(handle: int, size: int) -> None:
    """Take room on the disk for a file of so many bytes."""
    try:
        os.posix_fallocate(handle, 0, size)
    except AttributeError:  # macOS
        os.ftruncate(handle, size)
    except OSError as error:  # file systems that promise no room
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
        os.ftruncate(handle, size)


def sync_file(path: Path) -> None:
    """Put what was written to a file, or the names in a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(PermissionError):
            os.fsync(handle)
    finally:
        os.close(handle)
