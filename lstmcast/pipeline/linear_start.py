"""`network.skip: ridge`: the linear path begins with the map of a ridge regression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lstmcast import limits
from lstmcast.forecasting.ridge import DEFAULT_PENALTY, Ridge, sum_up
from lstmcast.network.forecaster import Forecaster
from lstmcast.windows.batches import Batches


@dataclass(frozen=True)
class LinearStart:
    """A linear forecast to begin with.

    Attributes:
        weight: (H, T) of the linear path.
        bias: (H,).
        penalty: That the map was fitted with, as a part of the mean eigenvalue.
    """

    weight: Tensor
    bias: Tensor
    penalty: float


@torch.inference_mode()
def fit_linear_start(
    network: Forecaster, train: Batches, validation: Batches | None, penalty: float | None = None
) -> LinearStart | None:
    """Fit the linear path of a network to what it is to add: the targets, without their level.

    Args:
        network: Untrained.
        train: Windows to fit.
        validation: Windows that choose the penalty, as for the linear baseline.
        penalty: Part of the mean eigenvalue; None: validation chooses.

    Returns:
        The map; None where there is no linear path, or no window whose targets are all known.
    """
    if network.skip is None:
        return None
    network.eval()  # no category is hidden
    sizes = network.sizes
    # A path in units of each window has no constant that would serve all of them.
    unit = network.normalize in ("none", "last")
    about = None if unit else np.zeros(sizes.lookback + sizes.horizon)
    fitted = sum_up(_pairs(network, train), sizes.lookback, sizes.horizon, about)
    if fitted is None:
        return None
    ridge = Ridge(fitted)
    if penalty is None and validation is not None:
        pairs, about = _pairs(network, validation), fitted.mean if about is None else about
        judged = sum_up(pairs, sizes.lookback, sizes.horizon, about)
        penalty = None if judged is None else ridge.best_penalty(judged)
    penalty = DEFAULT_PENALTY if penalty is None else penalty
    weight, bias = ridge.solve(penalty)
    if not unit:
        bias = np.zeros_like(bias)
    return LinearStart(torch.from_numpy(weight.T.copy()), torch.from_numpy(bias), penalty)


def _pairs(network: Forecaster, batches: Batches) -> Iterator[np.ndarray]:
    """(b, T + H) what the linear path reads, and what it is to add, of each window and target."""
    assert network.skip is not None
    sizes, inner = network.sizes, network.inner
    most = max(1, limits.RIDGE_WINDOWS // sizes.targets)
    index = batches.index.every(max(1, -(-len(batches.index) // most)))
    columns = sizes.inputs if network.channels is None else sizes.targets * inner.inputs
    size = max(1, limits.RIDGE_NUMBERS_AT_ONCE // ((sizes.lookback + sizes.horizon) * columns))
    in_order = replace(batches, index=index, batch_size=size, seed=None, sample="windows")
    for batch in in_order.epoch():
        batch = network.split(batch)
        pairs = network.skip.pairs(network.normalized(batch), batch.targets)
        pairs = pairs.transpose(1, 2)  # (B, C, T + H)
        if batch.weights is not None:
            pairs = pairs[(batch.weights > 0).all(dim=1)]
        if pairs.numel():
            yield pairs.reshape(-1, pairs.shape[-1]).double().cpu().numpy()
