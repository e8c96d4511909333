"""Table -> panel: read the columns, place the rows on the grid, write the arrays, trim."""

from __future__ import annotations

from pathlib import Path

from lstmcast.config import DataConfig
from lstmcast.panel.grid import PanelOptions, place_rows
from lstmcast.panel.held_rows import hold_rows
from lstmcast.panel.panel import Panel
from lstmcast.panel.table_rows import TableRows
from lstmcast.panel.trim import trim
from lstmcast.panel.write_panel import write_panel
from lstmcast.tables.csv_rows import Watch
from lstmcast.tables.layout import LongTable, has_rows_header, read_rows, read_wide
from lstmcast.tables.peek import peek
from lstmcast.tables.read import Table, read_table


def read_panel(config: DataConfig, horizon: int = 0) -> tuple[Panel, Table]:
    """Read a table and lay it on its grid.

    Args:
        config: Path, columns by role and how to treat faults.
        horizon: H, steps that columns made of stamps are to go on.

    Returns:
        The panel with gaps as NaN, and the table for messages about its lines.

    Raises:
        DataError: The table cannot be read, lacks a column, or has a fault that the config does
            not say how to treat.
    """
    table = read_columns(config)
    return build_panel(table, config, horizon=horizon), table.without_cells()


def read_columns(config: DataConfig, watch: Watch | None = None, raw: bytes | None = None) -> Table:
    """Read the columns that a config names.

    Args:
        config: Path, and columns by role.
        watch: Is told how much of a CSV has been parsed.
        raw: The bytes of the file, where they have been read already.

    Raises:
        DataError: The table cannot be read or lacks a column.
    """
    layout = layout_of(config)
    if layout == "rows":
        return read_rows(config, watch, raw)
    if layout == "wide":
        return read_wide(config, watch, raw)
    return read_table(config.path, *columns_of(config), watch=watch, raw=raw)


def columns_of(config: DataConfig) -> tuple[list[str], list[str], list[str]]:
    """Of a long table the columns that a config names, those of text, and those that repeat."""
    time = [config.time] if config.time else []
    texts = [*time, *config.series, *config.categorical]
    covariates = [*config.past, *config.future, *config.static]
    wanted = [*time, *config.series, *config.target, *covariates]
    return wanted, texts, [*time, *config.series] if config.series else []


def layout_of(config: DataConfig) -> str:
    """How the table of a config is laid out: `long`, `wide` or `rows`.

    Not told, it is `rows` where the header is V1, V2, ... and the config names none of these.
    """
    if config.layout != "auto":
        return config.layout
    named = [*config.series, *config.past, *config.future, *config.static]
    if config.time or named or len(config.target) > 1 or config.path == "-":
        return "long"
    header = [str(name) for name in peek(config.path, rows=1).frame.columns]
    return "rows" if has_rows_header(header) and config.target[0] not in header else "long"


def build_panel(
    table: Table, config: DataConfig, until: str | None = None, horizon: int = 0
) -> Panel:
    """Lay the rows of a table on an equally spaced grid, series behind series.

    Args:
        table: All columns that the config names.
        config: Columns by role and how to treat duplicates.
        until: Leave out what comes after this stamp (or row number), but for future columns.
        horizon: H, steps that columns made of stamps are to go on.

    Returns:
        The panel with gaps as NaN.

    Raises:
        DataError: Stamps, numbers, duplicates or static columns have a fault.
    """
    if isinstance(table, LongTable):
        config = table.long_config(config)
    return lay_panel(hold_rows(table, config), PanelOptions(config, horizon, until))


def lay_panel(rows: TableRows, options: PanelOptions, folder: Path | None = None) -> Panel:
    """Rows that have been read -> their panel, in memory or in the files of a folder.

    Args:
        rows: Of the table; its blocks are written to.
        options: Columns by role and how to treat faults.
        folder: Empty, or with the rows; None: the panel is in memory.

    Returns:
        The panel with gaps as NaN.

    Raises:
        ConfigError: A derived column has the name of another.
        DataError: Stamps, duplicates or static columns have a fault.
        OSError: The disk is full.
    """
    places = place_rows(rows, options)
    return trim(rows.table, write_panel(rows, options, places, folder))
