"""The scaled rows of all windows: in memory, or in a file if the panel is in files."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np

from lstmcast.errors import RunError
from lstmcast.panel.blocks import owner_of_rows, row_blocks
from lstmcast.panel.mapped import map_file, new_file, sync_file
from lstmcast.panel.panel import Panel
from lstmcast.runs.lock import locked
from lstmcast.windows.scaling import Scaler


def scaled_rows(
    panel: Panel, scaler: Scaler, lookback: int, horizon: int, weighted: bool
) -> np.ndarray:
    """All rows, scaled, with T rows of zeros before and H after: every window is inside.

    Args:
        panel: Panel without missing values.
        scaler: Scaler of its columns.
        lookback: T.
        horizon: H.
        weighted: Whether to add columns that are 1 where a target was observed.

    Returns:
        (T + R + H, F) float32, or (T + R + H, F + C); 0 for unknown values. A read-only memory map
        if the panel is in files.
    """
    rows, width = panel.values.shape
    width += weighted * len(panel.columns.targets)
    shape = (lookback + rows + horizon, width)
    if panel.store is None:
        table = np.zeros(shape, dtype=np.float32)
        _fill(table[lookback : lookback + rows], panel, scaler)
        return table
    key = hashlib.sha256(json.dumps([shape, lookback, panel.ends.tolist()[-1:]]).encode())
    for part in (scaler.center, scaler.scale):
        key.update(np.ascontiguousarray(part).tobytes())
    key.update(str(scaler.logged).encode())
    path = panel.store / f"scaled-{key.hexdigest()[:16]}.f32"
    if not path.is_file():
        with locked(path.with_name(f".{path.name}.lock"), wait=True):
            if not path.is_file():  # another process may have written it
                _write(path, shape, lookback, panel, scaler)
    return map_file(path, np.float32, shape)


def _write(path: Path, shape: tuple[int, int], lookback: int, panel: Panel, scaler: Scaler) -> None:
    """Write the file atomically."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
        part = Path(name)
        try:
            table = new_file(part, np.float32, shape)
            _fill(table[lookback : lookback + len(panel.values)], panel, scaler)
            del table
            sync_file(part)
            part.chmod(0o644)
            os.replace(part, path)
            sync_file(path.parent)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}") from error


def _fill(table: np.ndarray, panel: Panel, scaler: Scaler) -> None:
    """Scale block by block into the rows (R, F) or (R, F + C) of a table."""
    width = panel.values.shape[1]
    for begin, end in row_blocks(*panel.values.shape):
        owner = owner_of_rows(panel.offsets, begin, end)
        part = table[begin:end]
        scaler.transform(panel.values[begin:end], owner, out=part[:, :width])
        if part.shape[1] > width:
            part[:, width:] = panel.targets_observed[begin:end]
        np.nan_to_num(part, copy=False)


def all_observed(panel: Panel) -> bool:
    """Whether no target before the forecast is a missing value."""
    for begin, end in row_blocks(len(panel.values), panel.values.shape[1]):
        known = panel.targets_observed[begin:end]
        if not known.all():
            history = np.arange(begin, end) < panel.ends[owner_of_rows(panel.offsets, begin, end)]
            if not known[history].all():
                return False
    return True
