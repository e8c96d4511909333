"""`lstmcast predict`: from a run and a table to the forecast after its last rows."""

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
    """What predict gave.

    Attributes:
        forecast: As in forecast.csv.
        panel: What it was made from.
        model: What made it.
        sources: Path, sha256 and rows of each table that was read: `data`, and `future`.
        shared: Whether the forecast is of this rank's share of the series, not of all.
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
        at: Take this stamp (or row number) for the last row.
        future: A second table, with the known-future columns of the steps after the last row.
        device: Where to compute.
        listener: Is told what happens.
        whole: Whether each of several ranks is to have the forecasts of all series, not only those
            of its own share; with a wide table, each has.

    Raises:
        ConfigError: A model file alone was given without a table.
        DataError: The table cannot be read or does not match the run.
        RunError: The run is missing or damaged.
    """
    if data == "-" and not ranks().alone:
        raise ConfigError("DATA is -, and every process reads the table for itself: name a file")
    model, panel, sources = open_table(run, data, at, future, device, listener)
    shared = not (whole or ranks().alone or model.config.data.layout == "wide")
    share = ranks().share(panel.series_count) if shared else None
    forecast = forecast_panel(model, panel, listener, share)
    return Predicted(forecast, panel, model, sources, shared)
