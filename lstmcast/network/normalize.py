"""Per-window normalization of the target channels, undone on the forecast.

The level of a series wanders; a window that is read relative to its own level need not know it.
Source: the last-value subtraction of NLinear (Zeng et al. 2023, arXiv:2205.13504) and reversible
instance normalization (Kim et al. 2022, RevIN).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

TINY = 1e-5
"""Added to a window's variance, in squared units of the scaled table: flat windows stay finite."""


@dataclass(frozen=True)
class Level:
    """What was taken out of a window: (B, 1, C) each."""

    center: Tensor
    scale: Tensor

    def restore(self, forecast: Tensor) -> Tensor:
        """Put it back into a forecast (B, H, C)."""
        return forecast * self.scale + self.center

    def remove(self, targets: Tensor) -> Tensor:
        """Take it out of true targets (B, H, C)."""
        return (targets - self.center) / self.scale


def normalize_window(
    method: str, inputs: Tensor, targets: int, mask: Tensor | None, season: int = 1
) -> tuple[Tensor, Level | None]:
    """Take each window's own level out of its target channels; covariates stay as they are.

    Args:
        method: `none`, `last` (subtract the last value), `standard` (subtract the window's mean,
            divide by its deviation) or `season` (subtract the mean of the last season, divide by
            the window's mean distance from it).
        inputs: (B, T, F), the first C channels being the targets.
        targets: C.
        mask: (B, T) 0 where padded; None: nothing is padded.
        season: Steps in a season, for `season`.

    Returns:
        The inputs (B, T, F), padding still 0, and the level to restore; None for `none`.
    """
    if method == "none":
        return inputs, None
    channels = inputs[:, :, :targets]
    if method == "last":
        center = channels[:, -1:]
        scale = torch.ones_like(center)
    else:
        weights = torch.ones_like(channels[:, :, :1]) if mask is None else mask[:, :, None]
        if method == "season":
            center = _mean(channels[:, -season:], weights[:, -season:])
            scale = _mean((channels - center).abs(), weights) + TINY
        else:
            center = _mean(channels, weights)
            scale = torch.sqrt(_mean((channels - center) ** 2, weights) + TINY)
    normalized = (channels - center) / scale
    if mask is not None:
        normalized = normalized * mask[:, :, None]
    return torch.cat([normalized, inputs[:, :, targets:]], dim=2), Level(center, scale)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """(B, T, C), (B, T, 1) -> (B, 1, C)."""
    return (values * weights).sum(dim=1, keepdim=True) / weights.sum(dim=1, keepdim=True)
