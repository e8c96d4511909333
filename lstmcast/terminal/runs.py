"""Backtests and comparisons of runs on a terminal, and as one JSON object."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from lstmcast.errors import counted
from lstmcast.judging.scores import SCORES_EXPLAINED
from lstmcast.terminal.tables import Shown, remarks_on, score_table, share, styled

if TYPE_CHECKING:
    from lstmcast.pipeline.progress import Fold
    from lstmcast.pipeline.reproducibility import Difference
    from lstmcast.workflows.backtest import Backtested
    from lstmcast.workflows.compare import Comparison
    from lstmcast.workflows.rerun import Rerun

SHOWN = ("mae", "rmse", "mase", "crps", "skill")
"""Scores in the table of runs, if any run has them."""

LISTED = 12
"""Most differences of a rerun that are shown; JSON has all."""


def shown_backtest(done: Backtested, source: Path) -> Shown:
    """Scores over all folds, the verdict, the gates, and the next command."""
    scores, folds = done.metrics["scores"], len(done.metrics["folds"])
    title = f"{folds} folds, {scores['lstmcast']['windows']:,} windows"
    parts = ["", score_table(scores, title), "", *remarks_on(scores), done.verdict.sentence(), ""]
    parts += [Text(f"Gate:   {fault}", "bold") for fault in done.faults]
    parts += [f"Folder: {done.folder}", f"Report: {done.folder / 'report.html'}"]
    if not done.faults:
        verb = "predict" if source.is_dir() else "train"
        parts += [f"Next:   lstmcast {verb} {shlex.quote(str(source))}"]
    value = {
        "folder": str(done.folder),
        "metrics": done.metrics,
        "passed": not done.faults,
        "faults": done.faults,
    }
    return parts, value


def shown_comparison(comparison: Comparison, most: int | None) -> Shown:
    """Runs with their scores, and the differences between their configs.

    Args:
        comparison: The compared runs.
        most: Number of printed runs, the best first; None prints all. JSON has all.
    """
    shown = replace(comparison, runs=comparison.runs[:most])
    parts: list[Any] = [run_table(shown), "", difference_table(shown)]
    if len(comparison.runs) > len(shown.runs):
        count = f"{len(shown.runs)} of {len(comparison.runs):,} runs"
        parts += ["", f"The best {count} by {comparison.measure}; --all shows all."]
    if not comparison.judged_alike:
        parts += [
            "",
            "Not all runs were tested on the same table and windows: scores may not be comparable.",
        ]
    parts += [
        "",
        SCORES_EXPLAINED,
        f"Next: lstmcast predict {shlex.quote(str(comparison.runs[0].run))} [DATA]",
    ]
    runs = [
        {"run": str(run.run), "differs": run.differs, "scores": run.scores}
        for run in comparison.runs
    ]
    return parts, {"runs": runs, "judged_alike": comparison.judged_alike}


def run_table(comparison: Comparison) -> Table:
    """Runs with their scores, the best of each in bold."""
    table = Table(box=None, pad_edge=False)
    table.add_column("run", overflow="fold")
    covers = [name for name in comparison.runs[0].scores if name.startswith("coverage_")]
    asked = dict.fromkeys((comparison.measure, *SHOWN))
    measures = [name for name in asked if comparison.best(name) is not None and name not in covers]
    for name in measures:
        table.add_column(name, justify="right")
    for name in covers:
        table.add_column(f"in {name.removeprefix('coverage_')}%", justify="right")
    for run in comparison.runs:
        values = [(run.scores.get(name), comparison.best(name)) for name in measures]
        cells = [styled(value, value == best) for value, best in values]
        table.add_row(run.run.name, *cells, *(share(run.scores.get(name)) for name in covers))
    return table


def difference_table(comparison: Comparison) -> Table:
    """The differences between the configs of runs."""
    table = Table(box=None, pad_edge=False)
    table.add_column("run", overflow="fold")
    table.add_column("differences in its config", overflow="fold")
    for run in comparison.runs:
        said = ", ".join(f"{name}={value}" for name, value in run.differs.items())
        table.add_row(run.run.name, Text(said or "none"))
    return table


def fold_line(fold: Fold) -> str:
    """A finished fold in one line: the network and the best other forecaster."""
    width = len(str(fold.folds))
    losses = {name: loss for name, loss in fold.losses.items() if loss is not None}
    best = min((name for name in losses if name != "lstmcast"), key=losses.__getitem__, default="")
    said = f"mae {losses['lstmcast']:.4g}, {best} {losses[best]:.4g}" if best else "no actual value"
    return (
        f"fold {fold.number:{width}}/{fold.folds}  after {fold.origin}  {said}"
        f"{'  (trained)' if fold.trained else ''}"
    )


def shown_rerun(done: Rerun) -> Shown:
    """Whether a rerun gave the same results, and the differences."""
    found = done.differences or []
    wrong = [difference for difference in found if difference.counts]
    parts: list[Any] = [""]
    if done.unlike:
        parts += [f"Different environment: {'; '.join(done.unlike)}.", ""]
    if found:
        listed = wrong or found
        parts += [rerun_table(listed[:LISTED])]
        parts += [f"... and {len(listed) - LISTED:,} more"] if len(listed) > LISTED else []
        parts += [""]
    what = "weights, preprocessing, scores and forecasts"
    if wrong:
        parts += [f"{done.run} and the run trained again differ in {counted(len(wrong), 'value')}."]
    elif done.unlike:
        parts += [
            f"{done.run} trained again gives the same scores and forecasts, within tolerance."
        ]
    else:
        parts += [f"{done.run} trained again gives the same {what}, bit for bit."]
    parts += [f"Run folder: {done.trained.run.path}"] if done.kept else []
    value = {
        "run": str(done.run),
        "again": str(done.trained.run.path) if done.kept else None,
        "same": done.same,
        "exact": not done.unlike,
        "unlike": done.unlike,
        "differences": [asdict(difference) for difference in found],
    }
    return parts, value


def rerun_table(differences: Sequence[Difference]) -> Table:
    """The differences between two runs, one per row."""
    table = Table(box=None, pad_edge=False)
    for name in ("part", "name", "difference"):
        table.add_column(name, overflow="fold")
    for each in differences:
        table.add_row(each.part, Text(each.name), each.words)
    return table
