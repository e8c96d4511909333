"""Coverage: prediction intervals hold the actual as often as their level says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lstmcast

# An autoregressive process around 50, with innovations of t with 5 degrees of freedom: stationary.
ROWS = 12_000


def table(path, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    noise, y = rng.standard_t(5, ROWS), np.zeros(ROWS)
    for k in range(1, ROWS):
        y[k] = 0.7 * y[k - 1] + noise[k]
    days = pd.date_range("1990-01-01", periods=ROWS)
    pd.DataFrame({"day": days, "y": (50 + y).round(4)}).to_csv(path, index=False)


@pytest.mark.slow
@pytest.mark.parametrize("head", ["point", "quantiles", "normal", "student_t"])
def test_coverage_is_within_three_points_of_the_level(head, tmp_path):
    table(tmp_path / "t.csv")
    settings = {
        "network.head": head,
        "network.units": "[16]",
        "window.lookback": 16,
        "window.horizon": 6,
        "split.validation": 2500,
        "split.test": 5000,
        "training.learning_rate": 0.01,
        "training.max_epochs": 4,
    }
    overrides = [f"{name}={value}" for name, value in settings.items()]
    run = lstmcast.train(tmp_path / "t.csv", set=overrides, run=tmp_path / "run", device="cpu")
    for name, scores in run.metrics["test"].items():
        for level in (80, 95):
            steps = np.array(scores["per_step"][f"coverage_{level}"])
            assert scores[f"coverage_{level}"] == pytest.approx(level / 100, abs=0.03), name
            assert steps == pytest.approx(level / 100, abs=0.045), name
    assert run.metrics["test"]["lstmcast"]["crps"] < run.metrics["test"]["naive"]["crps"]


@pytest.mark.slow
@pytest.mark.parametrize("head", ["poisson", "negative_binomial"])
def test_counts_are_covered_at_least_as_often_as_promised(head, tmp_path):
    rng = np.random.default_rng(1)
    rate = 4 + 3 * np.sin(2 * np.pi * np.arange(6000) / 7)
    size = 1.5
    sold = rng.poisson(rate) if head == "poisson" else rng.poisson(rng.gamma(size, rate / size))
    days = pd.date_range("2000-01-01", periods=6000)
    pd.DataFrame({"day": days, "sold": sold}).to_csv(tmp_path / "t.csv", index=False)
    settings = {
        "network.head": head,
        "network.units": "[16]",
        "window.lookback": 14,
        "window.horizon": 7,
        "split.validation": 1500,
        "split.test": 2000,
        "training.learning_rate": 0.01,
        "training.max_epochs": 6,
    }
    overrides = [f"{name}={value}" for name, value in settings.items()]
    run = lstmcast.train(tmp_path / "t.csv", set=overrides, run=tmp_path / "run", device="cpu")
    scores = run.metrics["test"]["lstmcast"]
    for level in (80, 95):
        # Whole numbers cannot hit a level: the next bound out may hold a good deal more.
        assert level / 100 - 0.03 < scores[f"coverage_{level}"] < 1
    assert scores["skill"] > 0


@pytest.mark.slow
def test_each_series_of_a_mixed_panel_is_covered(tmp_path):
    """A calm and a restless series: pooled margins alone would cover one too often."""
    rng = np.random.default_rng(2)
    days = pd.date_range("2000-01-01", periods=6000)
    shapes = {"calm": rng.normal(0, 1, 6000), "wild": rng.standard_t(3, 6000) * 20}
    parts = [
        pd.DataFrame({"id": name, "day": days, "y": (100 + v).round(4)})
        for name, v in shapes.items()
    ]
    pd.concat(parts).to_csv(tmp_path / "t.csv", index=False)
    settings = {
        "data.series": "id",
        "data.time": "day",
        "data.target": "y",
        "network.units": "[8]",
        "window.lookback": 7,
        "window.horizon": 1,
        "split.validation": 2000,
        "split.test": 3000,
        "training.max_epochs": 3,
    }
    overrides = [f"{name}={value}" for name, value in settings.items()]
    run = lstmcast.train(tmp_path / "t.csv", set=overrides, run=tmp_path / "run", device="cpu")
    frame = pd.read_csv(run.path / "backtest.csv")
    for level in (80, 95):
        within = frame.y_actual.between(frame[f"y_lo{level}"], frame[f"y_hi{level}"])
        assert within.groupby(frame.id).mean().to_numpy() == pytest.approx(level / 100, abs=0.03)
