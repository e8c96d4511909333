"""Windows of a prepared table as arrays, and the rows of each window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lstmcast.errors import DataError
from lstmcast.panel.panel import FILLED, Panel
from lstmcast.panel.splits import SPLITS
from lstmcast.pipeline.prepared import Prepared
from lstmcast.tables.read import Table
from lstmcast.windows.scaled import scaled_rows


class WindowArrays:
    """Windows of a prepared table as NumPy arrays, for any range of windows."""

    def __init__(self, prepared: Prepared) -> None:
        panel, window = prepared.panel, prepared.config.window
        self.panel, self.source = panel, prepared.table
        self.lookback, self.horizon = window.lookback, window.horizon
        self.index, self.splits = prepared.windows.merged()
        self.table = scaled_rows(panel, prepared.scaler, self.lookback, self.horizon, False)
        self.static = None
        if prepared.static_scaler is not None:
            rows = np.zeros(panel.series_count, dtype=np.int64)
            self.static = prepared.static_scaler.transform(panel.static, rows).astype(np.float32)
        self.pad = window.pad

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every array, by name."""
        return {
            name: (len(self.index), *array.shape[1:]) for name, array in self.gather(0, 0).items()
        }

    def gather(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Arrays of the windows `start` to `stop`, by the name of their file."""
        origins, series = self.index.locate(np.arange(start, stop))
        columns = self.panel.columns
        steps = np.arange(self.lookback)  # the table begins T rows early: origin - T + T
        inputs = self.table[origins[:, None] + steps]  # (B, T, F)
        ahead = self.table[origins[:, None] + self.lookback + np.arange(self.horizon)]  # (B, H, F)
        arrays = {"x": inputs}
        if self.horizon:
            arrays["y"] = ahead[:, :, : len(columns.targets)]
        if columns.future and self.horizon:
            arrays["future"] = ahead[:, :, len(columns.inputs) - len(columns.future) :]
        if self.static is not None:
            arrays["static"] = self.static[series]
        if self.pad:
            begun = origins[:, None] - self.lookback + steps >= self.panel.offsets[series][:, None]
            arrays["mask"] = begun
            inputs[~begun] = 0.0
        return arrays

    def describe(self, start: int, stop: int) -> pd.DataFrame:
        """A row per window: split, series, stamps and source rows of its first and last steps."""
        windows = np.arange(start, stop)
        origins, series = self.index.locate(windows)
        begins = np.maximum(origins - self.lookback, self.panel.offsets[series])
        splits = np.array(SPLITS, dtype=object)[self.splits[self.index.runs_of(windows)]]
        names = [self.panel.describe(k) for k in range(self.panel.series_count)]
        table: dict[str, Any] = {"split": splits, "series": np.array(names, dtype=object)[series]}
        ends = {"first_input": begins, "last_input": origins - 1}
        if self.horizon:
            ends |= {"first_target": origins, "last_target": origins + self.horizon - 1}
        for name, rows in ends.items():
            table[name] = self.panel.format_times(self.panel.ordinals(rows, series))
        for name, rows in ends.items():
            table[f"{name}_row"] = source_rows(self.panel, self.source, rows)
        return pd.DataFrame(table)


def source_rows(panel: Panel, table: Table, rows: np.ndarray) -> pd.Series:
    """Rows of the file, counted from 1; empty for a row that the file lacks."""
    source = panel.source_rows[rows]
    return pd.Series(table.file_rows(source) + 1, dtype="Int64").where(pd.Series(source != FILLED))


def require_windows(arrays: WindowArrays) -> None:
    """Refuse a table without a window.

    Raises:
        DataError: Says how many rows a window needs.
    """
    if len(arrays.index):
        return
    raise DataError(
        f"no window: a window needs lookback {arrays.lookback} + horizon {arrays.horizon} rows, "
        "with the horizon inside one split, and the longest series has "
        f"{int(arrays.panel.lengths.max())} rows. Lower "
        "window.lookback or window.horizon, or set window.pad: true"
    )


def window_table(arrays: WindowArrays, number: int) -> pd.DataFrame:
    """One window as a table: time stamp, source row and unscaled values of each step.

    Raises:
        DataError: There is no such window.
    """
    if not 0 <= number < len(arrays.index):
        raise DataError(
            f"there is no window {number}; the numbers are 0 to {len(arrays.index) - 1}"
        )
    panel = arrays.panel
    origins, series = arrays.index.locate(np.array([number]))
    begin = max(int(origins[0]) - arrays.lookback, int(panel.offsets[series[0]]))
    rows = np.arange(begin, int(origins[0]) + arrays.horizon)
    owner = np.repeat(series, len(rows))
    table: dict[str, Any] = {"part": np.where(rows < origins[0], "input", "target")}
    table[panel.time or "step"] = panel.format_times(panel.ordinals(rows, owner))
    table["row"] = source_rows(panel, arrays.source, rows)
    targets = len(panel.columns.targets)
    for k, name in enumerate(panel.columns.inputs):
        unseen = (rows >= origins[0]) & (k >= targets) & (name not in panel.columns.future)
        if name in panel.words:
            words = np.array(["(unknown)", *panel.words[name]], dtype=object)
            codes = np.nan_to_num(panel.values[rows, k]).astype(np.int64)
            table[name] = np.where(unseen, "", words[codes])
        else:
            table[name] = np.where(unseen, np.nan, panel.values[rows, k])
    return pd.DataFrame(table)
