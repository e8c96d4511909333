"""Training by several ranks: torch's DistributedDataParallel around the loss of a network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from lstmcast.network.forecaster import Forecaster
from lstmcast.windows.batches import Batch

Loss = Callable[[Batch], tuple[Tensor, Tensor | int]]
"""Batch -> sum of its losses, and their number (on the device if it is counted there)."""


class _Share(nn.Module):
    """The module that DistributedDataParallel wraps: a rank's share of a batch -> its loss."""

    def __init__(self, network: Forecaster) -> None:
        super().__init__()
        self.network = network
        self.device = next(network.parameters()).device

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Sum of the losses of a share, and their number."""
        if len(batch):
            total, count = self.network.loss(batch)
            return total, torch.as_tensor(count, device=self.device)
        # The last batch may have fewer windows than there are ranks. Every rank must take part in
        # the exchange of gradients: the gradients of this rank are 0.
        with torch.device(self.device):
            total, count = self.network.loss(self.network.example_batch(1))
        return 0.0 * total, torch.zeros_like(torch.as_tensor(count, device=self.device))


def shared_loss(network: Forecaster) -> Loss:
    """The loss of a rank's share; the backward pass averages the gradients over all ranks.

    All ranks start with the weights of rank 0.
    """
    share = _Share(network)
    wrapped: Loss = DistributedDataParallel(share)
    return wrapped
