"""Baselines against numbers by hand; ridge against the normal equations solved outright."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import linalg, optimize

from lstmcast.forecasting import baselines
from lstmcast.forecasting.baselines import (
    History,
    Linear,
    drift,
    feasible_baselines,
    fit_linear,
    naive,
    seasonal_naive,
)
from lstmcast.forecasting.ridge import DEFAULT_PENALTY, PENALTIES

Chunks = Callable[[], Iterator[tuple[np.ndarray, np.ndarray]]]


def chunks(origins: np.ndarray, series: np.ndarray | int = 0, size: int = 7) -> Chunks:
    """The windows in chunks of `size`, from the start on every call."""
    series = np.broadcast_to(series, origins.shape)

    def again() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, len(origins), size):
            yield origins[start : start + size], series[start : start + size]

    return again


nothing = chunks(np.array([], dtype=int))


def all_windows(
    offsets: np.ndarray, horizon: int, start: float = 0.0, end: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Origins and series of all windows in a part of every series, starts padded."""
    origins, series = [], []
    for s, (first, last) in enumerate(pairwise(offsets)):
        length = last - first
        own = np.arange(first + max(1, int(start * length)), first + int(end * length) + 1)
        own = own[own + horizon <= first + int(end * length)]
        origins.append(own)
        series.append(np.full(len(own), s))
    return np.concatenate(origins), np.concatenate(series)


def panel(seed: int = 0, targets: int = 2) -> History:
    """Two series of different size, a wave under noise; the first 40 rows, the second 70."""
    rng = np.random.default_rng(seed)
    t = np.arange(110)[:, None]
    values = np.sin(t * 0.7) + rng.normal(0, 0.3, (110, targets)) + 4
    values[40:] *= 100
    return History(values, np.array([0, 40, 110]))


