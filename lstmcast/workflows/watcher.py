"""What a workflow tells while it runs. The terminal listens; the Python face need not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lstmcast.training.trainer import Progress
    from lstmcast.workflows.prepare import Prepared
    from lstmcast.workflows.record import Fold


class Watcher:
    """Listens to nothing; override what is of interest."""

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

    def fold(self, fold: Fold) -> None:
        """A fold of a backtest was forecast."""

    def trained(self) -> None:
        """Training has ended, well or not."""
