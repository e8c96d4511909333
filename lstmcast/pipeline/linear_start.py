"""`network.skip: ridge`: a ridge regression initializes the linear path."""

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
    """Initial values of the linear path.

    Attributes:
        weight: (H, T).
        bias: (H,).
        penalty: Of the ridge regression, as a fraction of the mean eigenvalue.
    """

    weight: Tensor
    bias: Tensor
    penalty: float


@torch.inference_mode()
def fit_linear_start(
    network: Forecaster, train: Batches, validation: Batches | None, penalty: float | None = None
) -> LinearStart | None:
    """Fit the linear path of a network to its part of the forecast: the targets minus their level.

    Args:
        network: Untrained.
        train: Windows to fit.
        validation: Windows that choose the penalty, as for the linear baseline.
        penalty: As a fraction of the mean eigenvalue; None: chosen on validation.

    Returns:
        The initial values; None without a linear path or a window with all targets known.
    """
    if network.skip is None:
        return None
    network.eval()  # so that no category is masked
    sizes = network.sizes
    # In units scaled per window, no constant fits all windows.
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
    """(b, T + H) input and target of the linear path, for each window and target column."""
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
