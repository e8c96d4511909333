"""A run folder: the path of everything in it, and writing that is whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from lstmcast.errors import RunError
from lstmcast.runs.atomic import remove_file
from lstmcast.runs.lock import locked, owner
from lstmcast.runs.reading import inside

BEGUN = "begun.json"

LOCK = ".lock"
"""Holds the id of the process that writes into the folder, and is locked by it."""

UNFINISHED = ".*.part"
"""Files in the making: of a process that was killed, they stay."""


@dataclass(frozen=True)
class RunFolder:
    """The run folder that `train` makes.

    Attributes:
        path: The folder.
        numbered: Whether it was numbered by us, and may be numbered on if somebody takes it.
    """

    path: Path
    numbered: bool = False

    @property
    def config(self) -> Path:
        """The resolved config, which can be trained again as it is."""
        return inside(self.path, "config.yaml")

    @property
    def manifest(self) -> Path:
        """Versions, platform, data fingerprint, timings."""
        return inside(self.path, "manifest.json")

    @property
    def model(self) -> Path:
        """Weights, config and preprocessing: enough to predict."""
        return inside(self.path, "model.safetensors")

    @property
    def history(self) -> Path:
        """A row per epoch."""
        return inside(self.path, "history.csv")

    @property
    def metrics(self) -> Path:
        """Scores of network and baselines."""
        return inside(self.path, "metrics.json")

    @property
    def backtest(self) -> Path:
        """Test forecasts and actual values."""
        return inside(self.path, "backtest.csv")

    @property
    def forecast(self) -> Path:
        """The forecast after the last row."""
        return inside(self.path, "forecast.csv")

    @property
    def findings(self) -> Path:
        """What was found in the table, in sentences."""
        return inside(self.path, "findings.json")

    @property
    def recent(self) -> Path:
        """The last rows of every series, for plots."""
        return inside(self.path, "recent.csv")

    @property
    def report(self) -> Path:
        """All of it as one page to look at."""
        return inside(self.path, "report.html")

    @property
    def backtests(self) -> Path:
        """A numbered folder for each backtest of the run."""
        return inside(self.path, "backtests")

    @property
    def checkpoint(self) -> Path:
        """Folder of what a resume needs; it goes when the run is complete."""
        return inside(self.path, "checkpoint")

    @property
    def begun(self) -> Path:
        """What the run is made of, as it began: a resume is refused where that has changed."""
        return inside(self.path, f"checkpoint/{BEGUN}")

    @property
    def is_complete(self) -> bool:
        """Whether the last of its files is there."""
        return self.manifest.is_file()

    def what_lacks(self) -> str:
        """Why a run is not complete, or what to do about that, in words."""
        if (process := self.writer()) is not None:
            return f"process {process} is still training it"
        if self.config.is_file():
            return f"resume it with `lstmcast train --resume {self.path}`"
        return "a run folder is made by `lstmcast train`"

    def check_free(self) -> None:
        """Refuse a folder that holds anything but what a killed process left in the making.

        Raises:
            RunError: It exists and is not an empty folder.
        """
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise RunError(f"{self.path} is a file; --run wants a folder that does not exist yet")
        held = [e for e in self.path.iterdir() if e.name != LOCK and not e.match(UNFINISHED)]
        if (process := self.writer()) not in (None, os.getpid()):
            raise RunError(
                f"{self.path} is being trained by process {process}; --run names another"
            )
        if held:
            further = "" if self.is_complete else ", use --resume if it was interrupted,"
            raise RunError(
                f"{self.path} is not empty; nothing in it was touched. Name another folder with "
                f"--run{further} or remove this one first"
            )

    def create(self) -> RunFolder:
        """Make the folder, under the next number if another process was faster.

        Raises:
            RunError: It holds something, or cannot be made.
        """
        if not self.numbered:
            self.check_free()
        try:
            self.path.mkdir(parents=True, exist_ok=not self.numbered)
        except FileExistsError:
            return next_run(self.path.name.rpartition("-")[0], self.path.parent).create()
        except OSError as error:
            raise RunError(f"cannot make {self.path}: {error.strerror}") from error
        return self

    @contextlib.contextmanager
    def created(self) -> Iterator[RunFolder]:
        """The new folder, locked; it goes again if the block fails before anything is in it.

        Raises:
            RunError: It holds something, cannot be made, or another process writes there.
        """
        stood = self.path.exists()
        folder = self.create()
        try:
            with folder.locked():
                folder.check_free()
                folder.sweep()
                yield folder
        finally:
            if not stood:
                with contextlib.suppress(OSError):  # it is not empty, as it should be
                    folder.path.rmdir()

    def sweep(self) -> None:
        """Remove what a killed process left in the making; call it under the lock."""
        for path in [*self.path.glob(UNFINISHED), *self.checkpoint.glob(UNFINISHED)]:
            remove_file(path)

    def locked(self) -> AbstractContextManager[None]:
        """Keep other writers out until the block ends, or the process dies.

        Raises:
            RunError: Another process writes here; it is named.
        """
        return locked(self.path / LOCK)

    def writer(self) -> int | None:
        """The process that writes here; None where there is none, as far as can be told."""
        return owner(self.path / LOCK)


def next_run(name: str, parent: Path = Path("runs")) -> RunFolder:
    """The first free `runs/<name>-0001`, `-0002`, ...; it is not made yet."""
    taken = [
        int(entry.name.rpartition("-")[2])
        for entry in (parent.iterdir() if parent.is_dir() else ())
        if entry.name.rpartition("-")[0] == name and entry.name.rpartition("-")[2].isdigit()
    ]
    return RunFolder(parent / f"{name}-{max(taken, default=0) + 1:04d}", numbered=True)
