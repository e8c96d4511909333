"""The scores of benchmarks/accuracy.py, worked out by hand."""

import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "accuracy.py"


@pytest.fixture(scope="module")
def accuracy():
    spec = importlib.util.spec_from_file_location("accuracy", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["accuracy"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["accuracy"]


def test_m4_scores_are_those_of_the_competition(accuracy, tmp_path):
    past = [10.0] * 24 + [12.0] * 26  # a season back, 24 of 26 values differ by 2 and 2 by 0
    columns = ["V1", *(f"V{k}" for k in range(2, 53))]
    train = pd.DataFrame([["H1", *past, None]], columns=columns)
    train.to_csv(tmp_path / "M4-Hourly-train.csv", index=False)
    test = pd.DataFrame([["H1", 12.0, 8.0]], columns=["V1", "V2", "V3"])
    test.to_csv(tmp_path / "M4-Hourly-test.csv", index=False)
    forecast = pd.DataFrame({"series": "H1", "step": [51, 52], "value": [12.0, 12.0]})
    smape, mase, owa = accuracy.m4_scores(forecast, tmp_path)
    assert smape == pytest.approx(200 * (4 / 20) / 2)
    assert mase == pytest.approx(2 / (48 / 26))
    assert owa == pytest.approx((smape / 18.383 + mase / 2.395) / 2)


@pytest.mark.parametrize("name", ["etth1", "etth1-96", "m4-hourly"])
def test_every_benchmark_is_a_config_that_the_schema_takes(accuracy, name, tmp_path):
    from lstmcast.config import load_config

    benchmark = accuracy.BENCHMARKS[name]
    for horizon in benchmark.horizons:
        path = tmp_path / "c.yaml"
        path.write_text(benchmark.config.format(data=tmp_path, horizon=horizon))
        assert load_config(path).window.horizon == horizon
    width = len(benchmark.horizons) * len(benchmark.measures)
    assert all(len(row) == width for row in benchmark.published.values())
