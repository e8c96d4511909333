"""Rows of a spool -> their places on the grid, block by block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lstmcast.config import DataConfig
from lstmcast.errors import DataError, counted
from lstmcast.series.frequency import (
    Frequency,
    frequency_from_alias,
    infer_frequency,
    presume_frequency,
)
from lstmcast.series.grid import grid_place, limits, row_number, until_place
from lstmcast.series.streaming.spool import Spool
from lstmcast.series.timestamps import StampStyle

SAMPLE = 1 << 22
"""Rows, the first of a table, that its frequency is told from; the others only have to fit."""

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Places:
    """Where the rows of a spool lie: its ticks are places now, its codes those of `ranks`.

    Attributes:
        frequency: The grid.
        last: Place after which only future columns may be used; None: no such place.
        kept: Rows that are used.
        first: (S,) first place of each series.
        lengths: (S,) places from the first to the last; 0 where no row is used.
        static: (S, K) the value of each static column.
    """

    frequency: Frequency
    last: int | None
    kept: int
    first: np.ndarray
    lengths: np.ndarray
    static: np.ndarray


@dataclass(frozen=True)
class Asked:
    """What a stream is asked to do.

    Attributes:
        config: Of the table.
        name: What messages call it.
        horizon: H.
        until: The last row that is known, as `--at` names it.
        line: Words for a row.
    """

    config: DataConfig
    name: str
    horizon: int
    until: str | None
    line: Callable[[int], str]


def place_spool(
    asked: Asked,
    spool: Spool,
    ranks: np.ndarray,
    names: list[tuple[str, ...]],
    style: StampStyle | None,
) -> Places:
    """Turn stamps into places, and numbers of series into those of their names in order.

    Args:
        asked: What is wanted.
        spool: Is written to.
        ranks: (S,) by number of a series as it came, its number in order.
        names: Of the series, in order.
        style: Of the stamps; None where rows are counted.

    Raises:
        DataError: Stamps lie off the grid, no row is left, or a static column changes.
    """
    config = asked.config
    frequency = _frequency(asked, spool, ranks)
    if config.season != "auto":
        frequency = replace(frequency, season=int(config.season))
    if style is None:
        low, high = (row_number(value, key) for key, value in limits(config))
    else:
        low, high = (grid_place(value, frequency, style, key) for key, value in limits(config))
    last = None if asked.until is None else until_place(asked.until, frequency, style)
    count, statics = len(names), len(config.static)
    first, ends = np.full(count, NEVER), np.full(count, -NEVER)
    lowest, highest = np.full((count, statics), np.nan), np.full((count, statics), np.nan)
    seen = np.zeros(count, dtype=np.int64)
    greatest, off, shown, kept, known_rows = -NEVER, 0, list[str](), 0, 0
    for block in spool.blocks():
        codes = ranks[block.codes]
        if style is None:
            places = seen[codes] + _within(codes)
            seen += np.bincount(codes, minlength=count)
        else:
            stamps = block.ticks.view("datetime64[us]")
            places, fits = frequency.ordinals(stamps)
            wrong = np.flatnonzero(~fits)
            off += len(wrong)
            for row in wrong[: 3 - len(shown)].tolist():
                line = asked.line(block.begin + row)
                iso = str(np.datetime_as_string(stamps[row], unit="s")).replace("T", " ")
                shown.append(line if config.frequency != "auto" else f"{line} {iso}")
        greatest = max(greatest, int(places.max()))
        keep = np.ones(len(codes), dtype=bool)
        if low is not None:
            keep &= places >= low
        if high is not None:
            keep &= places <= high
        known = keep if last is None else keep & (places <= last)
        keep = keep if config.future else known
        kept, known_rows = kept + int(keep.sum()), known_rows + int(known.sum())
        rows = np.flatnonzero(keep)
        np.minimum.at(first, codes[rows], places[rows])
        np.maximum.at(ends, codes[rows], places[rows] + 1)
        for k in range(statics):
            column = block.values[rows, block.values.shape[1] - statics + k]
            np.fmin.at(lowest[:, k], codes[rows], column)
            np.fmax.at(highest[:, k], codes[rows], column)
        block.ticks[:] = places
        block.codes[:] = np.where(keep, codes, -1)
    if off:
        raise _off_grid(asked, frequency, off, spool.rows, shown)
    if last is not None and last > greatest:
        raise DataError(f"--at {asked.until}: the last row of {asked.name} comes before it")
    if not known_rows:
        if kept:
            raise DataError(f"--at {asked.until}: the first row of {asked.name} comes after it")
        raise DataError(f"{asked.name}: no row lies between data.start and data.end")
    used = ends > first
    here = [names[k] for k in np.flatnonzero(used)]
    _refuse_changes(asked, here, lowest[used], highest[used])
    lengths = np.where(used, ends - first, 0)
    return Places(frequency, last, kept, first, lengths, lowest)


def _within(codes: np.ndarray) -> np.ndarray:
    """How many rows of the same series come before each row of a block."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    heads = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    counts = np.diff(heads, append=len(codes))
    within = np.empty(len(codes), dtype=np.int64)
    within[order] = np.arange(len(codes)) - np.repeat(heads, counts)
    return within


def _frequency(asked: Asked, spool: Spool, ranks: np.ndarray) -> Frequency:
    config = asked.config
    if config.time is None:
        return frequency_from_alias("step", None)
    codes, ticks = spool.head(SAMPLE)
    stamps = ticks.view("datetime64[us]")
    if config.frequency != "auto":
        return frequency_from_alias(config.frequency, stamps)
    if spool.rows <= SAMPLE:
        return infer_frequency(stamps, ranks[codes], asked.line, asked.name)
    found = presume_frequency(stamps, ranks[codes])
    if found is None:
        raise DataError(
            f"{asked.name}: the first {len(ticks):,} rows hold too few different stamps of one "
            "series to tell their frequency: set data.frequency, or sort the table by series"
        )
    return found


def _off_grid(
    asked: Asked, frequency: Frequency, off: int, rows: int, shown: list[str]
) -> DataError:
    """The error for stamps off the grid; see `infer_frequency` and `grid`."""
    lines = ", ".join(shown)
    if asked.config.frequency != "auto":
        return DataError(
            f"{asked.name}: column '{asked.config.time}': {counted(off, 'stamp')} off the grid "
            f"that is {frequency.words} (data.frequency: {asked.config.frequency}): {lines}"
        )
    return DataError(
        f"{asked.name}: {off:,} of {rows:,} stamps do not lie on one grid with the others, which "
        f"seem to be {frequency.words} ({frequency.alias}): {lines}{', ...' if off > 3 else ''}: "
        "correct these rows, or set data.frequency"
    )


def _refuse_changes(
    asked: Asked, names: list[tuple[str, ...]], low: np.ndarray, high: np.ndarray
) -> None:
    """Refuse a static column that has no value, or several, in a series."""
    for k, name in enumerate(asked.config.static):
        odd = np.flatnonzero(~(low[:, k] == high[:, k]))
        if len(odd):
            series = int(odd[0])
            label = " ".join(names[series]) or "the table"
            what = "has no value" if np.isnan(low[series, k]) else "changes"
            raise DataError(
                f"{asked.name}: static column '{name}' {what} in {label} "
                f"({len(odd)} such series); name it in data.past or data.future instead"
            )
