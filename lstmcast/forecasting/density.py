"""The predicted distributions in units of the data, and their CRPS in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lstmcast.network.crps import (
    negative_binomial_crps,
    normal_crps,
    poisson_crps,
    student_t_crps,
)
from lstmcast.network.distributions import Distribution, NegativeBinomial, Normal, Poisson, StudentT

Floats = NDArray[np.float64]

CRPS: dict[str, Callable[..., Tensor]] = {
    "normal": normal_crps,
    "student_t": student_t_crps,
    "poisson": poisson_crps,
    "negative_binomial": negative_binomial_crps,
}
"""By `network.head`: actuals and parameters -> scores."""


@dataclass(frozen=True)
class Density:
    """The distributions of B windows.

    Attributes:
        head: A key of CRPS.
        parameters: (parameters, B, H, C) in units of the data, in the order that CRPS takes them.
    """

    head: str
    parameters: Floats

    def crps(self, actual: Floats) -> Floats:
        """(B, H, C) the continuous ranked probability score; NaN if the actual is missing."""
        known = np.isfinite(actual)
        parts = [torch.from_numpy(part[known]) for part in (actual, *self.parameters)]
        scores = np.full(actual.shape, np.nan)
        scores[known] = CRPS[self.head](*parts).numpy()
        return scores

    def chosen(self, which: NDArray[Any]) -> Density:
        """The distributions of some windows."""
        return Density(self.head, self.parameters[:, which])


def parameters_of(distribution: Distribution) -> list[Tensor] | None:
    """The parameters of a distribution; None if its CRPS has no closed form.

    The first is a location; the second of `Normal` and `StudentT` is a scale. Both are in scaled
    units; parameters of counts are in units of the data.
    """
    match distribution:
        case Normal(center, scale):
            return [center, scale]
        case StudentT(center, scale, df):
            return [center, scale, df]
        case Poisson(expected):
            return [expected]
        case NegativeBinomial(expected, _, _, dispersion):
            return [expected, dispersion]
    return None
