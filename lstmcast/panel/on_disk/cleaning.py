"""Which tables on disk no command can use any more, or has used for long; those are removed."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from lstmcast.errors import RunError
from lstmcast.runs.reading import read_object

UNUSED_DAYS = 30
"""A table on disk that no command has opened for so many days is removed."""


def sources_of(files: list[Path]) -> list[dict[str, Any]]:
    """Where the files of a table are, and their sizes in bytes, for `remove_unneeded`."""
    return [{"path": str(path.resolve()), "bytes": path.stat().st_size} for path in files]


def remove_unneeded(tables: Path, described: str, keep: Path) -> None:
    """Remove the tables in a folder whose files have changed or gone, or that are unused for long.

    Every table here is a copy that the next command makes again from its files.

    Args:
        tables: The folder that the folders of all tables are in.
        described: Name of the JSON file in each; its time is that of the last use.
        keep: The folder of a table that stays in any case.
    """
    oldest = time.time() - UNUSED_DAYS * 24 * 3600
    for folder in tables.iterdir():
        file = folder / described
        if folder == keep or folder.name.startswith(".") or not file.is_file():
            continue
        try:
            unneeded = file.stat().st_mtime < oldest or not is_current(read_object(file))
        except (OSError, RunError):
            continue  # another process removes it, or who opens it is told that it is damaged
        if unneeded:
            shutil.rmtree(folder, ignore_errors=True)


def is_current(described: dict[str, Any]) -> bool:
    """Whether the files that a table was made of are still there, with the same sizes."""
    return all(
        Path(source["path"]).is_file() and Path(source["path"]).stat().st_size == source["bytes"]
        for source in described.get("sources", [])
    )
