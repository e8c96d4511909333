"""Prediction intervals: calibration by rank statistics, coverage on drawn data, the files."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.daily import TINY, daily_text

import lstmcast
from lstmcast.forecasting.conformal import (
    conformal,
    fewest_windows,
    find_margins,
    mean_changes,
    round_digits,
)
from lstmcast.forecasting.intervals import Calibration, IntervalForecast, Margins
from lstmcast.forecasting.model_file.model import load_model


def test_the_margin_is_the_smallest_score_that_covers_n_plus_one_times_the_level():
    scores = np.arange(1.0, 20.0)[::-1, None]  # 19 scores, the k-th smallest is k
    assert conformal(scores, 95) == [19]  # ceil(20 * .95)
    assert conformal(scores, 80) == [16]
    assert conformal(scores, 50) == [10]
    assert np.isnan(conformal(scores[:18], 95))  # ceil(19 * .95) = 19 > 18


def test_scores_that_are_missing_are_not_counted():
    scores = np.array([[3.0], [np.nan], [1.0], [2.0], [np.nan], [4.0]])
    assert conformal(scores, 80) == [4]  # ceil(5 * .8) of the four known


@settings(max_examples=200, deadline=None)
@given(level=st.integers(1, 99), extra=st.integers(0, 3))
def test_the_fewest_windows_are_those_from_which_a_margin_is_known(level, extra):
    fewest = fewest_windows(level)
    assert np.isfinite(conformal(np.arange(float(fewest + extra)), level))
    if fewest > 1:
        assert np.isnan(conformal(np.arange(float(fewest - 1)), level))


@pytest.mark.parametrize("n", [19, 39, 100])
def test_a_new_score_lies_within_the_margin_as_often_as_promised(n):
    rng = np.random.default_rng(0)
    scores = rng.exponential(size=(n + 1, 20_000))
    within = scores[n] <= conformal(scores[:n], 80)
    exact = math.ceil((n + 1) * 0.8) / (n + 1)  # the rank of the last among n + 1 is uniform
    assert within.mean() == pytest.approx(exact, abs=4 * math.sqrt(0.16 / 20_000))


def calibration(pooled, own=None, sizes=((1.0,), (2.0,)), levels=(80, 95)):
    """Two series, one target, two steps."""
    margins = Margins(np.array(pooled, dtype=float), np.array([[1.0], [3.0]]), own or {})
    return Calibration(levels, np.array(sizes), np.array([5.0]), {"naive": margins})


POOLED = [[[1.0], [2.0]], [[3.0], [4.0]]]


def test_pooled_margins_grow_with_the_size_of_the_series():
    point = np.full((2, 2, 1), 10.0)
    ranged = calibration(POOLED).widen("naive", IntervalForecast.flat(point, 2), np.array([0, 1]))
    assert ranged.low[:, :, :, 0].tolist() == [[[9, 8], [8, 6]], [[7, 6], [4, 2]]]
    assert (ranged.high - point == point - ranged.low).all()


def test_a_series_with_margins_of_its_own_uses_them_at_every_step():
    own = {1: np.array([[0.5], [np.nan]])}
    point = np.zeros((1, 2, 1))
    ranged = calibration(POOLED, own).widen("naive", IntervalForecast.flat(point, 2), np.array([1]))
    assert ranged.high[:, 0, :, 0].tolist() == [[1, 3], [6, 8]]  # own x typical x size; pooled


def test_a_series_that_never_changed_has_the_usual_size():
    flat = calibration(POOLED, sizes=[[np.nan], [0.0]])
    ranged = flat.widen("naive", IntervalForecast.flat(np.zeros((2, 2, 1)), 2), np.array([0, 1]))
    assert ranged.high[0, :, :, 0].tolist() == [[5, 10], [5, 10]]


def test_bounds_hold_the_forecast_and_each_other_whatever_the_margins():
    # A head that said 8..12 and 5..13 around 10, and was far too careful.
    point, low, high = (np.array(x, dtype=float) for x in (10, [8, 5], [12, 13]))
    ranged = IntervalForecast(
        point.reshape(1, 1, 1), low.reshape(2, 1, 1, 1), high.reshape(2, 1, 1, 1)
    )
    margins = Margins(np.array([[[-1.0]], [[-4.5]]]), np.array([[1.0]]), {})
    narrow = Calibration((80, 95), np.array([[1.0]]), np.array([1.0]), {"x": margins})
    got = narrow.widen("x", ranged, np.array([0]))
    assert got.low.ravel().tolist() == [9, 9] and got.high.ravel().tolist() == [11, 11]
    margins = Margins(np.array([[[-9.0]], [[-4.0]]]), np.array([[1.0]]), {})
    narrow = Calibration((80, 95), np.array([[1.0]]), np.array([1.0]), {"x": margins})
    got = narrow.widen("x", ranged, np.array([0]))
    assert got.low.ravel().tolist() == [10, 9] and got.high.ravel().tolist() == [10, 10]


def test_margins_are_found_per_step_and_per_series_where_windows_suffice():
    rng = np.random.default_rng(1)
    series = np.repeat([0, 1], [400, 30])
    noise = (
        rng.normal(size=(430, 2, 1))
        * np.array([[1.0], [3.0]])
        * np.array([1, 4])[series][:, None, None]
    )
    misses = np.abs(noise)
    sizes = np.array([[1.0], [4.0]])
    found = find_margins(np.stack([misses, misses]), misses, series, sizes, (80, 95))
    assert list(found.own) == [0]  # 30 windows are too few for 95 %
    scaled = misses / sizes[series][:, None]
    expected = np.quantile(scaled, 0.95, axis=0, method="inverted_cdf")
    assert found.pooled[1] == pytest.approx(expected, rel=0.05)
    assert found.pooled[1, 1, 0] / found.pooled[1, 0, 0] == pytest.approx(3, rel=0.2)
    assert found.typical == pytest.approx(scaled.mean(axis=0), rel=1e-5)
    # Of |normal|, the 80 % quantile is 1.2816 and the mean 0.7979.
    assert found.own[0][0, 0] == pytest.approx(1.2816 / 0.7979, rel=0.08)


def test_sizes_are_mean_changes_of_train_rows_between_observed_values():
    values = np.array([1.0, 2, 4, 100, 7, 7, 7, 5])[:, None]
    observed = np.array([1, 1, 1, 1, 1, 1, 1, 0], dtype=bool)[:, None]
    sizes = mean_changes(values, observed, np.array([0, 4]), np.array([3, 8]))
    assert sizes[0, 0] == 1.5
    assert np.isnan(sizes[1, 0])  # constant where it was observed


def test_the_calibration_of_other_series_follows_their_names():
    own = {1: np.array([[0.5], [0.7]])}
    other = calibration(POOLED, own).for_series(np.array([1, -1]), np.array([[9.0], [8.0]]))
    assert other.sizes.tolist() == [[2], [8]]
    assert list(other.margins["naive"].own) == [0]


def test_the_state_survives_json_bit_for_bit():
    rng = np.random.default_rng(2)
    pooled = round_digits(rng.normal(size=(2, 2, 1)) * 10.0 ** rng.integers(-9, 9, (2, 2, 1)))
    pooled[1, 1] = np.nan
    before = calibration(pooled, {1: round_digits(rng.normal(size=(2, 1)))})
    text = json.dumps(before.to_json(), allow_nan=False)
    after = Calibration.from_json(json.loads(text))
    assert after is not None and Calibration.from_json(None) is None
    assert after.levels == before.levels
    for name in ("pooled", "typical"):
        was, now = getattr(before.margins["naive"], name), getattr(after.margins["naive"], name)
        assert was.tobytes() == now.tobytes()
    assert after.margins["naive"].own[1].tobytes() == before.margins["naive"].own[1].tobytes()


def test_the_state_of_a_hundred_thousand_series_stays_small():
    count = 100_000
    sizes = round_digits(np.random.default_rng(3).lognormal(size=(count, 1)))
    margins = Margins(np.zeros((2, 24, 1)), np.ones((24, 1)), {})
    state = Calibration((80, 95), sizes, np.ones(1), {name: margins for name in "abcde"})
    assert len(json.dumps(state.to_json())) < 2e6


# What train and predict write.


@pytest.fixture
def daily(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "daily.csv").write_text(daily_text(400))
    return tmp_path / "daily.csv"


WINDOW = ["-s", "window.lookback=14", "-s", "window.horizon=3"]


def test_train_and_predict_write_the_same_bounds_from_the_model_file_alone(cli, daily):
    assert cli("train", daily, *WINDOW, *TINY, "--run", "r").code == 0
    frame = pd.read_csv("r/forecast.csv")
    names = ["sales_lo95", "sales_lo80", "sales", "sales_hi80", "sales_hi95"]
    assert (frame[names].diff(axis=1).iloc[:, 1:] > 0).all(axis=None)
    assert cli("predict", "r/model.safetensors", daily, "-o", "f.csv").code == 0
    assert (daily.parent / "f.csv").read_bytes() == (daily.parent / "r/forecast.csv").read_bytes()


def test_coverage_in_the_metrics_is_that_of_the_backtest_file(cli, daily):
    assert cli("train", daily, *WINDOW, *TINY, "-s", "window.horizon=1", "--run", "r").code == 0
    frame = pd.read_csv("r/backtest.csv")  # with a horizon of 1 it holds every window
    scores = json.loads((daily.parent / "r/metrics.json").read_text())["test"]["lstmcast"]
    within = (frame.sales_lo80 <= frame.sales_actual) & (frame.sales_actual <= frame.sales_hi80)
    assert scores["coverage_80"] == pytest.approx(within.mean())
    assert scores["width_95"] == pytest.approx((frame.sales_hi95 - frame.sales_lo95).mean())
    assert 0.6 < scores["coverage_80"] < 0.95


def test_without_levels_there_are_no_bounds_and_no_measures_of_them(cli, daily):
    assert cli("train", daily, *WINDOW, *TINY, "-s", "forecast.levels=[]", "--run", "r").code == 0
    assert list(pd.read_csv("r/forecast.csv")) == ["date", "sales", "method"]
    metrics = (daily.parent / "r/metrics.json").read_text()
    assert "coverage" not in metrics and "wql" not in metrics


def test_without_validation_windows_there_are_no_bounds_and_a_note(cli, daily):
    flags = [*WINDOW, *TINY, "-s", "split.validation=0", "--run", "r"]
    outcome = cli("train", daily, *flags)
    assert outcome.code == 0 and "No prediction intervals: no validation window" in outcome.err
    assert list(pd.read_csv("r/forecast.csv")) == ["date", "sales", "method"]


def test_a_level_that_validation_cannot_promise_is_left_out_with_a_note(cli, daily):
    flags = [*WINDOW, *TINY, "-s", "split.validation=20", "--run", "r"]
    outcome = cli("train", daily, *flags)
    assert outcome.code == 0
    words = "No 95 % prediction intervals: their calibration needs 19 validation windows, and "
    assert f"{words}there are 18" in outcome.err
    assert list(pd.read_csv("r/forecast.csv"))[1:] == [
        "sales",
        "sales_lo80",
        "sales_hi80",
        "method",
    ]


def test_bounds_are_raised_to_the_minimum(cli, daily):
    flags = [*WINDOW, *TINY, "-s", "forecast.minimum=48", "--run", "r"]
    assert cli("train", daily, *flags).code == 0
    frame = pd.read_csv("r/backtest.csv")
    bounds = frame[["sales", "sales_lo80", "sales_hi80", "sales_lo95", "sales_hi95"]]
    assert bounds.min().min() == 48 and (frame.sales_lo95 == 48).mean() > 0.2


def test_bounds_see_validation_residuals_and_no_test_row(cli, daily):
    noisy = pd.read_csv(daily)
    noisy.loc[320:, "sales"] = np.random.default_rng(0).normal(1e4, 1e3, 80).round(2)
    noisy.to_csv("noisy.csv", index=False)
    made = []
    for run, table in (("clean", daily), ("spoilt", "noisy.csv")):
        flags = [*WINDOW, *TINY, "-s", "split.test=80", "--run", run]
        assert cli("train", table, *flags).code == 0
        made.append(cli("predict", run, daily).out)
    assert made[0] == made[1] and "sales_lo95" in made[0]


def test_a_name_that_a_bound_needs_is_refused(cli, daily):
    pd.read_csv(daily).assign(sales_lo80=1.0).to_csv("taken.csv", index=False)
    outcome = cli("train", "taken.csv", "-s", "data.target=[sales, sales_lo80]")
    assert outcome.code == 2 and "'sales_lo80'" in outcome.err


def test_a_short_series_gets_the_bounds_of_the_baseline_that_forecasts_it(
    cli, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    rows = ["id,day,y"]
    for name, length in (("long", 300), ("short", 8)):
        walk = 50 + rng.normal(size=length).cumsum()
        days = np.datetime64("2024-12-31") - length + 1 + np.arange(length)
        rows += [f"{name},{day},{value:.3f}" for day, value in zip(days, walk, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    flags = ["-s", "data.series=id", "-s", "data.time=day", "-s", "data.target=y", *WINDOW, *TINY]
    assert cli("train", "t.csv", *flags, "--run", "r").code == 0
    run = lstmcast.Run(tmp_path / "r")
    short = run.forecast[run.forecast.id == "short"]
    assert set(short.method) != {"lstmcast"}
    half = (short.y_hi80 - short.y_lo80) / 2

    model = load_model(tmp_path / "r/model.safetensors", torch.device("cpu"))
    margin = model.calibration.margins[short.method.iloc[0]].pooled[0, :, 0]
    first_two = pd.read_csv("t.csv").query("id == 'short'").y[:2]  # its train rows
    assert half.to_numpy() == pytest.approx(margin * abs(first_two.diff().iloc[1]), abs=1e-3)


def test_a_model_file_whose_margins_do_not_fit_is_refused(tmp_path, monkeypatch):
    from lstmcast.forecasting.model_file.checks import check_described
    from lstmcast.runs.tensors import TensorFile

    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(daily_text(400))
    run = lstmcast.train("t.csv", set=[*WINDOW[1::2], *TINY[1::2]], run="r", device="cpu")
    text = json.dumps(TensorFile(run.path / "model.safetensors", "lstmcast").described)
    check_described(json.loads(text))
    margins = ("calibration", "margins", "lstmcast")
    for place, value in (
        (("calibration", "levels"), [95, 80]),
        (("calibration", "levels"), []),
        (("calibration", "sizes"), [[1.0], [2.0]]),
        (("calibration", "usual"), [1.0, 1.0]),
        (("calibration", "usual"), None),
        (("calibration", "margins"), {}),
        ((*margins, "pooled"), [[[1.0]] * 3]),
        ((*margins, "pooled"), [[[1.0]] * 3, [["x"]] * 3]),
        ((*margins, "typical"), [[1.0]] * 2),
        ((*margins, "own"), {"1": [[1.0], [1.0]]}),
        ((*margins, "own"), {"-1": [[1.0], [1.0]]}),
    ):
        described = json.loads(text)
        part = described
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = value
        with pytest.raises(ValueError):
            check_described(described)
