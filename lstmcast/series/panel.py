"""Tidy table -> Panel: every series on one equally spaced grid, one behind the other in one array.

Here pandas ends. A panel's rows are in order of series, then time; a row that the table lacks is
there with NaN in every column, until `gaps.fill_gaps` fills it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lstmcast.config import DataConfig
from lstmcast.errors import DataError
from lstmcast.series.frequency import Frequency
from lstmcast.series.grid import Placed, one_row_per_place, place_rows
from lstmcast.series.read import Table, read_table
from lstmcast.series.timestamps import StampStyle

FILLED = -1
"""Source row of a panel row that the table lacks."""

GROWTH_LIMIT = 20
"""A grid this many times longer than the table points to a mistyped stamp, not to gaps."""


@dataclass(frozen=True)
class Columns:
    """The numeric columns of a panel by role; `values` holds them in this order."""

    targets: tuple[str, ...]
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names along axis F: targets, then past, then future."""
        return self.targets + self.past + self.future


@dataclass(frozen=True)
class Panel:
    """All series of a table on one grid.

    Series s owns the rows `offsets[s]:offsets[s + 1]`. Its history ends before row `ends[s]`; the
    rows from there on have known future columns and no targets.

    Attributes:
        columns: Names by role.
        series_columns: The columns that name a series; empty for a table of one series.
        names: (S,) one tuple of texts per series.
        values: (R, F) float64 in the order of `columns.inputs`; NaN where missing.
        observed: (R, F) whether the table had the value.
        static: (S, K) float64.
        offsets: (S + 1,) first row of each series, and the number of rows.
        ends: (S,) one past the last row of history.
        starts: (S,) place of each series' first row on the frequency's grid.
        source_rows: (R,) row of the table, counted from 0, or FILLED.
        frequency: Turns grid places into stamps.
        time: Name of the time column; None where rows are counted.
        style: How the table writes its stamps; None where rows are counted.
        left_out: Names of series without a single complete row.
        begins_late: Rows left out before the first complete row of their series.
        latest_column: The column that most of these rows lack.
    """

    columns: Columns
    series_columns: tuple[str, ...]
    names: list[tuple[str, ...]]
    values: np.ndarray
    observed: np.ndarray
    static: np.ndarray
    offsets: np.ndarray
    ends: np.ndarray
    starts: np.ndarray
    source_rows: np.ndarray
    frequency: Frequency
    time: str | None
    style: StampStyle | None
    left_out: tuple[tuple[str, ...], ...] = ()
    begins_late: int = 0
    latest_column: str = ""

    @property
    def series_count(self) -> int:
        """S."""
        return len(self.ends)

    @property
    def lengths(self) -> np.ndarray:
        """(S,) rows of history."""
        lengths: np.ndarray = self.ends - self.offsets[:-1]
        return lengths

    @property
    def targets(self) -> np.ndarray:
        """(R, C) view of the target columns."""
        return self.values[:, : len(self.columns.targets)]

    @property
    def targets_observed(self) -> np.ndarray:
        """(R, C) view of `observed` for the target columns."""
        return self.observed[:, : len(self.columns.targets)]

    def series_of(self, rows: np.ndarray) -> np.ndarray:
        """Series that own the given rows."""
        owners: np.ndarray = np.searchsorted(self.offsets, rows, side="right") - 1
        return owners

    def ordinals(self, rows: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Grid places of rows; a row past its series' end continues the grid."""
        places: np.ndarray = self.starts[series] + (rows - self.offsets[series])
        return places

    def format_times(self, ordinals: np.ndarray) -> list[str]:
        """Grid places as the table writes them: stamps in its own style, or row numbers from 1."""
        if self.style is None:
            return [str(place + 1) for place in ordinals.tolist()]
        return self.style.format(self.frequency.stamps(ordinals))

    def describe(self, series: int) -> str:
        """Name of a series for messages; empty for the one series of a plain table."""
        return " ".join(self.names[series])


def read_panel(config: DataConfig) -> tuple[Panel, Table]:
    """Read a table and lay it on its grid.

    Args:
        config: Path, columns by role and how to treat faults.

    Returns:
        The panel with gaps as NaN, and the table for messages about its lines.

    Raises:
        DataError: The table cannot be read, lacks a column, or has a fault that the config does
            not say how to treat.
    """
    table = read_columns(config)
    return build_panel(table, config), table.without_cells()


def read_columns(config: DataConfig) -> Table:
    """Read the columns that a config names.

    Raises:
        DataError: The table cannot be read or lacks a column.
    """
    time = [config.time] if config.time else []
    texts = [*time, *config.series]
    wanted = [*texts, *config.target, *config.past, *config.future, *config.static]
    return read_table(config.path, columns=wanted, text=texts)


def build_panel(table: Table, config: DataConfig, until: str | None = None) -> Panel:
    """Lay the rows of a table on an equally spaced grid, series behind series.

    Args:
        table: All columns that the config names.
        config: Columns by role and how to treat duplicates.
        until: Leave out what comes after this stamp (or row number), but for future columns.

    Returns:
        The panel with gaps as NaN.

    Raises:
        DataError: Stamps, numbers, duplicates or static columns have a fault.
    """
    columns = Columns(
        tuple(config.target), tuple(config.past), tuple(config.future), tuple(config.static)
    )
    placed = place_rows(table, config, until)
    matrix = np.empty((len(placed.rows), len(columns.inputs)))
    for k, name in enumerate(columns.inputs):
        matrix[:, k] = table.numbers(name)[placed.rows]
    placed, matrix = one_row_per_place(table, config, placed, matrix)
    if placed.last is not None:
        matrix[placed.ordinals > placed.last, : len(columns.inputs) - len(columns.future)] = np.nan
    return _trim(table, _regrid(table, config, columns, placed, matrix))


def _regrid(
    table: Table, config: DataConfig, columns: Columns, placed: Placed, matrix: np.ndarray
) -> Panel:
    """Give every place between a series' first and last row a row of its own."""
    heads = np.flatnonzero(np.diff(placed.codes, prepend=-1))
    starts = placed.ordinals[heads]
    lengths = placed.ordinals[np.append(heads[1:], len(placed.codes)) - 1] - starts + 1
    if lengths.sum() > GROWTH_LIMIT * len(placed.rows) + 10_000:
        _refuse_growth(table, placed, int(lengths.sum()))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    places = offsets[placed.codes] + placed.ordinals - starts[placed.codes]
    values = matrix
    if offsets[-1] > len(matrix):
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
        static=_static_values(table, columns.static, placed, heads),
        offsets=offsets,
        ends=offsets[1:],
        starts=starts,
        source_rows=source_rows,
        frequency=placed.frequency,
        time=config.time,
        style=placed.style,
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
    table: Table, names: tuple[str, ...], placed: Placed, heads: np.ndarray
) -> np.ndarray:
    """(S, K) the one value that each static column has in each series."""
    static = np.empty((len(heads), len(names)))
    for k, name in enumerate(names):
        column = table.numbers(name)[placed.rows]
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


