"""Encoders for rows in pieces: stamps, series and categories -> numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lstmcast.errors import DataError
from lstmcast.stamps.stamp_reading import Reading, read_stamps
from lstmcast.stamps.timestamps import StampStyle, parse_stamps, possible_readings
from lstmcast.tables.csv_numbers import quoted, to_numpy
from lstmcast.tables.parquet import as_text

Where = Callable[[int], str]
Words = tuple[str, ...]

_DAY, _SECOND = 86_400_000_000, 1_000_000  # microseconds


class StampReader:
    """Parser of a column of stamps; its first rows decide the format.

    Args:
        column: Name of the column.
        table: Name of the table in messages.
        time_format: Value of `data.time_format`.
    """

    def __init__(self, column: str, table: str, time_format: str) -> None:
        self.place = f"{table}: column '{column}'"
        self.column, self.table, self.time_format = column, table, time_format
        self.style: StampStyle | None = None
        self.zone: Any = None
        self.rows = self.bad = 0
        self.shown: list[str] = []
        self.typical: dict[str, pa.Array] = {}

    def read(self, cells: Any, where: Where) -> np.ndarray:
        """(R,) int64 microseconds; 0 for a text that is not a stamp, which `finish` refuses."""
        if pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type):
            return self._typed(cells, where)
        if pa.types.is_dictionary(cells.type):
            places, texts = to_numpy(cells.indices), cells.dictionary
        else:
            places, texts = None, cells
        reading = self._reading(pc.utf8_trim_whitespace(texts), where)
        good = reading.good if places is None else reading.good[places]
        values = reading.values.astype("datetime64[us]").view(np.int64)
        self.rows += len(good)
        faulty = np.flatnonzero(~good)
        if len(faulty):
            self.bad += len(faulty)
            for row in faulty[: 3 - len(self.shown)].tolist():
                text = texts[row if places is None else int(places[row])].as_py()
                self.shown.append(f"{where(row)} {quoted(text)}")
        return values if places is None else values[places]

    def _reading(self, texts: pa.Array, where: Where) -> Reading:
        if self.style is None:
            return self._first(texts, where)
        pattern = self.style.pattern.replace("%-", "%")
        reading = read_stamps(texts, pattern)
        if reading.offsets is not None and (reading.offsets[reading.good] != self.zone).any():
            raise self._zones()
        if "%-" in reading.style.pattern and "%-" not in self.style.pattern:
            self.style = replace(self.style, pattern=reading.style.pattern)
        if reading.style.digits > self.style.digits:
            self.style = replace(self.style, digits=reading.style.digits)
        return reading

    def _first(self, texts: pa.Array, where: Where) -> Reading:
        readings = possible_readings(texts, self.time_format)
        if not readings or not readings[0].good.any():
            parse_stamps(texts, self.time_format, where, self.column, self.table)  # says why
        first = readings[0]
        for other in readings[1:]:
            alike = other.good.sum() == first.good.sum()
            if alike and (other.values != first.values).any():
                raise DataError(
                    f"{self.place}: time stamps like '{texts[0].as_py()}' can be read as "
                    f"{first.style.words} and {other.style.words}, and the first {len(texts):,} "
                    "rows do not decide between these: set data.time_format to day_first, to "
                    "month_first or to a strptime pattern"
                )
        self.style = first.style
        if first.offsets is not None and first.zones is not None:
            good = np.flatnonzero(first.good)
            self.zone = first.offsets[good[0]]
            self.style = replace(self.style, zone=str(first.zones[good[0]]))
            if (first.offsets[good] != self.zone).any():
                raise self._zones()
        return first

    def _zones(self) -> DataError:
        return DataError(
            f"{self.place}: the time stamps have more than one offset from UTC, which a table on "
            "disk does not support: write them in UTC, or set data.storage: memory"
        )

    def _typed(self, cells: Any, where: Where) -> np.ndarray:
        """Stamps of Parquet; keeps a few of them, from which `finish` finds the format."""
        if pa.types.is_timestamp(cells.type) and cells.type.tz not in (None, "UTC"):
            raise DataError(
                f"{self.place}: a table on disk does not support time stamps in the zone "
                f"{cells.type.tz}: store them in UTC, or set data.storage: memory"
            )
        zone = cells.type.tz if pa.types.is_timestamp(cells.type) else None
        cells = cells.cast(pa.timestamp("us", zone), safe=False)
        missing = np.flatnonzero(to_numpy(pc.is_null(cells)))
        self.rows += len(cells)
        self.bad += len(missing)
        for row in missing[: 3 - len(self.shown)].tolist():
            self.shown.append(f"{where(row)} (empty)")
        ticks = to_numpy(pc.fill_null(cells.cast(pa.int64()), 0))
        finest = "part" if (ticks % _SECOND).any() else "clock" if (ticks % _DAY).any() else "day"
        if finest not in self.typical:
            unit = {"part": _SECOND, "clock": _DAY, "day": 0}[finest]
            place = int(np.argmax(ticks % unit != 0)) if unit else 0
            self.typical[finest] = cells.slice(place, 1)
        return ticks

    def finish(self) -> StampStyle:
        """The format of the stamps.

        Raises:
            DataError: Some cells are not stamps.
        """
        if self.typical and not self.bad:
            import pandas as pd

            few = pa.concat_arrays(list(self.typical.values())).to_pandas()
            texts = as_text(pd.Series(few))
            return parse_stamps(texts, self.time_format, column=self.column).style
        words = self.style.words if self.style is not None else "of the others"
        if self.bad:
            raise DataError(
                f"{self.place}: {self.bad:,} of {self.rows:,} time stamps do not have the form "
                f"{words}: {', '.join(self.shown[:3])}{', ...' if self.bad > 3 else ''}: correct "
                "them, or set data.time_format"
            )
        assert self.style is not None
        return self.style


class SeriesEncoder:
    """Numbers the series in the order of their first rows.

    Args:
        columns: Columns that identify a series.
        table: Name of the table in messages.
    """

    def __init__(self, columns: list[str], table: str) -> None:
        self.columns, self.table = columns, table
        self.numbers: dict[Words, int] = {} if columns else {(): 0}
        self.empty: tuple[str, str, int] | None = None

    def read(self, texts: dict[str, Any], count: int, where: Where) -> np.ndarray:
        """(R,) int32 number of each row's series."""
        codes = np.zeros(count, dtype=np.int64)
        sizes, held = [], []
        for column in self.columns:
            numbers, words = coded(texts[column])
            blank = np.flatnonzero((words == "")[numbers])
            if len(blank):
                _, line, before = self.empty or ("", where(int(blank[0])), 0)
                self.empty = (column, line, before + len(blank))
            codes = codes * len(words) + numbers
            sizes.append(len(words))
            held.append(words)
        if not self.columns:
            return codes.astype(np.int32)
        found, inverse = _distinct(codes, int(np.prod(sizes)))
        own = np.empty(len(found), dtype=np.int32)
        for k, code in enumerate(found.tolist()):
            name: list[str] = []
            for size, words in zip(reversed(sizes), reversed(held), strict=True):
                code, place = divmod(code, size)
                name.insert(0, words[place])
            own[k] = self.numbers.setdefault(tuple(name), len(self.numbers))
        return np.asarray(own[inverse])

    def finish(self) -> tuple[list[Words], np.ndarray]:
        """The sorted names, and the index into them of each number.

        Raises:
            DataError: The series of a row is empty.
        """
        if self.empty is not None:
            column, line, count = self.empty
            raise DataError(
                f"{self.table}, {line}: column '{column}' names the series and is empty "
                f"({count} such rows)"
            )
        names = sorted(self.numbers)
        ranks = np.empty(len(names), dtype=np.int64)
        ranks[[self.numbers[name] for name in names]] = np.arange(len(names))
        return names, ranks


