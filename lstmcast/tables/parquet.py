"""A Parquet file -> columns of numbers or text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from lstmcast.errors import DataError
from lstmcast.tables.csv_numbers import plain, to_numpy

_DAY = 86_400_000_000  # microseconds


def open_parquet(raw: bytes, name: str) -> pyarrow.parquet.ParquetFile:
    """Open a Parquet file from its bytes; raises DataError if it is damaged."""
    try:
        return pyarrow.parquet.ParquetFile(pa.BufferReader(raw))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name}: the Parquet file is damaged: {error}") from None


def open_parquet_file(path: Path) -> pyarrow.parquet.ParquetFile:
    """Open a Parquet file that is read in parts; raises DataError if it is damaged."""
    try:
        return pyarrow.parquet.ParquetFile(path, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: the Parquet file is damaged: {error}") from None


def shown_names(file: pyarrow.parquet.ParquetFile, name: str) -> dict[str, str]:
    """The same as `column_names`; raises DataError if a name occurs twice."""
    shown = column_names(file)
    if len(shown) < len(file.schema_arrow.names):
        raise DataError(f"{name}: a column name occurs twice: give every column a different name")
    return shown


def column_names(file: pyarrow.parquet.ParquetFile) -> dict[str, str]:
    """Names to show -> names in the file; `index` is the nameless index of a pandas frame."""
    names = file.schema_arrow.names
    shown = {name: name for name in names}
    if "__index_level_0__" in shown and "index" not in shown:
        shown["index"] = shown.pop("__index_level_0__")
    return shown


def read_columns(
    file: pyarrow.parquet.ParquetFile, columns: Sequence[str] | None, name: str
) -> pd.DataFrame:
    """Read columns; the index of a pandas frame is an ordinary column.

    Args:
        file: Result of `open_parquet`.
        columns: Keys of `column_names`; None: all.
        name: Name of the file in messages.

    Raises:
        DataError: The file is damaged, has no row, or has a name twice.
    """
    shown = shown_names(file, name)
    kept = list(dict.fromkeys(shown if columns is None else columns))
    try:
        table = file.read(columns=[shown[column] for column in kept])
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name}: the Parquet file is damaged: {error}") from None
    if not table.num_rows:
        raise DataError(f"{name}: there is a header but no row")
    arrays = []
    for column in kept:
        array = table.column(shown[column])
        if pa.types.is_dictionary(array.type):
            array = array.cast(array.type.value_type)
        arrays.append(plain(array))
    # A new table: the pandas schema in the file would turn columns into the index again.
    frame: pd.DataFrame = pa.Table.from_arrays(arrays, names=kept).to_pandas(split_blocks=True)
    return frame


def as_text(cells: pd.Series[Any]) -> np.ndarray:
    """(R,) object array of str, "" for an empty cell; stamps in the shortest ISO form."""
    array = pa.array(cells, from_pandas=True)
    if pa.types.is_timestamp(array.type):
        array = _iso(array)
    elif not pa.types.is_large_string(array.type):
        try:
            array = array.cast(pa.string())
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            array = pa.array([None if cell is None else str(cell) for cell in array.to_pylist()])
    return to_numpy(pc.fill_null(array, "")).astype(object)


def _iso(array: pa.Array) -> pa.Array:
    zone = array.type.tz
    array = array.cast(pa.timestamp("us", zone), safe=False)
    clock = pc.cast(array, pa.timestamp("us")) if zone is None else pc.local_timestamp(array)
    ticks = to_numpy(pc.fill_null(clock.cast(pa.int64()), 0))
    if not (ticks % 1_000_000).any():
        array = array.cast(pa.timestamp("s", zone))
    if not zone and not (ticks % _DAY).any():
        return pc.strftime(array, format="%Y-%m-%d")
    return pc.strftime(array, format="%Y-%m-%d %H:%M:%S" + ("%z" if zone else ""))
