"""`lstmcast train`: from a config to a run folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from lstmcast.config import Config, dump_config
from lstmcast.errors import ConfigError, DataError
from lstmcast.forecasting.metrics import yardsticks
from lstmcast.forecasting.model import Model
from lstmcast.forecasting.predict import NetworkForecast, backtest_frame
from lstmcast.forecasting.rolling import (
    NETWORK,
    Judgement,
    Verdict,
    actual_values,
    add_skill,
    baseline_forecasts,
    decide,
    judge,
)
from lstmcast.network.forecaster import build_forecaster
from lstmcast.network.sizes import Sizes
from lstmcast.network.threads import use_threads
from lstmcast.run_folder import RunFolder, write_json, write_text
from lstmcast.series.batches import Batches, WindowTable
from lstmcast.series.windows import require_train_windows
from lstmcast.training.trainer import Fit, fit_network
from lstmcast.workflows.manifest import describe_run
from lstmcast.workflows.predict import forecast_panel
from lstmcast.workflows.prepare import Prepared, prepare, prepare_all_rows
from lstmcast.workflows.tables import csv_text, history_frame, recent_frame
from lstmcast.workflows.watcher import Watcher

SIMPLE = ("naive", "seasonal_naive", "drift")
"""Baselines that need no fitting, and so can stand in for the network on a short series."""


@dataclass(frozen=True)
class Trained:
    """What training gave.

    Attributes:
        run: The run folder.
        metrics: As in metrics.json.
        verdict: The network beside the best baseline on the test rows; None without test windows.
        forecast: As in forecast.csv; None where known-future columns end too early.
        fit: How training went.
    """

    run: RunFolder
    metrics: dict[str, Any]
    verdict: Verdict | None
    forecast: pd.DataFrame | None
    fit: Fit


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
    if config.window.horizon == 0:
        raise ConfigError(
            "window.horizon is 0, which only `lstmcast window` can use; train needs at least 1"
        )
    folder.check_free()
    prepared = prepare(config, watcher)
    require_train_windows(
        prepared.panel,
        prepared.cuts,
        prepared.windows,
        config.window.lookback,
        config.window.horizon,
        config.window.pad,
    )
    network_sizes = sizes_of(prepared)
    use_threads(config.training.batch_size, config.network.units)
    folder.create()
    write_text(folder.config, dump_config(config))
    read_seconds = time.monotonic() - began

    model, fit = fit_model(prepared, network_sizes, device, watcher)
    trained_seconds = time.monotonic() - began
    judgements = judge_splits(model, prepared)
    ranked = judgements["test" if len(prepared.windows.test) else "validation"].ranking()
    model = replace(model, fallbacks=tuple(name for name in ranked if name in SIMPLE))
    verdict = (
        decide(judgements["test"], config.window.horizon) if len(prepared.windows.test) else None
    )
    write_text(folder.backtest, csv_text(past_forecasts(model, prepared)))

    if config.training.refit == "all":
        model = refit(model, prepared, fit.best_epoch, device, watcher)
    model.save(folder.model)
    forecast = future_forecast(model, prepared, watcher)
    if forecast is not None:
        write_text(folder.forecast, csv_text(forecast))
    write_text(folder.recent, csv_text(recent_frame(prepared.panel, config.window)))
    write_text(folder.history, csv_text(history_frame(fit)))
    metrics = metrics_of(judgements, prepared, verdict)
    write_json(folder.metrics, metrics)
    timings = {
        "read_seconds": read_seconds,
        "train_seconds": trained_seconds - read_seconds,
        "total_seconds": time.monotonic() - began,
    }
    write_json(folder.manifest, describe_run(prepared, model, device, timings, finished=fit))
    return Trained(folder, metrics, verdict, forecast, fit)


def sizes_of(prepared: Prepared) -> Sizes:
    """Axes of the windows of a prepared table."""
    columns, window = prepared.panel.columns, prepared.config.window
    return Sizes(
        window.lookback,
        window.horizon,
        inputs=len(columns.inputs),
        targets=len(columns.targets),
        future=len(columns.future),
        static=len(columns.static),
    )


def fit_model(
    prepared: Prepared,
    sizes: Sizes,
    device: torch.device,
    watcher: Watcher,
    epochs: int | None = None,
) -> tuple[Model, Fit]:
    """Build a network and train it on the train windows, judged by the validation windows."""
    config, training = prepared.config, prepared.config.training
    network = build_forecaster(config.network, sizes, training.loss, training.seed).to(device)
    watcher.network(describe_network(config, sizes, network.parameter_count(), device))
    table = WindowTable(
        prepared.panel,
        prepared.scaler,
        prepared.static_scaler,
        lookback=sizes.lookback,
        horizon=sizes.horizon,
        pad=config.window.pad,
        device=device,
    )
    train_batches = Batches(table, prepared.windows.train, training.batch_size, training.seed)
    validation = Batches(table, prepared.windows.validation, max(training.batch_size, 256))
    watcher.training(epochs or training.max_epochs, "on all rows" if epochs else "")
    try:
        fit = fit_network(
            network,
            train_batches,
            validation if len(prepared.windows.validation) else None,
            training,
            watcher.progress,
            epochs,
        )
    finally:
        watcher.trained()
    model = Model(
        network=network.eval(),
        config=config,
        sizes=sizes,
        frequency=prepared.panel.frequency,
        names=prepared.panel.names,
        scaler=prepared.scaler,
        static_scaler=prepared.static_scaler,
        fallbacks=SIMPLE,
    )
    return model, fit


def refit(
    model: Model, prepared: Prepared, epochs: int, device: torch.device, watcher: Watcher
) -> Model:
    """Train once more, on all rows, for the epochs that validation found."""
    everything = prepare_all_rows(prepared)
    again, _ = fit_model(everything, model.sizes, device, watcher, epochs)
    return replace(again, fallbacks=model.fallbacks)


def describe_network(config: Config, sizes: Sizes, parameters: int, device: torch.device) -> str:
    """The network in one line."""
    network = config.network
    widths = " -> ".join(str(units) for units in network.units)
    directions = ", both directions" if network.bidirectional else ""
    return (
        f"{network.cell.upper()} {widths}{directions}: "
        f"{sizes.lookback} steps x {sizes.inputs} columns -> "
        f"{sizes.horizon} steps x {sizes.targets} targets; {parameters:,} parameters, on {device}"
    )


def judge_splits(model: Model, prepared: Prepared) -> dict[str, Judgement]:
    """Score the network and the baselines on every validation and test window."""
    panel, config = prepared.panel, prepared.config
    lookback, horizon = config.window.lookback, config.window.horizon
    measures = yardsticks(
        panel.targets,
        panel.targets_observed,
        panel.offsets,
        prepared.cuts.train,
        panel.frequency.season,
    )
    forecasts: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
        NETWORK: NetworkForecast(model, panel, prepared.scaler),
        **baseline_forecasts(
            panel, prepared.windows, prepared.scaler, lookback, horizon, config.forecast.minimum
        ),
    }
    judgements = {}
    for split in ("validation", "test"):
        index = prepared.windows.by_name()[split]
        judgements[split] = judge(forecasts, panel, index, measures, horizon)
        add_skill(judgements[split])
    return judgements


def past_forecasts(model: Model, prepared: Prepared) -> pd.DataFrame:
    """Test forecasts beside what came, from origins H steps apart."""
    horizon = prepared.config.window.horizon
    origins, series = prepared.windows.test.every(horizon).all()
    forecasts = NetworkForecast(model, prepared.panel, prepared.scaler)(origins, series)
    actuals = actual_values(prepared.panel, origins, horizon)
    return backtest_frame(prepared.panel, origins, series, forecasts, actuals)


def future_forecast(model: Model, prepared: Prepared, watcher: Watcher) -> pd.DataFrame | None:
    """The forecast after the last row of every series, if its future columns are known."""
    try:
        return forecast_panel(model, prepared.panel, watcher)
    except DataError as error:
        watcher.note(f"No forecast.csv: {error}.")
        return None


def metrics_of(
    judgements: dict[str, Judgement], prepared: Prepared, verdict: Verdict | None
) -> dict[str, Any]:
    """The content of metrics.json."""
    index = prepared.windows.by_name()
    metrics: dict[str, Any] = {
        split: judgements[split].scores if len(index[split]) else None
        for split in ("test", "validation")
    }
    metrics["verdict"] = (
        None
        if verdict is None
        else {
            "baseline": verdict.baseline,
            "beats": verdict.beats,
            "p_value": verdict.comparison.p_value,
            "sentence": verdict.sentence(),
        }
    )
    return metrics
