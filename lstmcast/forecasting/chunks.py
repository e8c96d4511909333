"""The windows of an index in chunks, so that memory stays bounded, and their actual values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lstmcast import limits
from lstmcast.panel.panel import Panel
from lstmcast.windows.windows import WindowIndex


def chunks(
    index: WindowIndex, width: int, share: slice | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The windows of an index as (origins, series), chunk by chunk.

    Args:
        index: The windows.
        width: Values in memory for each window.
        share: The windows to use; None: all.
    """
    size, share = max(1, limits.FORECAST_AT_ONCE // width), share or slice(0, len(index))
    for start in range(share.start, share.stop, size):
        yield index.locate(np.arange(start, min(start + size, share.stop)))


def actual_values(panel: Panel, origins: np.ndarray, horizon: int) -> np.ndarray:
    """(B, H, C) actual values; NaN if missing in the table."""
    rows = origins[:, None] + np.arange(horizon)
    return np.where(panel.targets_observed[rows], panel.targets[rows], np.nan)
