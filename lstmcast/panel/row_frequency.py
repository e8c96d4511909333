"""The frequency of a table: from the config, or inferred from the first rows."""

from __future__ import annotations

import numpy as np

from lstmcast.config import DataConfig
from lstmcast.panel.table_rows import TableRows
from lstmcast.stamps.frequency import Frequency, frequency_from_alias, likely_frequency

SAMPLE = 1 << 22
"""Number of first rows from which the frequency is inferred; the other rows must fit it."""


def frequency_of(rows: TableRows, config: DataConfig) -> Frequency:
    """The grid of a table; rows may be off it.

    Raises:
        ConfigError: `data.frequency` is not a frequency.
        DataError: There are too few stamps to infer one.
    """
    if config.time is None:
        return frequency_from_alias("step", None)
    codes, ticks = rows.store.head(SAMPLE)
    stamps = ticks.view("datetime64[us]")
    if config.frequency != "auto":
        return frequency_from_alias(config.frequency, stamps)
    codes = rows.ranked(codes)
    alike = _one_for_all(ticks, codes)
    partly = rows.store.rows > len(ticks)
    return likely_frequency(stamps[alike], codes[alike], rows.table.name, partly)


def _one_for_all(ticks: np.ndarray, codes: np.ndarray) -> slice:
    """The rows of the first series if all have the same sorted stamps; otherwise all rows."""
    count = len(codes)
    length = int(np.argmax(codes != codes[0])) or count
    if length >= 3 and _repeats(ticks, codes, length):  # sorted by series, then time
        return slice(0, length)
    width = int(np.argmax(ticks != ticks[0])) or count
    if count >= 3 * width and _repeats(codes, ticks, width):  # sorted by time, then series
        return slice(0, None, width)
    return slice(None)


def _repeats(inner: np.ndarray, outer: np.ndarray, length: int) -> bool:
    """Whether `inner` repeats its first values, and `outer` is constant in a repeat and rises."""
    if len(inner) % length:
        return False
    inner, outer = inner.reshape(-1, length), outer.reshape(-1, length)
    same = (inner == inner[0]).all() and (outer == outer[:, :1]).all()
    return bool(same and (np.diff(outer[:, 0]) > 0).all())
