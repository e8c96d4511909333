"""Read a table once, with progress, into memory or from disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lstmcast import limits
from lstmcast.config import Config, DataConfig
from lstmcast.panel.build import build_panel, columns_of, read_columns
from lstmcast.panel.panel import Panel
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.storage import open_stored, storage_of
from lstmcast.tables.layout import LongTable
from lstmcast.tables.read import Table

MEGABYTE = 1_000_000


@dataclass
class ReadTable:
    """A table that was read, and passes from step to step.

    `taken` lets the last user of its cells release them.

    Attributes:
        table: As read: all columns, or those that the config names.
        panel: The table on its grid, with gaps as NaN; None: not built yet.
    """

    table: Table
    panel: Panel | None = None

    def taken(self) -> Table:
        """The table; its cells and panel are released here."""
        table, self.table, self.panel = self.table, self.table.without_cells(), None
        return table


def read_training_table(
    config: Config, listener: ProgressListener, before: ReadTable | None = None
) -> ReadTable:
    """The table of a config, with the columns that it names; it is not read again after `before`.

    Raises:
        ConfigError: A table on disk does not support a setting of the config.
        DataError: The table cannot be read or lacks a column.
    """
    if storage_of(config, listener) == "disk":
        panel, stored = open_stored(config, listener)
        return ReadTable(stored, panel)
    if before is None:
        return ReadTable(read_with_progress(config.data, listener))
    ready = before.panel
    return ReadTable(select_columns(before.taken(), config.data), ready)


def select_columns(table: Table, config: DataConfig) -> Table:
    """The columns that `read_columns` reads, from a table with all columns.

    Raises:
        DataError: The table lacks a column.
    """
    if not isinstance(table, LongTable):
        table = table.with_columns(*columns_of(config))
    return table


def build_training_panel(read: ReadTable, config: Config) -> Panel:
    """The table on its grid, one series after the other, with gaps as NaN.

    Raises:
        DataError: Time stamps, numbers, duplicates or static columns have a fault.
    """
    if read.panel is not None:
        return read.panel
    return build_panel(read.table, config.data, horizon=config.window.horizon)


def read_with_progress(config: DataConfig, listener: ProgressListener) -> Table:
    """Read the columns that a config names, and report the progress of a long reading.

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
            listener.task_started(f"reading {Path(config.path).name}, MB", total // MEGABYTE)
        listener.task_advanced(done // MEGABYTE)

    try:
        return read_columns(config, watch)
    finally:
        if opened:
            listener.task_finished()
