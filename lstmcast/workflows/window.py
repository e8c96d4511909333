"""`lstmcast window`: the (N, T, F) tensors on disk, and what each window is made of."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.config import Config
from lstmcast.errors import DataError, RunError
from lstmcast.series.panel import FILLED, Panel
from lstmcast.series.read import Table
from lstmcast.series.scaled import scaled_rows
from lstmcast.series.splits import SPLITS
from lstmcast.whole_file import sync_folder, write_text
from lstmcast.workflows.prepare import prepare
from lstmcast.workflows.prepared import Prepared
from lstmcast.workflows.reading import ReadTable
from lstmcast.workflows.tables import csv_text
from lstmcast.workflows.watcher import Watcher

BYTES_AT_ONCE = 16_000_000
"""Of windows held in memory while they are written."""

ROWS_AT_ONCE = 10_000
"""Of windows.csv held in memory while it is written."""


@dataclass(frozen=True)
class Windows:
    """What window made, or would make.

    Attributes:
        shapes: Of each array file.
        counts: Windows in each split.
        crossing: Windows left out because a cut runs through their targets.
        disk_bytes: Of all array files.
        memory_bytes: Of the one table that training gathers from instead.
        prepared: Where they come from.
    """

    shapes: dict[str, tuple[int, ...]]
    counts: dict[str, int]
    crossing: int
    disk_bytes: int
    memory_bytes: int
    prepared: Prepared


class WindowArrays:
    """Windows of a prepared table as numpy arrays, any of them at a time.

    Args:
        prepared: The table.
    """

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
        """Shape of every array that there is, by name."""
        return {
            name: (len(self.index), *array.shape[1:]) for name, array in self.gather(0, 0).items()
        }

    def gather(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Arrays of the windows `start` to `stop`, by the name of their file."""
        origins, series = self.index.locate(np.arange(start, stop))
        columns = self.panel.columns
        behind = np.arange(self.lookback)  # the table begins T rows early: origin - T + T
        inputs = self.table[origins[:, None] + behind]  # (B, T, F)
        ahead = self.table[origins[:, None] + self.lookback + np.arange(self.horizon)]  # (B, H, F)
        arrays = {"x": inputs}
        if self.horizon:
            arrays["y"] = ahead[:, :, : len(columns.targets)]
        if columns.future and self.horizon:
            arrays["future"] = ahead[:, :, len(columns.inputs) - len(columns.future) :]
        if self.static is not None:
            arrays["static"] = self.static[series]
        if self.pad:
            begun = origins[:, None] - self.lookback + behind >= self.panel.offsets[series][:, None]
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
    """Rows of the file counted from 1; empty where the table lacks the row."""
    source = panel.source_rows[rows]
    return pd.Series(table.file_rows(source) + 1, dtype="Int64").where(pd.Series(source != FILLED))


def plan_windows(
    config: Config, watcher: Watcher, table: ReadTable | None = None
) -> tuple[Windows, WindowArrays]:
    """Find out which windows there are, without making them.

    Args:
        config: The table and what its windows are.
        watcher: Is told what was found.
        table: The table, where it was read already.

    Raises:
        DataError: The table has a fault, or is shorter than one window.
    """
    prepared = prepare(config, watcher, table)
    arrays = WindowArrays(prepared)
    require_windows(arrays)
    shapes = arrays.shapes()
    disk = sum(int(np.prod(shape)) * (1 if name == "mask" else 4) for name, shape in shapes.items())
    counts = {name: len(index) for name, index in prepared.windows.by_name().items()}
    return (
        Windows(shapes, counts, prepared.windows.crossing, disk, arrays.table.nbytes, prepared),
        arrays,
    )


def require_windows(arrays: WindowArrays) -> None:
    """Refuse a table without a single window.

    Raises:
        DataError: There is none; says what one needs.
    """
    if len(arrays.index):
        return
    raise DataError(
        f"no window: lookback {arrays.lookback} + horizon {arrays.horizon} rows are needed "
        f"between two cuts, and the longest series has {int(arrays.panel.lengths.max())} rows in "
        "all. Lower "
        "window.lookback or window.horizon, or set window.pad: true"
    )


