"""The tables of a run folder as arrays, column by column."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from lstmcast.errors import RunError

_TEXT = pa.dictionary(pa.int32(), pa.string())
_LONGEST_BLOCK = 2**31 - 1


@dataclass(frozen=True)
class Layout:
    """The roles of the columns of a file, by position, because names can be duplicate.

    Attributes:
        series: Names of the series columns.
        time: Name of the time column; None for row numbers.
        targets: Names of the targets.
        levels: Interval levels in percent, ascending.
    """

    series: tuple[str, ...]
    time: str | None
    targets: tuple[str, ...]
    levels: tuple[float, ...]


@dataclass(frozen=True)
class Rows:
    """Forecasts and actual values, row by row; R rows, C targets, L levels.

    Attributes:
        names: (S,) of the series, each a tuple of texts, in the order in which they appear.
        series: (R,) number of each row's series.
        times: (R,) stamps or row numbers, as the table writes them.
        values: (R, C) forecasts; in `recent`, actual values.
        actuals: (R, C) actual values; NaN where that is not known.
        low: (L, R, C) lower bounds; NaN where there are none.
        high: (L, R, C) upper bounds.
        steps: (R,) step of the horizon, from 1; 0 without one.
        methods: (R,) method of each forecast; empty if unknown.
    """

    names: list[tuple[str, ...]]
    series: np.ndarray
    times: pd.Categorical
    values: np.ndarray
    actuals: np.ndarray
    low: np.ndarray
    high: np.ndarray
    steps: np.ndarray
    methods: np.ndarray


def header_of(path: Path) -> list[str]:
    """The column names of a file."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file))
    except (OSError, ValueError, StopIteration, csv.Error) as error:
        raise RunError(f"{path} is missing or damaged: {error}") from error


def read_layout(path: Path) -> Layout:
    """The column roles of a backtest.csv.

    Raises:
        RunError: The file is missing or damaged.
    """
    header = header_of(path)
    pairs = list(zip(header, [*header[1:], ""], strict=True))
    if ("origin", "step") not in pairs:
        raise RunError(f"{path} is damaged: it has no columns 'origin' and 'step'")
    first = pairs.index(("origin", "step"))
    targets = [name for name, after in pairs[first + 2 :] if after == f"{name}_actual"]
    if not targets:
        raise RunError(f"{path} is damaged: no column is followed by its '_actual'")
    place = header.index(targets[0], first + 2)
    start = f"{targets[0]}_lo"
    levels = [name.removeprefix(start) for name in header[place + 2 :] if name.startswith(start)]
    time = header[first + 2] if place > first + 2 else None
    known = tuple(float(level) for level in levels if _is_number(level))
    return Layout(tuple(header[:first]), time, tuple(targets), known)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def read_cells(path: Path, texts: Sequence[int]) -> pd.DataFrame:
    """A file with columns named by place: `texts` become categories, others numbers."""
    count = len(header_of(path))
    try:
        table = pyarrow.csv.read_csv(
            path,
            pyarrow.csv.ReadOptions(
                column_names=[str(k) for k in range(count)],
                skip_rows_after_names=1,  # the header, which may have line ends within quotes
                block_size=min(max(path.stat().st_size, 1), _LONGEST_BLOCK),
            ),
            pyarrow.csv.ParseOptions(newlines_in_values=True),
            pyarrow.csv.ConvertOptions(
                column_types={str(k): _TEXT if k in texts else pa.float64() for k in range(count)},
                null_values=[""],
            ),
        )
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is missing or damaged: {error}") from error
    frame: pd.DataFrame = table.to_pandas(split_blocks=True)
    return frame.set_axis(range(count), axis=1)


def read_test(path: Path, layout: Layout) -> Rows:
    """Test forecasts and actual values."""
    header, named = header_of(path), len(layout.series)
    timed = layout.time is not None
    texts = [*range(named + 1), *([named + 2] if timed else [])]
    if header[-1] == "method":
        texts.append(len(header) - 1)
    frame = read_cells(path, texts)
    width = 2 + 2 * len(layout.levels)
    first = named + 2 + timed
    places = [first + k * width for k in range(len(layout.targets))]
    steps = frame[named + 1].to_numpy(dtype=np.int64)
    times = _stamps(frame, named + 2) if timed else _counted_on(_stamps(frame, named), steps)
    return Rows(
        *series_of(frame, named),
        times,
        frame[places].to_numpy(),
        frame[[place + 1 for place in places]].to_numpy(),
        *_bounds(frame, [place + 2 for place in places], len(layout.levels)),
        steps,
        np.full(len(frame), "", dtype=object),
    )


