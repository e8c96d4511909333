"""`lstmcast backtest`: how a run, or a config, would have done in the past."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from lstmcast.config import Config, dump_config, load_config
from lstmcast.errors import ConfigError, DataError, RunError
from lstmcast.forecasting.model import Model, load_model
from lstmcast.forecasting.predict import with_intervals
from lstmcast.forecasting.rivals import require_rivals, rival_forecasts
from lstmcast.forecasting.rolling import NETWORK, Verdict, baseline_forecasts, decide
from lstmcast.network.threads import use_threads
from lstmcast.run_folder import RunFolder, make_numbered, write_json, write_text
from lstmcast.series.build import build_panel, read_columns
from lstmcast.series.panel import Panel
from lstmcast.series.read import Table
from lstmcast.workflows.entry import config_for
from lstmcast.workflows.folds import Fitted, fit_at, fitted, origins_of, panel_at
from lstmcast.workflows.gate import parse_gates
from lstmcast.workflows.judge import verdict_json
from lstmcast.workflows.predict import forecast_series
from lstmcast.workflows.prepare import prepare
from lstmcast.workflows.record import Fold, Record, asked, chosen
from lstmcast.workflows.report import write_report
from lstmcast.workflows.tables import csv_text
from lstmcast.workflows.watcher import Watcher

FOLDS = 5
"""Folds where their number is not given and the network is trained for them."""


@dataclass(frozen=True)
class Plan:
    """What a backtest is to do.

    Attributes:
        folds: Origins; None: 5, or for a trained network all that its training left over.
        step: Rows between origins; None: one horizon.
        refit: The network is trained again at every so many origins; 0: never.
        warm: Whether it then begins with the weights that it had.
        rows: Rows before an origin to train on; None: all.
        rivals: Names of forecasters of statsforecast.
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
class Backtested:
    """What a backtest gave.

    Attributes:
        folder: Where its files lie.
        metrics: As in metrics.json.
        verdict: The network beside the best of the others.
        faults: Why gates said no; empty where all passed.
    """

    folder: Path
    metrics: dict[str, Any]
    verdict: Verdict
    faults: list[str]


@dataclass(frozen=True)
class Source:
    """What is tested.

    Attributes:
        config: Of the run, or as given.
        run: The run folder; None: a config was given.
        model: The run's network; None: there is none yet.
        fitted: The same where it is tested as it is, never trained again.
        seen: By series, the grid place after the last row that this network has learned from.
    """

    config: Config
    run: RunFolder | None = None
    model: Model | None = None
    fitted: Fitted | None = None
    seen: dict[tuple[str, ...], int] | None = None


def backtest(
    path: Path, plan: Plan, overrides: Sequence[str], device: torch.device, watcher: Watcher
) -> Backtested:
    """Forecast from past origins, each with what was known there, and judge the forecasts.

    Args:
        path: A run folder, a config or a table.
        plan: Origins, training, rivals and gates.
        overrides: Of the config.
        device: Where to compute.
        watcher: Is told of each fold.

    Raises:
        ConfigError: The plan asks for what cannot be.
        DataError: The table has a fault, or too few rows.
        RunError: The run is missing or damaged.
    """
    require_rivals(plan.rivals)
    source = open_source(path, plan, overrides, device, watcher)
    config, horizon = source.config, source.config.window.horizon
    gates = parse_gates(plan.gates, config.forecast.levels)
    table = read_columns(config.data)
    panel = build_panel(table, config.data, horizon=horizon)
    step = plan.step or horizon
    origins = fold_origins(panel, source, plan.folds, step)
    record = Record(config, panel, origins, step)
    fit, model = source.fitted, source.model
    for number, origin in enumerate(origins.tolist()):
        trains = fit is None or (plan.refit > 0 and number % plan.refit == 0)
        if trains:
            limits = [origin - plan.rows] if plan.rows else []
            *first, last = panel.format_times(np.array([*limits, origin - 1]))
            before = model if plan.warm else None
            fit = fit_at(config, table, [*first, None][0], last, before, device, Watcher())
        assert fit is not None
        model = fit.model
        watcher.fold(forecast_fold(record, origin, fit, source, table, plan, trains))
    return written(path, source, plan, record, [gate.fault for gate in gates])


def open_source(
    path: Path, plan: Plan, overrides: Sequence[str], device: torch.device, watcher: Watcher
) -> Source:
    """The config, and where a run was named its network.

    Raises:
        ConfigError: Overrides are given for a network that is trained already.
        RunError: The run is missing or damaged.
    """
    if not path.is_dir():
        config = config_for(path, overrides, watcher)
        if config.window.horizon == 0:
            raise ConfigError("window.horizon is 0, which only `lstmcast window` can use")
        return Source(config)
    run = RunFolder(path)
    if overrides and not plan.refit:
        raise ConfigError(
            f"--set changes nothing in the trained network of {path}; add --refit 1 to train it "
            "again at every origin"
        )
    model = load_model(run.model, device)
    config = load_config(run.config, overrides)
    use_threads(config.training.batch_size, config.network.units)
    if plan.refit:
        return Source(config, run, model)
    end = config.data.end if config.data.end is not None else last_row_of(run)
    data = config.data.model_copy(update={"end": end})
    prepared = prepare(config.model_copy(update={"data": data}), Watcher())
    panel, cuts = prepared.panel, prepared.cuts
    learned = cuts.test if config.training.refit == "all" else cuts.validation
    places = (panel.starts + learned - panel.offsets[:-1]).tolist()
    seen = dict(zip(panel.names, places, strict=True))
    return Source(config, run, model, fitted(model, prepared), seen)


