"""Rolling origins: where a backtest splits the table, and the model for each origin."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch

from lstmcast.config import Config
from lstmcast.errors import DataError
from lstmcast.forecasting.adaptive import Scores
from lstmcast.forecasting.baselines import Linear
from lstmcast.forecasting.model_file.model import Model
from lstmcast.panel.gaps import fill_gaps
from lstmcast.panel.panel import Panel
from lstmcast.panel.splits import no_cuts
from lstmcast.pipeline.evaluate import (
    calibrate,
    evaluate,
    forecasters,
    levels_for,
    linear_map,
    validation_scores,
    with_fallbacks,
)
from lstmcast.pipeline.fit import fit_model, refit
from lstmcast.pipeline.memory import build_network
from lstmcast.pipeline.new_rows import build_on_grid_of
from lstmcast.pipeline.prepare import prepare_windows
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reading import ReadTable, build_training_panel
from lstmcast.tables.read import Table


@dataclass(frozen=True)
class Fitted:
    """The fitted model and linear baseline of a fold.

    Attributes:
        model: The network with its intervals and fallbacks.
        linear: The linear baseline, fitted on the same rows.
        names: (S,) of the series, in the order of the linear baseline's scales.
        scores: Of the calibrated intervals on the validation windows, for adaptive intervals.
    """

    model: Model
    linear: Linear
    names: list[tuple[str, ...]]
    scores: Scores = field(default_factory=dict)

    def linear_for(self, panel: Panel) -> Linear:
        """The linear baseline for the series of another table; a new series has intercept 0."""
        known = {name: k for k, name in enumerate(self.names)}
        return self.linear.for_series(np.array([known.get(name, -1) for name in panel.names]))


def origins_of(panel: Panel, horizon: int, folds: int, step: int) -> np.ndarray:
    """Grid places of the first row that each fold forecasts, the earliest first.

    The last fold's last step is the last row of the table; folds are `step` rows apart.

    Raises:
        DataError: There are too few rows for the folds.
    """
    last = int((panel.starts + panel.lengths).max()) - horizon
    origins = last - step * np.arange(folds)[::-1]
    if origins[0] <= int(panel.starts.min()):
        raise DataError(
            f"{folds} folds of {horizon} steps, {step} rows apart, start before the first row; "
            "lower --folds or --step"
        )
    return origins


def fit_at(
    config: Config,
    table: Table,
    first: str | None,
    last: str,
    before: Model | None,
    device: torch.device,
    listener: ProgressListener,
) -> Fitted:
    """Train on the rows up to an origin, as `train` does with `data.end`.

    Args:
        config: Of the training.
        table: All rows.
        first: Time stamp of the first row to use; None: from the start.
        last: Time stamp of the last known row.
        before: Model for a warm start, if its sizes are equal; None: random weights.
        device: Of the training.
        listener: Receives progress.

    Raises:
        DataError: There are too few rows.
        Diverged: The training diverged.
    """
    limits = {"end": last} if first is None else {"start": first, "end": last}
    data = config.data.model_copy(update=limits)
    config = config.model_copy(update={"data": data})
    read = ReadTable(table)
    prepared = prepare_windows(read, build_training_panel(read, config), config, listener)
    network, _ = build_network(prepared, device)
    model, fits = fit_model(prepared, network, None, listener, before=before)
    levels = levels_for(prepared, listener)
    forecasts = forecasters(model, prepared, levels)
    validation = evaluate(model, forecasts, prepared, "validation", levels)
    model = calibrate(model, validation)
    model = with_fallbacks(model, forecasts, prepared, validation)
    found = fitted(model, prepared)
    if config.training.refit == "all":
        found = replace(found, model=refit(model, prepared, fits, None, listener))
    return found


def fitted(model: Model, prepared: Prepared) -> Fitted:
    """A model with the linear baseline of its training rows."""
    scores = validation_scores(model, prepared) if prepared.config.forecast.adaptive else {}
    return Fitted(model, linear_map(prepared), prepared.panel.names, scores)


def panel_at(model: Model, config: Config, table: Table, last: str) -> Panel:
    """The table as for `predict --at`: after a time stamp, only known-future columns."""
    panel = model.recoded(build_on_grid_of(model, config.data, table, last))
    return fill_gaps(panel, config.data.gaps, no_cuts(panel), table)
