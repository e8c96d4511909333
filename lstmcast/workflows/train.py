"""`lstmcast train`: from a config to a run folder."""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from lstmcast.config import Config, dump_config
from lstmcast.errors import ConfigError, DataError, Diverged, Interrupted, RunError
from lstmcast.forecasting.model import Model
from lstmcast.forecasting.verdict import Verdict, decide
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.threads import use_threads
from lstmcast.ranks import left_alone, ranks
from lstmcast.run_folder import RunFolder
from lstmcast.series.windows import require_train_windows
from lstmcast.training.checkpoint import Checkpoints, remove_checkpoints
from lstmcast.training.trainer import Fit
from lstmcast.whole_file import make_folder, write_json, write_text
from lstmcast.workflows.at_hand import check_file
from lstmcast.workflows.begun import Record, describe_beginning, digest_of
from lstmcast.workflows.fitting import fit_model, refit
from lstmcast.workflows.forecast import forecast_after_last_row
from lstmcast.workflows.judge import (
    forecasters,
    judge_test,
    judge_validation,
    levels_for,
    metrics_of,
    past_forecasts,
    with_fallbacks,
    with_record,
)
from lstmcast.workflows.manifest import describe_run
from lstmcast.workflows.memory import Need, network_that_fits, peak_on
from lstmcast.workflows.prepare import prepare
from lstmcast.workflows.prepared import Prepared
from lstmcast.workflows.reading import ReadTable
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
        remarks: What is to be said beside the verdict, a sentence each.
    """

    run: RunFolder
    metrics: dict[str, Any]
    verdict: Verdict | None
    forecast: pd.DataFrame | None
    fits: list[Fit]
    remarks: list[str]


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
    table: ReadTable | None = None,
) -> Trained:
    """Train a network and judge it.

    Args:
        config: What to train, and on what.
        folder: Where the run goes; it must not hold anything.
        device: Where to train.
        watcher: Is told how it goes.
        table: The table, where it was read already.

    Raises:
        ConfigError: The config asks for nothing that can be trained.
        DataError: The table has a fault, or is too short.
        Diverged: Training ran away.
        RunError: The folder is taken or cannot be written.
    """
    began = time.monotonic()
    if ranks().first and not folder.numbered:
        folder.check_free()
    ready = get_ready(config, device, watcher, table)
    with made_by_first(folder.created) as made, resumable(made):
        if ranks().first:
            write_text(made.config, dump_config(config))
        return carry_out(ready, made, watcher, began)


@contextlib.contextmanager
def made_by_first(make: Callable[[], AbstractContextManager[RunFolder]]) -> Iterator[RunFolder]:
    """A run folder that rank 0 makes and locks, for all ranks."""
    if not ranks().first:
        yield RunFolder(Path(ranks().tell()))
        return
    with make() as folder:
        ranks().tell(str(folder.path))
        yield folder


def get_ready(
    config: Config, device: torch.device, watcher: Watcher, table: ReadTable | None = None
) -> Ready:
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
    prepared = prepare(config, watcher, table)
    require_train_windows(
        prepared.panel,
        prepared.cuts,
        prepared.windows,
        config.window.lookback,
        config.window.horizon,
        config.window.pad,
    )
    use_threads(config.network, config.training, config.window.pad)
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
    require_same_data(record)
    if ranks().first:
        make_folder(folder.checkpoint)
        write_json(folder.begun, record)
    every = prepared.config.training.checkpoint_every
    checkpoints = Checkpoints(folder.checkpoint, "fit", every, digest_of(record))
    read_seconds = time.monotonic() - began

    model, fits = fit_model(prepared, ready.network, checkpoints, watcher)
    trained_seconds = time.monotonic() - began
    levels = levels_for(prepared, watcher)
    forecasts = forecasters(model, prepared, levels)
    model, validation = judge_validation(model, forecasts, prepared, levels)
    test = judge_test(model, forecasts, prepared)
    model = with_fallbacks(model, validation)
    model = with_record(model, forecasts, prepared)
    horizon = prepared.config.window.horizon
    verdict = decide(test, horizon) if len(prepared.windows.test) else None
    past = past_forecasts(model, forecasts, prepared, watcher)
    if ranks().first:
        write_text(folder.backtest, csv_text(past))

    if prepared.config.training.refit == "all":
        model = refit(model, prepared, fits, checkpoints.named("refit"), watcher)
    forecast = forecast_after_last_row(model, prepared, watcher)
    metrics = metrics_of({"test": test, "validation": validation}, prepared, verdict)
    trained = Trained(folder, metrics, verdict, forecast, fits, remarks_of(model, forecast))
    if ranks().first:
        times = (began, began + read_seconds, began + trained_seconds)
        write_run(trained, model, ready, times)
    return trained


def write_run(
    trained: Trained, model: Model, ready: Ready, times: tuple[float, float, float]
) -> None:
    """Write the files of a run, the manifest last.

    Args:
        trained: What they hold.
        model: The trained network.
        ready: From `get_ready`.
        times: When the command began, the table had been read, and the network was trained.
    """
    folder, fits, prepared, device = trained.run, trained.fits, ready.prepared, ready.device
    model.save(folder.model)
    if trained.forecast is not None:
        write_text(folder.forecast, csv_text(trained.forecast))
    write_text(folder.recent, csv_text(recent_frame(prepared.panel, prepared.config.window)))
    write_text(folder.history, csv_text(history_frame(fits)))
    write_json(folder.metrics, trained.metrics)
    write_json(folder.findings, {"notes": prepared.notes})
    began, read, fitted = times
    timings = {
        "read_seconds": read - began,
        "train_seconds": fitted - read,
        "total_seconds": time.monotonic() - began,
    }
    memory = {"forecast_bytes": ready.need.total, "peak_bytes": peak_on(device)}
    write_json(folder.manifest, describe_run(prepared, model, device, timings, fits, memory))
    complete(folder, prepared)


def remarks_of(model: Model, forecast: pd.DataFrame | None) -> list[str]:
    """What the verdict, which is of the network alone, does not say of the forecast."""
    if model.record is None or forecast is None:
        return []
    return [
        "That is the network alone: the forecast takes, for each series, whichever did best on its "
        "past windows (forecast.fallback, column 'method')."
    ]


def complete(folder: RunFolder, prepared: Prepared) -> None:
    """Give a run its page: its manifest says already that all that decides a number is there.

    Its checkpoints go last, so that a resume can tell whether it still lacks the page.
    """
    try:
        finish(folder, prepared)
    except Exception:
        remove_checkpoints(folder.checkpoint)  # `lstmcast report` is enough
        raise
    remove_checkpoints(folder.checkpoint)


def require_same_data(record: Record) -> None:
    """Refuse ranks that have read another table, or another config, than rank 0.

    Raises:
        DataError: This one has.
    """
    told = ranks().tell(record)
    differing = [name for name in ("config", "data", "vectors") if told[name] != record[name]]
    if differing:
        raise DataError(
            f"rank {ranks().rank}, on {platform.node()}, has other {' and '.join(differing)} than "
            "rank 0: every machine must see the same files"
        )


@contextlib.contextmanager
def resumable(folder: RunFolder) -> Iterator[None]:
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
        if kept and (left_alone(stopped) or not isinstance(stopped, RuntimeError)):
            started = "lstmcast" if ranks().alone else "torchrun ... -m lstmcast"
            stopped.add_note(f"Go on with: {started} train --resume {folder.path}")
        raise