def last_row_of(run: RunFolder) -> str:
    """Stamp of the last row of the table that a run was trained on.

    Raises:
        RunError: The manifest is missing or damaged.
    """
    try:
        return str(json.loads(run.manifest.read_text(encoding="utf-8"))["data"]["last"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{run.manifest} is missing or damaged: {error}") from error


def fold_origins(panel: Panel, source: Source, folds: int | None, step: int) -> np.ndarray:
    """Grid places of the first row that each fold forecasts.

    Raises:
        DataError: There are too few rows, or the network has learned from them.
    """
    horizon = source.config.window.horizon
    if source.seen is None:
        return origins_of(panel, horizon, folds or FOLDS, step)
    last = int((panel.starts + panel.lengths).max()) - horizon
    most = (last - min(source.seen.values())) // step + 1
    if most < 1 or (folds or 1) > most:
        raise DataError(
            f"{counted_folds(folds)}: after the rows that the network has learned from there is "
            f"room for {max(most, 0)} of {horizon} steps, {step} rows apart. Lower --folds or "
            "--step, add new rows, or train again at the origins with --refit 1"
        )
    return origins_of(panel, horizon, folds or most, step)


def counted_folds(folds: int | None) -> str:
    """How the message about too few rows begins."""
    return "No fold" if folds is None else f"--folds {folds}"


def forecast_fold(
    record: Record,
    origin: int,
    fit: Fitted,
    source: Source,
    table: Table,
    plan: Plan,
    trained: bool,
) -> Fold:
    """Forecast all series that have a row right before an origin, by all forecasters."""
    model, horizon = fit.model, source.config.window.horizon
    last = record.panel.format_times(np.array([origin - 1]))[0]
    panel = panel_at(model, source.config, table, last)
    series = series_at(panel, origin, horizon, record.lasts, source.seen or {})
    # Those that ended before are forecast beside them, as `predict` does, and then left out: the
    # last bits of a forecast depend on how many are made at once.
    made_at_once = series if panel.columns.future else np.arange(panel.series_count)
    network, methods = forecast_series(model, panel, made_at_once, Watcher())
    kept = np.flatnonzero(np.isin(made_at_once, series))
    season, levels, minimum = model.frequency.season, model.levels, model.minimum
    linear = fit.linear_for(panel)
    baselines = baseline_forecasts(panel, linear, horizon, season, minimum, len(levels))
    rivals = rival_forecasts(plan.rivals, panel, horizon, season, minimum, record.levels)
    made = {
        NETWORK: (chosen(network, kept), levels),
        **{
            name: (ranged, levels)
            for name, ranged in asked(
                with_intervals(model, baselines, panel), panel, series
            ).items()
        },
        **{name: (ranged, record.levels) for name, ranged in asked(rivals, panel, series).items()},
    }
    names = [panel.names[k] for k in series.tolist()]
    return record.add(origin, names, made, methods[kept], trained)


def series_at(
    panel: Panel,
    origin: int,
    horizon: int,
    lasts: Mapping[tuple[str, ...], int],
    seen: Mapping[Any, int],
) -> np.ndarray:
    """The series to forecast at an origin.

    Args:
        panel: What was known there.
        origin: Grid place of the first row to forecast; a series needs the row before it.
        horizon: H; known-future columns must be known so far.
        lasts: By series, the place after its last row in the whole table: something must come.
        seen: By series, the place after the last row that the network has learned from.
    """
    ends = panel.starts + panel.ends - panel.offsets[:-1]
    judged = [seen.get(name, origin) <= origin < lasts.get(name, 0) for name in panel.names]
    reached = (ends == origin) & np.array(judged, dtype=bool)
    if panel.columns.future:
        reached &= panel.offsets[1:] - panel.ends >= horizon
    return np.flatnonzero(reached)


def written(
    path: Path, source: Source, plan: Plan, record: Record, gates: Sequence[Any]
) -> Backtested:
    """Judge the folds and write what was found: beside the run's files, never over them."""
    judged = record.judgement()
    verdict = decide(judged, record.overlap)
    metrics = {
        "scores": judged.scores,
        "verdict": verdict_json(verdict),
        "folds": record.folds_json(),
        "plan": {
            **asdict(plan),
            "step": plan.step or record.horizon,
            "rivals": list(plan.rivals),
            "gates": list(plan.gates),
        },
    }
    faults = [fault for gate in gates if (fault := gate(judged.scores[NETWORK])) is not None]
    if source.run is not None:
        folder = make_numbered(source.run.backtests)
    else:
        folder = make_numbered(Path("backtests"), f"{path.name.split('.')[0] or 'backtest'}-")
        write_text(folder / "config.yaml", dump_config(source.config))
    write_text(folder / "backtest.csv", csv_text(pd.concat(record.frames, ignore_index=True)))
    write_json(folder / "metrics.json", metrics)
    write_report(folder)
    return Backtested(folder, metrics, verdict, faults)
