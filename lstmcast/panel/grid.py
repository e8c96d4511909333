"""Rows -> places on the grid of the table's frequency."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lstmcast.config import DataConfig
from lstmcast.errors import DataError, counted
from lstmcast.panel.row_frequency import frequency_of
from lstmcast.panel.table_rows import RowBlock, TableRows
from lstmcast.stamps.frequency import Frequency, off_grid, stamp_text
from lstmcast.stamps.timestamps import StampStyle, parse_stamp

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class PanelOptions:
    """Options of a panel.

    Attributes:
        config: Columns by role and the treatment of faults.
        horizon: H, steps after the table for which columns made of stamps are computed.
        until: Last stamp or row number used of targets and past covariates; None: all.
    """

    config: DataConfig
    horizon: int = 0
    until: str | None = None


@dataclass(frozen=True)
class GridPlaces:
    """Places of the rows of a table on its grid.

    Attributes:
        frequency: The grid.
        last: Place after which only future covariates are used; None: no such place.
        kept: Number of rows used.
        first: (S,) first place of each series.
        lengths: (S,) number of places from the first to the last; 0 if no row is used.
    """

    frequency: Frequency
    last: int | None
    kept: int
    first: np.ndarray
    lengths: np.ndarray


def place_rows(rows: TableRows, options: PanelOptions) -> GridPlaces:
    """Turn stamps into places, and codes of series into indices of their sorted names.

    Args:
        rows: Rows of the table; their blocks change.
        options: Frequency, start, end and until.

    Raises:
        DataError: Stamps are off the grid, or no row is left.
    """
    config = options.config
    frequency = frequency_of(rows, config)
    if config.season != "auto":
        frequency = replace(frequency, season=int(config.season))
    used = _UsedRows(rows, options, frequency)
    finder: _RowNumbers | _StampPlaces
    if rows.style is None:
        finder = _RowNumbers(len(rows.names))
    else:
        finder = _StampPlaces(rows, config, frequency)
    for block in rows.store.blocks():
        codes = rows.ranked(block.codes)
        heads = run_heads(codes)
        places = finder.read(block, codes, heads)
        keep = used.add(codes, places, heads)
        block.ticks[:] = places
        if keep is not None:
            block.codes[:] = np.where(keep, codes, -1)
        elif rows.ranks is not None:
            block.codes[:] = codes
    finder.refuse()
    used.refuse()
    there = used.ends > used.first
    lengths = np.where(there, used.ends - used.first, 0)
    return GridPlaces(frequency, used.last, used.kept, used.first, lengths)


def run_heads(codes: np.ndarray) -> np.ndarray:
    """First row of each run of rows of one series."""
    return np.append(0, np.flatnonzero(codes[1:] != codes[:-1]) + 1)


class _RowNumbers:
    """Places of a table without stamps: row numbers within each series, from 0."""

    def __init__(self, series: int) -> None:
        self.seen = np.zeros(series, dtype=np.int64)

    def read(self, block: RowBlock, codes: np.ndarray, heads: np.ndarray) -> np.ndarray:
        """(B,) places of the rows of a block."""
        runs, order = codes[heads], None
        if not (runs[1:] > runs[:-1]).all():
            order = np.argsort(codes, kind="stable")
            codes = codes[order]
            heads = run_heads(codes)
            runs = codes[heads]
        lengths = np.diff(heads, append=len(codes))
        places: np.ndarray = np.arange(len(codes)) + np.repeat(self.seen[runs] - heads, lengths)
        self.seen[runs] += lengths
        if order is None:
            return places
        in_file: np.ndarray = np.empty_like(places)
        in_file[order] = places
        return in_file

    def refuse(self) -> None:
        """Do nothing: each row number is a place."""


class _StampPlaces:
    """Places of stamps; counts the stamps off the grid."""

    def __init__(self, rows: TableRows, config: DataConfig, frequency: Frequency) -> None:
        self.rows, self.config, self.frequency = rows, config, frequency
        self.off, self.shown = 0, list[str]()

    def read(self, block: RowBlock, codes: np.ndarray, heads: np.ndarray) -> np.ndarray:
        """(B,) places of the rows of a block."""
        stamps = block.ticks.view("datetime64[us]")
        places, fits = self.frequency.ordinals(stamps)
        if not fits.all():
            wrong = np.flatnonzero(~fits)
            for row in wrong[: 3 - len(self.shown)].tolist():
                line = self.rows.table.line(block.begin + row)
                auto = self.config.frequency == "auto"
                self.shown.append(f"{line} {stamp_text(stamps[row])}" if auto else line)
            self.off += len(wrong)
        return places

    def refuse(self) -> None:
        """Refuse a table with stamps off the grid; the message shows the first three."""
        if not self.off:
            return
        name, config = self.rows.table.name, self.config
        if config.frequency == "auto":
            raise off_grid(name, self.frequency, self.off, self.rows.store.rows, self.shown)
        raise DataError(
            f"{name}: column '{config.time}': {counted(self.off, 'stamp')} off the grid, which is "
            f"{self.frequency.words} (data.frequency: {config.frequency}): {', '.join(self.shown)}"
        )


class _UsedRows:
    """Rows between start, end and until, and the first and last place of each series."""

    def __init__(self, rows: TableRows, options: PanelOptions, frequency: Frequency) -> None:
        self.name, self.until, config = rows.table.name, options.until, options.config
        limits = [("data.start", config.start), ("data.end", config.end), ("--at", options.until)]
        low, high, self.last = (place_of(text, frequency, rows.style, key) for key, text in limits)
        self.low = -NEVER if low is None else low
        self.high = NEVER if high is None else high
        self.known_high = self.high if self.last is None else min(self.high, self.last)
        self.used_high = self.high if config.future else self.known_high
        self.greatest, self.between, self.known, self.kept = -NEVER, 0, 0, 0
        self.first = np.full(len(rows.names), NEVER)
        self.ends = np.full(len(rows.names), -NEVER)

    def add(self, codes: np.ndarray, places: np.ndarray, heads: np.ndarray) -> np.ndarray | None:
        """Add a block; returns (B,) whether each row is used, or None if all are."""
        lowest = np.minimum.reduceat(places, heads)
        highest = np.maximum.reduceat(places, heads)
        self.greatest = max(self.greatest, int(highest.max()))
        if lowest.min() >= self.low and highest.max() <= self.known_high:
            self.between, self.known = self.between + len(codes), self.known + len(codes)
            self._reach(codes[heads], lowest, highest, len(codes))
            return None
        above = places >= self.low
        self.between += int(np.count_nonzero(above & (places <= self.high)))
        self.known += int(np.count_nonzero(above & (places <= self.known_high)))
        keep: np.ndarray = above & (places <= self.used_high)
        kept = places[keep]
        self._reach(codes[keep], kept, kept, len(kept))
        return keep

    def _reach(self, codes: np.ndarray, lowest: np.ndarray, highest: np.ndarray, rows: int) -> None:
        self.kept += rows
        np.minimum.at(self.first, codes, lowest)
        np.maximum.at(self.ends, codes, highest + 1)

    def refuse(self) -> None:
        """Refuse limits that leave no row."""
        if self.last is not None and self.last > self.greatest:
            raise DataError(f"--at {self.until}: the last row of {self.name} comes before it")
        if self.known:
            return
        if self.between:
            raise DataError(f"--at {self.until}: the first row of {self.name} comes after it")
        raise DataError(f"{self.name}: no row is between data.start and data.end")


def place_of(
    value: str | int | None, frequency: Frequency, style: StampStyle | None, key: str
) -> int | None:
    """Grid place of a user's stamp or row number: the place at it, or the last before it.

    Args:
        value: Stamp or row number; None: no value.
        frequency: The grid.
        style: Format of the stamps; None if rows are counted.
        key: Name of the option; `data.start` takes the place at the value or the first after it.

    Raises:
        DataError: The value is not a stamp, or not a row number.
    """
    if value is None:
        return None
    if style is None:
        return _row_number(value, key)
    try:
        stamp = parse_stamp(str(value), style)
    except DataError as error:
        raise DataError(f"{key}: {error}") from error
    place, exact = frequency.ordinals(np.array([stamp]))
    if not exact[0] and key == "data.start":
        return int(place[0]) + bool(frequency.stamps(place)[0] < stamp)
    return int(place[0]) - bool(frequency.stamps(place)[0] > stamp)


def _row_number(value: str | int, key: str) -> int:
    """A user's row number, counted from 1, as a place, counted from 0."""
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise DataError(
            f"{key}: the table has no time column: give a row number from 1, not '{value}'"
        )
    return number - 1
