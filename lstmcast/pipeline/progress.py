"""What a workflow tells while it runs. The terminal listens; the Python face need not."""

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
    """One origin, forecast.

    Attributes:
        number: From 1.
        folds: How many there are.
        origin: Stamp of the last row that was known.
        trained: Whether the network was trained for it.
        series: How many series were forecast there.
        losses: By forecaster, the mean absolute error; None where nothing was observed.
    """

    number: int
    folds: int
    origin: str
    trained: bool
    series: int
    losses: Mapping[str, float | None]


class ProgressListener:
    """Listens to nothing; override what is of interest."""

    def read(self, table: Table, panel: Panel) -> None:
        """The table was read and laid on its grid; `prepared` says it, too."""

    def prepared(self, prepared: Prepared) -> None:
        """The table was read, cut, filled, scaled and indexed."""

    def note(self, text: str) -> None:
        """Something the user should know, in one sentence."""

    def network(self, words: str) -> None:
        """The network was built."""

    def training(self, max_epochs: int, what: str) -> None:
        """Training begins."""

    def progress(self, progress: Progress) -> None:
        """Training went on."""

    def folds(self, count: int) -> None:
        """A backtest of so many folds begins."""

    def fold_trains(self, done: float) -> None:
        """So many folds are done, and of the next a part of its training."""

    def fold(self, fold: Fold) -> None:
        """A fold of a backtest was forecast."""

    def folds_done(self) -> None:
        """The backtest has ended, well or not."""

    def trained(self) -> None:
        """Training has ended, well or not."""

    def task_started(self, words: str, count: int) -> None:
        """Long work of so many parts begins; `words` say of what."""

    def task_advanced(self, done: int) -> None:
        """So many parts of it are done."""

    def task_finished(self) -> None:
        """It has ended, well or not."""


class FoldListener(ProgressListener):
    """Of the training of a fold, passes on how far it is; the rest would drown the folds.

    Args:
        listener: Is told.
        before: Folds that are done.
        trainings: How often the fold trains: members, and once more on all rows.
    """

    def __init__(self, listener: ProgressListener, before: int, trainings: int) -> None:
        self.listener, self.before, self.trainings = listener, before, trainings
        self.begun, self.max_epochs = 0, 1

    def training(self, max_epochs: int, what: str) -> None:
        """One of the trainings begins."""
        self.begun, self.max_epochs = self.begun + 1, max_epochs

    def progress(self, progress: Progress) -> None:
        """It goes on; patience may end it before its last epoch."""
        done = (progress.epoch - 1 + progress.step / progress.steps) / self.max_epochs
        self.listener.fold_trains(self.before + (self.begun - 1 + done) / self.trainings)
