"""`network.skip: ridge`: the linear path begins with the map of a ridge regression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from lstmcast.forecasting.ridge import DEFAULT_PENALTY, Ridge, sum_up
from lstmcast.network.forecaster import Forecaster
from lstmcast.series.batches import Batches

MOST_WINDOWS = 1 << 20
"""Windows of one target that are fitted; of more, every second, third, ... of a series."""

VALUES_AT_ONCE = 1 << 22
"""Numbers of windows held at a time."""


@torch.inference_mode()
def begin_linear(
    network: Forecaster, train: Batches, validation: Batches | None, penalty: float | None = None
) -> float | None:
    """Let a new network begin as the linear forecaster of its train windows, in place.

    The linear path is fitted to what it is to add: the targets of a window, without its level. The
    recurrent layers add nothing at first, and learn what the path leaves.

    Args:
        network: Untrained; one without a linear path stays as it is.
        train: Windows to fit.
        validation: Windows that choose the penalty, as for the linear baseline.
        penalty: Part of the mean eigenvalue; None: validation chooses.

    Returns:
        The penalty; None where nothing could be fitted.
    """
    if network.skip is None:
        return None
    network.eval()  # no category is hidden
    sizes = network.sizes
    fitted = sum_up(_pairs(network, train), sizes.lookback, sizes.horizon)
    if fitted is None:
        return None
    ridge = Ridge(fitted)
    if penalty is None and validation is not None:
        pairs = _pairs(network, validation)
        judged = sum_up(pairs, sizes.lookback, sizes.horizon, about=fitted.mean)
        penalty = None if judged is None else ridge.best_penalty(judged)
    penalty = DEFAULT_PENALTY if penalty is None else penalty
    weight, bias = ridge.solve(penalty)
    network.begin_linear(torch.from_numpy(weight.T.copy()), torch.from_numpy(bias))
    return penalty


def _pairs(network: Forecaster, batches: Batches) -> Iterator[np.ndarray]:
    """(b, T + H) what the linear path reads, and what it is to add, of each window and target."""
    assert network.skip is not None
    sizes = network.sizes
    most = max(1, MOST_WINDOWS // sizes.targets)
    index = batches.index.every(max(1, -(-len(batches.index) // most)))
    size = max(1, VALUES_AT_ONCE // ((sizes.lookback + sizes.horizon) * sizes.inputs))
    in_order = replace(batches, index=index, batch_size=size, seed=None, sample="windows")
    for batch in in_order.epoch():
        batch = network.split(batch)
        pairs = network.skip.pairs(network.normalized(batch), batch.targets)
        pairs = pairs.transpose(1, 2)  # (B, C, T + H)
        if batch.weights is not None:
            pairs = pairs[(batch.weights > 0).all(dim=1)]
        if pairs.numel():
            yield pairs.reshape(-1, pairs.shape[-1]).double().cpu().numpy()
