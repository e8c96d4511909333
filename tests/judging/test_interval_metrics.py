"""Every measure against utilsforecast and scoringrules, on random panels with missing values."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest
import scoringrules
import utilsforecast.losses as outside

from lstmcast.judging.error_scales import ErrorScales, error_scales
from lstmcast.judging.metrics import Scores, interval_names, names

EXACT = {"rel": 1e-9, "abs": 1e-12}
LEVELS = (80, 95)
TAILS = {0.025: "m-lo-95", 0.1: "m-lo-80", 0.5: "m", 0.9: "m-hi-80", 0.975: "m-hi-95"}
S, N, H, C = 4, 60, 5, 2


def panel(seed: int) -> dict:
    """Windows of four series, two targets; a tenth of the actuals is missing."""
    rng = np.random.default_rng(seed)
    values = rng.normal(5, 3, (S * 50, C))
    scale = error_scales(
        values, np.ones_like(values, dtype=bool), np.arange(S + 1) * 50,
        np.arange(1, S + 1) * 50, 4,
    )  # fmt: skip
    actual, point = rng.normal(5, 3, (2, N, H, C))
    actual[rng.random(actual.shape) < 0.1] = np.nan
    widths = rng.exponential(2, (2, 2, N, H, C)).cumsum(axis=1)  # the second level is wider
    low, high = point - widths[0], point + widths[1]
    series = np.sort(rng.integers(0, S, N))
    scores = Scores(["a", "b"], H, scale, LEVELS)
    for part in (slice(0, 23), slice(23, N)):  # in two batches
        scores.update(point[part], actual[part], series[part], low[:, part], high[:, part])
    index = pd.MultiIndex.from_product([range(N), range(H), range(C)], names=["n", "h", "c"])
    flat = pd.DataFrame(
        {
            "y": actual.ravel(), "m": point.ravel(),
            "m-lo-80": low[0].ravel(), "m-hi-80": high[0].ravel(),
            "m-lo-95": low[1].ravel(), "m-hi-95": high[1].ravel(),
        },
        index,
    ).reset_index()  # fmt: skip
    flat["series"] = series[flat.n]
    return {"scores": scores, "flat": flat.dropna(), "scale": scale, "values": values}


def integrated(actual: float, quantiles: np.ndarray) -> float:
    """Twice the pinball loss over all probabilities, quantiles between the known ones on lines."""

    def loss(p: float) -> float:
        above = actual - np.interp(p, list(TAILS), quantiles)
        return 2 * max(p * above, (p - 1) * above)

    corners = [*TAILS, float(np.interp(actual, quantiles, list(TAILS)))]
    ends = np.array([0, *sorted(corners), 1])
    # Between corners the loss is a cubic at most: Gauss with two points is exact there.
    middle, half = (ends[1:] + ends[:-1]) / 2, (ends[1:] - ends[:-1]) / 2
    nodes = middle[:, None] + half[:, None] * np.array([-1, 1]) / math.sqrt(3)
    return float(sum(h * (loss(a) + loss(b)) for h, (a, b) in zip(half, nodes, strict=True)))


def expected(rows: pd.DataFrame, scale: ErrorScales) -> dict[str, float]:
    """All measures of some points by utilsforecast and scoringrules."""
    frame = rows.assign(unique_id=0, ds=range(len(rows)))
    of = {
        name: getattr(outside, name)(frame, models=["m"])["m"].iloc[0]
        for name in ("mae", "mse", "rmse", "bias")
    }
    # There percentages are fractions, and smape is half of M4's.
    of["mape"] = 100 * outside.mape(frame, models=["m"])["m"].iloc[0]
    of["smape"] = 200 * outside.smape(frame, models=["m"])["m"].iloc[0]
    place = rows.series.to_numpy(), rows.c.to_numpy()
    miss = (rows.y - rows.m).abs()
    of["mase"] = (miss / scale.seasonal_mae[place]).mean()
    of["rmsse"] = math.sqrt((miss**2 / scale.seasonal_mse[place]).mean())
    y = rows.y.to_numpy()
    for level in LEVELS:
        low, high = rows[f"m-lo-{level}"].to_numpy(), rows[f"m-hi-{level}"].to_numpy()
        of[f"coverage_{level}"] = outside.coverage(frame, ["m"], level)["m"].iloc[0]
        of[f"width_{level}"] = (high - low).mean()
        score = scoringrules.interval_score(y, low, high, 1 - level / 100)
        of[f"interval_{level}"] = score.mean()
        winkler = outside.winkler_score(frame, ["m"], level)["m"].iloc[0]
        assert winkler == pytest.approx(score.mean(), **EXACT)
    quantiles, columns = np.array(list(TAILS)), list(TAILS.values())
    of["pinball"] = outside.mqloss(frame, {"m": columns}, quantiles)["m"].iloc[0]
    of["crps"] = np.mean(
        [integrated(*row) for row in zip(y, rows[columns].to_numpy(), strict=True)]
    )
    # Scaled crps is there 2 mean pinball x points / (sum |y| + eps).
    of["wql"] = outside.scaled_crps(frame, {"m": columns}, quantiles)["m"].iloc[0]
    return of


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_measure_equals_the_outside_implementations(seed):
    data = panel(seed)
    got, flat = data["scores"].result(), data["flat"]
    measures = (*names, *interval_names(LEVELS))

    def same(ours: dict, rows: pd.DataFrame) -> None:
        theirs = expected(rows, data["scale"])
        assert set(theirs) == set(measures) <= set(ours)
        assert {name: ours[name] for name in measures} == pytest.approx(theirs, **EXACT)

    same(got, flat)
    for h in range(H):
        same({name: got["per_step"][name][h] for name in measures}, flat[flat.h == h])
    for c, name in enumerate("ab"):
        same(got["per_target"][name], flat[flat.c == c])
    for s in range(S):
        same(data["scores"].of_series(s), flat[flat.series == s])


def test_mase_and_rmsse_of_one_series_equal_the_outside_implementation():
    data = panel(3)
    rows = data["flat"].query("series == 1 and c == 0")
    frame = rows.assign(unique_id=0, ds=range(len(rows)))
    train = pd.DataFrame({"unique_id": 0, "ds": range(50), "y": data["values"][50:100, 0]})
    for name in ("mase", "rmsse"):
        theirs = getattr(outside, name)(frame, ["m"], seasonality=4, train_df=train)["m"].iloc[0]
        scores = Scores(
            ["a"], 1, ErrorScales(*(part[1:2, :1] for part in vars(data["scale"]).values()))
        )
        point, actual = rows.m.to_numpy(), rows.y.to_numpy()
        scores.update(point[:, None, None], actual[:, None, None], np.zeros(len(rows), dtype=int))
        assert scores.result()[name] == pytest.approx(theirs, **EXACT)


def one(point, actual, low, high, levels=(80,), crps=None) -> dict:
    """The scores of one window of one target, with the error_scales of a constant series."""
    nothing = np.array([[np.nan]])
    scale = ErrorScales(nothing, nothing, np.array([[0.0]]), np.array([[0.0]]))
    scores = Scores(["y"], len(point), scale, levels)
    columns = [
        None if part is None else np.array(part, dtype=float)[None, :, None]
        for part in (point, actual, crps)
    ]
    shape = (len(levels), 1, len(point), 1)
    bounds = [np.array(part, dtype=float).reshape(shape) for part in (low, high)]
    scores.update(*columns[:2], np.array([0]), *bounds, columns[2])
    return scores.result()


def test_a_series_of_zeros_has_defined_scores_and_never_a_silent_zero():
    got = one([0, 0], [0, 0], [0, 0], [0, 1])
    assert got["mae"] == got["bias"] == got["smape"] == 0
    assert got["mape"] is None and got["mase"] is None and got["rmsse"] is None
    assert got["wql"] is None  # nothing to weigh by
    assert got["coverage_80"] == 1 and got["width_80"] == 0.5
    # Of one of two points: a tenth of the mass at 1, two fifths evenly between 0 and 1.
    assert got["crps"] == pytest.approx((0.4**2 / 3 + 0.4 * 0.1 + 0.1**2) / 2)
    assert got["scaled"] == {"mse": None, "mae": None}


def test_points_without_actual_or_bound_count_for_nothing():
    got = one([1, 2, 3], [1, np.nan, 4], [0, 0, np.nan], [2, 9, np.nan])
    assert got["points"] == 2 and got["mae"] == 0.5
    assert got["coverage_80"] == 1 and got["width_80"] == 2  # of the first point alone
    assert got["interval_80"] == 2 and got["wql"] == pytest.approx(2 * (0.1 + 0.1) / 3)
    nothing = one([1], [np.nan], [0], [2])
    assert all(nothing[name] is None for name in (*names, *interval_names([80])))


def test_a_point_that_lacks_one_levels_bounds_counts_for_the_other_level():
    bounds = [[0, 0, np.nan], [-2, np.nan, -2]], [[2, 2, np.nan], [6, np.nan, 6]]
    for crps, expected in ((None, None), ([7, 9, 9], 7)):
        got = one([1, 1, 1], [5, 3, 4], *bounds, levels=(80, 95), crps=crps)
        assert (got["coverage_80"], got["width_80"]) == (0, 2)
        assert got["interval_80"] == pytest.approx(2 + 10 * (3 + 1) / 2)
        # The other measures are of the first point alone.
        assert (got["coverage_95"], got["width_95"]) == (1, 8)
        assert got["interval_95"] == pytest.approx(8)
        losses = [0.025 * 7, 0.1 * 5, 0.5 * 4, 0.9 * 3, 0.025 * 1]
        assert got["pinball"] == pytest.approx(sum(losses) / 5)
        assert got["wql"] == pytest.approx(2 * sum(losses) / 5 / 5)
        quantiles = np.array([-2.0, 0, 1, 2, 6])
        assert got["crps"] == pytest.approx(expected or integrated(5.0, quantiles))


def test_a_bound_belongs_to_its_interval():
    assert one([2, 2], [1, 3], [1, 1], [3, 3])["coverage_80"] == 1


def test_without_levels_there_are_no_measures_of_intervals():
    assert interval_names([]) == ()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(panel(0)["scores"].names) - set(names) == set(interval_names(LEVELS))
