"""Sample paths of a run, and the quantiles of their sums over the horizon; from Python only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch

from lstmcast.errors import ConfigError, DataError
from lstmcast.forecasting.frames import bound_names, paths_frame, rounded
from lstmcast.forecasting.intervals import at_least
from lstmcast.forecasting.model_file.model import Model
from lstmcast.forecasting.predict import can_forecast, require_known_future, windows_at_once
from lstmcast.network.sample_paths import draw_path, why_no_paths
from lstmcast.panel.panel import Panel
from lstmcast.pipeline.open_run import open_table
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.windows.batches import WindowTable


@dataclass(frozen=True)
class Paths:
    """Random paths of the targets after the last row of every series.

    Attributes:
        values: (paths, B, H, C) in units of the data.
        series: (B,) numbers of the series; without those too short for the network.
        panel: The table that they continue.
        model: The model that drew them.
    """

    values: np.ndarray
    series: np.ndarray
    panel: Panel
    model: Model

    def frame(self) -> pd.DataFrame:
        """See `frames.paths_frame`."""
        return paths_frame(self.panel, self.panel.ends[self.series], self.series, self.values)

    def sums(self, steps: int | None) -> pd.DataFrame:
        """Quantiles of the sum over the first steps of the horizon.

        Args:
            steps: Number of steps; None: all H.

        Returns:
            Series columns, `first` and `last` (time stamps, or row numbers, of the steps), and for
            each target the median of the sum with its bounds; a row per series.

        Raises:
            ConfigError: The horizon has fewer steps.
        """
        panel, series, horizon = self.panel, self.series, self.values.shape[2]
        steps = horizon if steps is None else steps
        if not 1 <= steps <= horizon:
            raise ConfigError(f"a sum over {steps} steps: the horizon has 1 to {horizon}")
        sums = self.values[:, :, :steps].sum(axis=2)  # (paths, B, C)
        first = panel.ordinals(panel.ends[series], series)
        names = np.array(panel.names, dtype=object).reshape(panel.series_count, -1)[series]
        table = {name: names[:, k] for k, name in enumerate(panel.series_columns)}
        table["first"] = np.array(panel.format_times(first), dtype=object)
        table["last"] = np.array(panel.format_times(first + steps - 1), dtype=object)
        levels = sorted(self.model.config.forecast.levels)
        # A quantile of whole numbers must be a whole number.
        method: Literal["inverted_cdf", "linear"] = (
            "inverted_cdf" if self.model.network.head.counts else "linear"
        )
        for k, target in enumerate(panel.columns.targets):
            table[target] = rounded(np.quantile(sums[:, :, k], 0.5, axis=0, method=method))
            tails = [(1 - level / 100) / 2 for level in levels]
            probabilities = [each for tail in tails for each in (tail, 1 - tail)]
            bounds = (
                rounded(np.quantile(sums[:, :, k], each, axis=0, method=method))
                for each in probabilities
            )
            table |= dict(zip(bound_names(target, levels), bounds, strict=True))
        return pd.DataFrame(table)


def sample_paths(
    run: Path,
    data: str | None,
    at: str | None,
    future: str | None,
    count: int,
    seed: int,
    device: torch.device,
) -> Paths:
    """Draw paths after the last row of every series.

    Each of several members draws its share. Paths come directly from the network's head: unlike
    prediction intervals, they are not calibrated.

    `run` to `future` are as in `predict`; `count` is the number of paths of each series.

    Raises:
        ConfigError: The network cannot draw paths, or `count` is below 1.
        DataError: The table cannot be read, does not match the run, or is too short.
        RunError: The run is missing or damaged.
    """
    model, panel, _ = open_table(run, data, at, future, device, ProgressListener())
    fault = why_no_paths(model.config.network)
    if fault is not None:
        raise ConfigError(f"{run} has no sample paths: {fault}")
    if count < 1:
        raise ConfigError(f"{count} sample paths: ask for at least 1")
    sizes = model.sizes
    series = np.flatnonzero(can_forecast(panel, sizes.lookback, model.config.window.pad))
    if not len(series):
        raise DataError(f"no series has the {sizes.lookback} rows of the lookback")
    origins = panel.ends[series]
    require_known_future(panel, origins, series, sizes.horizon)
    scaler = model.scaler_for(panel)
    table = WindowTable(
        panel,
        scaler,
        model.static_scaler,
        lookback=sizes.lookback,
        horizon=sizes.horizon,
        pad=model.config.window.pad,
        device=device,
    )
    generator = torch.Generator(device).manual_seed(seed)
    shares = np.array_split(np.arange(count), len(model.members))
    parts = []
    for member, share in zip(model.members, shares, strict=True):
        windows = np.tile(np.arange(len(series)), len(share))
        size = windows_at_once(sizes, model.config.network.units, device)
        for start in range(0, len(windows), size):
            some = windows[start : start + size]
            places = (torch.from_numpy(part[some]).to(device) for part in (origins, series))
            drawn = draw_path(member.eval(), table.gather(*places), generator)
            parts.append(scaler.restore(drawn.cpu().numpy().astype(np.float64), series[some]))
    values = np.concatenate(parts).reshape(count, len(series), sizes.horizon, sizes.targets)
    if model.network.head.counts:
        values = np.rint(values)  # counts, except for rounding errors of the scaling
    return Paths(at_least(values, model.minimum), series, panel, model)
