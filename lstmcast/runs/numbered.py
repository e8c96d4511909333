"""Several files that belong together: all of them, or none."""

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
    """Make the first free folder `<prefix>0001`, `<prefix>0002`, ... below a folder.

    It goes again, with all in it, if the block fails; the folder around it too, if that is empty.

    Raises:
        RunError: It cannot be made.
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
            raise RunError(f"cannot make a folder in {parent}: {error.strerror}") from error
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
    """Write files, none of which takes its name before the bytes of all are on disk.

    Folders are made where there are none. If anything fails, what was not there before goes again.

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
        raise RunError(f"cannot make {folder}: {error.strerror}") from error
