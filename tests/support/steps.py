"""One training step on random numbers, to count what it costs."""

from typing import Any

import torch

from lstmcast.config import NetworkConfig, TrainingConfig
from lstmcast.network.forecaster import build_forecaster
from lstmcast.network.sizes import Sizes
from lstmcast.training.stepper import Stepper
from lstmcast.windows.batches import Batch


def make_stepper(lookback: int, horizon: int, **network: Any) -> Stepper:
    sizes = Sizes(lookback=lookback, horizon=horizon, inputs=1, targets=1, future=0, static=0)
    forecaster = build_forecaster(NetworkConfig(**network), sizes, "mae", seed=0)
    return Stepper(forecaster.train(), TrainingConfig(), steps_per_epoch=100, untimed=True)


def make_batch(windows: int, lookback: int, horizon: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    block = torch.randn(windows, lookback + horizon, 1, generator=generator)
    parts = {"center": torch.zeros(windows, 1), "scale": torch.ones(windows, 1)}
    series = torch.zeros(windows, dtype=torch.long)
    return Batch(block[:, :lookback], block[:, lookback:], series, **parts)