def write_windows(
    config: Config, folder: Path, watcher: Watcher, table: ReadTable | None = None
) -> Windows:
    """Write all windows of a table into a new folder, which appears only when it is complete.

    Args:
        config: The table and what its windows are.
        folder: Must not exist, or be empty.
        watcher: Is told what was found.
        table: The table, where it was read already.

    Raises:
        DataError: The table has a fault, or is shorter than one window.
        RunError: The folder is taken or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(
            f"{folder} is not an empty folder; nothing in it was touched. Name another with -o"
        )
    plan, arrays = plan_windows(config, watcher, table)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror}") from error
    try:
        _write_arrays(part, plan, arrays, watcher)
        _write_descriptions(part / "windows.csv", arrays)
        text = json.dumps(describe_windows(plan), indent=2, ensure_ascii=False, allow_nan=False)
        write_text(part / "windows.json", text + "\n")  # which also puts the others' names on disk
        part.chmod(0o755)
        os.replace(part, folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return plan


def _write_arrays(folder: Path, plan: Windows, arrays: WindowArrays, watcher: Watcher) -> None:
    """Append chunk after chunk to plain .npy files: mapped pages would count as memory."""
    files = {name: (folder / f"{name}.npy").open("wb") for name in plan.shapes}
    watcher.work("writing windows", len(arrays.index))
    try:
        for name, shape in plan.shapes.items():
            descr = "|b1" if name == "mask" else "<f4"
            header = {"descr": descr, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(files[name], header)
        for start, stop in _spans(plan):
            for name, array in arrays.gather(start, stop).items():
                files[name].write(np.ascontiguousarray(array).data)
            watcher.worked(stop)
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())
    finally:
        watcher.work_done()
        for file in files.values():
            file.close()


def _write_descriptions(path: Path, arrays: WindowArrays) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for start in range(0, len(arrays.index), ROWS_AT_ONCE):
            text = csv_text(arrays.describe(start, min(start + ROWS_AT_ONCE, len(arrays.index))))
            file.write(text if start == 0 else text.partition("\n")[2])
        file.flush()
        os.fsync(file.fileno())


def _spans(plan: Windows) -> Iterator[tuple[int, int]]:
    """Cut all windows into pieces of bounded size."""
    count = plan.shapes["x"][0]
    size = max(1, BYTES_AT_ONCE * count // max(plan.disk_bytes, 1))
    for start in range(0, count, size):
        yield start, min(start + size, count)


def describe_windows(plan: Windows) -> dict[str, Any]:
    """The content of windows.json."""
    prepared = plan.prepared
    columns = prepared.panel.columns
    static = prepared.static_scaler
    return {
        "shapes": {name: list(shape) for name, shape in plan.shapes.items()},
        "axes": {"x": "NTF", "y": "NHC", "future": "NHF'", "static": "NK", "mask": "NT"},
        "columns": {
            "x": list(columns.inputs),
            "y": list(columns.targets),
            "future": list(columns.future),
            "static": list(columns.static),
        },
        "lookback": prepared.config.window.lookback,
        "horizon": prepared.config.window.horizon,
        "splits": plan.counts,
        "left_out": plan.crossing,
        "frequency": prepared.panel.frequency.alias,
        "series": [list(name) for name in prepared.panel.names],
        "categories": {name: list(words) for name, words in prepared.panel.words.items()},
        "scaler": prepared.scaler.to_json(),
        "static_scaler": None if static is None else static.to_json(),
    }


def window_table(arrays: WindowArrays, number: int) -> pd.DataFrame:
    """One window as a table: a row per step with its stamp, source row and values before scaling.

    Raises:
        DataError: There is no such window.
    """
    if not 0 <= number < len(arrays.index):
        raise DataError(
            f"there is no window {number}; they are counted from 0 to {len(arrays.index) - 1}"
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
