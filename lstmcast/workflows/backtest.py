"""`lstmcast backtest`: forecasts of a run or a config from past origins, and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from lstmcast.backtesting.folds import Fitted, fit_at, panel_at
from lstmcast.backtesting.gate import parse_gates
from lstmcast.backtesting.plan import Plan, Source, fold_origins, open_source
from lstmcast.backtesting.record import Record, asked, chosen
from lstmcast.config import dump_config
from lstmcast.forecasting.classical import require_rivals, rival_forecasts
from lstmcast.forecasting.forecasters import baseline_forecasts
from lstmcast.forecasting.predict import with_intervals
from lstmcast.forecasting.share_across_ranks import share_all_across_ranks
from lstmcast.judging.scores import NETWORK
from lstmcast.judging.verdict import Verdict, decide
from lstmcast.panel.panel import Panel
from lstmcast.parallel import ranks
from lstmcast.pipeline.evaluate import verdict_json
from lstmcast.pipeline.forecast import forecast_series
from lstmcast.pipeline.progress import Fold, FoldListener, ProgressListener
from lstmcast.pipeline.reading import build_training_panel, read_training_table
from lstmcast.pipeline.run_tables import csv_text
from lstmcast.reporting.page_files import write_report
from lstmcast.runs.atomic import write_json, write_text
from lstmcast.runs.numbered import numbered_folder
from lstmcast.tables.read import Table


@dataclass(frozen=True)
class Backtested:
    """Result of a backtest.

    Attributes:
        folder: The folder of its files.
        metrics: The content of metrics.json.
        verdict: The network against the best of the other forecasters.
        faults: Messages of the gates that failed; empty if all passed.
    """

    folder: Path
    metrics: dict[str, Any]
    verdict: Verdict
    faults: list[str]


def backtest(
    path: Path,
    plan: Plan,
    overrides: Sequence[str],
    device: torch.device,
    listener: ProgressListener,
) -> Backtested:
    """Forecast from past origins, each with the rows known there, and score the forecasts.

    Args:
        path: A run folder, a config or a table.
        plan: Origins, training, rivals and gates.
        overrides: `section.key=value`, for the config.
        device: Trains and forecasts.
        listener: Receives each fold.

    Raises:
        ConfigError: The plan cannot be carried out.
        DataError: The table has a fault, or too few rows.
        RunError: The run is missing or damaged.
    """
    require_rivals(plan.rivals)
    source = open_source(path, plan, overrides, device, listener)
    config = source.config
    gates = parse_gates(plan.gates, config.forecast.levels)
    read = read_training_table(config, listener, source.table)
    panel, table = build_training_panel(read, config), read.table
    listener.read(table, panel)
    step = plan.step or config.window.horizon
    origins = fold_origins(panel, source, plan.folds, step)
    record = Record(config, panel, origins, step)
    listener.folds(len(origins))
    try:
        run_folds(source, plan, record, table, origins, device, listener)
    finally:
        listener.folds_done()
    return score_and_write(path, source, plan, record, [gate.fault for gate in gates])


def run_folds(
    source: Source,
    plan: Plan,
    record: Record,
    table: Table,
    origins: np.ndarray,
    device: torch.device,
    listener: ProgressListener,
) -> None:
    """Forecast from each origin in turn; train again at the origins that the plan sets."""
    fit, model, training = source.fitted, source.model, source.config.training
    trainings = training.members * (2 if training.refit == "all" else 1)
    for number, origin in enumerate(origins.tolist()):
        trains = fit is None or (plan.refit > 0 and number % plan.refit == 0)
        if trains:
            limits = [origin - plan.rows] if plan.rows else []
            *first, last = record.panel.format_times(np.array([*limits, origin - 1]))
            before, listens = (
                model if plan.warm else None,
                FoldListener(listener, number, trainings),
            )
            fit = fit_at(source.config, table, [*first, None][0], last, before, device, listens)
        assert fit is not None
        if record.adaptive is not None and (trains or number == 0):
            record.adaptive.restart(fit.scores, fit.model.minimum)
        model = fit.model
        listener.fold(forecast_fold(record, origin, fit, source, table, plan, trains))


def forecast_fold(
    record: Record,
    origin: int,
    fit: Fitted,
    source: Source,
    table: Table,
    plan: Plan,
    trained: bool,
) -> Fold:
    """Forecast all series with a row right before an origin, with all forecasters."""
    model, horizon = fit.model, source.config.window.horizon
    last = record.panel.format_times(np.array([origin - 1]))[0]
    panel = panel_at(model, source.config, table, last)
    series = series_at(panel, origin, horizon, record.lasts, source.seen or {})
    # As in `predict`, series that ended before are forecast too, then dropped: the last bits of a
    # forecast depend on the size of its batch.
    made_at_once = series if panel.columns.future else np.arange(panel.series_count)
    network, methods = forecast_series(model, panel, made_at_once, ProgressListener())
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
        **{
            name: (ranged, record.levels)
            for name, ranged in asked(share_all_across_ranks(rivals), panel, series).items()
        },
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
        panel: The rows known at the origin.
        origin: Grid position of the first row to forecast; a series needs the row before it.
        horizon: H; future covariates must cover it.
        lasts: By series, the position after its last row in the whole table: an actual must follow.
        seen: By series, the position after the last row that the network was trained on.
    """
    ends = panel.starts + panel.ends - panel.offsets[:-1]
    judged = [seen.get(name, origin) <= origin < lasts.get(name, 0) for name in panel.names]
    reached = (ends == origin) & np.array(judged, dtype=bool)
    if panel.columns.future:
        reached &= panel.offsets[1:] - panel.ends >= horizon
    return np.flatnonzero(reached)


def score_and_write(
    path: Path, source: Source, plan: Plan, record: Record, gates: Sequence[Any]
) -> Backtested:
    """Score the folds and write the results next to the files of the run, never over them."""
    judged = record.split_scores()
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
            "adaptive": record.adaptive is not None,
        },
    }
    faults = [fault for gate in gates if (fault := gate(judged.scores[NETWORK])) is not None]
    folder = str(write_files(path, source, record, metrics)) if ranks().first else None
    return Backtested(Path(ranks().broadcast(folder)), metrics, verdict, faults)


def write_files(path: Path, source: Source, record: Record, metrics: dict[str, Any]) -> Path:
    """Write the files of a backtest into a new folder."""
    if source.run is not None:
        new_folder = numbered_folder(source.run.backtests)
    else:
        new_folder = numbered_folder(Path("backtests"), f"{path.name.split('.')[0] or 'backtest'}-")
    with new_folder as folder:
        if source.run is None:
            write_text(folder / "config.yaml", dump_config(source.config))
        write_text(folder / "backtest.csv", csv_text(pd.concat(record.frames, ignore_index=True)))
        write_json(folder / "metrics.json", metrics)
        write_report(folder)
    return folder
