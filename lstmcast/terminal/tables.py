"""Numbers and tables on a terminal."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from lstmcast.judging.scores import SCORES_EXPLAINED, same_scores
from lstmcast.reporting.scores import MEASURES

if TYPE_CHECKING:
    from rich.console import Console

    from lstmcast.panel.panel import Panel
    from lstmcast.tables.read import Table as Read
    from lstmcast.training.training_state import Epoch

UNJUDGED = "No test window: the network was not tested (split.test, window.horizon)."

STEPS_SHOWN = 6
"""Most steps of the horizon in the last table."""

Shown = tuple[list[Any], dict[str, Any]]
"""The parts to print, and the JSON object."""


def table_line(read: Read, panel: Panel) -> str:
    """The table: rows, series, frequency, first and last time stamp."""
    series = f"{panel.series_count:,} series, " if panel.series_columns else ""
    ends = panel.starts + panel.lengths - 1
    first = panel.format_times(panel.starts.min(keepdims=True))[0]
    last = panel.format_times(ends.max(keepdims=True))[0]
    return (
        f"{Path(read.name).name}: {len(read.frame):,} rows, {series}"
        f"{panel.frequency.words}, {first} to {last}"
    )


def roles_line(panel: Panel) -> str:
    """The roles of the columns, and the season."""
    columns = panel.columns
    roles = {
        "target": columns.targets,
        "past": columns.past,
        "future": columns.future,
        "static": columns.static,
    }
    said = [f"{role} {', '.join(names)}" for role, names in roles.items() if names]
    counts = (f"{name} ({len(words):,})" for name, words in panel.words.items())
    said += [f"categories {', '.join(counts)}"] if panel.words else []
    return "; ".join([*said, f"season {panel.frequency.season}"])


def epoch_line(epoch: Epoch, windows_per_second: float) -> str:
    """A finished epoch in one line; * marks the best so far."""
    validation = (
        "" if epoch.validation_loss is None else f"  validation {epoch.validation_loss:.4f}"
    )
    star = "*" if epoch.best else " "
    return (
        f"epoch {epoch.epoch:3}  train {epoch.train_loss:.4f}{validation} {star}"
        f"  rate {epoch.learning_rate:.1e}  {windows_per_second:,.0f} windows/s"
    )


def score_table(scores: dict[str, Any], title: str = "Test rows, every window") -> Table:
    """Forecasters with their pooled scores, the lowest of each in bold."""
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    table.add_column("")
    given = [
        name for name in scores["lstmcast"] if any(s.get(name) is not None for s in scores.values())
    ]
    covers = [name for name in given if name.startswith("coverage_")]
    measures = [name for name in MEASURES if name in given]
    for name in measures:
        table.add_column(name, justify="right")
    for name in covers:
        table.add_column(f"in {name.removeprefix('coverage_')}%", justify="right")
    lowest = {name: lowest_score([score[name] for score in scores.values()]) for name in measures}
    for forecaster, score in scores.items():
        cells = [styled(score[name], score[name] == lowest[name]) for name in measures]
        table.add_row(forecaster, *cells, *(share(score[name]) for name in covers))
    return table


def remarks_on(scores: dict[str, Any]) -> list[str]:
    """The lines after a table of scores; the last one is empty."""
    one_step = same_scores(scores, "naive", "seasonal_naive")
    season = ["seasonal_naive equals naive here: the season is one step."] if one_step else []
    return [*season, SCORES_EXPLAINED, ""]


def step_table(scores: dict[str, Any]) -> Table:
    """Mae of each forecaster at some steps of the horizon."""
    horizon = len(scores["lstmcast"]["per_step"]["mae"])
    count = min(STEPS_SHOWN, horizon)
    steps = sorted({round((k + 1) * horizon / count) for k in range(count)} | {1})
    table = Table(box=None, pad_edge=False, title="mae by step", title_justify="left")
    table.add_column("")
    for step in steps:
        table.add_column(str(step), justify="right")
    for forecaster, score in scores.items():
        table.add_row(
            forecaster, *(styled(score["per_step"]["mae"][step - 1], False) for step in steps)
        )
    return table


def lowest_score(values: list[float | None]) -> float | None:
    """The lowest defined score."""
    return min((value for value in values if value is not None), default=None)


def styled(value: float | None, best: bool) -> Text:
    """A score as a cell; a dash if undefined."""
    return Text(
        "-" if value is None else f"{value:.4g}", "bold" if best and value is not None else ""
    )


def share(value: float | None) -> Text:
    """A share as a cell, in percent."""
    return Text("-" if value is None else f"{100 * value:.1f}")


def wrapped(text: str, console: Console) -> str:
    """Text wrapped on a terminal; elsewhere a line stays one line."""
    if not console.is_terminal:
        return text
    return "\n".join(
        line
        for part in text.split("\n")
        for line in wrap(part, console.width, break_long_words=False, break_on_hyphens=False)
        or [""]
    )


def cell(value: Any) -> Text:
    """A value of the user's table as a cell, not parsed as markup; empty if unknown."""
    import pandas as pd

    if value is pd.NA or value != value:
        return Text("")
    return Text(f"{value:.6g}" if isinstance(value, float) else str(value))
