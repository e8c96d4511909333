"""Progress events of a workflow: the terminal shows them, the Python functions ignore them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lstmcast.panel.panel import Panel
    from lstmcast.pipeline.prepared import Prepared
    from lstmcast.tables.read import Table
    from lstmcast.training.trainer import Progress


@dataclass(frozen=True)
class Fold:
    """One forecast origin of a backtest.

    Attributes:
        number: From 1.
        folds: Number of all folds.
        origin: Time stamp of the last known row.
        trained: Whether the network was trained for it.
        series: Number of series forecast.
        losses: Mean absolute error by forecaster; None without observed actuals.
    """

    number: int
    folds: int
    origin: str
    trained: bool
    series: int
    losses: Mapping[str, float | None]


class ProgressListener:
    """Ignores all events; override the methods of interest."""

    def read(self, table: Table, panel: Panel) -> None:
        """The table was read and put on its grid; `prepared` includes this."""

    def prepared(self, prepared: Prepared) -> None:
        """The table was read, split, filled, scaled and indexed."""

    def note(self, text: str) -> None:
        """A sentence for the user."""

    def network(self, words: str) -> None:
        """The network was built."""

    def training(self, max_epochs: int, what: str) -> None:
        """Training begins."""

    def progress(self, progress: Progress) -> None:
        """Training advanced."""

    def folds(self, count: int) -> None:
        """A backtest of `count` folds begins."""

    def fold_trains(self, done: float) -> None:
        """`done` folds are finished; a fraction is the training of the next fold."""

    def fold(self, fold: Fold) -> None:
        """A fold of a backtest was forecast."""

    def folds_done(self) -> None:
        """The backtest has ended, or failed."""

    def trained(self) -> None:
        """Training has ended, or failed."""

    def task_started(self, words: str, count: int) -> None:
        """A long task of `count` parts begins; `words` describe it."""

    def task_advanced(self, done: int) -> None:
        """`done` parts of the task are finished."""

    def task_finished(self) -> None:
        """The task has ended, or failed."""


class FoldListener(ProgressListener):
    """Passes on only the progress of one fold, in units of folds, after `before` finished ones."""

    def __init__(self, listener: ProgressListener, before: int, trainings: int) -> None:
        self.listener, self.before, self.trainings = listener, before, trainings
        self.begun, self.max_epochs = 0, 1

    def training(self, max_epochs: int, what: str) -> None:
        """One of the trainings begins."""
        self.begun, self.max_epochs = self.begun + 1, max_epochs

    def progress(self, progress: Progress) -> None:
        """Training advanced; early stopping may end it before its last epoch."""
        done = (progress.epoch - 1 + progress.step / progress.steps) / self.max_epochs
        self.listener.fold_trains(self.before + (self.begun - 1 + done) / self.trainings)