def _trim(table: Table, panel: Panel) -> Panel:
    """Leave out what nothing can be known of: unfinished starts and unknown ends.

    A series begins with its first row that has every column, so that whatever is missing later has
    a value before it, and its history ends with its last row that has a target. Rows after that
    stay while every future column is known.
    """
    rows = np.arange(len(panel.values))
    heads, tails = panel.offsets[:-1], panel.offsets[1:]
    never = len(rows)
    complete = panel.observed.all(axis=1)
    begins = np.minimum.reduceat(np.where(complete, rows, never), heads)
    any_target = panel.targets_observed.any(axis=1)
    ends = np.maximum.reduceat(np.where(any_target, rows, -1), heads) + 1
    lasts = ends
    if panel.columns.future:
        known = panel.observed[:, -len(panel.columns.future) :].all(axis=1)
        owner = panel.series_of(rows)
        unknown = np.where((rows >= ends[owner]) & ~known, rows, never)
        lasts = np.minimum(np.minimum.reduceat(unknown, heads), tails)
    usable = begins < never
    if not usable.any():
        column = panel.columns.inputs[int(np.argmin(panel.observed.sum(axis=0)))]
        raise DataError(
            f"{table.name}: no series has a row with all its columns known; is '{column}' empty?"
        )
    if usable.all() and (begins == heads).all() and (lasts == tails).all():
        return replace(panel, ends=ends)
    early = (rows < np.minimum(begins, tails)[panel.series_of(rows)]) & usable[
        panel.series_of(rows)
    ]
    lacking = (early[:, None] & ~panel.observed).sum(axis=0)
    begins, ends, lasts = begins[usable], ends[usable], lasts[usable]
    lengths = lasts - begins
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    kept = np.arange(offsets[-1]) + np.repeat(begins - offsets[:-1], lengths)
    return replace(
        panel,
        names=[name for name, keep in zip(panel.names, usable, strict=True) if keep],
        values=panel.values[kept],
        observed=panel.observed[kept],
        static=panel.static[usable],
        offsets=offsets,
        ends=offsets[:-1] + ends - begins,
        starts=panel.starts[usable] + begins - heads[usable],
        source_rows=panel.source_rows[kept],
        left_out=tuple(name for name, keep in zip(panel.names, usable, strict=True) if not keep),
        begins_late=int(early.sum()),
        latest_column=panel.columns.inputs[int(lacking.argmax())],
    )
