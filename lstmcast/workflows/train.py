"""`lstmcast train`: from a config to a run folder; `--resume` ends an interrupted run."""

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
from lstmcast.pipeline.resume import read_beginning
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
    """Train a network, judge it beside baselines, forecast.

    No folder is made before all that can be refused has been looked at.

    Args:
        config: What to train, and on what.
        folder: Where the run goes: it must not hold anything, but for a run that is gone on with.
        device: Where to train.
        listener: Is told how it goes.
        table: The table, where it was read already.
        earlier: The run that is gone on with, or made once more; None: it is a new one.

    Raises:
        ConfigError: The config asks for nothing that can be trained.
        DataError: The table has a fault, or is too short.
        Diverged: Training ran away.
        RunError: The folder is taken or cannot be written; the earlier run was made of other data.
    """
    began = time.monotonic()
    refuse_unread(config)
    with same_data_as(earlier):
        table = read_training_table(config, listener, table)
        panel = build_training_panel(table, config)
        prepared = prepare_windows(table, panel, config, listener)
        network, need = build_network(prepared, device)
    inputs = TrainingInputs(config, prepared, need, device, began)
    with new_run(folder, inputs, earlier, listener) as run:
        model, fits = fit_model(prepared, network, run.checkpoints, listener)
        run.note_trained()
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
    """Go on with a run from its last checkpoint; without one, start over.

    Args:
        run: The folder of a run that was interrupted.
        device: As `--device` names it; `auto` is the device that the run began on.
        listener: Is told how it goes.

    Returns:
        What training gave; None where the run was complete already.

    Raises:
        ConfigError: There is no such device.
        Diverged: Training ran away.
        RunError: The folder is no run, another process writes there, or its config or data has
            changed since it began.
    """
    folder = RunFolder(run)
    if ranks().first and not folder.config.is_file() and folder.writer() is None:
        raise RunError(
            f"{run} has no config.yaml, and so is no run that could go on; begin one with "
            f"`lstmcast train CONFIG --run {run}`"
        )
    with reopened(folder) as folder:
        beginning = ranks().broadcast(read_beginning(folder) if ranks().first else None)
        if beginning is None:
            return None
        values, record, lacks_page = beginning
        config = Config.model_validate(values)
        if device == "auto" and record is not None:
            device = record["made_with"]["device"]
        chosen = choose_device(device)
        earlier = EarlierRun(record, str(folder.config), goes_on=True)
        if not lacks_page:
            return train(config, folder, chosen, listener, earlier=earlier)
        with same_data_as(earlier):
            prepared = prepare(config, listener)
        earlier.refuse_changes(describe_inputs(prepared, chosen), config.data.path)
        complete(folder, prepared)
        return None


def refuse_unread(config: Config) -> None:
    """Refuse what can be told before the table is read.

    Raises:
        ConfigError: There is no step to forecast, no memory for the table, or a column of it has a
            name that lstmcast's own files use.
    """
    if config.window.horizon == 0:
        raise ConfigError(
            "window.horizon is 0, which only `lstmcast window` can use; train needs at least 1"
        )
    if storage_of(config) == "memory":
        check_file(Path(config.data.path), config)
    refuse_own_names(config)
