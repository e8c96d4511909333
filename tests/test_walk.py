"""Forecasts of windows are made once for all who judge, and by any number of threads the same."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import daily_text

import lstmcast
from lstmcast.forecasting import walk
from lstmcast.forecasting.intervals import Ranged
from lstmcast.forecasting.walk import Chunk, thinned
from lstmcast.series.windows import WindowIndex
from lstmcast.workflows import judge

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
    monkeypatch.setattr(walk, "THREADS", 4)
    found = train(tmp_path, "many")
    for split in ("validation", "test"):
        for name, scores in expected[split].items():
            assert found[split][name]["mae"] == pytest.approx(scores["mae"], rel=1e-6)
            assert found[split][name]["windows"] == scores["windows"]


def test_validation_windows_are_forecast_once_for_scores_and_margins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Any
) -> None:
    walked: list[tuple[int, int]] = []
    original = judge.walk

    def counted(forecasts: Any, panel: Any, index: Any, horizon: int, judges: Any) -> None:
        walked.append((len(index), len(judges)))
        original(forecasts, panel, index, horizon, judges)

    monkeypatch.setattr(judge, "walk", counted)
    whole = train(tmp_path, "whole")
    (validation, judges), (test, alone) = walked
    assert (judges, alone) == (2, 1)
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
        def see(self, chunk: Chunk) -> None:
            assert threading.current_thread() is threading.main_thread()

        def take(self, name: str, made: Ranged, chunk: Chunk) -> None:
            raise AssertionError("nothing was made")

    def fails(origins: np.ndarray, series: np.ndarray) -> Ranged:
        raise ZeroDivisionError("of a forecaster")

    with pytest.raises(ZeroDivisionError, match="of a forecaster"):
        walk.walk({"one": fails}, Panel(), index, 2, [Nobody()])  # type: ignore[arg-type]
