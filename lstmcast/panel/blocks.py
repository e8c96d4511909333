"""Blocks of rows: a computation over all rows holds only one block in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lstmcast import limits


def row_blocks(rows: int, width: int) -> Iterator[tuple[int, int]]:
    """First row, and one past the last, of each block of (rows, width) numbers."""
    size = max(1, limits.BYTES_AT_ONCE // (8 * max(width, 1)))
    for begin in range(0, rows, size):
        yield begin, min(begin + size, rows)


def owners(offsets: np.ndarray, begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Series with rows in a block, ascending, and the place in the block where each begins."""
    first = int(np.searchsorted(offsets, begin, side="right")) - 1
    last = int(np.searchsorted(offsets, end, side="left"))
    series = np.arange(first, last)
    series = series[np.diff(offsets)[first:last] > 0]
    return series, np.maximum(offsets[series], begin) - begin


def owner_of_rows(offsets: np.ndarray, begin: int, end: int) -> np.ndarray:
    """(B,) series of each row of a block."""
    series, heads = owners(offsets, begin, end)
    return np.repeat(series, np.diff(heads, append=end - begin))


def series_groups(lengths: np.ndarray) -> Iterator[tuple[int, int]]:
    """Groups of consecutive series with at most `limits.ROWS_AT_ONCE` rows together.

    A longer series is a group alone.

    Args:
        lengths: (S,) rows of each series.
    """
    ends = np.cumsum(lengths)
    begin, count = 0, len(lengths)
    while begin < count:
        before = int(ends[begin - 1]) if begin else 0
        end = int(np.searchsorted(ends, before + limits.ROWS_AT_ONCE, side="right"))
        end = max(end, begin + 1)
        yield begin, end
        begin = end
