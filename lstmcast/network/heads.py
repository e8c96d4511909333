"""From the decoder's numbers to a forecast: a value, quantiles or a distribution of every step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstmcast.network.distributions import (
    Distribution,
    NegativeBinomial,
    Normal,
    Point,
    Poisson,
    Quantiles,
    StudentT,
)
from lstmcast.network.normalize import Level

Loss = Callable[[Tensor, Tensor, "Units"], Tensor]
"""Forecast and target, scaled and of one shape, and their units -> the loss of each number."""


def smape(forecast: Tensor, target: Tensor, units: Units) -> Tensor:
    """Absolute error over half the sum of both sizes, in the units of the data: 0 to 2.

    Its gradient takes the sizes as given: otherwise large forecasts would be rewarded.
    """
    error = (forecast - target).abs()
    if units.center is not None and units.scale is not None:
        ratio = units.center / units.scale
        forecast, target = forecast + ratio, target + ratio
    sizes = forecast.detach().abs() + target.abs()
    return 2 * error / sizes.clamp(min=NARROWEST)


LOSSES: dict[str, Loss] = {
    "mse": lambda forecast, target, _: functional.mse_loss(forecast, target, reduction="none"),
    "mae": lambda forecast, target, _: functional.l1_loss(forecast, target, reduction="none"),
    "huber": lambda forecast, target, _: functional.huber_loss(forecast, target, reduction="none"),
    "smape": smape,
    "mae_smape": lambda forecast, target, units: (
        0.5
        * (functional.l1_loss(forecast, target, reduction="none") + smape(forecast, target, units))
    ),
}
"""What `training.loss` names: elementwise, in scaled units; huber bends at one scaled unit."""

LOSSES["auto"] = LOSSES["mae"]

NARROWEST = 1e-4
"""Smallest scale and dispersion: a likelihood must not grow without end on a flat series."""


@dataclass(frozen=True)
class Units:
    """What turns a window's numbers into other units, and back.

    Attributes:
        level: What was taken out of each window; None: nothing.
        center: (B, 1, C) in units of the data, what a scaled target of 0 is.
        scale: (B, 1, C) in units of the data, of one scaled unit.
    """

    level: Level | None = None
    center: Tensor | None = None
    scale: Tensor | None = None

    def restore(self, values: Tensor) -> Tensor:
        """Put the window's level back."""
        return values if self.level is None else self.level.restore(values)

    def stretch(self, spread: Tensor) -> Tensor:
        """Restore the window's scale of a value without a level."""
        return spread if self.level is None else spread * self.level.scale

    def remove(self, values: Tensor) -> Tensor:
        """Take the window's level out."""
        return values if self.level is None else self.level.remove(values)


class Head(nn.Module, ABC):
    """Turns the decoder's numbers into a forecast; the first number is the forecast's center.

    Args:
        loss: A key of LOSSES, for the point head; the others have losses of their own.
        levels: Levels of the prediction intervals, in percent.
    """

    smallest_loss = 1.0
    """Losses below this are small; a likelihood of 1 nat may also be below 0."""

    counts = False
    """Whether the forecasts are of whole numbers."""

    width = 1
    """Numbers that are read for each target and step."""

    def __init__(self, loss: str, levels: Sequence[float] = ()) -> None:
        super().__init__()

    @abstractmethod
    def read(self, decoded: Tensor, units: Units) -> Distribution:
        """(..., C, width) at the level of the window -> a forecast in the units of the batch."""

    def fed_back(self, decoded: Tensor, units: Units) -> Tensor:
        """(B, C, width) -> (B, C) value fed back to a decoder, at the window's level."""
        return self.read(decoded, Units()).mean()

    def loss(
        self, forecast: Distribution, targets: Tensor, weights: Tensor | None
    ) -> tuple[Tensor, Tensor | int]:
        """Sum of the losses of all observed targets, and their number.

        Args:
            forecast: Of (B, H, C) scaled targets.
            targets: (B, H, C) scaled.
            weights: (B, H, C) 0 where a target is missing; None: none is.
        """
        losses = forecast.loss(targets)
        if weights is None:
            return losses.sum(), losses.numel()
        return (losses * weights).sum(), weights.sum()


