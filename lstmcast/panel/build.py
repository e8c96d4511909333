"""Table -> panel: read the columns, place the rows on the grid, write the arrays, trim.

A row of a table is dropped for one of these reasons, and for no other:

- it is blank (`tables.csv_rows`), or an empty cell at the end of a series in `layout: rows`
  (`tables.layout`);
- its time stamp is before `data.start`, after `data.end`, or after `--at` (`panel.grid`);
- it is a duplicate, and `data.duplicates` keeps another row or the mean (`panel.duplicates`);
- it is before the first or after the last usable row of its series (`panel.trim`).
"""

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
    """Read a table and place its rows on its grid.

    Args:
        config: Path, columns by role and the treatment of faults.
        horizon: H, steps after the table for which columns made of time stamps are computed.

    Returns:
        The panel with missing values as NaN, and the table for messages about its lines.

    Raises:
        DataError: The table cannot be read, lacks a column, or has a fault that no config field
            treats.
    """
    table = read_columns(config)
    return build_panel(table, config, horizon=horizon), table.without_cells()


def read_columns(config: DataConfig, watch: Watch | None = None, raw: bytes | None = None) -> Table:
    """Read the columns that a config names.

    Args:
        config: Path, and columns by role.
        watch: Receives how many bytes of a CSV are parsed.
        raw: Bytes of the file if they are already in memory.

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
    """The columns of a long table: all that a config names, those of text, those that repeat."""
    time = [config.time] if config.time else []
    texts = [*time, *config.series, *config.categorical]
    covariates = [*config.past, *config.future, *config.static]
    wanted = [*time, *config.series, *config.target, *covariates]
    return wanted, texts, [*time, *config.series] if config.series else []


def layout_of(config: DataConfig) -> str:
    """Layout of the table of a config: `long`, `wide` or `rows`.

    `auto` means `rows` if the header is V1, V2, ... and the config names none of these.
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
    """Place the rows of a table on an equally spaced grid, one series after the other.

    Args:
        table: All columns that the config names.
        config: Columns by role and the treatment of duplicates.
        until: Last stamp (or row number) used of the columns other than future covariates.
        horizon: H, steps after the table for which columns made of stamps are computed.

    Returns:
        The panel with missing values as NaN.

    Raises:
        DataError: Stamps, numbers, duplicates or static columns have a fault.
    """
    if isinstance(table, LongTable):
        config = table.long_config(config)
    return lay_panel(hold_rows(table, config), PanelOptions(config, horizon, until))


def lay_panel(rows: TableRows, options: PanelOptions, folder: Path | None = None) -> Panel:
    """Rows of a table -> their panel, in memory or in the files of a folder.

    Args:
        rows: Rows of the table; their blocks change.
        options: Columns by role and the treatment of faults.
        folder: Folder for the arrays; None: the panel is in memory.

    Returns:
        The panel with missing values as NaN.

    Raises:
        ConfigError: A derived column has the name of another.
        DataError: Stamps, duplicates or static columns have a fault.
        OSError: The disk is full.
    """
    places = place_rows(rows, options)
    return trim(rows.table, write_panel(rows, options, places, folder))
