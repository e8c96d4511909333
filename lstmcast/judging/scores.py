"""Scores of all forecasters on the windows of one split, and the skill of the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

NETWORK = "lstmcast"
"""Name of the network among the forecasters."""

SCORES_EXPLAINED = "Scores are explained in docs/metrics.md."
"""Shown with all scores."""

SERIES_SCORED = 1000
"""Most series with individual scores in metrics.json."""


@dataclass(frozen=True)
class SplitScores:
    """Scores of all forecasters on the windows of one split.

    Attributes:
        scores: By forecaster, as in metrics.json.
        losses: By forecaster, the mean absolute error of each origin in time order; NaN if no
            window starts there.
        per_series: By number of the series, the scores of each forecaster over its windows; empty
            for a single series, and for more than `SERIES_SCORED`.
    """

    scores: dict[str, dict[str, Any]]
    losses: dict[str, np.ndarray]
    per_series: dict[int, dict[str, dict[str, float | None]]] = field(default_factory=dict)

    @property
    def windows(self) -> int:
        """Number of scored windows."""
        return int(max((score["windows"] for score in self.scores.values()), default=0))

    def ranking(self) -> list[str]:
        """Baselines, the lowest mae first."""
        names = [name for name in self.scores if name != NETWORK]
        return sorted(names, key=lambda name: self.mae(name))

    def mae(self, name: str) -> float:
        """Mean absolute error of a forecaster; infinite if nothing was scored."""
        value = self.scores[name]["mae"]
        return float("inf") if value is None else float(value)


def same_scores(scores: dict[str, Any], one: str, other: str) -> bool:
    """Whether two forecasters have the same scores, because they made the same forecasts."""
    return one in scores and scores[one] == scores.get(other)


def add_skill(split_scores: SplitScores) -> None:
    """Add `skill` and `skill_naive` to the network's scores: 1 - mae / mae of the other."""

    def skill(names: list[str]) -> float | None:
        best = min(split_scores.mae(name) for name in names)
        finite = 0 < best < float("inf") and split_scores.mae(NETWORK) < float("inf")
        return 1 - split_scores.mae(NETWORK) / best if finite else None

    split_scores.scores[NETWORK]["skill"] = skill(split_scores.ranking())
    split_scores.scores[NETWORK]["skill_naive"] = skill(["naive", "seasonal_naive"])
