"""Atomic writes: a file appears complete or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from lstmcast.errors import RunError


@contextlib.contextmanager
def whole_file(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """A file that appears under its name only when it is complete and on disk.

    It is written under a temporary name and renamed. If the block fails, nothing is left and an
    older file with the same name stays unchanged.

    Args:
        path: Path of the file.
        mode: `w` for UTF-8 text with Unix line ends, `wb` for bytes.

    Raises:
        RunError: The folder cannot be written to, or the disk is full.
    """
    options: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
        sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError):
            raise RunError(f"cannot write {path}: {error.strerror or error}") from error
        raise


def sync_folder(path: Path) -> None:
    """Sync a folder to disk, so that a power cut does not undo a rename."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Create a folder, unless it exists.

    Raises:
        RunError: The folder cannot be created.
    """
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot create {path}: {error.strerror}") from error


def remove_file(path: Path) -> None:
    """Remove a file, if it exists.

    Raises:
        RunError: The file cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"cannot remove {path}: {error.strerror}") from error


def _umask() -> int:
    """The process's file mode mask; the only way to read it is to set it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with whole_file(path) as file:
        file.write(text)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file of bytes atomically."""
    with whole_file(path, "wb") as file:
        file.write(data)


LONG = 20
"""Length from which a list of objects is written with one object per line."""


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write JSON that every parser reads: no NaN, keys in the order given."""
    write_text(path, json_text(value) + "\n")


def json_text(value: dict[str, Any]) -> str:
    """JSON that people can read; a long list has one object per line, which is also faster."""
    parts = [f"  {_json(name)}: {_indented(part)}" for name, part in value.items()]
    return "{\n" + ",\n".join(parts) + "\n}" if parts else "{}"


def _indented(part: Any) -> str:
    if isinstance(part, list) and len(part) >= LONG and isinstance(part[0], dict):
        return "[\n" + ",\n".join(f"    {_json(each)}" for each in part) + "\n  ]"
    return _json(part, indent=2).replace("\n", "\n  ")  # JSON escapes newlines in strings


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
