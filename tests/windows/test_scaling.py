"""Scalers against pandas on the fitted rows, and only on these."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmcast.windows.scaling import Scaler, fit_scaler

METHODS = ["standard", "minmax", "robust"]


def by_pandas(method: str, fitted: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Center and scale of the columns of one group; missing values are NaN."""
    if method == "standard":
        center, scale = fitted.mean(), fitted.std(ddof=0)
    elif method == "minmax":
        center, scale = fitted.min(), fitted.max() - fitted.min()
    else:
        center, scale = fitted.median(), fitted.quantile(0.75) - fitted.quantile(0.25)
    return center.fillna(0).to_numpy(), scale.where(scale > 0, 1).to_numpy()


def example(seed: int, lengths: list[int]) -> dict[str, np.ndarray]:
    """Rows of some series with levels of their own, a third missing, and the rows to fit on."""
    rng = np.random.default_rng(seed)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    levels = np.repeat(rng.normal(0, 1000, (len(lengths), 3)), lengths, axis=0)
    return {
        "values": levels + rng.normal(0, 5, (ends[-1], 3)),
        "observed": rng.random((ends[-1], 3)) < 0.67,
        "starts": starts,
        "ends": starts + rng.integers(0, np.array(lengths) + 1),
    }


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.sampled_from(METHODS),
)
def test_each_method_is_pandas_per_series_and_over_all(seed, lengths, method):
    data = example(seed, lengths)
    frame = pd.DataFrame(data["values"]).where(data["observed"])
    parts = [frame[a:b] for a, b in zip(data["starts"], data["ends"], strict=True)]
    own = fit_scaler(method, "series", **data)
    for s, part in enumerate(parts):
        center, scale = by_pandas(method, part)
        np.testing.assert_allclose(own.center[s], center, rtol=1e-9)
        np.testing.assert_allclose(own.scale[s], scale, rtol=1e-7)
    shared = fit_scaler(method, "all", **data)
    center, scale = by_pandas(method, pd.concat(parts))
    np.testing.assert_allclose(shared.center, [center] * len(parts), rtol=1e-9)
    np.testing.assert_allclose(shared.scale, [scale] * len(parts), rtol=1e-7)


@pytest.mark.parametrize("per", ["series", "all"])
@pytest.mark.parametrize("method", METHODS)
def test_rows_outside_the_fitted_ones_and_missing_values_change_nothing(method, per):
    data = example(1, [20, 1, 30, 10])
    rows = np.arange(len(data["values"]))[:, None]
    fitted = ((rows >= data["starts"]) & (rows < data["ends"])).any(axis=1)
    assert 0 < fitted.sum() < len(fitted)
    noise = np.random.default_rng(2).normal(0, 1e6, data["values"].shape)
    unseen = ~fitted[:, None] | ~data["observed"]
    other = data | {
        "values": np.where(unseen, noise, data["values"]),
        "observed": np.where(fitted[:, None], data["observed"], True),
    }
    assert fit_scaler(method, per, **other).to_json() == fit_scaler(method, per, **data).to_json()


@pytest.mark.parametrize("method", METHODS)
def test_constant_and_empty_columns_get_the_scale_one(method):
    values = np.tile([0.3, -7.3e9, 0.0, 1.0], (10, 1))  # summed, ten 0.3 are not quite 3
    observed = np.tile([True, True, True, False], (10, 1))
    scaler = fit_scaler(method, "series", values, observed, np.array([0]), np.array([10]))
    assert scaler.scale.tolist() == [[1, 1, 1, 1]]
    np.testing.assert_allclose(scaler.center, [[0.3, -7.3e9, 0, 0]], rtol=1e-13)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_a_small_but_real_spread_is_kept(method, size):
    values = size * np.array([[1.0], [1.001], [1.002], [1.003]])
    scaler = fit_scaler(method, "all", values, values > 0, np.array([0]), np.array([4]))
    np.testing.assert_allclose(scaler.scale[0], by_pandas(method, pd.DataFrame(values))[1])


def test_a_series_without_train_rows_is_scaled_only_together_with_others():
    values = np.array([[1.0], [3.0], [50.0]])
    spans = {"starts": np.array([0, 2]), "ends": np.array([2, 2])}
    own = fit_scaler("standard", "series", values, values > 0, **spans)
    assert own.center.tolist() == [[2], [0]] and own.scale.tolist() == [[1], [1]]
    shared = fit_scaler("standard", "all", values, values > 0, **spans)
    assert shared.center.tolist() == [[2], [2]] and shared.scale.tolist() == [[1], [1]]


def test_none_leaves_the_units_of_the_data():
    data = example(3, [5, 6])
    scaler = fit_scaler("none", "series", **data)
    scaled = scaler.transform(data["values"], np.repeat([0, 1], [5, 6]))
    np.testing.assert_array_equal(scaled, data["values"])


def test_transform_uses_the_scale_of_each_rows_series():
    scaler = Scaler("standard", np.array([[1.0, 10.0], [2.0, 20.0]]), np.array([[2.0, 1], [4, 5]]))
    rows = np.array([[5.0, 10.0], [10.0, 30.0], [1.0, 11.0]])
    assert scaler.transform(rows, np.array([0, 1, 0])).tolist() == [[2, 0], [2, 2], [0, 1]]


@pytest.mark.parametrize("method", METHODS)
def test_train_rows_come_out_as_the_method_promises(method):
    data = example(4, [60, 80]) | {"ends": np.array([60, 140])}
    data["observed"][:] = True
    scaler = fit_scaler(method, "series", **data)
    scaled = scaler.transform(data["values"], np.repeat([0, 1], [60, 80]))
    for part in (scaled[:60], scaled[60:]):
        center, scale = by_pandas(method, pd.DataFrame(part))
        np.testing.assert_allclose(center, 0, atol=1e-12)
        np.testing.assert_allclose(scale, 1)


@pytest.mark.parametrize("method", [*METHODS, "none"])
def test_the_state_comes_back_from_json_bit_for_bit(method):
    scaler = fit_scaler(method, "series", **example(5, [7, 9, 1]))
    again = Scaler.from_json(json.loads(json.dumps(scaler.to_json(), allow_nan=False)))
    assert again.method == method
    for one, other in ((scaler.center, again.center), (scaler.scale, again.scale)):
        assert one.dtype == other.dtype and one.tobytes() == other.tobytes()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("per", ["series", "all"])
@pytest.mark.parametrize("at_once", [1 << 22, 5])
def test_numbers_whose_squares_overflow_have_a_spread(method, per, at_once, limits):
    limits(ROWS_AT_ONCE=at_once)
    small = np.array([1.0, 2.0, 5.0, 3.0, 2.5, 8.0])
    values = np.concatenate([small, 2.0**1000 * small])[:, None]
    starts, ends = np.array([0, 6]), np.array([6, 12])
    scaler = fit_scaler(method, per, values, np.ones_like(values, dtype=bool), starts, ends)
    groups = [values[:6, 0], values[6:, 0]] if per == "series" else [values[:, 0]] * 2
    for k, group in enumerate(groups):
        unit = 2.0**1000 if group.max() > 8 else 1.0
        center, scale = by_pandas(method, pd.DataFrame(group / unit))
        np.testing.assert_allclose(scaler.center[k], unit * center)
        np.testing.assert_allclose(scaler.scale[k], unit * scale)
