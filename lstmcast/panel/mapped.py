"""Memory-mapped arrays: the kernel loads and drops the pages of their files."""

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
    """A part of a file as an array; a write to it changes the file.

    The map is shared even if it is only read: for a writable private one the kernel reserves memory
    for all of it.
    """
    if not int(np.prod(shape)):
        return np.empty(shape, dtype=kind)
    return np.asarray(np.memmap(path, dtype=kind, mode=mode, offset=offset, shape=shape))


def new_file(path: Path, kind: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A new file as an array of zeros, with its disk space reserved.

    A write to a mapped page without disk space kills the process, so all is reserved first.

    Raises:
        OSError: The disk is full.
    """
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    with path.open("wb") as file:
        if size:
            reserve(file.fileno(), size)
    return map_file(path, kind, shape, mode="r+")


def reserve(handle: int, size: int) -> None:
    """Reserve disk space for a file of `size` bytes."""
    try:
        os.posix_fallocate(handle, 0, size)
    except AttributeError:  # macOS
        os.ftruncate(handle, size)
    except OSError as error:  # file systems that cannot reserve space
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
        os.ftruncate(handle, size)


def sync_file(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(PermissionError):
            os.fsync(handle)
    finally:
        os.close(handle)
