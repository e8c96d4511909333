"""Reading a table while somebody watches."""

from __future__ import annotations

from pathlib import Path

from lstmcast import limits
from lstmcast.config import DataConfig
from lstmcast.series.build import read_columns
from lstmcast.series.read import Table
from lstmcast.workflows.watcher import Watcher

MEGABYTE = 1_000_000


def read_watched(config: DataConfig, watcher: Watcher) -> Table:
    """Read the columns that a config names, and tell how far a long reading is.

    Raises:
        DataError: The table cannot be read or lacks a column.
    """
    opened = False

    def watch(done: int, total: int) -> None:
        nonlocal opened
        if total < limits.READING_SHOWN:
            return
        if not opened:
            opened = True
            watcher.work(f"reading {Path(config.path).name}, MB", total // MEGABYTE)
        watcher.worked(done // MEGABYTE)

    try:
        return read_columns(config, watch)
    finally:
        if opened:
            watcher.work_done()
