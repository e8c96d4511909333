"""Verdict: whether the network beats the best baseline, and how significant that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstmcast.judging.scores import NETWORK, SplitScores
from lstmcast.judging.significance import Comparison, beats, diebold_mariano


@dataclass(frozen=True)
class Verdict:
    """The network compared with the best baseline.

    Attributes:
        baseline: The baseline with the lowest mae.
        network_mae: In units of the data.
        baseline_mae: In units of the data.
        comparison: Diebold-Mariano test of their absolute errors, origin by origin.
        beats: Whether the network beats the baseline: lower mae, and significant.
        ahead: Targets with a lower mae of the network; None for a single target.
        targets: Number of targets.
    """

    baseline: str
    network_mae: float
    baseline_mae: float
    comparison: Comparison
    beats: bool
    ahead: Sequence[str] | None = None
    targets: int = 1

    def sentence(self) -> str:
        """The verdict in words, which is also the first sentence of the report page."""
        lower = self.network_mae < self.baseline_mae
        how = "lower" if lower else "not lower"
        if self.baseline_mae > 0 and self.network_mae != self.baseline_mae:
            gain = abs(1 - self.network_mae / self.baseline_mae)
            how = f"{100 * gain:.1f} % {'lower' if lower else 'higher'}"
        chance = ", which may be chance" if lower and not self.beats else ""
        test = (
            f"not tested: {self.comparison.reason}"
            if self.comparison.p_value is None
            else f"Diebold-Mariano p {_p_value(self.comparison.p_value)}"
        )
        together = "" if self.ahead is None else f" over {self.targets} targets together"
        return (
            f"The network {'beats' if self.beats else 'does not beat'} the best baseline, "
            f"{self.baseline}: mae {self.network_mae:.4g} against {self.baseline_mae:.4g}"
            f"{together}, {how}{chance} ({test}).{self._by_target()}"
        )

    def _by_target(self) -> str:
        """Targets may have different units: the result for each says more than their sum."""
        if self.ahead is None:
            return ""
        if len(self.ahead) in (0, self.targets):
            return f" It is ahead on {'none' if not self.ahead else 'each'} of them."
        shown = ", ".join(self.ahead[:3]) + (", ..." if len(self.ahead) > 3 else "")
        return f" It is ahead on {len(self.ahead)} of them: {shown}."


def _p_value(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}"


def decide(split_scores: SplitScores, horizon: int) -> Verdict:
    """Compare the network with the best baseline."""
    best = split_scores.ranking()[0]
    comparison = diebold_mariano(split_scores.losses[NETWORK], split_scores.losses[best], horizon)
    network_mae, best_mae = split_scores.mae(NETWORK), split_scores.mae(best)
    # Each origin has the same weight in the test, for any number of windows: both must agree.
    beaten = network_mae < best_mae and beats(comparison)
    network, other = (split_scores.scores[name].get("per_target", {}) for name in (NETWORK, best))
    ahead = [name for name in network if _lower(network[name]["mae"], other[name]["mae"])]
    several = len(network) > 1
    return Verdict(
        best,
        network_mae,
        best_mae,
        comparison,
        beaten,
        ahead if several else None,
        len(network) if several else 1,
    )


def _lower(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one < other
