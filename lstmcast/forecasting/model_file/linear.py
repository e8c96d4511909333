"""The linear baseline as tensors of a model file, for `forecast.fallback`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from lstmcast.forecasting.baselines import Linear
from lstmcast.network.sizes import Sizes


def linear_shapes(sizes: Sizes, series: int) -> dict[str, tuple[int, ...]]:
    """The tensors of the linear baseline, all float64."""
    targets, steps = sizes.targets, sizes.horizon
    return {
        "linear.coefficients": (targets, sizes.lookback, steps),
        "linear.intercept": (targets, steps),
        "linear.scale": (series, targets),
    }


def linear_tensors(linear: Linear) -> dict[str, Tensor]:
    """The linear baseline under the names of `linear_shapes`, without the penalty of its fit."""
    parts = ("coefficients", "intercept", "scale")
    return {f"linear.{name}": torch.from_numpy(getattr(linear, name)) for name in parts}


def linear_of(tensors: Mapping[str, Tensor]) -> Linear | None:
    """The linear baseline from the tensors of a file; None if it has none."""
    if "linear.coefficients" not in tensors:
        return None
    coefficients, intercept, scale = (
        tensors[f"linear.{name}"].numpy() for name in ("coefficients", "intercept", "scale")
    )
    return Linear(
        coefficients, intercept, np.full(len(scale.T), np.nan), scale, len(coefficients[0])
    )
