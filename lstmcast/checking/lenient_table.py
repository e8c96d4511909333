"""A table read leniently: its readable cells, and a note of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from lstmcast.config import DataConfig
from lstmcast.errors import ConfigError, DataError
from lstmcast.stamps.frequency import Frequency, frequency_from_alias, likely_frequency
from lstmcast.stamps.infer_frequency import STEPS
from lstmcast.stamps.timestamps import parse_stamps, possible_readings
from lstmcast.tables.csv_numbers import to_numbers
from lstmcast.tables.read import Table

FORMS = 4
"""Formats of time stamps that one column is searched for."""


@dataclass(frozen=True)
class StampColumn:
    """The readable part of a column of time stamps.

    Attributes:
        values: (R,) datetime64[us]; 1970 where nothing could be read.
        good: (R,) whether the stamp was read.
        other: (R,) whether it was read in another form than most.
        words: The form of most.
        twofold: Why the form has two readings; empty if it has one.
    """

    values: np.ndarray
    good: np.ndarray
    other: np.ndarray
    words: str
    twofold: str = ""


@dataclass(frozen=True)
class View:
    """A table with its columns by role, read as far as it can be.

    Attributes:
        table: All columns.
        data: Roles and how faults are treated.
        values: (R,) float64 of each column of numbers, NaN where a cell is empty or wrong.
        wrong: (R,) bool of each column of numbers: text among them.
        stamps: None where rows are counted.
        codes: (R,) number of each row's series.
        names: Of the series.
        rows: (G,) rows with a readable stamp, by series, then time.
        frequency: The grid; None where it cannot be told.
        ordinals: (G,) place of `rows` on the grid; empty without frequency.
        on_grid: (G,) whether the stamp is that place.
    """

    table: Table
    data: DataConfig
    values: Mapping[str, np.ndarray]
    wrong: Mapping[str, np.ndarray]
    stamps: StampColumn | None
    codes: np.ndarray
    names: Sequence[str]
    rows: np.ndarray
    frequency: Frequency | None
    ordinals: np.ndarray
    on_grid: np.ndarray

    def role(self, column: str) -> str:
        """`target`, `past`, `future`, `static`, or empty for a column without a role."""
        roles = ("target", "past", "future", "static")
        return next((role for role in roles if column in getattr(self.data, role)), "")


def view_table(table: Table, data: DataConfig, numeric: Sequence[str]) -> View:
    """Read what can be read.

    Args:
        table: With the columns that `data` names.
        data: Roles.
        numeric: Columns of numbers.
    """
    values, wrong = {}, {}
    for name in numeric:
        values[name], wrong[name] = lenient_numbers(table, name)
    codes, names = series_codes(table, data.series)
    if data.time is None:
        rows = np.argsort(codes, kind="stable")
        places = pd.Series(codes).groupby(codes).cumcount().to_numpy()
        counted = np.ones(len(rows), dtype=bool)
        return View(
            table, data, values, wrong, None, codes, names, rows, STEPS, places[rows], counted
        )
    stamps = _stamps(table, data.time, data.time_format)
    rows = np.flatnonzero(stamps.good)
    rows = rows[np.lexsort((stamps.values[rows], codes[rows]))]
    frequency = _frequency(data.frequency, stamps.values[rows], codes[rows])
    ordinals = on_grid = np.zeros(0, dtype=np.int64)
    if frequency is not None:
        ordinals, on_grid = frequency.ordinals(stamps.values[rows])
    return View(
        table, data, values, wrong, stamps, codes, names, rows, frequency, ordinals, on_grid
    )


def lenient_numbers(table: Table, column: str) -> tuple[np.ndarray, np.ndarray]:
    """(R,) numbers, NaN where a cell is empty or no number, and (R,) where it is no number."""
    cells = table.frame[column]
    if pd.api.types.is_numeric_dtype(cells.dtype) or pd.api.types.is_bool_dtype(cells.dtype):
        values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        return values, np.zeros(len(values), dtype=bool)
    return to_numbers(table.text(column), table.csv.dialect.decimal if table.csv else ".")


def series_codes(table: Table, columns: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """(R,) index of each row's series, in the order of their names, and the names."""
    codes, names = np.zeros(len(table.frame), dtype=np.int64), [""]
    for column in columns:
        numbers, texts = table.coded(column)
        ordered, places = np.unique(texts, return_inverse=True)
        codes, found = pd.factorize(codes * len(ordered) + places[numbers], sort=True)
        before, own = np.divmod(found, len(ordered))
        names = [f"{names[k]} {ordered[j]}" for k, j in zip(before, own, strict=True)]
    return codes, [name[1:] for name in names]


def _stamps(table: Table, time: str, time_format: str) -> StampColumn:
    """Read each distinct text once, unless one has a fault."""
    numbers, texts = table.coded(time)
    if 2 * len(texts) < len(numbers):
        column = lenient_stamps(pa.array(texts, pa.string()), time_format)
        if column.good.all() and not column.other.any() and not column.twofold:
            nowhere = np.zeros(len(numbers), dtype=bool)
            return StampColumn(column.values[numbers], ~nowhere, nowhere, column.words)
    return lenient_stamps(table.strings(time), time_format)


def lenient_stamps(texts: pa.Array, time_format: str) -> StampColumn:
    """Read as many time stamps as possible: in the format of most, then in other formats."""
    nowhere = np.zeros(len(texts), dtype=bool)
    try:
        strict = parse_stamps(texts, time_format)
        return StampColumn(strict.values, ~nowhere, nowhere, strict.style.words)
    except DataError as error:
        why = str(error)
    readings = possible_readings(texts, time_format)
    if not readings or not readings[0].good.any():
        return StampColumn(np.zeros(len(texts), "datetime64[us]"), nowhere, nowhere, "")
    first = readings[0]
    values, good, other = first.values.copy(), first.good.copy(), nowhere.copy()
    twofold = why if good.all() else ""
    parts = sorted(_directives(first.style.pattern))
    for _ in range(FORMS):
        left = np.flatnonzero(~good)
        if not len(left) or time_format not in ("auto", "day_first", "month_first"):
            break
        more = possible_readings(texts.take(pa.array(left)), time_format)
        # The same parts in another order could be days read as months: not safe.
        if not more or sorted(_directives(more[0].style.pattern)) == parts:
            break
        if first.offsets is not None or more[0].offsets is not None:
            break  # with a time zone in some cells only, the meaning is unknown
        sure = more[0].good.copy()
        for reading in more[1:]:
            sure &= ~(reading.good & (reading.values != more[0].values))
        if not sure.any():
            break
        values[left[sure]] = more[0].values[sure]
        good[left[sure]] = other[left[sure]] = True
    return StampColumn(values, good, other, first.style.words, twofold)


def _directives(pattern: str) -> list[str]:
    """The letters of a pattern, and the characters between them."""
    return list(pattern.replace("%-", "%"))


def _frequency(alias: str, stamps: np.ndarray, codes: np.ndarray) -> Frequency | None:
    try:
        if alias == "auto":
            return likely_frequency(stamps, codes, "")
        return frequency_from_alias(alias, stamps) if len(stamps) else None
    except (ConfigError, DataError):
        return None  # the strict reading reports the fault
