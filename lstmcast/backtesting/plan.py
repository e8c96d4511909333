"""The plan of a backtest: the network or config, and the rolling origins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lstmcast.backtesting.folds import Fitted, fitted, origins_of
from lstmcast.config import Config, load_config
from lstmcast.errors import ConfigError, DataError, RunError
from lstmcast.forecasting.model_file.model import Model, load_model
from lstmcast.network.threads import use_threads
from lstmcast.panel.panel import Panel
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reading import ReadTable
from lstmcast.pipeline.storage import in_memory
from lstmcast.proposing.source import config_for, config_of_run
from lstmcast.runs.folder import RunFolder
from lstmcast.runs.reading import read_object

FOLDS = 5
"""Default number of folds if the backtest trains the network."""


@dataclass(frozen=True)
class Plan:
    """The settings of a backtest.

    Attributes:
        folds: Origins; None: 5, or as many as fit after the training rows of a trained network.
        step: Rows between origins; None: one horizon.
        refit: Number of origins after which the network is trained again; 0: never.
        warm: Warm start of each refit, from the previous weights.
        rows: Rows before an origin to train on; None: all.
        rivals: Names of models of statsforecast.
        gates: Conditions such as `skill=0.05`.
    """

    folds: int | None = None
    step: int | None = None
    refit: int = 0
    warm: bool = False
    rows: int | None = None
    rivals: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """The run or config to test.

    Attributes:
        config: Of the run, or as given.
        run: The run folder; None: a config was given.
        model: The run's model; None without a run.
        fitted: The run's model with its linear baseline, if it is never trained again.
        seen: By series, the grid place after the last row that this model was trained on.
        table: The table, if it was read for the config.
    """

    config: Config
    run: RunFolder | None = None
    model: Model | None = None
    fitted: Fitted | None = None
    seen: dict[tuple[str, ...], int] | None = None
    table: ReadTable | None = None


def open_source(
    path: Path,
    plan: Plan,
    overrides: Sequence[str],
    device: torch.device,
    listener: ProgressListener,
) -> Source:
    """The config, and the model if the path is a run.

    Raises:
        ConfigError: Overrides cannot change a trained network.
        RunError: The run is missing or damaged.
    """
    if not path.is_dir():
        config, table = config_for(path, overrides, listener)
        if config.window.horizon == 0:
            raise ConfigError("window.horizon is 0, which only `lstmcast window` can use")
        return Source(in_memory(config), table=table)
    run = RunFolder(path)
    changes = network_changes(overrides)
    if changes and not plan.refit:
        raise ConfigError(
            f"--set {', '.join(changes)}: does not change the trained network of {path}; add "
            "--refit 1 to train it again at every origin"
        )
    model = load_model(run.model, device)
    config_of_run(run)  # first, so that a fault of the run is not reported as one of overrides
    config = in_memory(load_config(run.config, overrides))
    use_threads(config.network, config.training, config.window.pad)
    if plan.refit:
        return Source(config, run, model)
    end = config.data.end if config.data.end is not None else last_row_of(run)
    data = config.data.model_copy(update={"end": end})
    prepared = prepare(config.model_copy(update={"data": data}), ProgressListener())
    panel, cuts = prepared.panel, prepared.cuts
    learned = cuts.test if config.training.refit == "all" else cuts.validation
    places = (panel.starts + learned - panel.offsets[:-1]).tolist()
    seen = dict(zip(panel.names, places, strict=True))
    return Source(config, run, model, fitted(model, prepared), seen)


def network_changes(overrides: Sequence[str]) -> list[str]:
    """Names of overrides, except those that apply to a trained network in backtests."""
    names = [text.partition("=")[0].strip() for text in overrides]
    return [name for name in names if name != "forecast.adaptive"]


def last_row_of(run: RunFolder) -> str:
    """Time stamp of the last row of a run's training table.

    Raises:
        RunError: The manifest is missing or damaged.
    """
    try:
        return str(read_object(run.manifest)["data"]["last"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{run.manifest} is missing or damaged: {error}") from error


def fold_origins(panel: Panel, source: Source, folds: int | None, step: int) -> np.ndarray:
    """Grid places of the first row that each fold forecasts.

    Raises:
        DataError: There are too few rows after those that the network was trained on.
    """
    horizon = source.config.window.horizon
    if source.seen is None:
        return origins_of(panel, horizon, folds or FOLDS, step)
    last = int((panel.starts + panel.lengths).max()) - horizon
    most = (last - min(source.seen.values())) // step + 1
    if most < 1 or (folds or 1) > most:
        raise DataError(
            f"{counted_folds(folds)}: after the rows that the network was trained on there is "
            f"room for {max(most, 0)} of {horizon} steps, {step} rows apart. Lower --folds or "
            "--step, add new rows, or train again at the origins with --refit 1"
        )
    return origins_of(panel, horizon, folds or most, step)


def counted_folds(folds: int | None) -> str:
    """Start of the message about too few rows."""
    return "No fold" if folds is None else f"--folds {folds}"
