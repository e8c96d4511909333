"""Center and scale of more values than are held at a time, in passes over pieces of them.

All of it is exact up to the rounding of sums, the quantiles too: no sketch is needed where the
values can be had again. A value is found by its bits, 16 at a time: a pass counts how many values
begin with each 16 bits, which tells the first 16 of the value looked for; the next pass counts
among those that begin so. Four passes tell all 64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Pieces = Callable[[], Iterator[np.ndarray]]
"""The values, piece by piece, (B,) each; from the start on every call."""

_DIGIT = 16
"""Bits told by a pass."""

LARGEST = float(np.finfo(np.float64).max)
"""A spread beyond it is taken for it."""


def streamed(method: str, pieces: Pieces) -> tuple[float, float]:
    """Center and scale of all values: see `scaling.fit_scaler`; 0 and 1 where there is none."""
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
    low, middle, high = quantiles((0.25, 0.5, 0.75), pieces, count)
    return middle, high - low


def quantiles(levels: tuple[float, ...], pieces: Pieces, count: int) -> list[float]:
    """Quantiles of all values, with straight lines between neighbours; none of them is NaN.

    Args:
        levels: In 0..1.
        pieces: The values.
        count: How many they are.
    """
    places = [level * (count - 1) for level in levels]
    below = [int(np.floor(place)) for place in places]
    ranks = sorted({rank for low in below for rank in (low, min(low + 1, count - 1))})
    values = dict(zip(ranks, _of_rank(ranks, pieces), strict=True))
    found = []
    for place, low in zip(places, below, strict=True):
        first, second = values[low], values[min(low + 1, count - 1)]
        found.append(first + (place - low) * (second - first))
    return found


def _of_rank(ranks: list[int], pieces: Pieces) -> list[float]:
    """The values that have these ranks, counted from 0, among all."""
    begun = [0] * len(ranks)  # the bits told so far, of each
    left = list(ranks)  # its rank among the values that begin so
    for shift in range(64 - _DIGIT, -1, -_DIGIT):
        counts = {begin: np.zeros(1 << _DIGIT, dtype=np.int64) for begin in begun}
        for piece in pieces():
            keys = _keys(piece)
            digits = (keys >> np.uint64(shift)) & np.uint64((1 << _DIGIT) - 1)
            for begin, histogram in counts.items():
                told = shift + _DIGIT
                chosen = digits
                if told < 64:
                    chosen = digits[(keys >> np.uint64(told)) == np.uint64(begin)]
                histogram += np.bincount(chosen.astype(np.int64), minlength=1 << _DIGIT)
        for k, begin in enumerate(begun):
            upto = np.cumsum(counts[begin])
            digit = int(np.searchsorted(upto, left[k], side="right"))
            left[k] -= int(upto[digit - 1]) if digit else 0
            begun[k] = (begin << _DIGIT) | digit
    return [_value(key) for key in begun]


def _keys(values: np.ndarray) -> np.ndarray:
    """(B,) uint64 in the order of the values.

    IEEE 754 numbers sort as whole numbers do, but for the sign; those below 0 the other way round.
    """
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.uint64)
    negative = bits >> np.uint64(63) == 1
    return np.where(negative, ~bits, bits | np.uint64(1 << 63))


def _value(key: int) -> float:
    """The number that `_keys` gave a key."""
    bits = key ^ (1 << 63) if key >> 63 else ~key & ((1 << 64) - 1)
    return float(np.array([bits], dtype=np.uint64).view(np.float64)[0])
