"""The losses of an epoch, in bounded memory for any number of steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

Sums = Sequence[Tensor | int]
"""The sum of a batch's losses, on the device, and their number, there too if it must be counted."""


def as_numbers(steps: Sequence[Sums]) -> Tensor:
    """(steps, 2) on the device."""
    totals = torch.stack([torch.as_tensor(total) for total, _ in steps]).float()
    counts = [count for _, count in steps]
    if any(isinstance(count, Tensor) for count in counts):
        known = torch.stack([torch.as_tensor(count, device=totals.device) for count in counts])
    else:
        known = torch.tensor(counts, device=totals.device)
    return torch.stack([totals, known.float()], dim=1)


@dataclass
class RunningLoss:
    """The losses of the steps so far, each as the sum over its batch and how many these are.

    Attributes:
        steps: How many there were.
        total: Sum of the losses of the steps that were taken in.
        count: How many these were.
        recent: Of each step since, still on the device: reading it there would wait for it.
    """

    steps: int = 0
    total: float = 0.0
    count: float = 0.0
    recent: list[Sums] = field(default_factory=list)

    def add(self, sums: Sums) -> None:
        """A step's sum of losses and their number."""
        self.recent.append(sums)
        self.steps += 1

    def last(self) -> float:
        """Mean loss of the last step, which is not in the sums yet."""
        total, count = map(float, self.recent[-1])
        return total / max(count, 1.0)

    def take_in(self) -> None:
        """Add the recent steps to the sums, and release them."""
        if self.recent:
            total, count = as_numbers(self.recent).cpu().double().sum(dim=0).tolist()
            self.total, self.count = self.total + total, self.count + count
            self.recent.clear()

    def mean(self) -> float:
        """Over all steps."""
        self.take_in()
        return self.total / max(self.count, 1.0)
