"""Frames of the run folder that are no forecasts, and how every frame becomes CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lstmcast.config import WindowConfig
from lstmcast.series.panel import Panel

if TYPE_CHECKING:
    from lstmcast.training.trainer import Fit


def csv_text(frame: pd.DataFrame) -> str:
    """A frame as CSV: comma, decimal point, Unix line ends, digits that read back the same."""
    return str(frame.to_csv(index=False, lineterminator="\n"))


def history_frame(fits: Sequence[Fit]) -> pd.DataFrame:
    """A row per epoch, with `member`, from 1, where there are several; see `trainer.Epoch`."""
    rows = [
        {"member": number, **asdict(epoch)}
        for number, fit in enumerate(fits, start=1)
        for epoch in fit.history
    ]
    return pd.DataFrame(rows).drop(columns="best" if len(fits) > 1 else ["member", "best"])


def recent_frame(panel: Panel, window: WindowConfig) -> pd.DataFrame:
    """The last rows of history of every series: what a plot of the forecast begins with."""
    length = max(window.lookback, 3 * window.horizon, panel.frequency.season)
    counts = np.minimum(panel.lengths, length)
    before = np.cumsum(counts) - counts
    rows = np.arange(counts.sum()) + np.repeat(panel.ends - counts - before, counts)
    series = np.repeat(np.arange(panel.series_count), counts)
    names = np.array(panel.names, dtype=object).reshape(panel.series_count, -1)[series]
    table: dict[str, Any] = {name: names[:, k] for k, name in enumerate(panel.series_columns)}
    table[panel.time or "step"] = panel.format_times(panel.ordinals(rows, series))
    for k, name in enumerate(panel.columns.targets):
        table[name] = np.where(panel.targets_observed[rows, k], panel.targets[rows, k], np.nan)
    return pd.DataFrame(table)
