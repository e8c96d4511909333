"""Ridge regression from sums over windows: any number of windows, one eigendecomposition.

Hoerl & Kennard, "Ridge regression: biased estimation for nonorthogonal problems", Technometrics 12
(1970) 55-67. The intercept is not penalised: inputs and outputs are taken about their means.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# What validation chooses from, and what is taken where there is no validation window: parts of the
# mean eigenvalue of the inputs' second moments.
PENALTIES = np.logspace(-8, 4, 25)
DEFAULT_PENALTY = 0.1


@dataclass(frozen=True)
class Moments:
    """Sums over N windows of T inputs x and H outputs y.

    Attributes:
        count: N.
        mean: (T + H,) mean of x and of y.
        xx: (T, T) sum of products of x with x about a point.
        xy: (T, H) the same of x with y.
        yy: The same of y with itself, over all H.
    """

    count: int
    mean: Floats
    xx: Floats
    xy: Floats
    yy: float


def sum_up(
    windows: Iterable[Floats], inputs: int, outputs: int, about: Floats | None = None
) -> Moments | None:
    """Sum over windows in one pass.

    Args:
        windows: Pieces (b, T + H) of x beside y, none empty; each is overwritten.
        inputs: T.
        outputs: H.
        about: (T + H,) the point that products are taken about; their own mean if None.

    Returns:
        The moments; None where there is no window.
    """
    count, point, total = 0, about, np.zeros(inputs + outputs)
    xx, xy, yy = np.zeros((inputs, inputs)), np.zeros((inputs, outputs)), 0.0
    for window in windows:
        if point is None:  # near the mean, so that the correction below takes little away
            point = window.mean(axis=0)
        window -= point
        x, y = window[:, :inputs], window[:, inputs:]
        count += len(window)
        total += window.sum(axis=0)
        xx += x.T @ x
        xy += x.T @ y
        yy += float(np.einsum("nh,nh->", y, y))
    if count == 0 or point is None:
        return None
    off = total / count
    if about is None:
        xx -= count * np.outer(off[:inputs], off[:inputs])
        xy -= count * np.outer(off[:inputs], off[inputs:])
        yy -= count * float(off[inputs:] @ off[inputs:])
    return Moments(count, point + off, xx, xy, yy)


class Ridge:
    """The solutions for all penalties, from moments about the mean."""

    def __init__(self, moments: Moments) -> None:
        """Decompose xx = V diag(eigenvalues) V'."""
        inputs = len(moments.xx)
        eigenvalues, self._vectors = np.linalg.eigh(moments.xx)
        self._eigenvalues = np.maximum(eigenvalues, 0.0)
        self._xy = self._vectors.T @ moments.xy  # (T, H) in the basis V
        self._mean = moments.mean
        # Second moments about zero, not about the mean: on straight lines, where all windows are
        # alike, those about the mean are nothing but rounding, and a part of them no penalty.
        about_zero = np.trace(moments.xx) + moments.count * np.sum(moments.mean[:inputs] ** 2)
        self._unit = float(about_zero) / inputs

    def solve(self, penalty: float) -> tuple[Floats, Floats]:
        """Coefficients (T, H) and intercept (H,) for a penalty, as a part of the mean eigenvalue.

        They minimise sum (y - x B - b)^2 + penalty * unit * sum B^2.
        """
        coefficients: Floats = self._vectors @ (self._weights(penalty)[:, None] * self._xy)
        inputs = len(coefficients)
        return coefficients, self._mean[inputs:] - self._mean[:inputs] @ coefficients

    def best_penalty(self, judged: Moments) -> float:
        """The one of `PENALTIES` with the least squared error over other windows.

        With w the weights of a penalty and P = V' xy, the coefficients are B = V (w * P), and the
        squared error yy - 2 <xy, B> + <B, xx B> is a quadratic form in w alone.

        Args:
            judged: Moments of those windows about the mean of the windows that were fitted.
        """
        linear = np.sum(self._xy * (self._vectors.T @ judged.xy), axis=1)  # -> (T,)
        square = (self._vectors.T @ judged.xx @ self._vectors) * (self._xy @ self._xy.T)
        weights = [self._weights(penalty) for penalty in PENALTIES]
        errors = [judged.yy - 2 * w @ linear + w @ square @ w for w in weights]
        return float(PENALTIES[int(np.argmin(errors))])

    def _weights(self, penalty: float) -> Floats:
        total = self._eigenvalues + penalty * self._unit
        weights: Floats = np.zeros(len(total))  # total is 0 only where all windows are
        np.divide(1.0, total, out=weights, where=total > 0)
        return weights
