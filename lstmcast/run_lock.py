"""One writer to a folder: a lock that the kernel takes back when its process dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from lstmcast.errors import RunError

WAIT = 0.2
"""Seconds between two looks at a lock that another process holds."""


class Held(RunError):
    """Another process holds the lock."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock until the block ends, or the process dies.

    Args:
        path: A file for the lock alone; it is made, and removed again.

    Raises:
        RunError: Another process holds it; it is named.
    """
    handle = take(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(handle)


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """Hold a lock as `locked` does, after everybody who holds it now, on whatever machine.

    Raises:
        RunError: It cannot be made.
    """
    with contextlib.ExitStack() as held:
        while True:
            try:
                held.enter_context(locked(path))
                break
            except Held:
                time.sleep(WAIT)
        yield


def owner(path: Path) -> int | None:
    """The process that holds a lock; None where there is none, as far as can be told."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        process = int(os.read(handle, 20))
    except (OSError, ValueError):
        return None
    finally:
        os.close(handle)
    try:
        os.kill(process, 0)
    except PermissionError:
        return process  # it lives, and is somebody else's
    except (OSError, OverflowError):
        return None
    return process


def take(path: Path) -> int:
    """Open and lock a file, and write the process id into it; the kernel unlocks it at our end.

    Raises:
        Held: Another process holds it.
        RunError: It cannot be locked.
    """
    while True:
        try:
            # What a link leads to would lose its content to our process id.
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            if path.is_symlink():
                raise RunError(f"{path} is a link; remove it") from error
            raise RunError(f"cannot write {path.parent}: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                os.ftruncate(handle, 0)
                os.write(handle, str(os.getpid()).encode())
                return handle
        except BlockingIOError:
            process = os.read(handle, 20).decode(errors="replace") or "another"
            os.close(handle)
            raise Held(
                f"{path.parent} is being trained by process {process}; nothing in it was touched"
            ) from None
        except OSError as error:
            os.close(handle)
            with contextlib.suppress(OSError):
                path.unlink()
            raise RunError(f"cannot lock {path.parent}: {error.strerror}") from error
        os.close(handle)  # whoever held it has just removed it: another file has its name now
