"""`lstmcast predict`: the forecast of a run after the last rows of a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from lstmcast.errors import ConfigError
from lstmcast.forecasting.model_file.model import Model
from lstmcast.panel.panel import Panel
from lstmcast.parallel import ranks
from lstmcast.pipeline.forecast import forecast_panel
from lstmcast.pipeline.open_run import open_table
from lstmcast.pipeline.progress import ProgressListener


@dataclass(frozen=True)
class Predicted:
    """Result of predict.

    Attributes:
        forecast: In the form of forecast.csv.
        panel: The table that it continues.
        model: The model that made it.
        sources: Path, sha256 and rows of each table: `data`, and `future`.
        shared: Whether it covers only this rank's share of the series.
    """

    forecast: pd.DataFrame
    panel: Panel
    model: Model
    sources: dict[str, dict[str, Any]]
    shared: bool = False


def predict(
    run: Path,
    data: str | None,
    at: str | None,
    future: str | None,
    device: torch.device,
    listener: ProgressListener,
    whole: bool = True,
) -> Predicted:
    """Forecast every series of a table after its last row.

    Args:
        run: A run folder, or a `model.safetensors` alone.
        data: A CSV or Parquet file or `-`; None: the table of the training.
        at: Time stamp (or row number) of the last row to use.
        future: A second table, with the future covariates of the steps after the last row.
        device: Computes the forecast.
        listener: Receives progress and notes.
        whole: Whether each rank returns the forecasts of all series instead of its share; with a
            wide table, each rank always does.

    Raises:
        ConfigError: A model file without a table.
        DataError: The table cannot be read or does not match the run.
        RunError: The run is missing or damaged.
    """
    if data == "-" and not ranks().alone:
        raise ConfigError("DATA is -, but each process reads the table itself: name a file")
    model, panel, sources = open_table(run, data, at, future, device, listener)
    shared = not (whole or ranks().alone or model.config.data.layout == "wide")
    share = ranks().share(panel.series_count) if shared else None
    forecast = forecast_panel(model, panel, listener, share)
    return Predicted(forecast, panel, model, sources, shared)
