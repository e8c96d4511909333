"""What goes past the recurrent layers: a linear map from a window to its horizon.

The linear part of a forecast, which a recurrent layer is slow to learn, is learned by itself; the
layers are left with what is not linear. Source of the linear map: Zeng et al. 2023,
arXiv:2205.13504 (DLinear, NLinear).
"""

from __future__ import annotations

from torch import Tensor, nn

from lstmcast.network.sizes import Sizes


class LinearSkip(nn.Module):
    """One linear map for all targets, zero at first.

    Args:
        sizes: Of the windows.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.linear = nn.Linear(sizes.lookback, sizes.horizon)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, past: Tensor) -> Tensor:
        """(B, T, C) -> (B, H, C, 1), to be added to the forecast's center."""
        ahead: Tensor = self.linear(past.transpose(1, 2))
        return ahead.transpose(1, 2)[..., None]
