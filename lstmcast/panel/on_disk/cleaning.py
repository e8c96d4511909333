"""Removes tables on disk that are outdated or unused for a long time."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from lstmcast.errors import RunError
from lstmcast.runs.reading import read_object

UNUSED_DAYS = 30
"""Days without use after which a table on disk is removed."""


def sources_of(files: list[Path]) -> list[dict[str, Any]]:
    """Paths of the files of a table, and their sizes in bytes, for `remove_unneeded`."""
    return [{"path": str(path.resolve()), "bytes": path.stat().st_size} for path in files]


def remove_unneeded(tables: Path, described: str, keep: Path) -> None:
    """Remove the tables in a folder whose files are changed or gone, or that are long unused.

    Every table here is a copy: the next command makes it again from its files.

    Args:
        tables: Folder with a subfolder for each table.
        described: Name of the JSON file in each subfolder; its time is that of the last use.
        keep: Subfolder of a table that stays in any case.
    """
    oldest = time.time() - UNUSED_DAYS * 24 * 3600
    for folder in tables.iterdir():
        file = folder / described
        if folder == keep or folder.name.startswith(".") or not file.is_file():
            continue
        try:
            unneeded = file.stat().st_mtime < oldest or not is_current(read_object(file))
        except (OSError, RunError):
            continue  # another process removes it, or it is damaged: opening it reports that
        if unneeded:
            shutil.rmtree(folder, ignore_errors=True)


def is_current(described: dict[str, Any]) -> bool:
    """Whether the source files of a table still exist, with the same sizes."""
    return all(
        Path(source["path"]).is_file() and Path(source["path"]).stat().st_size == source["bytes"]
        for source in described.get("sources", [])
    )
