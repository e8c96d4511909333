"""An exponential moving average (EMA) of the weights over the steps of a training.

Weights oscillate around a minimum; their average is closer to it. At each step: average = decay *
average + (1 - decay) * weights. Sources: Polyak and Juditsky 1992; the exponential form: Kingma and
Ba 2015, section 7.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

YOUNG = 10
"""Limits the decay in the first steps: to (1 + n) / (10 + n) after n steps."""


class WeightEMA:
    """EMA of parameters, which can replace them for a while.

    Args:
        parameters: Parameters of the network; their values start the average.
        decay: Decay of the average at each step; 0: no average.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self.decay = decay
        self.parameters = list(parameters) if decay else []
        self.values = [parameter.detach().clone() for parameter in self.parameters]
        self._own: list[Tensor] | None = None

    def add(self, step: int) -> None:
        """Add the weights after a step, counted from 1."""
        if not self.values:
            return
        stays = min(self.decay, (1 + step) / (YOUNG + step))
        with torch.no_grad():
            torch._foreach_lerp_(self.values, list(self.parameters), 1 - stays)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The network has the average as its weights; afterwards its own again."""
        self._own = self._exchange(self.values)
        try:
            yield
        finally:
            self._exchange(self._own)
            self._own = None

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """The network has its own weights, also inside `applied`."""
        averages = None if self._own is None else self._exchange(self._own)
        try:
            yield
        finally:
            if averages is not None:
                self._exchange(averages)

    @torch.no_grad()
    def _exchange(self, values: list[Tensor]) -> list[Tensor]:
        """Set the parameters; returns their values before."""
        before = [parameter.clone() for parameter in self.parameters]
        for parameter, value in zip(self.parameters, values, strict=True):
            parameter.copy_(value)
        return before

    def tensors(self) -> dict[str, Tensor]:
        """The average of each parameter, by its number."""
        return {str(k): value for k, value in enumerate(self.values)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Restore the average that `tensors` returned."""
        for k, value in enumerate(self.values):
            value.copy_(tensors[str(k)])
