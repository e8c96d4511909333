"""Two ways to the same numbers, and whether they agree to the digits that float32 has."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

RELATIVE = 1e-5
"""Part of the largest number that rounding may add up to: some hundred float32 steps."""

FLOOR = 1e-6
"""What it may add up to where all numbers are tiny."""


def agrees(difference: float, size: float) -> bool:
    """Whether a difference is no more than rounding; inf and nan never are.

    Args:
        difference: The largest between two numbers.
        size: The largest of the numbers, regardless of sign.
    """
    finite = math.isfinite(difference) and math.isfinite(size)
    return finite and difference <= FLOOR + RELATIVE * size


@dataclass(frozen=True)
class Check:
    """Two ways to the same numbers.

    Attributes:
        what: What was computed a second time, and how.
        difference: The largest between any two numbers; nan where one of them is not finite.
        size: The largest of the numbers, regardless of sign.
    """

    what: str
    difference: float
    size: float

    @property
    def holds(self) -> bool:
        """Whether the two ways agree."""
        return agrees(self.difference, self.size)


def compared(what: str, pairs: list[tuple[Tensor, Tensor]]) -> Check:
    """The largest difference of all pairs of tensors of the same shape."""
    for one, other in pairs:
        assert one.shape == other.shape, f"{what}: {one.shape} and {other.shape}"
    difference = largest(size_of(one.double() - other.double()) for one, other in pairs)
    return Check(what, difference, largest(size_of(part) for pair in pairs for part in pair))


def size_of(values: Tensor) -> float:
    """The largest number regardless of sign; nan where one is nan."""
    return float(values.detach().abs().max())


def largest(values: Iterable[float]) -> float:
    """As `max`, which loses a nan that does not come first; 0 of none."""
    found = list(values)
    return math.nan if any(map(math.isnan, found)) else max(found, default=0.0)
