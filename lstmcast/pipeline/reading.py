"""Reading a table: once, while somebody watches, from memory or from disk."""

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
    """A table that was read, perhaps by whoever proposed its config, and is handed on.

    Whoever hands it on need not hold its cells for longer than they are needed: see `taken`.

    Attributes:
        table: As read: all columns, or those that the config names.
        panel: The table on its grid, with gaps as NaN; None: it is still to be laid there.
    """

    table: Table
    panel: Panel | None = None

    def taken(self) -> Table:
        """The table, whose cells and panel are forgotten here."""
        table, self.table, self.panel = self.table, self.table.without_cells(), None
        return table


def read_training_table(
    config: Config, listener: ProgressListener, before: ReadTable | None = None
) -> ReadTable:
    """The table of a config, with the columns that it names.

    Args:
        config: The table, and where its rows are to be held.
        listener: Is told how far a long reading is.
        before: The same table, where it was read already; it is not read again.

    Raises:
        ConfigError: What the config asks for cannot be had on disk.
        DataError: The table cannot be read or lacks a column.
    """
    if storage_of(config, listener) == "disk":
        panel, stored = open_stored(config, listener)
        return ReadTable(stored, panel)
    if before is None:
        return ReadTable(read_with_progress(config.data, listener))
    laid = before.panel
    return ReadTable(columns_named(before.taken(), config.data), laid)


def columns_named(table: Table, config: DataConfig) -> Table:
    """What `read_columns` reads, of a table that was read whole.

    Raises:
        DataError: The table lacks a column.
    """
    if not isinstance(table, LongTable):
        table = table.with_columns(*columns_of(config))
    return table


def build_training_panel(read: ReadTable, config: Config) -> Panel:
    """The table on its grid, series behind series, with gaps as NaN.

    Raises:
        DataError: Stamps, numbers, duplicates or static columns have a fault.
    """
    if read.panel is not None:
        return read.panel
    return build_panel(read.table, config.data, horizon=config.window.horizon)


def read_with_progress(config: DataConfig, listener: ProgressListener) -> Table:
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
            listener.task_started(f"reading {Path(config.path).name}, MB", total // MEGABYTE)
        listener.task_advanced(done // MEGABYTE)

    try:
        return read_columns(config, watch)
    finally:
        if opened:
            listener.task_finished()
