"""Forecasts of windows are made once for all who judge, and by any number of threads the same."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.daily import daily_text

import lstmcast
from lstmcast.forecasting.intervals import IntervalForecast
from lstmcast.judging import evaluation
from lstmcast.judging.evaluation import WindowChunk, thinned
from lstmcast.pipeline import evaluate
from lstmcast.windows.windows import WindowIndex

SMALL = ["window.lookback=7", "window.horizon=2", "network.units=3", "training.max_epochs=1"]


def train(folder: Path, name: str) -> dict[str, Any]:
    """The scores of a small training."""
    table = folder / "daily.csv"
    table.write_text(daily_text(rows=400))
    run = lstmcast.train(table, set=SMALL, run=folder / name, device="cpu")
    metrics: dict[str, Any] = json.loads((run.path / "metrics.json").read_text())
    return metrics


@pytest.mark.parametrize("at_once", [20, 2_000_000])
def test_scores_do_not_depend_on_threads_or_chunks(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Any
) -> None:
    expected = train(tmp_path, "alone")
    limits(FORECAST_AT_ONCE=at_once)
    monkeypatch.setattr(evaluation, "THREADS", 4)
    found = train(tmp_path, "many")
    for split in ("validation", "test"):
        for name, scores in expected[split].items():
            assert found[split][name]["mae"] == pytest.approx(scores["mae"], rel=1e-6)
            assert found[split][name]["windows"] == scores["windows"]


def test_validation_windows_are_forecast_once_for_scores_and_margins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Any
) -> None:
    walked: list[tuple[int, int]] = []
    original = evaluate.forecast_windows

    def counted(forecasts: Any, panel: Any, index: Any, horizon: int, observers: Any) -> None:
        walked.append((len(index), len(observers)))
        original(forecasts, panel, index, horizon, observers)

    monkeypatch.setattr(evaluate, "forecast_windows", counted)
    whole = train(tmp_path, "whole")
    (validation, observers), (test, alone) = walked
    assert (observers, alone) == (2, 1)
    # Beyond so many values, margins are found on every third window, and scores on all.
    walked.clear()
    limits(CALIBRATING_POINTS=2 * -(-validation // 3))
    few = train(tmp_path, "few")
    assert walked == [(-(-validation // 3), 1), (validation, 1), (test, 1)]
    assert few["validation"] == whole["validation"]
    assert few["test"]["naive"]["mae"] == whole["test"]["naive"]["mae"]
    assert few["test"]["naive"]["width_80"] != whole["test"]["naive"]["width_80"]


def test_windows_are_thinned_within_each_series(limits: Any) -> None:
    limits(CALIBRATING_POINTS=40)
    index = WindowIndex(*(np.array(part) for part in ([0, 1], [0, 100], [50, 30], [1, 1])))
    assert len(thinned(index, 1)) == 25 + 15
    limits(CALIBRATING_POINTS=80)
    assert thinned(index, 1) is index


def test_what_a_forecaster_raises_comes_out() -> None:
    index = WindowIndex(*(np.array(part) for part in ([0], [0], [5], [1])))

    class Panel:
        class columns:
            targets = ("y",)

        targets = np.zeros((10, 1))
        targets_observed = np.ones((10, 1), dtype=bool)

    class Nobody:
        def on_windows(self, chunk: WindowChunk) -> None:
            assert threading.current_thread() is threading.main_thread()

        def on_forecast(self, name: str, made: IntervalForecast, chunk: WindowChunk) -> None:
            raise AssertionError("nothing was made")

    def fails(origins: np.ndarray, series: np.ndarray) -> IntervalForecast:
        raise ZeroDivisionError("of a forecaster")

    with pytest.raises(ZeroDivisionError, match="of a forecaster"):
        evaluation.forecast_windows({"one": fails}, Panel(), index, 2, [Nobody()])  # type: ignore[arg-type]
