"""A pass/fail gate on scores: `--fail-under`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lstmcast.errors import ConfigError
from lstmcast.judging.metrics import interval_names, names

HIGHER_IS_BETTER = ("skill", "coverage")


@dataclass(frozen=True)
class Gate:
    """One condition on the network's score.

    Attributes:
        measure: A key of the network's scores.
        limit: The least value to pass, or the largest if lower is better.
    """

    measure: str
    limit: float

    def fault(self, scores: dict[str, Any]) -> str | None:
        """Why the network does not pass, in a sentence; None if it passes."""
        value = scores[self.measure]
        if value is None:
            return f"{self.measure} is not defined here"
        if self.measure.startswith(HIGHER_IS_BETTER):
            return (
                None
                if value >= self.limit
                else f"{self.measure} is {value:.4g}, below {self.limit:g}"
            )
        size = abs(value)  # a bias may be negative
        return (
            None if size <= self.limit else f"{self.measure} is {value:.4g}, above {self.limit:g}"
        )


def parse_gates(texts: Sequence[str], levels: Sequence[float]) -> list[Gate]:
    """Read conditions such as `skill=0.05`.

    Args:
        texts: The user's conditions.
        levels: Of the scored intervals, in percent.

    Raises:
        ConfigError: A condition has no number, or its measure is unknown.
    """
    known = ("skill", "skill_naive", *names, *interval_names(levels))
    gates = []
    for text in texts:
        measure, _, number = text.partition("=")
        try:
            limit = float(number)
        except ValueError:
            limit = float("nan")
        if limit != limit:
            raise ConfigError(f"--fail-under {text}: write MEASURE=NUMBER, such as skill=0.05")
        if measure not in known:
            raise ConfigError(f"--fail-under {text}: the measures are {', '.join(known)}")
        gates.append(Gate(measure, limit))
    return gates
