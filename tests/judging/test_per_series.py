"""Scores of each series in metrics.json, against those of the forecasts themselves."""

import json

import numpy as np
import pandas as pd
import pytest

import lstmcast
from lstmcast.runs.atomic import json_text

SMALL = [
    "window.lookback=7",
    "window.horizon=1",
    "network.units=3",
    "training.max_epochs=1",
    "data.target=y",
]


def panel(names):
    random = np.random.default_rng(0)
    parts = []
    for k, name in enumerate(names):
        days = pd.date_range("2024-01-01", periods=80)
        values = random.normal(10 * (k + 1), k + 1, 80)
        parts.append(pd.DataFrame({"shop": name, "day": days, "y": values}))
    return pd.concat(parts)


def test_each_series_has_the_errors_of_its_own_test_forecasts(tmp_path):
    panel("ab").to_csv(tmp_path / "t.csv", index=False)
    run = lstmcast.train(tmp_path / "t.csv", set=SMALL, run=tmp_path / "r", device="cpu")
    listed = json.loads((run.path / "metrics.json").read_text())["per_series"]
    assert [entry["series"] for entry in listed] == [{"shop": "a"}, {"shop": "b"}]
    # With a horizon of one, the origins of backtest.csv are all test windows.
    past = pd.read_csv(run.path / "backtest.csv")
    for entry in listed:
        own = past[past["shop"] == entry["series"]["shop"]]
        error = (own["y"] - own["y_actual"]).abs()
        assert entry["lstmcast"]["mae"] == pytest.approx(error.mean(), rel=1e-6)
        inside = own["y_actual"].between(own["y_lo80"], own["y_hi80"])
        assert entry["lstmcast"]["coverage_80"] == pytest.approx(inside.mean())
        assert set(entry) == {"series", "lstmcast", "naive", "seasonal_naive", "drift", "linear"}


def test_one_series_has_no_list_of_its_own(tmp_path):
    panel("a").drop(columns="shop").to_csv(tmp_path / "t.csv", index=False)
    run = lstmcast.train(tmp_path / "t.csv", set=SMALL, run=tmp_path / "r", device="cpu")
    assert "per_series" not in run.metrics


def test_a_series_that_never_changes_lies_within_its_bounds(tmp_path):
    days = pd.date_range(
        "2024-01-01", periods=300
    )  # 30 validation windows: the widest level needs 19
    pd.DataFrame({"day": days, "y": 7.0}).to_csv(tmp_path / "t.csv", index=False)
    run = lstmcast.train(tmp_path / "t.csv", set=SMALL, run=tmp_path / "r", device="cpu")
    assert run.metrics["test"]["lstmcast"]["coverage_80"] == 1
    assert run.metrics["test"]["lstmcast"]["coverage_95"] == 1


def test_json_of_many_series_has_one_in_each_line() -> None:
    few = {"a": [{"x": 1.5, "s": "line\nbreak"}] * 3, "b": {"c": [1, None]}, "d": [], "e": {}}
    assert json_text(few) == json.dumps(few, indent=2)
    many = {"note": "ü", "rows": [{"x": k, "y": {"z": [k, 2]}} for k in range(30)], "last": True}
    text = json_text(many)
    assert json.loads(text) == many
    assert '\n    {"x": 7, "y": {"z": [7, 2]}},\n' in text
    with pytest.raises(ValueError):
        json_text({"rows": [{"x": float("nan")}] * 30})
