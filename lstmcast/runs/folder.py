"""A run folder: the paths of its files, its creation and its lock."""

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
"""The process that writes into the folder locks this file; it holds the process id."""

UNFINISHED = ".*.part"
"""Temporary files of unfinished writes; those of a killed process stay."""


@dataclass(frozen=True)
class RunFolder:
    """The output folder of `train`.

    Attributes:
        path: The folder.
        numbered: Whether lstmcast chose the number, and may choose the next one if it is taken.
    """

    path: Path
    numbered: bool = False

    @property
    def config(self) -> Path:
        """The complete config, which can be trained again."""
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
        """Scores of the network and the baselines."""
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
        """The findings about the table."""
        return inside(self.path, "findings.json")

    @property
    def recent(self) -> Path:
        """The last rows of every series, for plots."""
        return inside(self.path, "recent.csv")

    @property
    def report(self) -> Path:
        """The report, an HTML page."""
        return inside(self.path, "report.html")

    @property
    def backtests(self) -> Path:
        """A numbered folder for each backtest of the run."""
        return inside(self.path, "backtests")

    @property
    def checkpoint(self) -> Path:
        """Folder of the checkpoints; it is removed when the run is complete."""
        return inside(self.path, "checkpoint")

    @property
    def begun(self) -> Path:
        """The inputs of the run at its start: a resume is refused if they have changed."""
        return inside(self.path, f"checkpoint/{BEGUN}")

    @property
    def is_complete(self) -> bool:
        """Whether the run is complete: the manifest is its last file."""
        return self.manifest.is_file()

    def what_lacks(self) -> str:
        """Why a run is not complete, or how to complete it."""
        if (process := self.writer()) is not None:
            return f"process {process} is still training it"
        if self.config.is_file():
            return f"resume it with `lstmcast train --resume {self.path}`"
        return "create a run folder with `lstmcast train`"

    def check_free(self) -> None:
        """Refuse a folder that holds more than unfinished files of a killed process.

        Raises:
            RunError: The folder is not empty, or it is a file.
        """
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise RunError(f"{self.path} is a file; --run needs a folder that does not exist yet")
        held = [e for e in self.path.iterdir() if e.name != LOCK and not e.match(UNFINISHED)]
        if (process := self.writer()) not in (None, os.getpid()):
            raise RunError(
                f"{self.path} is being trained by process {process}; name another with --run"
            )
        if held:
            further = "" if self.is_complete else ", resume with --resume if it was interrupted,"
            raise RunError(
                f"{self.path} is not empty; nothing in it was changed. Name another folder with "
                f"--run{further} or remove this one first"
            )

    def create(self) -> RunFolder:
        """Create the folder, under the next number if another process was faster.

        Raises:
            RunError: The folder is not empty, or cannot be created.
        """
        if not self.numbered:
            self.check_free()
        try:
            self.path.mkdir(parents=True, exist_ok=not self.numbered)
        except FileExistsError:
            return next_run(self.path.name.rpartition("-")[0], self.path.parent).create()
        except OSError as error:
            raise RunError(f"cannot create {self.path}: {error.strerror}") from error
        return self

    @contextlib.contextmanager
    def created(self) -> Iterator[RunFolder]:
        """The new folder, locked; it is removed if the block fails while it is empty.

        Raises:
            RunError: The folder is not empty, cannot be created, or another process writes to it.
        """
        existed = self.path.exists()
        folder = self.create()
        try:
            with folder.locked():
                folder.check_free()
                folder.sweep()
                yield folder
        finally:
            if not existed:
                with contextlib.suppress(OSError):  # usually it is not empty
                    folder.path.rmdir()

    def sweep(self) -> None:
        """Remove unfinished files of a killed process; call this under the lock."""
        for path in [*self.path.glob(UNFINISHED), *self.checkpoint.glob(UNFINISHED)]:
            remove_file(path)

    def locked(self) -> AbstractContextManager[None]:
        """Keep other writers out until the block ends, or the process dies.

        Raises:
            RunError: Another process writes to the folder; the message has its id.
        """
        return locked(self.path / LOCK)

    def writer(self) -> int | None:
        """Id of the process that writes to the folder; None if there is none that is known."""
        return owner(self.path / LOCK)


def next_run(name: str, parent: Path = Path("runs")) -> RunFolder:
    """The first free `runs/<name>-0001`, `-0002`, ...; it does not exist yet."""
    taken = [
        int(entry.name.rpartition("-")[2])
        for entry in (parent.iterdir() if parent.is_dir() else ())
        if entry.name.rpartition("-")[0] == name and entry.name.rpartition("-")[2].isdigit()
    ]
    return RunFolder(parent / f"{name}-{max(taken, default=0) + 1:04d}", numbered=True)
