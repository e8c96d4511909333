"""`lstmcast train`: from a config to a run folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from lstmcast.config import Config, dump_config
from lstmcast.errors import ConfigError, DataError, Diverged, Interrupted, RunError
from lstmcast.forecasting.model import Model
from lstmcast.forecasting.rolling import Verdict, decide
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.threads import use_threads
from lstmcast.run_folder import RunFolder, make_folder, write_json, write_text
from lstmcast.series.windows import require_train_windows
from lstmcast.training.checkpoint import Checkpoints, remove_checkpoints
from lstmcast.training.trainer import Fit
from lstmcast.workflows.at_hand import check_file
from lstmcast.workflows.begun import describe_beginning, digest_of
from lstmcast.workflows.fitting import fit_model, refit
from lstmcast.workflows.forecast import forecast_panel
from lstmcast.workflows.judge import (
    calibrate_model,
    forecasters,
    judge_splits,
    levels_for,
    metrics_of,
    past_forecasts,
    with_fallbacks,
    with_record,
)
from lstmcast.workflows.manifest import describe_run
from lstmcast.workflows.memory import Need, network_that_fits, peak_on
from lstmcast.workflows.prepare import Prepared, prepare
from lstmcast.workflows.report import finish
from lstmcast.workflows.storage import storage_of
from lstmcast.workflows.tables import csv_text, history_frame, recent_frame
from lstmcast.workflows.watcher import Watcher


@dataclass(frozen=True)
class Trained:
    """What training gave.

    Attributes:
        run: The run folder.
        metrics: As in metrics.json.
        verdict: The network beside the best baseline on the test rows; None without test windows.
        forecast: As in forecast.csv; None where known-future columns end too early.
        fits: How the training of each member went.
    """

    run: RunFolder
    metrics: dict[str, Any]
    verdict: Verdict | None
    forecast: pd.DataFrame | None
    fits: list[Fit]


@dataclass(frozen=True)
class Ready:
    """All that can be refused has been looked at; the first step may follow.

    Attributes:
        prepared: The table.
        network: The first member, untrained, on its device.
        need: Of memory.
        device: Where to train.
    """

    prepared: Prepared
    network: Forecaster
    need: Need
    device: torch.device


def train(
    config: Config,
    folder: RunFolder,
    device: torch.device,
    watcher: Watcher,
) -> Trained:
    """Train a network and judge it.

    Args:
        config: What to train, and on what.
        folder: Where the run goes; it must not hold anything.
        device: Where to train.
        watcher: Is told how it goes.

    Raises:
        ConfigError: The config asks for nothing that can be trained.
        DataError: The table has a fault, or is too short.
        Diverged: Training ran away.
        RunError: The folder is taken or cannot be written.
    """
    began = time.monotonic()
    if not folder.numbered:
        folder.check_free()
    ready = get_ready(config, device, watcher)
    with folder.created() as made, resumable(made):
        write_text(made.config, dump_config(config))
        return carry_out(ready, made, watcher, began)


def get_ready(config: Config, device: torch.device, watcher: Watcher) -> Ready:
    """Read the table and build the network; nothing is written.

    Raises:
        ConfigError: The config asks for nothing that can be trained.
        DataError: The table has a fault, or is too short.
    """
    if config.window.horizon == 0:
        raise ConfigError(
            "window.horizon is 0, which only `lstmcast window` can use; train needs at least 1"
        )
    if storage_of(config) == "memory":
        check_file(Path(config.data.path), config)
    prepared = prepare(config, watcher)
    require_train_windows(
        prepared.panel,
        prepared.cuts,
        prepared.windows,
        config.window.lookback,
        config.window.horizon,
        config.window.pad,
    )
    use_threads(config.training.batch_size, config.network.units)
    return Ready(prepared, *network_that_fits(prepared, device), device)


def carry_out(ready: Ready, folder: RunFolder, watcher: Watcher, began: float) -> Trained:
    """Train, judge, forecast, write: all of it, or what an interruption has left of it.

    Args:
        ready: From `get_ready`.
        folder: Locked by us; it holds the config, and checkpoints of an interrupted run.
        watcher: Is told how it goes.
        began: When the command did.
    """
    prepared, device = ready.prepared, ready.device
    record = describe_beginning(prepared, device)
    make_folder(folder.checkpoint)
    write_json(folder.begun, record)
    every = prepared.config.training.checkpoint_every
    checkpoints = Checkpoints(folder.checkpoint, "fit", every, digest_of(record))
    read_seconds = time.monotonic() - began

    model, fits = fit_model(prepared, ready.network, checkpoints, watcher)
    trained_seconds = time.monotonic() - began
    levels = levels_for(prepared, watcher)
    forecasts = forecasters(model, prepared, levels)
    model = calibrate_model(model, forecasts, prepared, levels)
    judgements = judge_splits(model, forecasts, prepared)
    model = with_fallbacks(model, judgements["validation"])
    model = with_record(model, forecasts, prepared)
    horizon = prepared.config.window.horizon
    verdict = decide(judgements["test"], horizon) if len(prepared.windows.test) else None
    write_text(folder.backtest, csv_text(past_forecasts(model, forecasts, prepared)))

    if prepared.config.training.refit == "all":
        model = refit(model, prepared, fits, checkpoints.named("refit"), watcher)
    model.save(folder.model)
    forecast = future_forecast(model, prepared, watcher)
    if forecast is not None:
        write_text(folder.forecast, csv_text(forecast))
    write_text(folder.recent, csv_text(recent_frame(prepared.panel, prepared.config.window)))
    write_text(folder.history, csv_text(history_frame(fits)))
    metrics = metrics_of(judgements, prepared, verdict)
    write_json(folder.metrics, metrics)
    write_json(folder.findings, {"notes": prepared.notes})
    timings = {
        "read_seconds": read_seconds,
        "train_seconds": trained_seconds - read_seconds,
        "total_seconds": time.monotonic() - began,
    }
    memory = {"forecast_bytes": ready.need.total, "peak_bytes": peak_on(device)}
    write_json(folder.manifest, describe_run(prepared, model, device, timings, fits, memory))
    remove_checkpoints(folder.checkpoint)  # the manifest, the last file, says that all are there
    finish(folder, prepared)
    return Trained(folder, metrics, verdict, forecast, fits)


@contextlib.contextmanager
def resumable(folder: RunFolder) -> Iterator[None]:
    """Whatever stops the block from outside is told how to go on.

    What ran away would do so again: its checkpoints go.
    """
    try:
        yield
    except Diverged:
        remove_checkpoints(folder.checkpoint)
        raise
    except (Interrupted, KeyboardInterrupt, RunError) as stopped:
        if folder.config.is_file() and not folder.is_complete:
            stopped.add_note(f"Go on with: lstmcast train --resume {folder.path}")
        raise


def future_forecast(model: Model, prepared: Prepared, watcher: Watcher) -> pd.DataFrame | None:
    """The forecast after the last row of every series, if its future columns are known."""
    try:
        return forecast_panel(model, prepared.filled_to_the_end(), watcher)
    except DataError as error:
        watcher.note(f"No forecast.csv: {error}.")
        return None
