"""Ridge regression from moments: one eigendecomposition for any number of windows and penalties.

Hoerl & Kennard, "Ridge regression: biased estimation for nonorthogonal problems", Technometrics 12
(1970) 55-67. The intercept is not penalised: inputs and outputs are centered on their means.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Penalties to choose from by validation, and the one without validation windows: shares of the mean
# eigenvalue of the inputs' second moments.
PENALTIES = np.logspace(-8, 4, 25)
DEFAULT_PENALTY = 0.1


@dataclass(frozen=True)
class Moments:
    """Moments of N windows of T inputs x and H outputs y.

    Attributes:
        count: N.
        mean: (T + H,) mean of x and of y.
        xx: (T, T) sum of products of x with x, centered on a point.
        xy: (T, H) sum of products of x with y, in the same way.
        yy: Sum of squares of y over all H, in the same way.
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
        windows: Pieces (b, T + H) of x and y, none empty; each is overwritten.
        inputs: T.
        outputs: H.
        about: (T + H,) the point to center on; None: the mean of the windows.

    Returns:
        The moments; None without windows.
    """
    count, point, total = 0, about, np.zeros(inputs + outputs)
    xx, xy, yy = np.zeros((inputs, inputs)), np.zeros((inputs, outputs)), 0.0
    for window in windows:
        if point is None:  # near the mean, so that the correction below is small
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
        # Second moments about zero: on straight lines all windows are equal, so that those about
        # the mean are only rounding errors, which give no penalty.
        about_zero = np.trace(moments.xx) + moments.count * np.sum(moments.mean[:inputs] ** 2)
        self._unit = float(about_zero) / inputs

    def solve(self, penalty: float) -> tuple[Floats, Floats]:
        """Coefficients (T, H) and intercept (H,) for a penalty, a share of the mean eigenvalue.

        They minimise sum (y - x B - b)^2 + penalty * unit * sum B^2.
        """
        coefficients: Floats = self._vectors @ (self._weights(penalty)[:, None] * self._xy)
        inputs = len(coefficients)
        return coefficients, self._mean[inputs:] - self._mean[:inputs] @ coefficients

    def best_penalty(self, judged: Moments) -> float:
        """The penalty of `PENALTIES` with the least squared error over other windows.

        With w the weights of a penalty and P = V' xy, the coefficients are B = V (w * P), and the
        squared error yy - 2 <xy, B> + <B, xx B> is a quadratic form in w alone.

        Args:
            judged: Moments of those windows about the mean of the fitted windows.
        """
        linear = np.sum(self._xy * (self._vectors.T @ judged.xy), axis=1)  # -> (T,)
        square = (self._vectors.T @ judged.xx @ self._vectors) * (self._xy @ self._xy.T)
        weights = [self._weights(penalty) for penalty in PENALTIES]
        errors = [judged.yy - 2 * w @ linear + w @ square @ w for w in weights]
        return float(PENALTIES[int(np.argmin(errors))])

    def _weights(self, penalty: float) -> Floats:
        total = self._eigenvalues + penalty * self._unit
        weights: Floats = np.zeros(len(total))  # total is 0 only if all windows are 0
        np.divide(1.0, total, out=weights, where=total > 0)
        return weights
