"""CRPS of forecasts with some known quantiles; see `metrics`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def interpolated_crps(
    levels: Sequence[float], point: Floats, low: Floats, high: Floats, actual: Floats
) -> Floats:
    """(B, H, C) the CRPS, with linear interpolation between the known quantiles.

    It is the integral of twice the pinball loss over all probabilities, piece by piece; beyond the
    lowest and highest bound the quantiles are constant. NaN if a bound is NaN.

    Args:
        levels: In percent, ascending.
        point: (B, H, C) the median.
        low: (levels, B, H, C) lower bounds.
        high: (levels, B, H, C) upper bounds.
        actual: (B, H, C).
    """
    quantiles = [*low[::-1], point, *high]
    if any((left > right).any() for left, right in pairwise(quantiles)):
        quantiles = list(np.sort(quantiles, axis=0))
    middle = len(levels)
    inner_low = inner_high = quantiles[middle] - actual
    tails = [0.5, *((1 - level / 100) / 2 for level in levels)]
    # With x = quantile - actual, twice the pinball loss is |x| + (1 - 2 p) x. The weight of a
    # quantile in the integrals rises from its inner neighbour's p to its own and falls to the outer
    # one's: a triangle of area `weight`, whose center is the mean of the three p.
    total = (tails[0] - tails[1]) * np.abs(inner_low)
    zero = np.zeros_like(total)
    for k in range(1, middle + 1):
        inner, tail, outer = tails[k - 1], tails[k], tails[min(k + 1, middle)]
        weight = (inner - outer) / 2
        slope = weight * (1 - 2 * (inner + tail + outer) / 3)
        if k == middle:  # constant beyond the outermost bound
            weight, slope = weight + tail, slope + tail * (1 - tail)
        lower, upper = quantiles[middle - k] - actual, quantiles[middle + k] - actual
        total += weight * (np.abs(lower) + np.abs(upper))
        total += slope * (lower - upper)
        total -= (inner - tail) * (
            _turned(lower, inner_low, zero) + _turned(inner_high, upper, zero)
        )
        inner_low, inner_high = lower, upper
    return np.asarray(total)


def _turned(left: Floats, right: Floats, zero: Floats) -> Floats:
    """Mean of |x| at the ends of a line from left to right, minus that along the line."""
    below, above = np.minimum(left, zero), np.maximum(right, zero)  # a scalar 0 is slower
    length = below - above
    length -= np.finfo(np.float64).tiny  # if both are 0, the result is 0
    below /= length
    below *= above
    return below
