"""Rows of one series with the same time stamp: refused, one of them kept, or their mean taken."""

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
    """Some rows in the order of the panel; rows of one place in the order of the table.

    Attributes:
        rows: (B,) row of the table.
        codes: (B,) place of the series among the names.
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
        """Some of them."""
        return PlacedRows(
            self.rows[kept],
            self.codes[kept],
            self.places[kept],
            self.targets[kept],
            self.values[kept],
            self.static[kept],
        )


class Duplicates:
    """Treats rows whose place another row has, as `data.duplicates` says.

    With `last`, blocks come from the last to the first: in each case the first row that comes to
    a place from another block keeps it.

    Args:
        rows: For messages.
        config: `data.duplicates`, and which columns are categories.
        places: The grid.
        whole: Whether all rows come in one block, so that they have a mean.
    """

    def __init__(
        self, rows: TableRows, config: DataConfig, places: GridPlaces, whole: bool
    ) -> None:
        self.table, self.stamped = rows.table, rows.style is not None
        self.config, self.frequency, self.whole = config, places.frequency, whole
        self.count, self.found, self.autumn = 0, list[tuple[int, int]](), True

    def settle(self, placed: PlacedRows, source: np.ndarray) -> PlacedRows:
        """One row for each place, and none for a place that is taken.

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
        """Two categories have no mean: rows with the same stamp must agree on them."""
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
                    f"first on {line}); set data.duplicates to first or last"
                )

    def _note(self, placed: PlacedRows, again: np.ndarray) -> None:
        self.count += len(again)
        first = zip(
            placed.targets[again[:3]].tolist(), placed.rows[again[:3]].tolist(), strict=True
        )
        self.found = sorted([*self.found, *first])[:3]
        self.autumn = self.autumn and self._end_of_summer_time(placed.places[again])

    def _end_of_summer_time(self, places: np.ndarray) -> bool:
        """Whether all of these are hours that the end of summer time may repeat."""
        if not self.stamped:
            return False
        stamps = self.frequency.stamps(places).astype("datetime64[h]")
        hours = (stamps - stamps.astype("datetime64[D]")).astype(int)
        months = stamps.astype("datetime64[M]").astype(int) % 12 + 1
        weekdays = (stamps.astype("datetime64[D]").astype(int) + 3) % 7
        # Hours 1 to 3: midnight is how stamps without a clock read.
        autumn = np.isin(months, (4, 9, 10, 11)) & (weekdays == 6) & (hours >= 1) & (hours <= 3)
        return bool(autumn.all())

    def refuse(self) -> None:
        """Refuse a table whose rows repeat where `data.duplicates` is `error`.

        Raises:
            DataError: Counts the rows and shows the first three.
        """
        if not self.count:
            return
        shown = ", ".join(self.table.line(row) for _, row in self.found)
        choices = "first, last or mean" if self.whole else "first or last"
        hint = " (they look like the hour that the end of summer time repeats)"
        raise DataError(
            f"{self.table.name}: {counted(self.count, 'row')} with a stamp that the series has "
            f"already: {shown}{', ...' if self.count > 3 else ''}. Remove the repeats, name the "
            f"columns that tell series apart in data.series, or set data.duplicates to {choices}"
            f"{hint if self.autumn else ''}"
        )
