"""Duplicates, rows of one series with one time stamp: refuse, keep one, or take the mean."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lstmcast.config import DataConfig
from lstmcast.errors import DataError, counted
from lstmcast.panel.grid import GridPlaces
from lstmcast.panel.panel import FILLED
from lstmcast.panel.table_rows import TableRows


@dataclass(frozen=True)
class PlacedRows:
    """Some rows, in panel order; rows of one place are in table order.

    Attributes:
        rows: (B,) row of the table.
        codes: (B,) index of the series among the names.
        places: (B,) place on the grid.
        targets: (B,) row of the panel.
        values: (B, F) float64.
        static: (B, K) float64.
    """

    rows: np.ndarray
    codes: np.ndarray
    places: np.ndarray
    targets: np.ndarray
    values: np.ndarray
    static: np.ndarray

    def take(self, kept: np.ndarray) -> PlacedRows:
        """The rows that an index or mask selects."""
        return PlacedRows(
            self.rows[kept],
            self.codes[kept],
            self.places[kept],
            self.targets[kept],
            self.values[kept],
            self.static[kept],
        )


class Duplicates:
    """Treats duplicates as `data.duplicates` says.

    Among blocks, the first row at a place keeps it; with `last`, blocks come in reverse order.

    Args:
        rows: For messages.
        config: `data.duplicates`, and the categorical columns.
        places: The grid.
        whole: Whether all rows are in one block, as a mean requires.
    """

    def __init__(
        self, rows: TableRows, config: DataConfig, places: GridPlaces, whole: bool
    ) -> None:
        self.table, self.stamped = rows.table, rows.style is not None
        self.config, self.frequency, self.whole = config, places.frequency, whole
        self.count, self.found, self.autumn = 0, list[tuple[int, int]](), True

    def settle(self, placed: PlacedRows, source: np.ndarray) -> PlacedRows:
        """One row for each place that has no row so far.

        Args:
            placed: Rows of a block.
            source: (R,) row of the table of each panel row so far, or FILLED.
        """
        targets = placed.targets
        again = targets[1:] == targets[:-1]
        taken = source[targets] != FILLED
        if not (taken.any() or again.any()):
            return placed
        method = self.config.duplicates
        if method == "mean":
            assert self.whole and not taken.any()
            return self._means(placed, np.flatnonzero(np.append(True, ~again)))
        if method == "last":
            return placed.take(np.append(~again, True) & ~taken)
        taken[1:] |= again
        if method == "error":
            self._note(placed, np.flatnonzero(taken))
        return placed.take(~taken)

    def _means(self, placed: PlacedRows, heads: np.ndarray) -> PlacedRows:
        known = ~np.isnan(placed.values)
        counts = np.add.reduceat(known, heads, axis=0, dtype=np.int64)
        sums = np.add.reduceat(np.where(known, placed.values, 0.0), heads, axis=0)
        means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
        self._refuse_mean_of_categories(placed, heads)
        return replace(placed.take(heads), values=means)

    def _refuse_mean_of_categories(self, placed: PlacedRows, heads: np.ndarray) -> None:
        """Categories have no mean: they must be equal in rows with the same stamp."""
        config = self.config
        for k, name in enumerate((*config.target, *config.past, *config.future)):
            if name not in config.categorical:
                continue
            low = np.fmin.reduceat(placed.values[:, k], heads)
            differ = np.flatnonzero(low < np.fmax.reduceat(placed.values[:, k], heads))
            if len(differ):
                line = self.table.line(int(placed.rows[heads[differ[0]]]))
                raise DataError(
                    f"{self.table.name}: column '{name}' holds categories, which have no mean, and "
                    f"they differ among rows of one stamp ({counted(len(differ), 'stamp')}, the "
                    f"first in {line}); set data.duplicates to first or last"
                )

    def _note(self, placed: PlacedRows, again: np.ndarray) -> None:
        self.count += len(again)
        first = zip(
            placed.targets[again[:3]].tolist(), placed.rows[again[:3]].tolist(), strict=True
        )
        self.found = sorted([*self.found, *first])[:3]
        self.autumn = self.autumn and self._end_of_summer_time(placed.places[again])

    def _end_of_summer_time(self, places: np.ndarray) -> bool:
        """Whether the end of daylight saving time may repeat all of these hours."""
        if not self.stamped:
            return False
        stamps = self.frequency.stamps(places).astype("datetime64[h]")
        hours = (stamps - stamps.astype("datetime64[D]")).astype(int)
        months = stamps.astype("datetime64[M]").astype(int) % 12 + 1
        weekdays = (stamps.astype("datetime64[D]").astype(int) + 3) % 7
        # Hours 1 to 3: a stamp without a clock time reads as midnight.
        autumn = np.isin(months, (4, 9, 10, 11)) & (weekdays == 6) & (hours >= 1) & (hours <= 3)
        return bool(autumn.all())

    def refuse(self) -> None:
        """Raise DataError if `data.duplicates` is `error` and there are duplicates."""
        if not self.count:
            return
        shown = ", ".join(self.table.line(row) for _, row in self.found)
        choices = "first, last or mean" if self.whole else "first or last"
        hint = " (they look like the hour that the end of daylight saving time repeats)"
        raise DataError(
            f"{self.table.name}: {counted(self.count, 'row')} with a time stamp that the series "
            f"already has: {shown}{', ...' if self.count > 3 else ''}. Remove the duplicates, list "
            "the columns that identify a series in data.series, or set data.duplicates to "
            f"{choices}{hint if self.autumn else ''}"
        )
