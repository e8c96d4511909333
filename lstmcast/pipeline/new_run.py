"""A run folder that this process fills: made or reopened, locked, known to all ranks, and written.

What of a training is not about the network stands here, once: rank 0 has the lock and writes, a
run that is stopped says how to go on, the same inputs are there for all ranks and as they were when
the run began, and every step is timed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from lstmcast.config import Config, dump_config
from lstmcast.errors import Diverged, Interrupted, RunError
from lstmcast.forecasting.model_file.model import Model
from lstmcast.judging.verdict import Verdict, decide
from lstmcast.parallel import peer_died, ranks
from lstmcast.pipeline.evaluate import Evaluation, metrics_of
from lstmcast.pipeline.manifest import describe_run
from lstmcast.pipeline.memory import Need, peak_on
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.run_identity import (
    EarlierRun,
    describe_inputs,
    digest_of,
    require_same_on_all_ranks,
)
from lstmcast.pipeline.run_tables import csv_text, history_frame, recent_frame
from lstmcast.runs.atomic import make_folder, write_json, write_text
from lstmcast.runs.folder import RunFolder
from lstmcast.training.checkpoint import Checkpoints, remove_checkpoints
from lstmcast.training.trainer import Fit


@dataclass(frozen=True)
class Trained:
    """What training gave.

    Attributes:
        run: The run folder.
        metrics: As in metrics.json.
        verdict: The network beside the best baseline on the test rows; None without test windows.
        forecast: As in forecast.csv; None where known-future columns end too early.
        fits: How the training of each member went.
        remarks: What is to be said beside the verdict, a sentence each.
    """

    run: RunFolder
    metrics: dict[str, Any]
    verdict: Verdict | None
    forecast: pd.DataFrame | None
    fits: list[Fit]
    remarks: list[str]


@dataclass(frozen=True)
class TrainingInputs:
    """All that a run is made of: it has been looked at, and the first step may follow.

    Attributes:
        config: As it was given.
        prepared: The table, and its windows.
        need: Of memory.
        device: Where to train.
        began: When the command did, by the monotonic clock.
    """

    config: Config
    prepared: Prepared
    need: Need
    device: torch.device
    began: float


class NewRun:
    """A run in the making.

    Args:
        folder: Of the run; only rank 0 writes into it.
        inputs: What it is made of.
        digest: Of what its checkpoints belong to.
    """

    def __init__(self, folder: RunFolder, inputs: TrainingInputs, digest: str) -> None:
        self.folder, self.inputs = folder, inputs
        every = inputs.config.training.checkpoint_every
        self.checkpoints = Checkpoints(folder.checkpoint, "fit", every, digest)
        self.read_at = self.trained_at = time.monotonic()

    def note_trained(self) -> None:
        """Training is over, and judging begins: the manifest says how long each took."""
        self.trained_at = time.monotonic()

    def write_backtest(self, past: pd.DataFrame) -> None:
        """Write backtest.csv, before all else: of a long table it takes much memory."""
        if ranks().first:
            write_text(self.folder.backtest, csv_text(past))

    def write(
        self,
        model: Model,
        fits: list[Fit],
        validation: Evaluation,
        test: Evaluation,
        forecast: pd.DataFrame | None,
    ) -> Trained:
        """Write all files of the run but its page, the manifest last.

        Args:
            model: What forecasts.
            fits: How the training of each member went.
            validation: Scores.
            test: Scores.
            forecast: After the last row; None where there is none.

        Raises:
            RunError: They cannot be written.
        """
        prepared = self.inputs.prepared
        horizon, tested = prepared.config.window.horizon, len(prepared.windows.test) > 0
        verdict = decide(test.scores, horizon) if tested else None
        scores = {"test": test.scores, "validation": validation.scores}
        metrics = metrics_of(scores, prepared, verdict)
        remarks = remarks_on(model, forecast)
        trained = Trained(self.folder, metrics, verdict, forecast, fits, remarks)
        if ranks().first:
            self._write_files(trained, model)
        return trained

    def _write_files(self, trained: Trained, model: Model) -> None:
        folder, prepared = self.folder, self.inputs.prepared
        model.save(folder.model)
        if trained.forecast is not None:
            write_text(folder.forecast, csv_text(trained.forecast))
        write_text(folder.recent, csv_text(recent_frame(prepared.panel, prepared.config.window)))
        write_text(folder.history, csv_text(history_frame(trained.fits)))
        write_json(folder.metrics, trained.metrics)
        write_json(folder.findings, {"notes": prepared.notes})
        write_json(folder.manifest, self._manifest(trained, model))

    def _manifest(self, trained: Trained, model: Model) -> dict[str, Any]:
        inputs, began = self.inputs, self.inputs.began
        timings = {
            "read_seconds": self.read_at - began,
            "train_seconds": self.trained_at - self.read_at,
            "total_seconds": time.monotonic() - began,
        }
        memory = {"forecast_bytes": inputs.need.total, "peak_bytes": peak_on(inputs.device)}
        return describe_run(inputs.prepared, model, inputs.device, timings, trained.fits, memory)


@contextlib.contextmanager
def new_run(
    folder: RunFolder,
    inputs: TrainingInputs,
    earlier: EarlierRun | None,
    listener: ProgressListener,
) -> Iterator[NewRun]:
    """A run folder that is ready for its checkpoints and files; nothing is written before.

    Args:
        folder: Where the run goes: free, or that of the earlier run, reopened.
        inputs: What it is made of.
        earlier: The run that is gone on with, or made once more; None: there was none.
        listener: Is told in what the machine is another.

    Raises:
        DataError: Another rank has read something else.
        RunError: The folder is taken or cannot be written; what the earlier run was made of has
            changed.
    """
    record = describe_inputs(inputs.prepared, inputs.device)
    if earlier is not None:
        earlier.refuse_changes(record, inputs.config.data.path)
        earlier.note_machine(record, listener)
    with _opened(folder, inputs.config, earlier) as opened:
        require_same_on_all_ranks(record)
        if ranks().first:
            make_folder(opened.checkpoint)
            write_json(opened.begun, record)
        yield NewRun(opened, inputs, digest_of(record))


@contextlib.contextmanager
def _opened(folder: RunFolder, config: Config, earlier: EarlierRun | None) -> Iterator[RunFolder]:
    """The new folder with its config, for all ranks; one that was reopened as it is."""
    if earlier is not None and earlier.goes_on:
        yield folder
        return
    with _opened_by_rank_zero(folder.created) as made, contextlib.ExitStack() as stack:
        if earlier is None or earlier.kept:
            stack.enter_context(says_how_to_go_on(made))
        if ranks().first:
            write_text(made.config, dump_config(config))
        yield made


@contextlib.contextmanager
def reopened(folder: RunFolder) -> Iterator[RunFolder]:
    """The folder of a run that was interrupted, ours alone, for all ranks.

    Raises:
        RunError: Another process writes there.
    """

    @contextlib.contextmanager
    def locked() -> Iterator[RunFolder]:
        with folder.locked():
            yield folder

    with _opened_by_rank_zero(locked) as opened, says_how_to_go_on(opened):
        yield opened


@contextlib.contextmanager
def _opened_by_rank_zero(
    open_folder: Callable[[], AbstractContextManager[RunFolder]],
) -> Iterator[RunFolder]:
    """A run folder that rank 0 opens and locks, for all ranks."""
    if not ranks().first:
        yield RunFolder(Path(ranks().broadcast()))
        return
    with open_folder() as folder:
        ranks().broadcast(str(folder.path))
        yield folder


@contextlib.contextmanager
def says_how_to_go_on(folder: RunFolder) -> Iterator[None]:
    """Whatever stops the block from outside is told how to go on.

    What ran away would do so again: its checkpoints go.
    """
    try:
        yield
    except Diverged:
        if ranks().first:
            remove_checkpoints(folder.checkpoint)
        raise
    except (Interrupted, KeyboardInterrupt, RunError, RuntimeError) as stopped:
        begun = folder.begun.is_file() or not folder.is_complete
        kept = folder.config.is_file() and begun
        if kept and (peer_died(stopped) or not isinstance(stopped, RuntimeError)):
            started = "lstmcast" if ranks().alone else "torchrun ... -m lstmcast"
            stopped.add_note(f"Go on with: {started} train --resume {folder.path}")
        raise


def remarks_on(model: Model, forecast: pd.DataFrame | None) -> list[str]:
    """What the verdict, which is of the network alone, does not say of the forecast."""
    if model.record is None or forecast is None:
        return []
    return [
        "That is the network alone: the forecast takes, for each series, whichever did best on its "
        "past windows (forecast.fallback, column 'method')."
    ]
