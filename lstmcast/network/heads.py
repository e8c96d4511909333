"""What a network says about each target and step, and how far off it was."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": lambda forecast, target: functional.mse_loss(forecast, target, reduction="none"),
    "mae": lambda forecast, target: functional.l1_loss(forecast, target, reduction="none"),
    "huber": lambda forecast, target: functional.huber_loss(forecast, target, reduction="none"),
}
"""What `training.loss` names: elementwise, in scaled units; huber bends at one scaled unit."""


class PointHead(nn.Module):
    """One number for each target and step.

    Args:
        loss: A key of LOSSES.
    """

    width = 1

    def __init__(self, loss: str) -> None:
        super().__init__()
        self.elementwise = LOSSES[loss]

    def point(self, decoded: Tensor) -> Tensor:
        """(B, H, C, 1) -> the forecast (B, H, C), not yet back at its window's level."""
        return decoded[..., 0]

    def loss(
        self, forecast: Tensor, targets: Tensor, weights: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Sum of the losses of all observed targets, and their number.

        Args:
            forecast: (B, H, C) scaled.
            targets: (B, H, C) scaled.
            weights: (B, H, C) 0 where a target is missing; None: none is.
        """
        losses = self.elementwise(forecast, targets)
        if weights is None:
            return losses.sum(), torch.tensor(losses.numel(), device=losses.device)
        return (losses * weights).sum(), weights.sum()


HEADS: dict[str, type[PointHead]] = {"point": PointHead}
"""What `network.head` names."""
