"""The cells of a numeric CSV -> one matrix, fast for any number of columns.

pyarrow needs as long for one column as for some thousand cells: half a minute for 100,000 columns.
Here it parses all cells as one column.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv

from lstmcast.tables.csv_numbers import EMPTY_CELLS
from lstmcast.tables.csv_rows import BLOCK_BYTES, rows_of
from lstmcast.tables.dialect import Dialect

_BREAK, _RETURN, _QUOTE, _ZERO = (ord(character) for character in '\n\r"0')


def number_cells(data: bytes, dialect: Dialect, skip: int | None) -> np.ndarray | None:
    """All cells of a CSV as numbers.

    Args:
        data: The file as UTF-8.
        dialect: Format of the file.
        skip: Index of the one column that may contain text and is read as 0; None: there is none.

    Returns:
        (R, columns) float64, NaN for an empty cell; None for a file that is not that simple:
        another cell is not a finite number, or rows have unequal widths.
    """
    width = len(dialect.header)
    cells = np.frombuffer(rows_of(data, dialect), dtype=np.uint8)
    for ignored in (_QUOTE, _RETURN):  # one with a meaning makes a row too short or too long
        if (cells == ignored).any():
            cells = cells[cells != ignored]
    cells = np.append(cells, np.uint8(_BREAK))
    lines = cells == _BREAK
    ends = np.flatnonzero(lines | (cells == ord(dialect.separator)))
    if len(ends) % width:
        return None
    grid = ends.reshape(-1, width)
    if not lines[grid[:, -1]].all() or lines.sum() != len(grid):
        return None
    if skip is not None:
        begins = (grid[:, skip - 1] if skip else np.append(-1, grid[:-1, -1])) + 1
        change = np.zeros(len(cells) + 1, dtype=np.int8)
        change[begins] += 1
        change[grid[:, skip]] -= 1  # an empty cell stays empty
        cells[np.cumsum(change[:-1], dtype=np.int8).view(bool)] = _ZERO
    cells[ends] = _BREAK
    count = len(ends)
    del lines, ends, grid
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(pa.py_buffer(cells)),
            pyarrow.csv.ReadOptions(column_names=["cell"], block_size=BLOCK_BYTES),
            pyarrow.csv.ParseOptions(
                delimiter=dialect.separator, quote_char=False, ignore_empty_lines=False
            ),
            pyarrow.csv.ConvertOptions(
                column_types={"cell": pa.float64()},
                null_values=EMPTY_CELLS,
                decimal_point=dialect.decimal,
            ),
        )
    except pa.ArrowInvalid:
        return None
    numbers = table.column(0).to_numpy()
    del table, cells
    pa.default_memory_pool().release_unused()
    if len(numbers) != count or np.isinf(numbers).any():
        return None
    matrix: np.ndarray = numbers.reshape(-1, width)
    return matrix