def _stamps(frame: pd.DataFrame, place: int) -> pd.Categorical:
    return pd.Categorical(frame[place])


def _counted_on(origins: pd.Categorical, steps: np.ndarray) -> pd.Categorical:
    """Row numbers of the forecast steps after row numbers of origins."""
    return pd.Categorical((origins.astype(np.int64) + steps).astype(str))


def series_of(frame: pd.DataFrame, named: int) -> tuple[list[tuple[str, ...]], np.ndarray]:
    """The names of all series, and the series number of each row."""
    series = np.zeros(len(frame), dtype=np.int64)
    for k in range(named):
        cells = frame[k].cat
        series = pd.factorize(series * len(cells.categories) + cells.codes.to_numpy())[0]
    firsts = frame.iloc[np.unique(series, return_index=True)[1], :named]
    return [tuple(cells) for cells in firsts.to_numpy(dtype=object).tolist()], series


def _bounds(frame: pd.DataFrame, places: list[int], levels: int) -> tuple[np.ndarray, np.ndarray]:
    """(L, R, C) lower and upper bounds; `places` are their first columns."""
    shape = (levels, len(frame), len(places))
    low, high = np.full(shape, np.nan), np.full(shape, np.nan)
    for k in range(levels):
        low[k] = frame[[place + 2 * k for place in places]].to_numpy()
        high[k] = frame[[place + 2 * k + 1 for place in places]].to_numpy()
    return low, high


def read_recent(path: Path, layout: Layout) -> Rows:
    """The last rows of every series."""
    named, count = len(layout.series), len(layout.targets)
    frame = read_cells(path, range(named + 1))
    values = frame[list(range(named + 1, named + 1 + count))].to_numpy()
    return plain_rows(*series_of(frame, named), _stamps(frame, named), values)


def plain_rows(
    names: list[tuple[str, ...]], series: np.ndarray, times: pd.Categorical, values: np.ndarray
) -> Rows:
    """Rows without bounds and steps."""
    none = np.empty((0, *values.shape))
    blank, zeros = np.full(len(times), "", dtype=object), np.zeros(len(times), dtype=np.int64)
    unknown = np.full(values.shape, np.nan)
    return Rows(names, series, times, values, unknown, none, none, zeros, blank)


def read_future(path: Path, layout: Layout, wide: bool) -> Rows:
    """The forecast after the last row of every series; `wide` has a column per series."""
    header, named, levels = header_of(path), len(layout.series), len(layout.levels)
    if wide:
        return read_wide(path, header, levels)
    frame = read_cells(path, [*range(named + 1), len(header) - 1])
    width = 1 + 2 * levels
    places = [named + 1 + k * width for k in range(len(layout.targets))]
    rows = plain_rows(*series_of(frame, named), _stamps(frame, named), frame[places].to_numpy())
    low, high = _bounds(frame, [place + 1 for place in places], levels)
    methods = frame[len(header) - 1].to_numpy(dtype=object)
    return replace(rows, low=low, high=high, methods=methods)


def read_wide(path: Path, header: list[str], levels: int) -> Rows:
    """A wide forecast, with a column per series, as long rows."""
    method = max(k for k, name in enumerate(header) if name == "method")
    count = (method - 1) // (1 + 2 * levels)
    frame = read_cells(path, [0, *range(method, len(header))])
    times = _stamps(frame, 0).take(np.tile(np.arange(len(frame)), count))
    names: list[tuple[str, ...]] = [(name,) for name in header[1 : 1 + count]]
    series = np.repeat(np.arange(count), len(frame))
    values = frame[list(range(1, 1 + count))].to_numpy().T.reshape(-1, 1)
    low, high = _bounds(frame, [1 + count + 2 * levels * k for k in range(count)], levels)
    shape = (levels, -1, 1)
    rows = plain_rows(names, series, times, values)
    low, high = (bound.transpose(0, 2, 1).reshape(shape) for bound in (low, high))
    own = {name: k for k, name in enumerate(header) if k > method}  # columns with another method
    methods = np.concatenate(
        [frame[own.get(f"{name}_method", method)] for name in header[1 : 1 + count]]
    )
    return replace(rows, low=low, high=high, methods=methods)
