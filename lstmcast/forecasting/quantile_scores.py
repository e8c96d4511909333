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
    and highest bound stand for all that lies beyond them. NaN where a bound is.

    Args:
        levels: In percent, ascending.
        point: (B, H, C) the median.
        low: (levels, B, H, C) lower bounds.
        high: (levels, B, H, C) upper bounds.
        actual: (B, H, C).
    """
    tails = [(1 - level / 100) / 2 for level in levels]
    probabilities = [*reversed(tails), 0.5, *(1 - tail for tail in tails)]
    x = np.concatenate([low[::-1], point[None], high]) - actual
    if not (x[1:] >= x[:-1]).all():
        x = np.sort(x, axis=0)
    # Twice the pinball loss is 2 max(x, 0) - 2 p x: the second part is linear in x.
    above = np.maximum(x, 0.0)
    first, last = probabilities[0], 1 - probabilities[-1]
    total = 2 * first * above[0] + 2 * last * above[-1]
    weights = np.zeros(len(x))
    weights[0], weights[-1] = first**2, 1 - (1 - last) ** 2
    for k, p in enumerate(probabilities[:-1]):
        width, gap = probabilities[k + 1] - p, x[k + 1] - x[k]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (above[k + 1] - above[k]) / gap  # of the piece that lies above 0
        flat = gap == 0
        if flat.any():
            share[flat] = x[k][flat] > 0
        total += width * share * (above[k] + above[k + 1])
        weights[k : k + 2] += width * (p + width / 3), width * (p + 2 * width / 3)
    for weight, values in zip(weights, x, strict=True):
        total -= weight * values
    return np.asarray(total)
