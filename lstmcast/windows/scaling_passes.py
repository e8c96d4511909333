"""Center and scale of more values than memory holds, in passes over pieces of them.

They are exact up to rounding, except for quantiles: of more than `limits.QUANTILE_SAMPLE` values
they come from a random sample of that size, which is the same in memory and on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from lstmcast import limits

Pieces = Callable[[], Iterator[np.ndarray]]
"""Returns the values in pieces (B,); each call starts again."""

LARGEST = float(np.finfo(np.float64).max)
"""The largest scale."""


def streamed(method: str, pieces: Pieces) -> tuple[float, float]:
    """Center and scale of all values: see `scaling.fit_scaler`; 0 and 1 without values."""
    count = sum(len(piece) for piece in pieces())
    if not count:
        return 0.0, 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        center, scale = _streamed(method, pieces, count)
        if not np.isfinite(center + scale):  # squares overflow: in units of the largest value
            unit = max(float(np.abs(piece).max(initial=0)) for piece in pieces())
            center, scale = _streamed(method, lambda: (piece / unit for piece in pieces()), count)
            center, scale = unit * center, min(unit * scale, LARGEST)
    return center, scale


def _streamed(method: str, pieces: Pieces, count: int) -> tuple[float, float]:
    if method == "standard":
        mean = sum(float(piece.sum()) for piece in pieces()) / count
        squares = sum(float(((piece - mean) ** 2).sum()) for piece in pieces())
        return mean, float(np.sqrt(squares / count))
    if method == "minmax":
        low = min(float(piece.min()) for piece in pieces() if len(piece))
        high = max(float(piece.max()) for piece in pieces() if len(piece))
        return low, high - low
    low, middle, high = np.quantile(_sample(pieces, count), (0.25, 0.5, 0.75))
    return float(middle), float(high - low)


def _sample(pieces: Pieces, count: int) -> np.ndarray:
    """(B,) all values, or a sample: the median's standard error is 0.12 % of the deviation."""
    if count <= limits.QUANTILE_SAMPLE:
        return np.concatenate(list(pieces()))
    rng = np.random.Generator(np.random.Philox(key=[0, count]))
    places = np.sort(rng.integers(count, size=limits.QUANTILE_SAMPLE))
    taken, begin = [], 0
    for piece in pieces():
        first, last = np.searchsorted(places, [begin, begin + len(piece)])
        taken.append(piece[places[first:last] - begin])
        begin += len(piece)
    return np.concatenate(taken)
