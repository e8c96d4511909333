"""A pass/fail gate on scores: what `--fail-under` asks for."""

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
        limit: What it must reach: at least, or where lower is better at most.
    """

    measure: str
    limit: float

    def fault(self, scores: dict[str, Any]) -> str | None:
        """Why the network does not pass, in a sentence; None where it does."""
        value = scores[self.measure]
        if value is None:
            return f"{self.measure} is not defined here"
        if self.measure.startswith(HIGHER_IS_BETTER):
            return (
                None
                if value >= self.limit
                else f"{self.measure} is {value:.4g}, below {self.limit:g}"
            )
        size = abs(value)  # of a bias, either way
        return (
            None if size <= self.limit else f"{self.measure} is {value:.4g}, above {self.limit:g}"
        )


def parse_gates(texts: Sequence[str], levels: Sequence[float]) -> list[Gate]:
    """Read conditions such as `skill=0.05`.

    Args:
        texts: As the user wrote them.
        levels: Of the intervals that are scored, in percent.

    Raises:
        ConfigError: One has no number, or names no measure.
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
            raise ConfigError(f"--fail-under {text}: measures are {', '.join(known)}")
        gates.append(Gate(measure, limit))
    return gates
