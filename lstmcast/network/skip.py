"""What goes past the recurrent layers: linear maps from a window to its horizon.

The linear part of a forecast, which a recurrent layer is slow to learn, is learned by itself; the
layers are left with what is not linear. Ridge regression can find it ahead of all training. Source
of the linear map: Zeng et al. 2023, arXiv:2205.13504 (DLinear, NLinear).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lstmcast.network.normalize import Normalized
from lstmcast.network.sizes import Sizes


class LinearSkip(nn.Module):
    """Linear maps for all targets, zero at first: of the window, and of its differences if any.

    Args:
        sizes: Of the windows.
        differences: Whether windows come with their seasonal differences.
    """

    def __init__(self, sizes: Sizes, differences: bool) -> None:
        super().__init__()
        self.linear = _no_map(sizes)
        self.differences = _no_map(sizes) if differences else None

    def forward(self, window: Normalized, targets: int) -> Tensor:
        """A window of (B, T, C) targets -> (B, H, C, 1), to be added to the forecast's center."""
        ahead = _along_time(self.linear, window.inputs[:, :, :targets])
        if window.ratio is not None:
            ahead = ahead * window.ratio
        if self.differences is not None and window.differences is not None:
            ahead = ahead + _along_time(self.differences, window.differences)
        return ahead[..., None]

    def pairs(self, window: Normalized, targets: Tensor) -> Tensor:
        """Input and target of `linear` for windows: (B, T + H, C).

        Both in the units of the batch, so that windows with no spread of their own do not count
        more than others.

        Args:
            window: (B, T, C) or more columns.
            targets: (B, H, C) with the level that was taken out of the window.
        """
        read = window.inputs[:, :, : targets.shape[2]]
        if window.level is None:
            return torch.cat([read, targets], dim=1)
        spread = window.level.scale if window.ratio is None else window.level.scale * window.ratio
        return torch.cat([read * spread, targets - window.level.center], dim=1)


def _no_map(sizes: Sizes) -> nn.Linear:
    linear = nn.Linear(sizes.lookback, sizes.horizon)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


def _along_time(linear: nn.Linear, past: Tensor) -> Tensor:
    """(B, T, C) -> (B, H, C)."""
    ahead: Tensor = linear(past.transpose(1, 2))
    return ahead.transpose(1, 2)
