"""A panel of numbers, its batches, a small network and how it trains: all without a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lstmcast.config import NetworkConfig, TrainingConfig
from lstmcast.network.forecaster import Forecaster, build_forecaster
from lstmcast.network.sizes import Sizes
from lstmcast.panel.panel import Columns, Panel
from lstmcast.windows.batches import Batches, WindowTable
from lstmcast.windows.scaling import Scaler
from lstmcast.windows.windows import index_windows

CPU = torch.device("cpu")


def make_panel(
    values: np.ndarray,
    offsets: list[int] | None = None,
    observed: np.ndarray | None = None,
    columns: Columns | None = None,
    static: np.ndarray | None = None,
) -> Panel:
    """A panel without stamps: the gather never asks for one."""
    bounds = np.array([0, len(values)] if offsets is None else offsets)
    count = len(bounds) - 1
    stamps: Any = None
    return Panel(
        columns=columns or Columns(tuple(f"y{k}" for k in range(values.shape[1]))),
        series_columns=("name",),
        names=[(str(number),) for number in range(count)],
        values=values,
        observed=np.ones(values.shape, dtype=bool) if observed is None else observed,
        static=np.empty((count, 0)) if static is None else static,
        offsets=bounds,
        ends=bounds[1:],
        starts=np.zeros(count, dtype=np.int64),
        source_rows=np.arange(len(values)),
        frequency=stamps,
        time=None,
        style=None,
    )


def unscaled(panel: Panel) -> Scaler:
    shape = (panel.series_count, panel.values.shape[1])
    return Scaler("none", np.zeros(shape), np.ones(shape))


def make_batches(
    panel: Panel,
    lookback: int = 4,
    horizon: int = 1,
    batch_size: int = 8,
    seed: int | None = 0,
    pad: bool = False,
) -> Batches:
    """All windows of a panel, in the units of the data."""
    table = WindowTable(
        panel, unscaled(panel), None, lookback=lookback, horizon=horizon, pad=pad, device=CPU
    )
    begins, ends = panel.offsets[:-1], panel.offsets[1:]
    index = index_windows(begins, begins, ends, lookback=lookback, horizon=horizon, pad=pad)
    return Batches(table, index, batch_size, seed)


def noise(rows: int = 60, columns: int = 1, seed: int = 0) -> Panel:
    return make_panel(np.random.default_rng(seed).normal(size=(rows, columns)))


def make_network(loss: str = "mse", seed: int = 0, targets: int = 1, **fields: Any) -> Forecaster:
    sizes = Sizes(lookback=4, horizon=1, inputs=targets, targets=targets)
    config = NetworkConfig(**{"cell": "rnn", "units": [8]} | fields)
    return build_forecaster(config, sizes, loss, seed)


def training(**fields: Any) -> TrainingConfig:
    return TrainingConfig(**{"schedule": "constant", "learning_rate": 0.01} | fields)
