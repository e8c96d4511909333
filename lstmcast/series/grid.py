"""Rows of a table -> their series and their place on the frequency's grid, each place once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from lstmcast.config import DataConfig
from lstmcast.errors import DataError, counted
from lstmcast.series.frequency import Frequency, frequency_from_alias, infer_frequency
from lstmcast.series.read import Table
from lstmcast.series.timestamps import Stamps, StampStyle, parse_stamp, parse_stamps


@dataclass(frozen=True)
class Placed:
    """Rows of a table with their series and place, sorted by both.

    Attributes:
        rows: (R,) row of the table.
        codes: (R,) number of the series.
        ordinals: (R,) place on the grid.
        names: (S,) one tuple of texts per series.
        frequency: The grid.
        style: How the table writes its stamps.
        last: Place after which only future columns may be used; None: no such place.
    """

    rows: np.ndarray
    codes: np.ndarray
    ordinals: np.ndarray
    names: list[tuple[str, ...]]
    frequency: Frequency
    style: StampStyle | None
    last: int | None


def place_rows(table: Table, config: DataConfig, until: str | None) -> Placed:
    """Series codes and grid places of all rows between start and end, sorted."""
    codes, names = _series_codes(table, config.series)
    if config.time is None:
        ordinals = _row_numbers(codes)
        frequency, style = frequency_from_alias("step", None), None
        low, high = (row_number(value, key) for key, value in limits(config))
    else:
        stamps, places = _stamps(table, config)
        style = stamps.style
        frequency = _frequency(table, config, stamps.values, places, codes)
        ordinals = frequency.ordinals(stamps.values)[0][places]
        low, high = (grid_place(value, frequency, style, key) for key, value in limits(config))
    if config.season != "auto":
        frequency = replace(frequency, season=int(config.season))
    last = None if until is None else until_place(until, frequency, style)
    keep = np.ones(len(codes), dtype=bool)
    if low is not None:
        keep &= ordinals >= low
    if high is not None:
        keep &= ordinals <= high
    if last is not None and last > ordinals.max():
        raise DataError(f"--at {until}: the last row of {table.name} comes before it")
    known = keep if last is None else keep & (ordinals <= last)
    if not known.any():
        if keep.any():
            raise DataError(f"--at {until}: the first row of {table.name} comes after it")
        raise DataError(f"{table.name}: no row lies between data.start and data.end")
    rows = np.flatnonzero(keep if config.future else known)
    if len(rows) < len(codes):
        codes, ordinals = codes[rows], ordinals[rows]
    same = codes[1:] == codes[:-1]
    if not ((codes[1:] > codes[:-1]) | (same & (ordinals[1:] >= ordinals[:-1]))).all():
        order = np.lexsort((ordinals, codes))
        rows, codes, ordinals = rows[order], codes[order], ordinals[order]
    news = np.append(True, codes[1:] != codes[:-1])
    used = codes[news]
    if len(used) < len(names):
        codes = np.cumsum(news) - 1
    return Placed(rows, codes, ordinals, [names[k] for k in used], frequency, style, last)


def limits(config: DataConfig) -> list[tuple[str, str | int | None]]:
    """The keys and values of the first and the last stamp used."""
    return [("data.start", config.start), ("data.end", config.end)]


def _series_codes(table: Table, columns: Sequence[str]) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Number the series in the order of their names."""
    if not columns:
        return np.zeros(len(table.frame), dtype=np.int64), [()]
    codes = np.zeros(len(table.frame), dtype=np.int64)
    names: list[tuple[str, ...]] = [()]
    for column in columns:
        numbers, texts = table.coded(column)
        empty = np.flatnonzero((texts == "")[numbers])
        if len(empty):
            raise DataError(
                f"{table.name}, {table.line(int(empty[0]))}: column '{column}' names the series "
                f"and is empty ({len(empty)} such rows)"
            )
        order = np.argsort(texts, kind="stable")
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = np.arange(len(order))
        codes *= len(order)
        codes += ranks[numbers]
        # Numbers of the pairs that there are, in order; a single column has all of its own.
        found = pd.unique(codes) if len(names) > 1 else np.arange(len(order))
        found = np.sort(found)
        if len(names) > 1:
            codes = np.searchsorted(found, codes)
        last = texts[order][found % len(order)]
        before = (names[k] for k in (found // len(order)).tolist())
        names = [(*name, text) for name, text in zip(before, last, strict=True)]
    return codes, names


def _row_numbers(codes: np.ndarray) -> np.ndarray:
    """Place of each row within its series, from 0, in the order of the file."""
    heads = np.append(0, np.flatnonzero(codes[1:] != codes[:-1]) + 1)
    if len(heads) == len(pd.unique(codes)):  # each series stands in one piece
        within: np.ndarray = np.arange(len(codes)) - np.repeat(
            heads, np.diff(heads, append=len(codes))
        )
        return within
    return pd.Series(codes).groupby(codes).cumcount().to_numpy().astype(np.int64)


def row_number(value: str | int | None, key: str) -> int | None:
    """A row number given by the user, counted from 1, as a place counted from 0."""
    if value is None:
        return None
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise DataError(
            f"{key}: the table has no time column, so a row number from 1 is wanted, got '{value}'"
        )
    return number - 1


def until_place(value: str, frequency: Frequency, style: StampStyle | None) -> int | None:
    """Grid place of the last row that is known, as `--at` names it."""
    if style is None:
        return row_number(value, "--at")
    return grid_place(value, frequency, style, "--at")


def grid_place(
    value: str | int | None, frequency: Frequency, style: StampStyle, key: str
) -> int | None:
    """Grid place of a stamp given by the user: the place at, or last before it."""
    if value is None:
        return None
    try:
        stamp = parse_stamp(str(value), style)
    except DataError as error:
        raise DataError(f"{key}: {error}") from error
    place, exact = frequency.ordinals(np.array([stamp]))
    if not exact[0] and key == "data.start":
        return int(place[0]) + bool(frequency.stamps(place)[0] < stamp)
    return int(place[0]) - bool(frequency.stamps(place)[0] > stamp)


def _stamps(table: Table, config: DataConfig) -> tuple[Stamps, np.ndarray]:
    """The stamps that there are, and which of them each row has."""
    assert config.time is not None
    read = partial(
        parse_stamps, time_format=config.time_format, column=config.time, table=table.name
    )
    if config.series:
        places, texts = table.coded(config.time)
        if 2 * len(texts) < len(places):
            # Where they have a fault, all rows are read for the message.
            with suppress(DataError):
                return read(texts), places
    stamps = read(table.strings(config.time), where=table.line)
    return stamps, np.arange(len(stamps.values))


def _frequency(
    table: Table, config: DataConfig, values: np.ndarray, places: np.ndarray, codes: np.ndarray
) -> Frequency:
    """The grid; row r has the stamp `values[places[r]]`."""
    if config.frequency == "auto":
        alike = _one_for_all(places, codes)
        stamps, codes = values[places[alike]], codes[alike]
        return infer_frequency(stamps, codes, where=table.line, table=table.name)
    stamps = values[places]
    frequency = frequency_from_alias(config.frequency, stamps)
    on_grid = frequency.ordinals(values)[1][places]
    off = np.flatnonzero(~on_grid)
    if len(off):
        shown = ", ".join(table.line(int(row)) for row in off[:3])
        raise DataError(
            f"{table.name}: column '{config.time}': {counted(len(off), 'stamp')} off the grid that "
            f"is {frequency.words} (data.frequency: {config.frequency}): {shown}"
        )
    return frequency


def _one_for_all(places: np.ndarray, codes: np.ndarray) -> slice:
    """The rows of the first series, where series follow each other with the same stamps; or all."""
    length = int(np.argmax(codes != codes[0])) or len(codes)
    if len(codes) % length or length < 3:
        return slice(None)
    rows = places.reshape(-1, length)
    blocks = codes.reshape(-1, length)
    same = (rows == rows[0]).all() and (blocks == blocks[:, :1]).all()
    follows = same and (np.diff(blocks[:, 0]) > 0).all()
    return slice(0, length) if follows else slice(None)


def one_row_per_place(
    table: Table, config: DataConfig, placed: Placed, matrix: np.ndarray
) -> tuple[Placed, np.ndarray]:
    """Treat rows of one series with the same stamp as `data.duplicates` says."""
    codes, ordinals = placed.codes, placed.ordinals
    repeats = (codes[1:] == codes[:-1]) & (ordinals[1:] == ordinals[:-1])
    if not repeats.any():
        return placed, matrix
    first = np.concatenate([[True], ~repeats])
    if config.duplicates == "error":
        again = np.flatnonzero(~first)
        shown = ", ".join(table.line(int(placed.rows[k])) for k in again[:3])
        raise DataError(
            f"{table.name}: {counted(len(again), 'row')} with a stamp that the series has already: "
            f"{shown}{', ...' if len(again) > 3 else ''}. Remove the repeats, name the columns "
            "that tell series apart in data.series, or set data.duplicates to first, last or mean"
            f"{_clock_change_hint(placed, again)}"
        )
    heads = np.flatnonzero(first)
    if config.duplicates == "first":
        kept = heads
    elif config.duplicates == "last":
        kept = np.append(heads[1:], len(first)) - 1
    else:
        known = ~np.isnan(matrix)
        counts = np.add.reduceat(known, heads, axis=0, dtype=np.int64)
        sums = np.add.reduceat(np.where(known, matrix, 0.0), heads, axis=0)
        means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
        _refuse_mean_of_categories(table, config, placed, matrix, heads)
        return _subset(placed, heads), means
    return _subset(placed, kept), matrix[kept]


def _refuse_mean_of_categories(
    table: Table, config: DataConfig, placed: Placed, matrix: np.ndarray, heads: np.ndarray
) -> None:
    """Two categories have no mean: rows with the same stamp must agree on them."""
    for k, name in enumerate((*config.target, *config.past, *config.future)):
        if name in config.categorical:
            low = np.fmin.reduceat(matrix[:, k], heads)
            differ = np.flatnonzero(low < np.fmax.reduceat(matrix[:, k], heads))
            if len(differ):
                line = table.line(int(placed.rows[heads[differ[0]]]))
                raise DataError(
                    f"{table.name}: column '{name}' holds categories, which have no mean, and they "
                    f"differ among rows of one stamp ({counted(len(differ), 'stamp')}, the first "
                    f"on {line}); set data.duplicates to first or last"
                )


def _clock_change_hint(placed: Placed, again: np.ndarray) -> str:
    """Point to the end of summer time when that is where the hours repeat."""
    if placed.style is None:
        return ""
    stamps = placed.frequency.stamps(placed.ordinals[again]).astype("datetime64[h]")
    hours = (stamps - stamps.astype("datetime64[D]")).astype(int)
    months = stamps.astype("datetime64[M]").astype(int) % 12 + 1
    weekdays = (stamps.astype("datetime64[D]").astype(int) + 3) % 7
    # Hours 1 to 3: midnight is how stamps without a clock read.
    autumn = np.isin(months, (4, 9, 10, 11)) & (weekdays == 6) & (hours >= 1) & (hours <= 3)
    return " (they look like the hour that the end of summer time repeats)" if autumn.all() else ""


def _subset(placed: Placed, kept: np.ndarray) -> Placed:
    return replace(
        placed, rows=placed.rows[kept], codes=placed.codes[kept], ordinals=placed.ordinals[kept]
    )
