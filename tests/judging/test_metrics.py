"""Metrics against numbers by hand and against pandas."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstmcast.errors import Diverged
from lstmcast.judging.error_scales import ErrorScales, error_scales
from lstmcast.judging.metrics import Scores, names


def of(mae: float, mse: float, mean: float = 0.0, deviation: float = 1.0) -> ErrorScales:
    """ErrorScales of one series and one target."""
    return ErrorScales(*(np.array([[x]], dtype=float) for x in (mae, mse, mean, deviation)))


def score(forecast: list[float], actual: list[float], scale: ErrorScales) -> dict:
    """One window of one target."""
    scores = Scores(["y"], len(forecast), scale)
    scores.update(np.array(forecast)[None, :, None], np.array(actual)[None, :, None], np.array([0]))
    return scores.result()


def panel(seed: int = 0) -> dict:
    """Three series (one shorter than the season), two targets, a tenth missing; 40 windows."""
    rng = np.random.default_rng(seed)
    lengths = np.array([60, 3, 45])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = rng.normal(5, 3, (lengths.sum(), 2))
    observed = rng.random(values.shape) > 0.1
    train_end = offsets[:-1] + np.array([40, 3, 30])
    forecast, actual = rng.normal(5, 3, (2, 40, 4, 2))
    actual[rng.random(actual.shape) < 0.1] = np.nan
    actual[0, 0, 0] = 0.0
    series = rng.integers(0, 3, 40)
    table = {"values": values, "observed": observed, "offsets": offsets, "train_end": train_end}
    return {"table": table, "forecast": forecast, "actual": actual, "series": series}


def test_every_measure_equals_its_value_by_hand() -> None:
    # errors 1, -2, 0; error_scales 2 and 8; deviation 4
    got = score([1.0, 4.0, 5.0], [2.0, 2.0, 5.0], of(2, 8, 3, 4))
    assert got["mae"] == pytest.approx(1)
    assert got["mse"] == pytest.approx(5 / 3)
    assert got["rmse"] == pytest.approx(math.sqrt(5 / 3))
    assert got["smape"] == pytest.approx((200 / 3 + 400 / 6 + 0) / 3)
    assert got["mape"] == pytest.approx((50 + 100 + 0) / 3)
    assert got["mase"] == pytest.approx(0.5)
    assert got["rmsse"] == pytest.approx(math.sqrt(5 / 3 / 8))
    assert got["scaled"] == pytest.approx({"mse": 5 / 3 / 16, "mae": 0.25})
    assert (got["windows"], got["points"]) == (1, 3)
    assert got["per_step"]["rmse"] == pytest.approx([1, 2, 0])
    assert set(got["per_step"]) == set(got["per_target"]["y"]) == set(names)


def test_mape_leaves_out_zero_actuals_and_smape_counts_a_hit_zero_as_no_error() -> None:
    got = score([0.0, 3.0], [0.0, 2.0], of(1, 1))
    assert got["mape"] == pytest.approx(50)
    assert got["smape"] == pytest.approx((0 + 40) / 2)
    assert got["per_step"]["mape"] == [None, pytest.approx(50)]
    assert score([1.0, 3.0], [0.0, 0.0], of(1, 1))["mape"] is None
    assert score([1.0], [0.0], of(1, 1))["smape"] == pytest.approx(200)


@pytest.mark.parametrize("scale", [0.0, math.nan])
def test_a_series_without_error_scales_has_no_scaled_errors(scale: float) -> None:
    got = score([1.0], [2.0], of(scale, scale, scale, scale))
    assert got["mase"] is got["rmsse"] is got["scaled"]["mse"] is got["scaled"]["mae"] is None
    assert got["mae"] == 1.0

    two = Scores(["y"], 1, ErrorScales(*[np.array([[scale], [4.0]])] * 4))
    two.update(np.array([[[1.0]], [[1.0]]]), np.array([[[2.0]], [[3.0]]]), np.array([0, 1]))
    got = two.result()
    assert (got["mae"], got["mase"], got["rmsse"]) == (1.5, 0.5, 1.0)
    assert got["scaled"] == {"mse": 0.25, "mae": 0.5}


def test_nothing_scored_is_null_throughout_and_the_result_is_plain_json() -> None:
    empty = Scores(["y"], 2, of(1, 1)).result()
    unknown = score([1.0, 2.0], [math.nan, math.nan], of(1, 1))
    assert (empty["windows"], unknown["windows"]) == (0, 1)
    for got in (empty, unknown):
        assert all(got[name] is None for name in names)
        assert got["points"] == 0
        assert got["per_step"]["mae"] == [None, None]
    assert json.loads(json.dumps(unknown, allow_nan=False)) == unknown
    assert type(score([1.0], [2.0], of(1, 1))["mae"]) is float


def test_a_forecast_that_is_no_number_is_refused_with_its_place() -> None:
    with pytest.raises(Diverged, match=r"'y', step 2, in window 1 is nan"):
        score([1.0, math.nan], [1.0, 1.0], of(1, 1))
    assert score([1.0, math.nan], [1.0, math.nan], of(1, 1))["points"] == 1


def test_pieces_give_what_one_piece_gives() -> None:
    data = panel()
    scale = error_scales(**data["table"], season=4)
    whole, pieces = Scores(["a", "b"], 4, scale), Scores(["a", "b"], 4, scale)
    arrays = data["forecast"], data["actual"], data["series"]
    whole.update(*arrays)
    for start, end in [(0, 1), (1, 1), (1, 17), (17, 40)]:
        pieces.update(*(array[start:end] for array in arrays))
    one, other = (pd.json_normalize(scores.result()).T[0] for scores in (whole, pieces))
    assert list(one.index) == list(other.index)
    for key in one.index:
        np.testing.assert_allclose(one[key], other[key], rtol=1e-12, err_msg=key)


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("points", [1, 3 * 8, 1 << 14])
def test_scores_do_not_depend_on_how_many_points_are_reckoned_together(
    points: int, in_order: bool, limits: Any
) -> None:
    """A series' windows may lie in several pieces, and between those of other series."""
    data = panel()
    series = np.sort(data["series"]) if in_order else data["series"]
    scale = error_scales(**data["table"], season=4)
    limits(SCORED_AT_ONCE=points)
    scores = Scores(["a", "b"], 4, scale)
    missed = scores.update(data["forecast"], data["actual"], series)
    misses = np.abs(data["forecast"] - data["actual"])
    np.testing.assert_allclose(missed, np.nansum(misses, axis=(1, 2)), rtol=1e-12)
    for s in range(3):
        got, own, unit = scores.of_series(s), misses[series == s], scale.seasonal_mae[s]
        assert got["mae"] == pytest.approx(np.nanmean(own), rel=1e-12)
        expected = None if np.isnan(unit).all() else pytest.approx(np.nanmean(own / unit))
        assert got["mase"] == expected
    assert np.isnan(scale.seasonal_mae).all(axis=1).tolist() == [False, True, False]