class PointHead(Head):
    """One number for each target and step."""

    smallest_loss = 1e-3

    def __init__(self, loss: str, levels: Sequence[float] = ()) -> None:
        super().__init__(loss, levels)
        self.elementwise = LOSSES[loss]

    def read(self, decoded: Tensor, units: Units) -> Point:
        """(..., C, 1)."""
        return Point(
            units.restore(decoded.squeeze(-1)),
            lambda forecast, target: self.elementwise(forecast, target, units),
        )


class QuantilesHead(Head):
    """The median, and the bounds of every level as steps away from it: they cannot cross."""

    smallest_loss = 1e-3

    def __init__(self, loss: str, levels: Sequence[float] = ()) -> None:
        super().__init__(loss, levels)
        outside = [(1 - level / 100) / 2 for level in sorted(levels, reverse=True)]
        self.probabilities = (*outside, 0.5, *(1 - tail for tail in reversed(outside)))
        self.width = len(self.probabilities)

    def read(self, decoded: Tensor, units: Units) -> Quantiles:
        """(..., C, Q): the median, the steps down from it, the steps up from it."""
        count = self.width // 2
        median, steps = decoded[..., :1], functional.softplus(decoded[..., 1:])
        down = median - steps[..., :count].cumsum(dim=-1)
        up = median + steps[..., count:].cumsum(dim=-1)
        values = torch.cat([down.flip(-1), median, up], dim=-1)
        # The level broadcasts over (B, H, C): quantiles are moved in front of it and back.
        restored = units.restore(values.movedim(-1, 0)).movedim(0, -1)
        return Quantiles(restored, self.probabilities)


class NormalHead(Head):
    """A normal distribution: center and scale."""

    width = 2

    def read(self, decoded: Tensor, units: Units) -> Normal:
        """(..., C, 2)."""
        scale = functional.softplus(decoded[..., 1]) + NARROWEST
        return Normal(units.restore(decoded[..., 0]), units.stretch(scale))


class StudentTHead(Head):
    """Student's t: center, scale and degrees of freedom."""

    width = 3

    def read(self, decoded: Tensor, units: Units) -> StudentT:
        """(..., C, 3)."""
        scale = functional.softplus(decoded[..., 1]) + NARROWEST
        df = 2 + functional.softplus(decoded[..., 2]) + NARROWEST
        return StudentT(units.restore(decoded[..., 0]), units.stretch(scale), df)


class CountHead(Head):
    """What the heads for counts share: a mean that is positive, and all but linear above 0.

    The first number is put back at its window's level, as that of a point head is; in units of the
    series' scale, counted from 0, it is x, and the mean is softplus(x). Far above 0 that is x.
    """

    counts = True

    def expected(self, decoded: Tensor, units: Units) -> tuple[Tensor, Tensor, Tensor]:
        """(..., C, width) -> mean in counts; what a scaled 0 and a scaled 1 are in counts."""
        assert units.center is not None and units.scale is not None, "a batch without its scale"
        center, scale = units.center, units.scale
        x = units.restore(decoded[..., 0]) + center / scale
        return scale * (functional.softplus(x) + NARROWEST), center, scale

    def fed_back(self, decoded: Tensor, units: Units) -> Tensor:
        """The mean, scaled and at the window's level: counts are fed back like observed ones."""
        return units.remove(self.read(decoded[:, None], units).mean())[:, 0]


class PoissonHead(CountHead):
    """Counts whose variance is their mean."""

    def read(self, decoded: Tensor, units: Units) -> Poisson:
        """(..., C, 1)."""
        return Poisson(*self.expected(decoded, units))


class NegativeBinomialHead(CountHead):
    """Counts whose variance is above their mean: mean and dispersion.

    This head is for intermittent demand, counts with many zeros: with a large dispersion most of
    the probability lies at zero. It adds no further probability of zero.
    """

    width = 2

    def read(self, decoded: Tensor, units: Units) -> NegativeBinomial:
        """(..., C, 2)."""
        dispersion = functional.softplus(decoded[..., 1]) + NARROWEST
        return NegativeBinomial(*self.expected(decoded, units), dispersion)


HEADS: dict[str, type[Head]] = {
    "point": PointHead,
    "quantiles": QuantilesHead,
    "normal": NormalHead,
    "student_t": StudentTHead,
    "negative_binomial": NegativeBinomialHead,
    "poisson": PoissonHead,
}
"""What `network.head` names."""
