"""The autocorrelation of many series at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LAGS = 60
"""Most lags for which errors are compared with later ones."""


def lags_for(season: int) -> int:
    """Number of lags: two seasons, within limits."""
    return int(np.clip(2 * season + 2, 20, LAGS))


def autocorrelations(series: Sequence[np.ndarray], lags: int) -> list[np.ndarray]:
    """Autocorrelation of each series at lags 1, 2, ...

    The sum of products over all known pairs, divided by the sum of squares (Box & Jenkins,
    "Time Series Analysis", 1976, section 2.1).

    Args:
        series: (P,) values of each series; NaN if missing.
        lags: Maximum number of lags; short series get fewer, series with fewer than 3 known
            values or constant values get none.
    """
    if not series:
        return []
    gap = np.full(lags, np.nan)  # after each series: no pair spans two series
    values = np.concatenate([part for each in series for part in (each, gap)])
    sizes = np.array([len(each) for each in series])
    starts = np.cumsum(sizes + lags) - (sizes + lags)
    known = np.isfinite(values)
    counts = np.add.reduceat(known.astype(np.int64), starts)
    means = np.add.reduceat(np.where(known, values, 0.0), starts) / np.maximum(counts, 1)
    centred = np.where(known, values - np.repeat(means, sizes + lags), 0.0)
    with np.errstate(all="ignore"):  # squares of huge errors overflow
        totals = np.add.reduceat(centred**2, starts)
        sums = [np.add.reduceat(centred * np.roll(centred, -k), starts) for k in range(1, lags + 1)]
        usable = (counts >= 3) & (totals > 0)
        found = np.stack(sums, axis=1) / np.where(usable, totals, 1.0)[:, None]
    ends = np.where(usable, np.minimum(lags, sizes // 2), 0)
    return [row[:end] for row, end in zip(found, ends.tolist(), strict=True)]
