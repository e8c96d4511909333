"""The run folder of a training: created or reopened, locked, shared with all ranks, and written.

Rank 0 has the lock and writes. All ranks must have the same inputs. A resumed run must have the
inputs with which it began. An interrupted run says how to resume. Each step is timed.
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
    digest_of_inputs,
    require_same_on_all_ranks,
)
from lstmcast.pipeline.run_tables import csv_text, history_frame, recent_frame
from lstmcast.runs.atomic import make_folder, write_json, write_text
from lstmcast.runs.folder import RunFolder
from lstmcast.training.checkpoint import Checkpoints, remove_checkpoints
from lstmcast.training.trainer import Fit


@dataclass(frozen=True)
class Trained:
    """Result of a training.

    Attributes:
        run: The run folder.
        metrics: The content of metrics.json.
        verdict: The network against the best baseline on the test rows; None without test windows.
        forecast: In the form of forecast.csv; None if future covariates end too early.
        fits: The course of the training of each member.
        remarks: Sentences that complete the verdict.
    """

    run: RunFolder
    metrics: dict[str, Any]
    verdict: Verdict | None
    forecast: pd.DataFrame | None
    fits: list[Fit]
    remarks: list[str]


@dataclass(frozen=True)
class TrainingInputs:
    """All inputs of a run, after their checks.

    Attributes:
        config: As given by the user.
        prepared: The table, and its windows.
        need: The estimated memory.
        device: Trains the network.
        began: Start of the command, by the monotonic clock, in seconds.
    """

    config: Config
    prepared: Prepared
    need: Need
    device: torch.device
    began: float


class NewRun:
    """A run in training; only rank 0 writes. Its checkpoints carry the digest of its inputs."""

    def __init__(self, folder: RunFolder, inputs: TrainingInputs, digest: str) -> None:
        self.folder, self.inputs = folder, inputs
        every = inputs.config.training.checkpoint_every
        self.checkpoints = Checkpoints(folder.checkpoint, "fit", every, digest)
        self.read_at = self.trained_at = time.monotonic()

    def training_finished(self) -> None:
        """Record the end of the training, for the timings of the manifest."""
        self.trained_at = time.monotonic()

    def write_backtest(self, past: pd.DataFrame) -> None:
        """Write backtest.csv first, because a long one takes much memory."""
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
        """Write all files of the run except its page, the manifest last.

        Raises:
            RunError: A file cannot be written.
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
    """Open a run folder for checkpoints and files, after the inputs are verified.

    Args:
        folder: A free folder, or the reopened one of the earlier run.
        inputs: All inputs of the run.
        earlier: The run to resume or to repeat; None: a new run.
        listener: Receives a note if the machine differs.

    Raises:
        DataError: Another rank has read other data.
        RunError: The folder is taken or cannot be written; the inputs of the earlier run have
            changed.
    """
    record = describe_inputs(inputs.prepared, inputs.device)
    if earlier is not None:
        earlier.refuse_changes(record, inputs.config.data.path)
        earlier.note_other_machine(record, listener)
    with _opened(folder, inputs.config, earlier) as opened:
        require_same_on_all_ranks(record)
        if ranks().first:
            make_folder(opened.checkpoint)
            write_json(opened.begun, record)
        yield NewRun(opened, inputs, digest_of_inputs(record))


@contextlib.contextmanager
def _opened(folder: RunFolder, config: Config, earlier: EarlierRun | None) -> Iterator[RunFolder]:
    """A new folder with its config, for all ranks; a reopened folder does not change."""
    if earlier is not None and earlier.resumed:
        yield folder
        return
    with _opened_by_rank_zero(folder.created) as made, contextlib.ExitStack() as stack:
        if earlier is None or earlier.kept:
            stack.enter_context(resume_hint_on_stop(made))
        if ranks().first:
            write_text(made.config, dump_config(config))
        yield made


@contextlib.contextmanager
def reopened(folder: RunFolder) -> Iterator[RunFolder]:
    """Lock the folder of an interrupted run, for all ranks.

    Raises:
        RunError: Another process writes into it.
    """

    @contextlib.contextmanager
    def locked() -> Iterator[RunFolder]:
        with folder.locked():
            yield folder

    with _opened_by_rank_zero(locked) as opened, resume_hint_on_stop(opened):
        yield opened


@contextlib.contextmanager
def _opened_by_rank_zero(
    open_folder: Callable[[], AbstractContextManager[RunFolder]],
) -> Iterator[RunFolder]:
    """Let rank 0 open and lock a run folder, and broadcast its path to all ranks."""
    if not ranks().first:
        yield RunFolder(Path(ranks().broadcast()))
        return
    with open_folder() as folder:
        ranks().broadcast(str(folder.path))
        yield folder


@contextlib.contextmanager
def resume_hint_on_stop(folder: RunFolder) -> Iterator[None]:
    """Add to an interruption the command that resumes the run.

    A diverged training would diverge again, so its checkpoints are removed.
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
            stopped.add_note(f"Resume with: {started} train --resume {folder.path}")
        raise


def remarks_on(model: Model, forecast: pd.DataFrame | None) -> list[str]:
    """A sentence on the forecast that the verdict, about the network alone, does not cover."""
    if model.record is None or forecast is None:
        return []
    return [
        "This verdict is about the network alone: the forecast of each series comes from the "
        "method that did best on its past windows (forecast.fallback, column 'method')."
    ]
