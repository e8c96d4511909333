"""Tables on disk that no command can use any more, or has not used for long, are removed."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Any

from lstmcast.errors import RunError
from lstmcast.runs.reading import read_object

UNUSED_DAYS = 30
"""A table that no command has opened for so many days is removed."""

OUTDATED_DAYS = 1
"""The same for a table whose files have changed or are gone: a training may just have opened it."""

OWN_NAME = re.compile(r"[0-9a-f]{16}")
OWN_KEYS = {"format", "states", "sources", "table", "panel"}
"""Only folders with such a name, whose JSON file has these keys, were made by lstmcast."""


def sources_of(files: list[Path]) -> list[dict[str, Any]]:
    """Paths of the files of a table, and their sizes in bytes, for `remove_unneeded`."""
    return [{"path": str(path.resolve()), "bytes": path.stat().st_size} for path in files]


def remove_unneeded(tables: Path, described: str, keep: Path) -> None:
    """Remove the tables in a folder that are outdated or have not been used for long.

    Every table here is a copy that the next command makes again from its files.

    Args:
        tables: The folder with one folder per table; other folders in it are left alone.
        described: Name of the JSON file in each; its time is that of the last use.
        keep: The folder of a table that is never removed.
    """
    for folder in tables.iterdir():
        file = folder / described
        if folder == keep or not OWN_NAME.fullmatch(folder.name) or not file.is_file():
            continue
        try:
            if is_unneeded(read_object(file), time.time() - file.stat().st_mtime):
                shutil.rmtree(folder, ignore_errors=True)
        except (OSError, RunError, KeyError, TypeError):
            continue  # another process removes it, or it is damaged: who opens it is told


def is_unneeded(described: dict[str, Any], unused_seconds: float) -> bool:
    """Whether a table is unused for long, or outdated: a file has another size or is gone."""
    days = unused_seconds / (24 * 3600)
    if not described.keys() >= OWN_KEYS or days < OUTDATED_DAYS:
        return False
    sources = [(Path(source["path"]), source["bytes"]) for source in described["sources"]]
    current = all(path.is_file() and path.stat().st_size == size for path, size in sources)
    return days > UNUSED_DAYS or not current
