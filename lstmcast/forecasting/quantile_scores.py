"""Scores of forecasts that are given by some of their quantiles; see `metrics`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pinball_loss(probability: float, quantile: Floats, actual: Floats) -> Floats:
    """Elementwise, of the quantile of one probability."""
    above = actual - quantile
    loss: Floats = np.maximum(probability * above, (probability - 1) * above)
    return loss


def interpolated_crps(
    levels: Sequence[float], point: Floats, low: Floats, high: Floats, actual: Floats
) -> Floats:
    """(B, H, C) the score of the distribution whose quantiles lie on lines between the known ones.

    It is the integral of twice the pinball loss over all probabilities, piece by piece; the lowest
    and highest bound stand for all that lies beyond them.

    Args:
        levels: In percent, ascending.
        point: (B, H, C) the median.
        low: (levels, B, H, C) lower bounds.
        high: (levels, B, H, C) upper bounds.
        actual: (B, H, C).
    """
    tails = [(1 - level / 100) / 2 for level in levels]
    probabilities = [*reversed(tails), 0.5, *(1 - tail for tail in tails)]
    quantiles = np.sort(np.concatenate([low[::-1], point[None], high]), axis=0)
    first, last = quantiles[0] - actual, quantiles[-1] - actual
    begin, end = probabilities[0], probabilities[-1]
    total = first * (2 * (first > 0) * begin - begin**2)
    total += last * (2 * (last > 0) * (1 - end) - (1 - end**2))
    for k, p in enumerate(probabilities[:-1]):
        width = probabilities[k + 1] - p
        above = quantiles[k] - actual  # quantile(p + u) - actual = above + slope u
        slope = (quantiles[k + 1] - quantiles[k]) / width
        with np.errstate(divide="ignore", invalid="ignore"):  # flat: nowhere, or everywhere
            crossing = np.where(slope > 0, -above / slope, np.where(above > 0, 0.0, width))
        u = np.clip(crossing, 0.0, width)
        total += 2 * above * (width - u) + slope * (width**2 - u**2)
        total -= 2 * (p * above * width + (p * slope + above) * width**2 / 2 + slope * width**3 / 3)
    return np.asarray(total)
