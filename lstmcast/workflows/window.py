"""`lstmcast window`: the (N, T, F) arrays on disk, and the rows of each window."""

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

from lstmcast import limits
from lstmcast.config import Config
from lstmcast.errors import RunError
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reading import ReadTable
from lstmcast.pipeline.run_tables import csv_text
from lstmcast.pipeline.window_arrays import WindowArrays, require_windows
from lstmcast.runs.atomic import sync_folder, write_text


@dataclass(frozen=True)
class Windows:
    """The windows that the command writes, or would write.

    Attributes:
        shapes: Of each array file.
        counts: Windows in each split.
        crossing: Windows left out because their targets cross the end of a split.
        disk_bytes: Of all array files.
        memory_bytes: Of the one table from which training gathers its windows instead.
        prepared: The table.
    """

    shapes: dict[str, tuple[int, ...]]
    counts: dict[str, int]
    crossing: int
    disk_bytes: int
    memory_bytes: int
    prepared: Prepared


def plan_windows(
    config: Config, listener: ProgressListener, table: ReadTable | None = None
) -> tuple[Windows, WindowArrays]:
    """Find the windows of a table, without writing them; `table` if it was read before.

    Raises:
        DataError: The table has a fault, or is shorter than one window.
    """
    prepared = prepare(config, listener, table)
    arrays = WindowArrays(prepared)
    require_windows(arrays)
    shapes = arrays.shapes()
    disk = sum(int(np.prod(shape)) * (1 if name == "mask" else 4) for name, shape in shapes.items())
    counts = {name: len(index) for name, index in prepared.windows.by_name().items()}
    return (
        Windows(shapes, counts, prepared.windows.crossing, disk, arrays.table.nbytes, prepared),
        arrays,
    )


def write_windows(
    config: Config, folder: Path, listener: ProgressListener, table: ReadTable | None = None
) -> Windows:
    """Write all windows of a table into a new or empty folder, atomically.

    Raises:
        DataError: The table has a fault, or is shorter than one window.
        RunError: The folder is taken or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(
            f"{folder} is not an empty folder; nothing in it was changed. Name another with -o"
        )
    plan, arrays = plan_windows(config, listener, table)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror}") from error
    try:
        _write_arrays(part, plan, arrays, listener)
        _write_descriptions(part / "windows.csv", arrays)
        text = json.dumps(describe_windows(plan), indent=2, ensure_ascii=False, allow_nan=False)
        write_text(part / "windows.json", text + "\n")  # also syncs the names of the other files
        part.chmod(0o755)
        os.replace(part, folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return plan


def _write_arrays(
    folder: Path, plan: Windows, arrays: WindowArrays, listener: ProgressListener
) -> None:
    """Append chunks to plain .npy files: memory-mapped pages would count as memory."""
    files = {name: (folder / f"{name}.npy").open("wb") for name in plan.shapes}
    listener.task_started("writing windows", len(arrays.index))
    try:
        for name, shape in plan.shapes.items():
            descr = "|b1" if name == "mask" else "<f4"
            header = {"descr": descr, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(files[name], header)
        for start, stop in _spans(plan):
            for name, array in arrays.gather(start, stop).items():
                files[name].write(np.ascontiguousarray(array).data)
            listener.task_advanced(stop)
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())
    finally:
        listener.task_finished()
        for file in files.values():
            file.close()


def _write_descriptions(path: Path, arrays: WindowArrays) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        size = limits.WINDOW_ROWS_AT_ONCE
        for start in range(0, len(arrays.index), size):
            text = csv_text(arrays.describe(start, min(start + size, len(arrays.index))))
            file.write(text if start == 0 else text.partition("\n")[2])
        file.flush()
        os.fsync(file.fileno())


def _spans(plan: Windows) -> Iterator[tuple[int, int]]:
    """Ranges of windows of bounded size."""
    count = plan.shapes["x"][0]
    size = max(1, limits.WINDOW_BYTES_AT_ONCE * count // max(plan.disk_bytes, 1))
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