def scales(history: History) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation per series, each (S, C)."""
    parts = [history.values[a:b] for a, b in pairwise(history.offsets)]
    return np.array([p.mean(0) for p in parts]), np.array([p.std(0) for p in parts])


def design(
    history: History, origins: np.ndarray, series: np.ndarray, lookback: int, horizon: int, c: int
) -> tuple[np.ndarray, np.ndarray]:
    """The windows written out one by one: scaled, padded, the last value subtracted."""
    center, scale = scales(history)
    x, y = [], []
    for o, s in zip(origins, series, strict=True):
        z = (history.values[:, c] - center[s, c]) / scale[s, c]
        past = z[max(o - lookback, history.offsets[s]) : o]
        past = np.concatenate([np.full(lookback - len(past), past[0]), past])
        x.append(past - past[-1])
        y.append(z[o : o + horizon] - past[-1])
    return np.array(x), np.array(y)


def closed_form(x: np.ndarray, y: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """Ridge with a free intercept: one linear system with a column of ones."""
    unit = (x**2).sum() / x.shape[1]
    ones = np.column_stack([x, np.ones(len(x))])
    cost = np.diag([penalty * unit] * x.shape[1] + [0.0])
    solution = np.linalg.solve(ones.T @ ones + cost, ones.T @ y)
    return solution[:-1], solution[-1]


def test_simple_baselines_equal_their_values_by_hand() -> None:
    values = np.array([[9, 1], [1, 10], [2, 20], [4, 40], [7, 30]], dtype=float)
    history = History(values, np.array([0, 1, 5]))
    at = np.array([4]), np.array([1])
    assert naive(history, *at, 2).tolist() == [[[4, 40], [4, 40]]]
    assert seasonal_naive(history, *at, 5, 2)[0, :, 0].tolist() == [2, 4, 2, 4, 2]
    assert seasonal_naive(history, *at, 4, 3)[0, :, 1].tolist() == [10, 20, 40, 10]
    assert drift(history, *at, 2).tolist() == [[[5.5, 55], [7, 70]]]


def test_the_future_after_the_last_row_can_be_forecast() -> None:
    history = panel()
    origins, series = np.array([40, 110]), np.array([0, 1])
    assert (naive(history, origins, series, 3)[:, 2] == history.values[[39, 109]]).all()
    assert (seasonal_naive(history, origins, series, 12, 12)[0] == history.values[28:40]).all()


def test_windows_too_short_for_a_baseline_get_the_naive_forecast() -> None:
    history = panel()
    origins, series = np.array([1, 11, 12]), np.zeros(3, dtype=int)
    got, plain = seasonal_naive(history, origins, series, 3, 12), naive(history, origins, series, 3)
    assert (got[:2] == plain[:2]).all()
    assert (got[2] == history.values[:3]).all()
    assert (drift(history, origins, series, 3)[0] == plain[0]).all()


def test_feasible_baselines_are_those_with_enough_rows() -> None:
    assert feasible_baselines(0, 12) == ()
    assert feasible_baselines(1, 12) == ("naive",)
    assert feasible_baselines(1, 1) == ("naive", "seasonal_naive")
    assert feasible_baselines(11, 12) == ("naive", "drift")
    assert feasible_baselines(12, 12) == ("naive", "seasonal_naive", "drift")


def fitted(history: History, lookback: int = 6, horizon: int = 4) -> Linear:
    train = all_windows(history.offsets, horizon, 0, 0.6)
    judge = all_windows(history.offsets, horizon, 0.6, 0.8)
    return fit_linear(history, chunks(*train), chunks(*judge), lookback, horizon, *scales(history))


@pytest.mark.parametrize("after", [np.nan, 1e30])
@pytest.mark.parametrize("name", baselines.names)
def test_no_forecast_sees_a_row_from_its_origin_on(name: str, after: float) -> None:
    history = panel()
    model = fitted(history)
    forecasts = {
        "naive": naive,
        "drift": drift,
        "linear": model.forecast,
        "seasonal_naive": lambda *args: seasonal_naive(*args, 5),
    }
    for origin, series in [(3, 0), (30, 0), (40, 0), (41, 1), (90, 1), (110, 1)]:
        corrupt = history.values.copy()
        corrupt[origin:] = after
        corrupt[: history.offsets[series]] = after  # nor one of another series
        at = np.array([origin]), np.array([series])
        want = forecasts[name](history, *at, 4)
        got = forecasts[name](History(corrupt, history.offsets), *at, 4)
        assert np.isfinite(want).all() and want.shape == (1, 4, 2)
        assert got.tobytes() == want.tobytes()


def test_a_forecast_without_a_known_row_is_refused() -> None:
    with pytest.raises(AssertionError, match="at least one known row"):
        naive(panel(), np.array([40]), np.array([1]), 2)


@pytest.mark.parametrize("elements", [40, 1 << 22])
@pytest.mark.parametrize("lookback", [1, 6, 50])
def test_the_fit_equals_the_normal_equations_and_the_best_penalty_of_a_search(
    lookback: int, elements: int, limits: Any
) -> None:
    limits(BASELINE_NUMBERS_AT_ONCE=elements)
    history, horizon = panel(1), 4
    train = all_windows(history.offsets, horizon, 0, 0.6)
    judge = all_windows(history.offsets, horizon, 0.6, 1)
    model = fit_linear(history, chunks(*train), chunks(*judge), lookback, horizon, *scales(history))
    for c in range(2):
        x, y = design(history, *train, lookback, horizon, c)
        x_judge, y_judge = design(history, *judge, lookback, horizon, c)
        if lookback == 1:  # the one input is the last value, subtracted from itself
            np.testing.assert_allclose(model.intercept[c], y.mean(0))
            continue
        errors = []
        for penalty in PENALTIES:
            b, intercept = closed_form(x, y, penalty)
            errors.append(((y_judge - x_judge @ b - intercept) ** 2).mean())
        assert model.penalty[c] == PENALTIES[np.argmin(errors)]
        b, intercept = closed_form(x, y, model.penalty[c])
        np.testing.assert_allclose(model.coefficients[c], b, atol=1e-8)
        np.testing.assert_allclose(model.intercept[c], intercept, atol=1e-8)


def test_the_forecast_is_the_map_applied_to_scaled_padded_windows() -> None:
    history = panel(2)
    model = fitted(history)
    origins, series = all_windows(history.offsets, 4)
    got = model.forecast(history, origins, series, 3)
    _, scale = scales(history)
    for c in range(2):
        x, _ = design(history, origins, series, 6, 4, c)
        last = history.values[origins - 1, c][:, None]
        z = x @ model.coefficients[c] + model.intercept[c]
        np.testing.assert_allclose(got[:, :, c], (last + z * scale[series, c][:, None])[:, :3])


def test_without_validation_windows_the_stated_penalty_is_taken() -> None:
    history = panel(3)
    train = all_windows(history.offsets, 4, 0, 0.6)
    model = fit_linear(history, chunks(*train), nothing, 6, 4, *scales(history))
    x, y = design(history, *train, 6, 4, 1)
    b, intercept = closed_form(x, y, DEFAULT_PENALTY)
    assert (model.penalty == DEFAULT_PENALTY).all()
    np.testing.assert_allclose(model.coefficients[1], b, atol=1e-10)
    np.testing.assert_allclose(model.intercept[1], intercept, atol=1e-10)
    # and b is what minimises the penalised error, found by a search that knows no ridge
    unit = (x**2).sum() / 6

    def cost(w: np.ndarray) -> float:
        return ((y[:, 0] - x @ w[:6] - w[6]) ** 2).sum() + DEFAULT_PENALTY * unit * w[:6] @ w[:6]

    found = optimize.minimize(cost, np.zeros(7), tol=1e-10).x
    np.testing.assert_allclose(model.coefficients[1][:, 0], found[:6], atol=1e-5)


def test_fewer_windows_than_inputs_and_none_at_all() -> None:
    history = panel(4)
    few = np.array([20, 21, 22])
    model = fit_linear(history, chunks(few), nothing, 15, 2, *scales(history))
    x, y = design(history, few, np.zeros(3, int), 15, 2, 0)
    # the same solution from the side of the windows: B = X' (X X' + k I)^-1 Y
    unit = (x**2).sum() / 15
    xm, ym = x - x.mean(0), y - y.mean(0)
    dual = xm.T @ linalg.solve(xm @ xm.T + DEFAULT_PENALTY * unit * np.eye(3), ym, assume_a="pos")
    np.testing.assert_allclose(model.coefficients[0], dual, atol=1e-10)

    none = fit_linear(history, nothing, nothing, 15, 2, *scales(history))
    at = np.array([30, 80]), np.array([0, 1])
    assert np.isinf(none.penalty).all()
    assert (none.forecast(history, *at, 2) == naive(history, *at, 2)).all()


def test_a_linear_recurrence_is_recovered() -> None:
    values = np.zeros((200, 1))
    for t in range(200):  # two waves: an exact recurrence of order four, level 10
        values[t] = 10 + np.sin(0.5 * t) + 0.4 * np.cos(1.3 * t)
    history, offsets = History(values, np.array([0, 200])), np.array([0, 200])
    train = all_windows(offsets, 8, 0.1, 0.6)
    judge = all_windows(offsets, 8, 0.6, 0.8)
    model = fit_linear(history, chunks(*train), chunks(*judge), 12, 8, *scales(history))
    origins, series = all_windows(offsets, 8, 0.8, 1)
    got = model.forecast(history, origins, series, 8)[:, :, 0]
    want = values[origins[:, None] + np.arange(8), 0]
    np.testing.assert_allclose(got, want, atol=1e-5)
    assert np.abs(naive(history, origins, series, 8)[:, :, 0] - want).max() > 1


def test_a_straight_line_goes_on() -> None:
    values = 1e6 + 0.3 * np.arange(100.0)[:, None]
    history = History(values, np.array([0, 100]))
    train, judge = np.arange(10, 60), np.arange(60, 80)
    model = fit_linear(history, chunks(train), chunks(judge), 10, 5, *scales(history))
    got = model.forecast(history, np.array([100]), np.array([0]), 5)[0, :, 0]
    np.testing.assert_allclose(got, 1e6 + 0.3 * np.arange(100, 105), rtol=0, atol=1e-5)


def test_windows_with_a_filled_target_step_are_left_out_for_that_target() -> None:
    whole = panel(5)
    observed = np.ones(whole.values.shape, bool)
    observed[50, 0] = False
    origins = np.arange(50, 100)
    masked = History(whole.values, whole.offsets, observed)
    center, scale = scales(whole)
    got = fit_linear(masked, chunks(origins, 1), nothing, 6, 4, center, scale)
    rest = fit_linear(whole, chunks(origins[1:], 1), nothing, 6, 4, center, scale)
    all_of_them = fit_linear(whole, chunks(origins, 1), nothing, 6, 4, center, scale)
    np.testing.assert_allclose(got.coefficients[0], rest.coefficients[0], atol=1e-12)
    np.testing.assert_allclose(got.coefficients[1], all_of_them.coefficients[1], atol=1e-12)
    assert not np.allclose(got.coefficients[0], all_of_them.coefficients[0], rtol=1e-6)


@pytest.mark.parametrize("size", [0.0, np.nan])
def test_a_series_without_a_scale_is_not_learned_from_but_forecast(size: float) -> None:
    history = panel(6)
    center, scale = scales(history)
    scale[0] = size
    origins, series = all_windows(history.offsets, 4)
    own = series == 1
    got = fit_linear(history, chunks(origins, series), nothing, 6, 4, center, scale)
    rest = fit_linear(history, chunks(origins[own], 1), nothing, 6, 4, center, scale)
    np.testing.assert_allclose(got.coefficients, rest.coefficients, atol=1e-10)
    forecast = got.forecast(history, np.array([20]), np.array([0]), 4)[0, :, 0]
    x = history.values[14:20, 0]
    np.testing.assert_allclose(forecast, x[-1] + (x - x[-1]) @ got.coefficients[0])


def test_series_of_different_size_count_alike() -> None:
    history = panel(7)
    center, scale = scales(history)
    factor = np.where(np.arange(110) < 40, 1.0, 1e6)[:, None]
    larger = History(history.values * factor, history.offsets)
    windows = chunks(*all_windows(history.offsets, 4))
    small = fit_linear(history, windows, nothing, 6, 4, center, scale)
    grown = np.array([[1.0], [1e6]])
    large = fit_linear(larger, windows, nothing, 6, 4, center * grown, scale * grown)
    np.testing.assert_allclose(large.coefficients, small.coefficients, atol=1e-10)
