"""`lstmcast train`: a config and its table become a run folder; `--resume` finishes a run."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from lstmcast.checking.finish_run import complete
from lstmcast.config import Config
from lstmcast.errors import ConfigError, RunError
from lstmcast.parallel import ranks
from lstmcast.pipeline.evaluate import (
    calibrate,
    evaluate,
    forecasters,
    levels_for,
    past_forecasts,
    with_fallbacks,
)
from lstmcast.pipeline.fit import fit_model, refit
from lstmcast.pipeline.forecast import forecast_after_last_row
from lstmcast.pipeline.free_memory import check_file
from lstmcast.pipeline.memory import build_network
from lstmcast.pipeline.new_run import Trained, TrainingInputs, new_run, reopened
from lstmcast.pipeline.prepare import prepare, prepare_windows, refuse_own_names
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reading import ReadTable, build_training_panel, read_training_table
from lstmcast.pipeline.resume import read_interrupted_run
from lstmcast.pipeline.run_identity import EarlierRun, describe_inputs, same_data_as
from lstmcast.pipeline.storage import storage_of
from lstmcast.proposing.source import choose_device
from lstmcast.runs.folder import RunFolder


def train(
    config: Config,
    folder: RunFolder,
    device: torch.device,
    listener: ProgressListener,
    table: ReadTable | None = None,
    earlier: EarlierRun | None = None,
) -> Trained:
    """Train a network, score it against the baselines, and forecast.

    The run folder is created only after all checks have passed.

    Args:
        config: The table, the network and the training.
        folder: The run folder: empty, or that of the run to resume.
        device: Trains the network.
        listener: Receives progress.
        table: The table, if it was read before.
        earlier: The run to resume or to repeat; None: a new run.

    Raises:
        ConfigError: The config cannot be trained.
        DataError: The table has a fault, or is too short.
        Diverged: Training diverged.
        RunError: The folder is taken or cannot be written; the earlier run had other inputs.
    """
    began = time.monotonic()
    check_before_reading(config)
    with same_data_as(earlier):
        table = read_training_table(config, listener, table)
        panel = build_training_panel(table, config)
        prepared = prepare_windows(table, panel, config, listener)
        network, memory = build_network(prepared, device)
    inputs = TrainingInputs(config, prepared, memory, device, began)
    with new_run(folder, inputs, earlier, listener) as run:
        model, fits = fit_model(prepared, network, run.checkpoints, listener)
        run.training_finished()
        levels = levels_for(prepared, listener)
        forecasts = forecasters(model, prepared, levels)
        validation = evaluate(model, forecasts, prepared, "validation", levels)
        model = calibrate(model, validation)
        test = evaluate(model, forecasts, prepared, "test")
        model = with_fallbacks(model, forecasts, prepared, validation)
        run.write_backtest(past_forecasts(model, forecasts, prepared, listener))
        if config.training.refit == "all":
            model = refit(model, prepared, fits, run.checkpoints.named("refit"), listener)
        forecast = forecast_after_last_row(model, prepared, listener)
        trained = run.write(model, fits, validation, test, forecast)
        complete(run.folder, prepared)
    return trained


def resume(run: Path, device: str, listener: ProgressListener) -> Trained | None:
    """Resume an interrupted run from its last checkpoint; without a checkpoint, start over.

    Args:
        run: The folder of the run.
        device: Value of `--device`; `auto` is the device on which the run began.
        listener: Receives progress.

    Returns:
        The result of the training; None if the run was complete already.

    Raises:
        ConfigError: The device does not exist.
        Diverged: Training diverged.
        RunError: The folder is not a run, another process writes into it, or its config or data
            has changed.
    """
    folder = RunFolder(run)
    if ranks().first and not folder.config.is_file() and folder.writer() is None:
        raise RunError(
            f"{run} has no config.yaml, so it is not a run that can resume; start a run with "
            f"`lstmcast train CONFIG --run {run}`"
        )
    with reopened(folder) as folder:
        interrupted = ranks().broadcast(read_interrupted_run(folder) if ranks().first else None)
        if interrupted is None:
            return None
        values, record, lacks_page = interrupted
        config = Config.model_validate(values)
        if device == "auto" and record is not None:
            device = record["made_with"]["device"]
        chosen = choose_device(device)
        earlier = EarlierRun(record, str(folder.config), resumed=True)
        if not lacks_page:
            return train(config, folder, chosen, listener, earlier=earlier)
        with same_data_as(earlier):
            prepared = prepare(config, listener)
        earlier.refuse_changes(describe_inputs(prepared, chosen), config.data.path)
        complete(folder, prepared)
        return None


def check_before_reading(config: Config) -> None:
    """Check the config before the table is read.

    Raises:
        ConfigError: The horizon is 0, the table needs too much memory, or a column has a name that
            lstmcast's output files use.
    """
    if config.window.horizon == 0:
        raise ConfigError(
            "window.horizon is 0; only `lstmcast window` accepts that, train needs at least 1"
        )
    if storage_of(config) == "memory":
        check_file(Path(config.data.path), config)
    refuse_own_names(config)
