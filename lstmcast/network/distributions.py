"""What a network says of every target and step: a number, quantiles, or a distribution.

All are in the units of the batch: scaled. Distributions of counts hold what turns scaled targets
into counts, model the counts, and answer in scaled units like the others. Shapes are (B, H, C), or
(B, T, H, C) where every step of a window is judged.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lstmcast.network.special import (
    count_quantile,
    negative_binomial_cdf,
    poisson_cdf,
    student_quantile,
)


class Distribution(ABC):
    """A forecast of every target and step."""

    @abstractmethod
    def loss(self, targets: Tensor) -> Tensor:
        """Loss of the targets, elementwise, which training minimizes."""

    @abstractmethod
    def quantile(self, probability: float) -> Tensor:
        """The value that the target stays below with this probability."""

    @abstractmethod
    def mean(self) -> Tensor:
        """The expected target; the median if no mean is known."""

    @abstractmethod
    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """A draw of every target and step, independent of one another."""

    def point(self) -> Tensor:
        """The point forecast: the median."""
        return self.quantile(0.5)


@dataclass(frozen=True)
class Point(Distribution):
    """One number, with no word on how sure it is.

    Attributes:
        value: The number.
        elementwise: Its loss.
    """

    value: Tensor
    elementwise: Callable[[Tensor, Tensor], Tensor]

    def loss(self, targets: Tensor) -> Tensor:
        """What `training.loss` says."""
        return self.elementwise(self.value, targets)

    def quantile(self, probability: float) -> Tensor:
        """The number, for any probability."""
        return self.value

    def mean(self) -> Tensor:
        """The number."""
        return self.value

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """The number."""
        return self.value


@dataclass(frozen=True)
class Quantiles(Distribution):
    """Some quantiles, ascending.

    Attributes:
        values: (..., Q).
        probabilities: Of the Q quantiles, 0.5 among them.
    """

    values: Tensor
    probabilities: tuple[float, ...]

    def loss(self, targets: Tensor) -> Tensor:
        """Twice the mean pinball loss: the absolute error if there is only the median."""
        probabilities = self.values.new_tensor(self.probabilities)
        above = targets[..., None] - self.values
        return 2 * torch.maximum(probabilities * above, (probabilities - 1) * above).mean(dim=-1)

    def quantile(self, probability: float) -> Tensor:
        """One of the quantiles."""
        near = [abs(known - probability) < 1e-9 for known in self.probabilities]
        return self.values[..., near.index(True)]

    def mean(self) -> Tensor:
        """The median, because quantiles do not determine the mean."""
        return self.point()

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """From straight lines between the quantiles; nothing is drawn beyond the outermost."""
        uniform = torch.rand(
            self.values.shape[:-1], generator=generator, device=self.values.device
        )[..., None]
        known = self.values.new_tensor(self.probabilities)
        if len(known) == 1:
            return self.values[..., 0]
        right = torch.searchsorted(known, uniform).clamp(1, len(known) - 1)
        begin, end = known[right - 1], known[right]
        part = ((uniform - begin) / (end - begin)).clamp(0, 1)
        lower, upper = self.values.gather(-1, right - 1), self.values.gather(-1, right)
        return torch.lerp(lower, upper, part)[..., 0]


@dataclass(frozen=True)
class Normal(Distribution):
    """The normal distribution.

    Attributes:
        center: Mean and median.
        scale: Standard deviation.
    """

    center: Tensor
    scale: Tensor

    def loss(self, targets: Tensor) -> Tensor:
        """Negative log-likelihood."""
        z = (targets - self.center) / self.scale
        return 0.5 * z * z + self.scale.log() + 0.5 * math.log(2 * math.pi)

    def quantile(self, probability: float) -> Tensor:
        """By the inverse of the distribution function."""
        if probability == 0.5:
            return self.center
        at = torch.special.ndtri(torch.tensor(probability, dtype=torch.float64))
        return self.center + float(at) * self.scale

    def mean(self) -> Tensor:
        """The center."""
        return self.center

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """A draw."""
        noise = torch.randn(self.center.shape, generator=generator, device=self.center.device)
        return self.center + self.scale * noise


@dataclass(frozen=True)
class StudentT(Distribution):
    """Student's t, moved and stretched: like the normal one, with heavier tails.

    Attributes:
        center: Mean and median.
        scale: What t is multiplied by.
        df: Degrees of freedom, above 2, so that the variance is finite.
    """

    center: Tensor
    scale: Tensor
    df: Tensor

    def loss(self, targets: Tensor) -> Tensor:
        """Negative log-likelihood."""
        z, df = (targets - self.center) / self.scale, self.df
        constant = torch.lgamma(df / 2) - torch.lgamma((df + 1) / 2) + 0.5 * (math.pi * df).log()
        return constant + self.scale.log() + (df + 1) / 2 * torch.log1p(z * z / df)

    def quantile(self, probability: float) -> Tensor:
        """From a table of quantiles of t."""
        if probability == 0.5:
            return self.center
        return self.center + self.scale * student_quantile(probability, self.df).to(self.scale)

    def mean(self) -> Tensor:
        """The center."""
        return self.center

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """A draw by the polar method of Bailey, Mathematics of Computation 62 (1994) 779-781."""
        shape, device = self.center.shape, self.center.device
        radius = 1 - torch.rand(shape, generator=generator, device=device)  # in (0, 1]
        angle = 2 * math.pi * torch.rand(shape, generator=generator, device=device)
        squared = self.df * torch.expm1(-2 / self.df * radius.log())
        return self.center + self.scale * squared.sqrt() * angle.cos()


@dataclass(frozen=True)
class Counts(Distribution):
    """Base of the distributions of counts.

    Attributes:
        expected: Mean, in counts.
        center: What a scaled target of 0 is, in counts.
        unit: What a scaled target grows by 1 for, in counts.
    """

    expected: Tensor
    center: Tensor
    unit: Tensor

    @abstractmethod
    def cdf(self, count: Tensor) -> Tensor:
        """P(Y <= count), in float64."""

    @abstractmethod
    def variance(self) -> Tensor:
        """In squared counts."""

    @abstractmethod
    def surprise(self, counts: Tensor) -> Tensor:
        """Negative log-likelihood of whole numbers."""

    def loss(self, targets: Tensor) -> Tensor:
        """Negative log-likelihood of the counts behind the scaled targets."""
        return self.surprise((targets * self.unit + self.center).round().clamp(min=0))

    def quantile(self, probability: float) -> Tensor:
        """A whole number of counts, scaled."""
        return self._scaled(self._count(torch.full_like(self.expected, probability)))

    def mean(self) -> Tensor:
        """The expected count, scaled."""
        return self._scaled(self.expected)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """A draw, by the quantile of a uniform number."""
        shape, device = self.expected.shape, self.expected.device
        uniform = torch.rand(shape, generator=generator, device=device, dtype=torch.float64)
        return self._scaled(self._count(uniform.clamp(1e-9, 1 - 1e-9)))

    def _count(self, probability: Tensor) -> Tensor:
        expected, variance = self.expected.double(), self.variance().double()
        return count_quantile(self.cdf, expected, variance, probability.double()).to(self.expected)

    def _scaled(self, counts: Tensor) -> Tensor:
        return (counts - self.center) / self.unit


@dataclass(frozen=True)
class Poisson(Counts):
    """Counts whose variance is their mean."""

    def cdf(self, count: Tensor) -> Tensor:
        """P(Y <= count)."""
        return poisson_cdf(count, self.expected.double())

    def variance(self) -> Tensor:
        """The mean."""
        return self.expected

    def surprise(self, counts: Tensor) -> Tensor:
        """Negative log-likelihood."""
        return self.expected - counts * self.expected.log() + torch.lgamma(counts + 1)


@dataclass(frozen=True)
class NegativeBinomial(Counts):
    """Counts whose variance is above their mean: mean + dispersion mean^2.

    Attributes:
        dispersion: 0 would be Poisson.
    """

    dispersion: Tensor

    def cdf(self, count: Tensor) -> Tensor:
        """P(Y <= count)."""
        return negative_binomial_cdf(count, self.expected.double(), self.dispersion.double())

    def variance(self) -> Tensor:
        """Mean + dispersion mean^2."""
        return self.expected + self.dispersion * self.expected**2

    def surprise(self, counts: Tensor) -> Tensor:
        """Negative log-likelihood."""
        size = 1 / self.dispersion
        grown = torch.log1p(self.dispersion * self.expected)  # log((size + mean) / size)
        return (
            torch.lgamma(size)
            + torch.lgamma(counts + 1)
            - torch.lgamma(counts + size)
            + (size + counts) * grown
            - counts * (self.dispersion * self.expected).log()
        )
