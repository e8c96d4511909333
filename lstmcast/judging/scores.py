"""How forecasters did on the windows of one split, and how much better the network is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

NETWORK = "lstmcast"
"""What the network is called among the forecasters."""

SCORES_EXPLAINED = "Scores are explained in docs/metrics.md."
"""Stands wherever scores are shown."""

SERIES_SCORED = 1000
"""Series up to which each has scores of its own: those of more would be a table, not a record."""


@dataclass(frozen=True)
class SplitScores:
    """How forecasters did on the windows of one split.

    Attributes:
        scores: By forecaster, as in metrics.json.
        losses: By forecaster, the mean absolute error of each origin in time order; NaN where no
            window starts.
        per_series: By number of the series, the scores of each forecaster over its windows; empty
            of one series alone, and of more than `SERIES_SCORED`.
    """

    scores: dict[str, dict[str, Any]]
    losses: dict[str, np.ndarray]
    per_series: dict[int, dict[str, dict[str, float | None]]] = field(default_factory=dict)

    @property
    def windows(self) -> int:
        """How many windows were scored."""
        return int(max((score["windows"] for score in self.scores.values()), default=0))

    def ranking(self) -> list[str]:
        """Baselines, the lowest mae first."""
        names = [name for name in self.scores if name != NETWORK]
        return sorted(names, key=lambda name: self.mae(name))

    def mae(self, name: str) -> float:
        """Mean absolute error of a forecaster; infinite where nothing could be scored."""
        value = self.scores[name]["mae"]
        return float("inf") if value is None else float(value)


def same_scores(scores: dict[str, Any], one: str, other: str) -> bool:
    """Whether two forecasters have the same scores: they made the same forecasts."""
    return one in scores and scores[one] == scores.get(other)


def add_skill(split_scores: SplitScores) -> None:
    """Add `skill` and `skill_naive` to the network's scores: 1 - mae / mae of the other."""

    def skill(names: list[str]) -> float | None:
        best = min(split_scores.mae(name) for name in names)
        finite = 0 < best < float("inf") and split_scores.mae(NETWORK) < float("inf")
        return 1 - split_scores.mae(NETWORK) / best if finite else None

    split_scores.scores[NETWORK]["skill"] = skill(split_scores.ranking())
    split_scores.scores[NETWORK]["skill_naive"] = skill(["naive", "seasonal_naive"])