def test_measures_equal_pandas_on_a_panel_with_missing_values() -> None:
    data = panel(1)
    scale = error_scales(**data["table"], season=4)
    scores = Scores(["a", "b"], 4, scale)
    scores.update(data["forecast"], data["actual"], data["series"])
    got = scores.result()

    index = pd.MultiIndex.from_product([range(40), range(4), range(2)], names=["b", "h", "c"])
    flat = pd.DataFrame({"f": data["forecast"].ravel(), "y": data["actual"].ravel()}, index)
    flat = flat.reset_index().dropna()
    place = data["series"][flat.b], flat.c
    e = flat.y - flat.f
    rows = pd.DataFrame(
        {
            "h": flat.h,
            "c": flat.c,
            "mae": e.abs(),
            "mse": e**2,
            "bias": -e,
            "smape": 200 * e.abs() / (flat.y.abs() + flat.f.abs()),
            "mape": (100 * (e / flat.y).abs()).where(flat.y != 0),
            "mase": e.abs() / scale.seasonal_mae[place],
            "rmsse": e**2 / scale.seasonal_mse[place],
            "z": e / scale.deviation[place],
        }
    )
    assert rows.mase.isna().any()  # the short series
    assert rows.mape.isna().any()

    def expected(part: pd.DataFrame) -> dict[str, float]:
        mean = part.mean()
        roots = {"rmse": mean.mse**0.5, "rmsse": mean.rmsse**0.5}
        return {name: roots[name] if name in roots else mean[name] for name in names}

    assert {name: got[name] for name in names} == pytest.approx(expected(rows))
    for c, name in enumerate("ab"):
        assert got["per_target"][name] == pytest.approx(expected(rows[rows.c == c]))
    for h in range(4):
        step = {name: got["per_step"][name][h] for name in names}
        assert step == pytest.approx(expected(rows[rows.h == h]))
    assert got["scaled"] == pytest.approx({"mse": (rows.z**2).mean(), "mae": rows.z.abs().mean()})
    assert got["points"] == len(rows)


def test_error_scales_equal_pandas_per_series() -> None:
    table = panel(2)["table"]
    got = error_scales(**table, season=4)
    for s in range(3):
        own = slice(table["offsets"][s], table["train_end"][s])
        train = pd.DataFrame(table["values"][own]).where(table["observed"][own])
        change = train.diff(4)
        np.testing.assert_allclose(got.mean[s], train.mean())
        np.testing.assert_allclose(got.deviation[s], train.std(ddof=0))
        np.testing.assert_allclose(got.seasonal_mae[s], change.abs().mean())
        np.testing.assert_allclose(got.seasonal_mse[s], (change**2).mean())
    assert np.isnan(got.seasonal_mae[1]).all()


def test_error_scales_see_train_rows_only_and_no_filled_value() -> None:
    table = panel(3)["table"]
    before = error_scales(**table, season=4)
    values = np.where(table["observed"], table["values"], np.nan)
    for s in range(3):
        values[table["train_end"][s] : table["offsets"][s + 1]] = 1e9
    after = error_scales(**(table | {"values": values}), season=4)
    for name in ("seasonal_mae", "seasonal_mse", "mean", "deviation"):
        assert getattr(before, name).tobytes() == getattr(after, name).tobytes()


def test_empty_and_constant_series_have_no_error_scale() -> None:
    values = np.concatenate([np.full(30, 0.1), np.arange(6.0), np.sin(np.arange(48) * np.pi / 12)])
    offsets = np.array([0, 0, 30, 30, 36, 84])
    got = error_scales(values[:, None], np.ones((84, 1), bool), offsets, offsets[1:], season=24)
    empty = [0, 2]
    assert np.isnan(got.mean[empty]).all() and np.isnan(got.deviation[empty]).all()
    assert got.deviation[1, 0] == 0.0
    assert got.mean[1, 0] == pytest.approx(0.1)
    # constant, shorter than the season, and a sine that repeats itself up to rounding
    assert np.isnan(got.seasonal_mae).all() and np.isnan(got.seasonal_mse).all()
    steps = error_scales(values[:, None], np.ones((84, 1), bool), offsets, offsets[1:], season=2)
    assert steps.seasonal_mae[3, 0] == 2.0
    assert steps.seasonal_mse[3, 0] == 4.0
