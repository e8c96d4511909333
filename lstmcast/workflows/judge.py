"""How a trained network does beside the baselines: what train scores and writes of the past."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

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
    judge,
)
from lstmcast.workflows.prepare import Prepared


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
            panel,
            prepared.windows,
            prepared.linear_scaler,
            lookback,
            horizon,
            config.forecast.minimum,
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
