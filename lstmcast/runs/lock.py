"""One writer per folder: a lock that the kernel releases when its process dies."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from lstmcast.errors import RunError

NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""An untrusted run folder may have a link or a pipe in place of the lock."""


@contextlib.contextmanager
def locked(path: Path, wait: bool = False) -> Iterator[None]:
    """Hold a lock until the block ends, or the process dies.

    Args:
        path: A file for the lock only; it is created, and removed afterwards.
        wait: Whether to wait for the process that holds it, also on another machine.

    Raises:
        RunError: The lock cannot be created, or another process holds it.
    """
    from filelock import FileLock, Timeout  # takes longer to import than most commands need

    lock = FileLock(path, blocking=wait, fallback_to_soft=False)
    with contextlib.ExitStack() as held:
        try:
            lock.acquire()
            held.callback(lock.release)
            held.callback(_remove, path)
            _write_process(path)
        except Timeout:
            raise RunError(
                f"{path.parent} is being trained by process {_read_process(path) or 'another'}; "
                "nothing in it was changed"
            ) from None
        except OSError as error:
            if path.is_symlink():
                raise RunError(f"{path} is a link; remove it") from error
            raise RunError(f"cannot lock {path.parent}: {error.strerror}") from error
        yield


def owner(path: Path) -> int | None:
    """Id of the process that holds a lock; None if there is none that is known."""
    process = _read_process(path)
    if process is None:
        return None
    try:
        os.kill(process, 0)
    except PermissionError:
        return process  # it runs, under another user
    except (OSError, OverflowError):
        return None
    return process


def _write_process(path: Path) -> None:
    """Write the process id after the first byte, which mandatory locks make unreadable."""
    with path.open("r+b") as file:
        file.write(f" {os.getpid()}".encode())
        file.truncate()


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _read_process(path: Path) -> int | None:
    try:
        handle = os.open(path, os.O_RDONLY | NO_LINK)
    except OSError:
        return None
    try:
        os.lseek(handle, 1, os.SEEK_SET)
        return int(os.read(handle, 20))
    except (OSError, ValueError):
        return None
    finally:
        os.close(handle)
