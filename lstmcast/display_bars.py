"""Live bars on a terminal; off one there are none."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn


def epochs_bar(console: Console) -> Progress:
    """The epochs of a training; fields `epoch`, `loss` and `speed`."""
    return _bar(
        console,
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[loss]}"),
        TextColumn("{task.fields[speed]} windows/s"),
        TimeRemainingColumn(),
    )


def folds_bar(console: Console) -> Progress:
    """The folds of a backtest; one that trains moves it bit by bit. Field `fold`: now running."""
    return _bar(
        console,
        TextColumn("fold {task.fields[fold]}/{task.total}"),
        BarColumn(bar_width=20),
        TimeRemainingColumn(),
    )


def _bar(console: Console, *columns: ProgressColumn) -> Progress:
    return Progress(*columns, console=console, transient=True)
