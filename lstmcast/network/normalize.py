"""Per-window normalization of the target channels, undone on the forecast.

The level of a series wanders; a window that is read relative to its own level need not know it.
Source: the last-value subtraction of NLinear (Zeng et al. 2023, arXiv:2205.13504) and reversible
instance normalization (Kim et al. 2022, RevIN). A forecast of seasonal differences, in units of
their mean size, is the seasonal naive forecast and what the network knows better; that unit is the
one of the mean absolute scaled error (Hyndman & Koehler 2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

TINY = 1e-5
"""Added to a window's variance, in squared units of the scaled table: flat windows stay finite."""


@dataclass(frozen=True)
class Level:
    """The level that was removed from a window and is restored in the forecast.

    Attributes:
        center: (B, 1, C), or (B, H, C) where each step of the horizon has its own.
        scale: (B, 1, C).
    """

    center: Tensor
    scale: Tensor

    def restore(self, forecast: Tensor) -> Tensor:
        """Put it back into a forecast (B, H, C)."""
        return forecast * self.scale + self.center

    def remove(self, targets: Tensor) -> Tensor:
        """Remove it from actual targets (B, H, C)."""
        return (targets - self.center) / self.scale


@dataclass(frozen=True)
class Normalized:
    """A window without its own level.

    Attributes:
        inputs: (B, T, F), padding 0; (B, T, F + C) with `differences` behind all others.
        level: What the forecast gets back; None for `none`.
        differences: (B, T, C) from one season to the next, at the forecast's scale; None but for
            `difference`.
        ratio: (B, 1, C) an input of 1 at the forecast's scale; None where it is 1.
    """

    inputs: Tensor
    level: Level | None = None
    differences: Tensor | None = None
    ratio: Tensor | None = None


def normalize_window(
    method: str,
    inputs: Tensor,
    targets: int,
    mask: Tensor | None,
    season: int = 1,
    horizon: int = 1,
) -> Normalized:
    """Remove each window's own level from its target channels; covariates are unchanged.

    Args:
        method: `none`, `last` (subtract the last value), `standard` (subtract the window's mean,
            divide by its deviation), `season` (subtract the mean of the last season, divide by
            the window's mean distance from it) or `difference` (the same, with the differences
            from one season to the next beside it; the forecast is of further differences).
        inputs: (B, T, F), the first C channels being the targets.
        targets: C.
        mask: (B, T) 0 where padded; None: nothing is padded.
        season: Steps in a season, for `season` and `difference`.
        horizon: H, for `difference`.
    """
    if method == "none":
        return Normalized(inputs)
    channels = inputs[:, :, :targets]
    if method == "last":
        center = channels[:, -1:]
        scale = torch.ones_like(center)
    else:
        weights = torch.ones_like(channels[:, :, :1]) if mask is None else mask[:, :, None]
        if method == "standard":
            center = _mean(channels, weights)
            scale = torch.sqrt(_mean((channels - center) ** 2, weights) + TINY)
        else:
            center = _mean(channels[:, -season:], weights[:, -season:])
            scale = _mean((channels - center).abs(), weights) + TINY
    normalized = (channels - center) / scale
    if mask is not None:
        normalized = normalized * mask[:, :, None]
    rest = inputs[:, :, targets:]
    if method != "difference":
        return Normalized(torch.cat([normalized, rest], dim=2), Level(center, scale))
    both = weights[:, season:] * weights[:, :-season]
    changes = (channels[:, season:] - channels[:, :-season]) * both  # (B, T - season, C)
    known = both.sum(dim=1, keepdim=True)
    size = changes.abs().sum(dim=1, keepdim=True) / known.clamp(min=1)
    usual = torch.where(known > 0, size, scale) + TINY * scale
    differences = nn.functional.pad(changes / usual, (0, 0, season, 0))
    return Normalized(
        torch.cat([normalized, rest, differences], dim=2),
        Level(_last_season(channels, weights, season, horizon), usual),
        differences,
        scale / usual,
    )


def _last_season(channels: Tensor, weights: Tensor, season: int, horizon: int) -> Tensor:
    """(B, H, C) the last season, again and again; the last value for steps that are padded."""
    known = weights[:, -season:] > 0
    last = torch.where(known, channels[:, -season:], channels[:, -1:])
    times = -(-horizon // season)
    return last.repeat(1, times, 1)[:, :horizon]


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """(B, T, C), (B, T, 1) -> (B, 1, C)."""
    return (values * weights).sum(dim=1, keepdim=True) / weights.sum(dim=1, keepdim=True)
