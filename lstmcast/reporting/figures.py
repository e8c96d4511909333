"""Scores and frames -> figures, as plotly takes them: `{"data": [...], "layout": {...}}`."""

from __future__ import annotations

from typing import Any

Figure = dict[str, Any]

COLOURS = ("#0b5fa5", "#8a5a00", "#b03a78", "#5f6b7a", "#0a7d5a")


def step_figure(scores: dict[str, Any]) -> Figure:
    """Mean absolute error of each forecaster by step of the horizon."""
    traces = []
    for k, (name, score) in enumerate(scores.items()):
        values = score["per_step"]["mae"]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": list(range(1, len(values) + 1)),
                "y": values,
                "line": {"color": COLOURS[k % len(COLOURS)], "width": 2},
            }
        )
    return {
        "data": traces,
        "layout": {
            "xaxis": {"title": {"text": "step of the horizon"}},
            "yaxis": {"title": {"text": "mae"}},
        },
    }
