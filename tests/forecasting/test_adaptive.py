"""Adaptive conformal intervals: they follow drifting data, and read nothing of the future."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.daily import TINY, daily_text

from lstmcast.forecasting.adaptive import KEPT, RATE, Adaptive, largest_margin
from lstmcast.forecasting.intervals import IntervalForecast

FLAGS = ["-s", "window.lookback=14", "-s", "window.horizon=3", *TINY]
ADAPTIVE = ["-s", "forecast.adaptive=true"]


def forecast(half: list[float], horizon: int = 1) -> IntervalForecast:
    """A forecast of 0 of one series, with an interval of this half width for each level."""
    shape = (len(half), 1, horizon, 1)
    bounds = np.array(half)[:, None, None, None] * np.ones(shape)
    return IntervalForecast(np.zeros(shape[1:]), -bounds, bounds)


def run_folds(
    actuals: np.ndarray, levels: list[float], half: list[float], first: np.ndarray, horizon: int = 1
) -> np.ndarray:
    """(folds, levels, H) half widths given at origins one row apart; actual k is of row k."""
    adaptive = Adaptive(levels)
    scores = np.abs(first)[None, :, None, None] - np.array(half)[:, None, None, None]
    scores = np.broadcast_to(scores, (len(levels), len(first), horizon, 1))
    adaptive.restart({"lstmcast": {("a",): scores}}, None)
    given = []
    for place in range(len(actuals) - horizon + 1):
        adaptive.add_actuals(place)
        actual = actuals[place : place + horizon].reshape(1, horizon, 1)
        ranged = forecast(half, horizon)
        made = adaptive.adapt("lstmcast", ["lstmcast"], [("a",)], place, ranged, actual)
        given.append(made.high[:, 0, :, 0])
    return np.array(given)


def by_hand(actuals: np.ndarray, level: float, first: np.ndarray, step: int) -> list[float]:
    """The same for one level and step, word for word from the paper, with a list and a loop."""
    asked, scores, given = 1 - level / 100, np.abs(first).tolist(), list[float]()
    for place in range(len(actuals)):
        due = place - step - 1  # the forecast of `due` is of row due + step, the last row known
        if due >= 0:
            actual = abs(actuals[due + step])
            missed = actual > given[due] + 1e-12
            asked += RATE * ((1 - level / 100) - missed)
            scores.append(actual)
        pool = sorted(scores[-KEPT + step :]) if len(scores) > KEPT - step else sorted(scores)
        k = math.ceil(round((len(pool) + 1) * (1 - asked), 9))
        given.append(pool[min(max(k, 1), len(pool)) - 1])
    return given


def test_the_half_widths_are_those_of_the_method_done_by_hand() -> None:
    rng = np.random.default_rng(0)
    first, actuals = rng.normal(size=60), rng.normal(size=90) * np.linspace(1, 3, 90)
    given = run_folds(actuals, [80, 95], [0.0, 0.0], first, horizon=2)
    for place, level in enumerate((80, 95)):
        for step in (0, 1):
            expected = np.array(by_hand(actuals, level, first, step)[: len(given)])
            if level == 95:  # never narrower than the lower level's
                lower = np.array(by_hand(actuals, 80, first, step)[: len(given)])
                expected = np.maximum(expected, lower)
            np.testing.assert_allclose(given[:, place, step], expected, rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_drifting_data_is_covered_where_plain_intervals_cover_too_little(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.normal(size=300)
    actuals = rng.normal(size=1000) * np.linspace(1, 4, 1000)
    levels = [80, 95]
    plain = np.quantile(np.abs(first), [0.8, 0.95])
    given = run_folds(actuals, levels, plain.tolist(), first)[:, :, 0]
    for k, level in enumerate(levels):
        held = np.abs(actuals) <= given[:, k]
        assert (np.abs(actuals) <= plain[k]).mean() < level / 100 - 0.2
        assert held.mean() == pytest.approx(level / 100, abs=0.02)
        assert held[-300:].mean() == pytest.approx(level / 100, abs=0.04)


def test_calm_data_narrows_the_intervals_that_restless_validation_rows_made_wide() -> None:
    rng = np.random.default_rng(0)
    first, actuals = 5 * rng.normal(size=300), rng.normal(size=600)
    plain = float(np.quantile(np.abs(first), 0.8))
    given = run_folds(actuals, [80], [plain], first)[:, 0, 0]
    assert (np.abs(actuals) <= plain).mean() > 0.99
    assert given[-1] < plain / 3
    assert (np.abs(actuals[-300:]) <= given[-300:]).mean() == pytest.approx(0.8, abs=0.04)


def test_a_far_step_counts_when_its_row_is_known_and_not_before() -> None:
    first, actuals = np.linspace(0.1, 1, 50), np.full(40, 9.0)
    given = run_folds(actuals, [80], [0.0], first, horizon=3)[:, 0]
    moved = [int(np.flatnonzero(given[:, step] != given[0, step])[0]) for step in range(3)]
    assert moved == [1, 2, 3]


def test_missing_actuals_and_levels_without_bounds_teach_nothing() -> None:
    first = np.linspace(0.1, 1, 50)
    given = run_folds(np.full(30, np.nan), [80], [0.0], first)
    assert (given == given[0]).all()
    adaptive = Adaptive([80, 99])
    ranged = forecast([1.0, np.nan])
    for place in range(20):
        adaptive.add_actuals(place)
        made = adaptive.adapt("theta", ["theta"], [("a",)], place, ranged, np.full((1, 1, 1), 5.0))
        assert np.isnan(made.low[1]).all() and made.high[0, 0, 0, 0] >= 1.0
    assert made.high[0, 0, 0, 0] == 5.0


def test_bounds_hold_the_forecast_and_stay_above_the_minimum() -> None:
    adaptive = Adaptive([80])
    adaptive.restart({"lstmcast": {("a",): np.full((1, 50, 1, 1), -9.0)}}, None)
    made = adaptive.adapt(
        "lstmcast", ["lstmcast"], [("a",)], 0, forecast([1.0]), np.zeros((1, 1, 1))
    )
    assert made.low.item() == made.high.item() == 0.0
    adaptive.restart({"lstmcast": {("a",): np.full((1, 50, 1, 1), 9.0)}}, -2.0)
    made = adaptive.adapt(
        "lstmcast", ["lstmcast"], [("a",)], 1, forecast([1.0]), np.zeros((1, 1, 1))
    )
    assert made.low.item() == -2.0 and made.high.item() == 10.0


def test_the_margin_is_the_smallest_score_that_enough_of_them_stay_below() -> None:
    scores = [np.full((1, 1, 1), float(value)) for value in (3, 1, 2, np.nan)]
    for level, expected in ((0.25, 1), (0.5, 2), (0.75, 3), (0.8, 3), (1.4, 3), (-0.3, 1)):
        assert largest_margin(scores, np.full((1, 1, 1), level)).item() == expected
    below = [-score for score in scores]
    assert largest_margin(below, np.full((1, 1, 1), 0.9)).item() == 0  # not inwards for want of n
    assert largest_margin([], np.zeros((2, 3, 1))).tolist() == np.zeros((2, 3, 1)).tolist()


# ---------------------------------------------------------------- the command


@pytest.fixture
def run(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(daily_text(240))
    assert cli("train", "t.csv", *FLAGS, "-s", "split.validation=60", "--run", "r").code == 0
    return Path("r")


def found(folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    return json.loads((folder / "metrics.json").read_text()), pd.read_csv(folder / "backtest.csv")


def test_a_trained_run_can_be_tested_with_adaptive_bounds(cli: Any, run: Path) -> None:
    assert cli("backtest", run, "--step", 1).code == 0
    outcome = cli("backtest", run, "--step", 1, *ADAPTIVE)
    assert outcome.code == 0, outcome.err
    (plain, before), (adaptive, after) = (found(run / f"backtests/000{k}") for k in (1, 2))
    assert adaptive["plan"]["adaptive"] and not plain["plan"]["adaptive"]
    bounds = [name for name in before if "_lo" in name or "_hi" in name]
    pd.testing.assert_frame_equal(before.drop(columns=bounds), after.drop(columns=bounds))
    for name in plain["scores"]:
        scores = adaptive["scores"][name]
        assert scores["mae"] == plain["scores"][name]["mae"]
        assert scores["width_80"] != plain["scores"][name]["width_80"]
    assert (after.sales_lo95 <= after.sales_lo80).all() and (after.sales_lo80 <= after.sales).all()
    outcome = cli("backtest", run, *ADAPTIVE, "-s", "training.seed=3")
    assert outcome.code == 2 and "add --refit 1" in outcome.err


def test_bounds_read_nothing_of_what_came_after_their_origin(cli: Any, run: Path) -> None:
    frames = []
    for spoil in (False, True):
        table = pd.read_csv("t.csv")
        if spoil:
            table.loc[220:, "sales"] = 1e4
            table.to_csv("t.csv", index=False)
        assert cli("backtest", run, "--step", 1, *ADAPTIVE).code == 0
        frames.append(found(run / f"backtests/000{len(frames) + 1}")[1])
    known = frames[0].origin <= pd.read_csv("t.csv").date[219]
    assert 20 < known.groupby(frames[0].origin).first().sum() < 40
    drop = {"columns": "sales_actual"}
    pd.testing.assert_frame_equal(frames[0][known].drop(**drop), frames[1][known].drop(**drop))
    later = ~known & (frames[0].step == 1)
    assert (frames[1][later].sales - frames[1][later].sales_lo95).max() > 1000


def test_folds_that_are_trained_anew_adapt_too(cli: Any, run: Path) -> None:
    flags = [*FLAGS, *ADAPTIVE, "-s", "split.validation=40", "-s", "training.refit=all"]
    outcome = cli("backtest", "t.csv", *flags, "--folds", 6, "--step", 1, "--refit", 3)
    assert outcome.code == 0, outcome.err
    metrics, frame = found(Path("backtests/t-0001"))
    assert [fold["trained"] for fold in metrics["folds"]] == [True, False, False] * 2
    assert frame.sales_lo80.notna().all()


def test_without_levels_there_is_nothing_to_adapt(cli: Any, run: Path) -> None:
    outcome = cli("train", "t.csv", *FLAGS, *ADAPTIVE, "-s", "forecast.levels=[]")
    assert outcome.code == 2 and "needs prediction intervals" in outcome.err


@pytest.mark.slow
def test_a_backtest_on_a_growing_variance_is_covered_as_promised(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    n = np.arange(1400)
    y, noise = np.zeros(1400), rng.normal(size=1400) * np.where(n < 900, 1, 1 + (n - 900) / 200)
    for k in range(1, 1400):
        y[k] = 0.6 * y[k - 1] + noise[k]
    days = pd.date_range("2015-01-01", periods=1400)
    pd.DataFrame({"day": days, "y": (50 + y).round(4)}).to_csv("t.csv", index=False)
    flags = [*FLAGS, "-s", "split.validation=300", "-s", "split.test=500"]
    assert cli("train", "t.csv", *flags, "--run", "r").code == 0
    coverage = []
    for settings in ([], ADAPTIVE):
        assert cli("backtest", "r", "--step", 1, *settings).code == 0
        scores = found(Path(f"r/backtests/000{len(coverage) + 1}"))[0]["scores"]
        coverage.append([scores["lstmcast"][f"coverage_{level}"] for level in (80, 95)])
    assert coverage[0][0] < 0.7 and coverage[0][1] < 0.88
    assert coverage[1] == pytest.approx([0.8, 0.95], abs=0.03)
