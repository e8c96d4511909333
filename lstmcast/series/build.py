"""Table -> Panel: rows onto their grid, series behind series."""

from __future__ import annotations

import numpy as np

from lstmcast.config import DataConfig
from lstmcast.errors import DataError
from lstmcast.series.categories import encode
from lstmcast.series.csv_rows import Watch
from lstmcast.series.derive import derive
from lstmcast.series.grid import Placed, one_row_per_place, place_rows
from lstmcast.series.layout import LongTable, has_rows_header, read_rows, read_wide
from lstmcast.series.panel import FILLED, Columns, Panel
from lstmcast.series.peek import peek
from lstmcast.series.read import Table, read_table
from lstmcast.series.trim import trim

GROWTH_LIMIT = 20
"""A grid this many times longer than the table points to a mistyped stamp, not to gaps."""


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
    columns = Columns(
        tuple(config.target), tuple(config.past), tuple(config.future), tuple(config.static)
    )
    placed = place_rows(table, config, until)
    matrix = np.empty((len(placed.rows), len(columns.inputs)))
    in_order = len(placed.rows) == len(table.frame) and bool((np.diff(placed.rows) == 1).all())
    rows = slice(None) if in_order else placed.rows
    words: dict[str, tuple[str, ...]] = {}
    for k, name in enumerate(columns.inputs):
        matrix[:, k] = _cells(table, name, config, words)[rows]
    placed, matrix = one_row_per_place(table, config, placed, matrix)
    if placed.last is not None:
        matrix[placed.ordinals > placed.last, : len(columns.inputs) - len(columns.future)] = np.nan
    panel = _regrid(table, config, columns, placed, matrix, words)
    return trim(table, derive(panel, config, horizon))


def _cells(
    table: Table, name: str, config: DataConfig, words: dict[str, tuple[str, ...]]
) -> np.ndarray:
    """(R,) the numbers of a column, or the codes of its categories, whose texts join `words`."""
    if name in config.categorical:
        codes, words[name] = encode(table, name)
        return codes
    try:
        return table.numbers(name)
    except DataError as error:
        if name in config.target:
            raise
        raise DataError(f"{error}. If it holds categories, name it in data.categorical") from None


def _regrid(
    table: Table,
    config: DataConfig,
    columns: Columns,
    placed: Placed,
    matrix: np.ndarray,
    words: dict[str, tuple[str, ...]],
) -> Panel:
    """Give every place between a series' first and last row a row of its own."""
    heads = np.append(0, np.flatnonzero(placed.codes[1:] != placed.codes[:-1]) + 1)
    starts = placed.ordinals[heads]
    lengths = placed.ordinals[np.append(heads[1:], len(placed.codes)) - 1] - starts + 1
    if lengths.sum() > GROWTH_LIMIT * len(placed.rows) + 10_000:
        _refuse_growth(table, placed, int(lengths.sum()))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values, source_rows = matrix, placed.rows
    if offsets[-1] > len(matrix):
        places = offsets[placed.codes] + placed.ordinals - starts[placed.codes]
        values = np.full((offsets[-1], matrix.shape[1]), np.nan)
        values[places] = matrix
        source_rows = np.full(offsets[-1], FILLED, dtype=np.int64)
        source_rows[places] = placed.rows
    return Panel(
        columns=columns,
        series_columns=tuple(config.series),
        names=placed.names,
        values=values,
        observed=~np.isnan(values),
        static=_static_values(table, config, placed, heads, words),
        offsets=offsets,
        ends=offsets[1:],
        starts=starts,
        source_rows=source_rows,
        frequency=placed.frequency,
        time=config.time,
        style=placed.style,
        words=words,
    )


def _refuse_growth(table: Table, placed: Placed, rows: int) -> None:
    """Name the row that lies farthest from its neighbour."""
    steps = np.where(np.diff(placed.codes) == 0, np.diff(placed.ordinals), 0)
    widest = int(np.argmax(steps))
    raise DataError(
        f"{table.name}: as a grid that is {placed.frequency.words} its {len(placed.rows):,} rows "
        f"would become {rows:,}; the widest gap, {int(steps[widest]):,} steps, lies between "
        f"{table.line(int(placed.rows[widest]))} and {table.line(int(placed.rows[widest + 1]))}. "
        "Mend the stamp, or set data.frequency, data.start or data.end"
    )


def _static_values(
    table: Table,
    config: DataConfig,
    placed: Placed,
    heads: np.ndarray,
    words: dict[str, tuple[str, ...]],
) -> np.ndarray:
    """(S, K) the one value that each static column has in each series."""
    static = np.empty((len(heads), len(config.static)))
    for k, name in enumerate(config.static):
        column = _cells(table, name, config, words)[placed.rows]
        low = np.fmin.reduceat(column, heads)
        high = np.fmax.reduceat(column, heads)
        odd = np.flatnonzero(~(low == high))
        if len(odd):
            series = int(odd[0])
            label = " ".join(placed.names[series]) or "the table"
            what = "has no value" if np.isnan(low[series]) else "changes"
            raise DataError(
                f"{table.name}: static column '{name}' {what} in {label} "
                f"({len(odd)} such series); name it in data.past or data.future instead"
            )
        static[:, k] = low
    return static