class CategoryEncoder:
    """Numbers the words of a categorical column in the order of their first rows."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def read(self, cells: Any) -> np.ndarray:
        """(R,) float64 number of each cell's word; NaN for an empty cell."""
        places, words = coded(cells)
        own = [
            self.numbers.setdefault(word, len(self.numbers)) if word else np.nan for word in words
        ]
        return np.asarray(np.array(own, dtype=np.float64)[places])

    def finish(self) -> tuple[Words, np.ndarray]:
        """The sorted words, and the code, from 1, of each number."""
        words = tuple(sorted(self.numbers))
        codes = np.empty(len(words), dtype=np.float64)
        codes[[self.numbers[word] for word in words]] = np.arange(1, len(words) + 1)
        return words, codes


def coded(cells: Any) -> tuple[np.ndarray, np.ndarray]:
    """(R,) a number for each cell, and the texts of 0, 1, ... as an object array."""
    if not pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_encode()
    return to_numpy(cells.indices), np.array(cells.dictionary.to_pylist(), dtype=object)


def _distinct(codes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct codes, ascending, and the index into them of each row."""
    if size > 4 * len(codes) + 1000:
        found, inverse = np.unique(codes, return_inverse=True)
        return found, inverse
    there = np.zeros(size, dtype=bool)
    there[codes] = True
    found = np.flatnonzero(there)
    places = np.cumsum(there) - 1
    return found, places[codes]
