"""Several files that belong together: all of them are written, or none."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from lstmcast.errors import RunError
from lstmcast.runs.atomic import whole_file


@contextlib.contextmanager
def numbered_folder(parent: Path, prefix: str = "") -> Iterator[Path]:
    """Create the first free folder `<prefix>0001`, `<prefix>0002`, ... in a folder.

    If the block fails, it is removed with its content, and so is the parent folder if it is empty.

    Raises:
        RunError: The folder cannot be created.
    """
    made = None
    try:
        made = _first_free(parent, prefix)
        yield made
    except BaseException as error:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
        with contextlib.suppress(OSError):
            parent.rmdir()
        if made is None and isinstance(error, OSError):
            raise RunError(f"cannot create a folder in {parent}: {error.strerror}") from error
        raise


def _first_free(parent: Path, prefix: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        taken = [entry.name.removeprefix(prefix) for entry in parent.glob(f"{prefix}*")]
        number = max((int(name) for name in taken if name.isdigit()), default=0) + 1
        with contextlib.suppress(FileExistsError):  # another process was faster
            folder = parent / f"{prefix}{number:04d}"
            folder.mkdir()
            return folder


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files; they take their names when the bytes of all are on disk.

    Missing folders are created. If anything fails, new files and folders are removed.

    Raises:
        RunError: A file or folder cannot be written.
    """
    folders = [f for f in dict.fromkeys(path.parent for path in files) if not f.exists()]
    new = [path for path in files if not path.exists()]
    try:
        with contextlib.ExitStack() as stack:
            for path, data in files.items():
                _make(path.parent)
                file = stack.enter_context(whole_file(path, "wb"))
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            for path in new:
                path.unlink(missing_ok=True)
            for folder in folders:
                folder.rmdir()
        raise


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot create {folder}: {error.strerror}") from error
