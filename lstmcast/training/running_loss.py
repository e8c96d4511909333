"""The mean loss of an epoch, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

Sums = Sequence[Tensor | int]
"""Sum of a batch's losses, on the device, and their number (a tensor if it is counted there)."""


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
    """The losses of the steps so far: for each, the sum over its batch and their number.

    Attributes:
        steps: Number of steps.
        total: Sum of the losses that are added up.
        count: Number of the losses that are added up.
        recent: Sums of the steps since then, still on the device: reading them waits for it.
    """

    steps: int = 0
    total: float = 0.0
    count: float = 0.0
    recent: list[Sums] = field(default_factory=list)

    def add(self, sums: Sums) -> None:
        """Add a step's sum of losses and their number."""
        self.recent.append(sums)
        self.steps += 1

    def last(self) -> float:
        """Mean loss of the last step, which must still be in `recent`."""
        total, count = map(float, self.recent[-1])
        return total / max(count, 1.0)

    def take_in(self) -> None:
        """Add up the recent steps, and clear them."""
        if self.recent:
            total, count = as_numbers(self.recent).cpu().double().sum(dim=0).tolist()
            self.total, self.count = self.total + total, self.count + count
            self.recent.clear()

    def mean(self) -> float:
        """Mean loss of all steps."""
        self.take_in()
        return self.total / max(self.count, 1.0)
