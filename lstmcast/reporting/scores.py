"""Scores of forecasters as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MEASURES = ("mae", "rmse", "smape", "mase", "rmsse", "crps")
"""Columns of every table of scores, on the page and on the terminal."""


@dataclass(frozen=True)
class Cell:
    """A score in a table.

    Attributes:
        text: Four digits, or a dash.
        best: Whether no other forecaster has a better score.
    """

    text: str
    best: bool


@dataclass(frozen=True)
class ScoreTable:
    """One row per forecaster, one column per score."""

    measures: list[str]
    rows: list[tuple[str, list[Cell]]]


def score_table(scores: dict[str, Any]) -> ScoreTable:
    """Forecasters with their pooled scores; the lowest is the best."""
    known = scores["lstmcast"]
    measures = [name for name in MEASURES if name in known]
    best = {
        name: min((s[name] for s in scores.values() if s[name] is not None), default=None)
        for name in measures
    }
    covers = [name for name in known if name.startswith("coverage_")]
    rows = []
    for forecaster, score in scores.items():
        cells = [
            Cell(number(score[n]), score[n] is not None and score[n] == best[n]) for n in measures
        ]
        cells += [Cell(percent(score[name]), False) for name in covers]
        rows.append((forecaster, cells))
    names = [f"in {name.removeprefix('coverage_')} %" for name in covers]
    return ScoreTable([*measures, *names], rows)


def number(value: float | None) -> str:
    """Four digits; a dash if undefined."""
    return "-" if value is None else f"{value:.4g}"


def percent(value: float | None) -> str:
    """A share in percent."""
    return "-" if value is None else f"{100 * value:.1f} %"
