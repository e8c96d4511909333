"""Panel: all series on one equally spaced grid, one after the other in one array.

The panel needs no pandas. Its rows are sorted by series, then time; a row that the table lacks
has NaN in every column until `gaps.fill_gaps` fills it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lstmcast.stamps.frequency import Frequency
from lstmcast.stamps.timestamps import StampStyle

FILLED = -1
"""Source row of a panel row that the table lacks."""


@dataclass(frozen=True)
class Columns:
    """The columns of a panel by role; `values` holds them in this order.

    Attributes:
        targets: Columns to forecast.
        past: Past covariates, known up to the forecast origin.
        future: Future covariates, known over the horizon too.
        static: Static covariates, one value for each series.
    """

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

    Series s has the rows `offsets[s]:offsets[s + 1]`. Its history ends before row `ends[s]`; the
    rows after it have known future covariates and no targets.

    Attributes:
        columns: Names by role.
        series_columns: Columns that identify a series; empty for a table of one series.
        names: (S,) one tuple of texts per series.
        values: (R, F) float64 in the order of `columns.inputs`; NaN if missing.
        observed: (R, F) whether the table has the value.
        static: (S, K) float64.
        offsets: (S + 1,) first row of each series, and the number of rows.
        ends: (S,) one past the last row of history.
        starts: (S,) place of each series' first row on the frequency's grid.
        source_rows: (R,) row of the table, counted from 0, or FILLED.
        frequency: Turns grid places into time stamps.
        time: Name of the time column; None if rows are counted.
        style: Format of the table's stamps; None if rows are counted.
        words: Texts of the codes of each categorical column; see `categories`.
        lags: Names of the inputs that are earlier values of targets; see `derive`.
        unscaled: Names of calendar features and masks, which are not scaled.
        left_out: Names of series without a complete row.
        begins_late: Number of rows left out before the first complete row of their series.
        latest_column: The column that most of these rows lack.
        store: Folder of the files of `values`, `observed` and `source_rows`, after imputation;
            None: they are in memory.
        filled: Number of imputed values of a table in files.
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
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lags: tuple[str, ...] = ()
    unscaled: tuple[str, ...] = ()
    left_out: tuple[tuple[str, ...], ...] = ()
    begins_late: int = 0
    latest_column: str = ""
    store: Path | None = None
    filled: int = 0

    @property
    def series_count(self) -> int:
        """S, number of series."""
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

    @property
    def coded_inputs(self) -> list[int]:
        """Indices into `columns.inputs` of categorical columns."""
        return [k for k, name in enumerate(self.columns.inputs) if name in self.words]

    @property
    def unscaled_inputs(self) -> list[int]:
        """Indices into `columns.inputs` of columns that are not scaled."""
        left = (*self.words, *self.unscaled)
        return [k for k, name in enumerate(self.columns.inputs) if name in left]

    @property
    def target_like(self) -> list[int]:
        """Indices into `columns.inputs` of targets and their lags."""
        alike = (*self.columns.targets, *self.lags)
        return [k for k, name in enumerate(self.columns.inputs) if name in alike]

    @property
    def coded_static(self) -> list[int]:
        """Indices into `columns.static` of categorical columns."""
        return [k for k, name in enumerate(self.columns.static) if name in self.words]

    def series_of(self, rows: np.ndarray) -> np.ndarray:
        """Series of the given rows."""
        owners: np.ndarray = np.searchsorted(self.offsets, rows, side="right") - 1
        return owners

    def ordinals(self, rows: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Grid places of rows; a row after the end of its series continues the grid."""
        places: np.ndarray = self.starts[series] + (rows - self.offsets[series])
        return places

    def format_times(self, ordinals: np.ndarray) -> list[str]:
        """Grid places as texts: stamps in the table's format, or row numbers from 1."""
        if self.style is None:
            return [str(place + 1) for place in ordinals.tolist()]
        return self.style.format(self.frequency.stamps(ordinals))

    def describe(self, series: int) -> str:
        """Name of a series for messages; empty if the table has one series without a name."""
        return " ".join(self.names[series])
