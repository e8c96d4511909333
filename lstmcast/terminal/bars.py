"""Live progress views, for terminals only."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from lstmcast.training.trainer import Progress as Trained
    from lstmcast.training.training_state import Epoch

BARS = "▁▂▃▄▅▆▇█"
"""Heights of a sparkline."""

PLAIN_BARS = "_.-=+*#@"
"""Sparkline heights on a terminal without Unicode."""

SPARKS = 32
"""Number of last epochs in a sparkline."""

SURE = 3
"""Steps before the time left is shown."""

BAR = 20
"""Characters of a bar."""


def sparkline(values: list[float], bars: str = BARS) -> str:
    """The last values as bars; the lowest value has the lowest bar."""
    shown = values[-SPARKS:]
    low, high = min(shown, default=0.0), max(shown, default=0.0)
    share = [(value - low) / (high - low) if high > low else 0.0 for value in shown]
    return "".join(bars[round(each * (len(bars) - 1))] for each in share)


class TrainingView:
    """Losses and time left of a running training.

    Args:
        console: A terminal.
        max_epochs: Maximum number of epochs; early stopping may end training before.
        clock: Returns the time in seconds.
    """

    def __init__(
        self, console: Console, max_epochs: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.max_epochs, self.clock = max_epochs, clock
        self.bars = BARS if "utf" in console.encoding.lower() else PLAIN_BARS
        self.now: Trained | None = None
        self.epochs: list[Epoch] = []
        self.begun, self.first, self.over = clock(), 0.0, False
        self.live = Live(console=console, get_renderable=self.drawn, refresh_per_second=4)

    def start(self) -> None:
        """Open the view."""
        self.live.start()

    def stop(self) -> None:
        """Leave its last state on the terminal."""
        self.over = True
        self.live.stop()

    def move(self, progress: Trained) -> None:
        """Take in the progress of training."""
        if self.now is None:  # a resumed run does not begin at 0
            self.first = progress.epoch - 1 + (progress.step - 1) / progress.steps
        self.now = progress
        if progress.finished is not None:
            self.epochs.append(progress.finished)

    def seconds_left(self) -> float | None:
        """Maximum seconds left at the current pace; None at first, as the first step is slow."""
        if self.now is None:
            return None
        done = self.now.epoch - 1 + self.now.step / self.now.steps
        if not self.epochs and (done - self.first) * self.now.steps < SURE:
            return None
        pace = (self.clock() - self.begun) / max(done - self.first, 1e-9)
        return pace * (self.max_epochs - done)

    def drawn(self) -> Table:
        """Three lines: the progress, and both losses."""
        table = Table.grid(padding=(0, 2))
        left = self.seconds_left()
        if self.now is None or left is None:
            table.add_row("starting")
            return table
        done = round(BAR * (self.now.epoch - 1 + self.now.step / self.now.steps) / self.max_epochs)
        bar = Text.assemble((self.bars[-1] * done, "cyan"), (self.bars[0] * (BAR - done), "dim"))
        speed = f"{self.now.windows_per_second:,.0f} windows/s"
        speed += "" if self.over else f", at most {clock_words(left)} left"
        table.add_row(f"epoch {self.now.epoch}/{self.max_epochs}", "", bar, speed)
        if self.epochs:
            last = self.epochs[-1]
            self._row(table, "train", last.train_loss, [each.train_loss for each in self.epochs])
            judged = [e.validation_loss for e in self.epochs if e.validation_loss is not None]
            if last.validation_loss is not None:
                self._row(table, "validation", last.validation_loss, judged)
        return table

    def _row(self, table: Table, name: str, loss: float, losses: list[float]) -> None:
        best = next((each for each in reversed(self.epochs) if each.best), None)
        words = ""
        if best is not None and (name == "validation" or best.validation_loss is None):
            words = f"best {best.judged:.4f} in epoch {best.epoch}"
        table.add_row(name, f"{loss:.4f}", Text(sparkline(losses, self.bars), "cyan"), words)


def clock_words(seconds: float) -> str:
    """`1:02:03`, or `2:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def folds_bar(console: Console) -> Progress:
    """Progress of a backtest; field `fold` is the number of the running fold."""
    return _bar(
        console,
        TextColumn("fold {task.fields[fold]}/{task.total}"),
        BarColumn(bar_width=BAR),
        TimeRemainingColumn(),
    )


def parts_bar(console: Console) -> Progress:
    """A task with counted parts, and a description."""
    return _bar(
        console,
        TextColumn("{task.description}"),
        BarColumn(bar_width=BAR),
        TextColumn("{task.completed:,}/{task.total:,}"),
        TimeRemainingColumn(),
    )


def _bar(console: Console, *columns: ProgressColumn) -> Progress:
    return Progress(*columns, console=console, transient=True)
