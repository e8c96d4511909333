"""The continuous ranked probability score in closed form, against scoringrules and sums."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scoringrules
import torch
from scipy import stats
from support.daily import TINY, daily_text

import lstmcast
from lstmcast.forecasting.density import CRPS, Density, parameters_of
from lstmcast.forecasting.model_file.model import load_model
from lstmcast.forecasting.predict import NetworkForecast
from lstmcast.judging.quantile_scores import interpolated_crps
from lstmcast.network.distributions import NegativeBinomial, Normal, Point, Poisson, StudentT
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.progress import ProgressListener

EXACT = {"rtol": 1e-9, "atol": 1e-9}
N = 400


def scores(head: str, actual: np.ndarray, *parameters: np.ndarray) -> np.ndarray:
    parts = (torch.from_numpy(np.asarray(part, dtype=float)) for part in (actual, *parameters))
    return CRPS[head](*parts).numpy()


def test_that_of_normal_and_student_t_equals_scoringrules() -> None:
    rng = np.random.default_rng(0)
    y, center, scale = 5 * rng.normal(size=N), rng.normal(size=N), rng.exponential(size=N) + 1e-4
    df = 2.0001 + rng.exponential(10, size=N)
    expected = scoringrules.crps_normal(y, center, scale)
    np.testing.assert_allclose(scores("normal", y, center, scale), expected, **EXACT)
    expected = scoringrules.crps_t(y, df, center, scale)
    np.testing.assert_allclose(scores("student_t", y, center, scale, df), expected, **EXACT)


def test_that_of_counts_equals_scoringrules() -> None:
    rng = np.random.default_rng(1)
    mean = np.exp(rng.uniform(-3, 3, size=N))  # much above, scoringrules gives no numbers
    y = rng.poisson(mean * rng.exponential(size=N)).astype(float)
    expected = scoringrules.crps_poisson(y, mean)
    np.testing.assert_allclose(scores("poisson", y, mean), expected, **EXACT)
    dispersion = np.exp(rng.uniform(-3, 3, size=N))
    size = 1 / dispersion
    expected = scoringrules.crps_negbinom(y, size, size / (size + mean))
    np.testing.assert_allclose(scores("negative_binomial", y, mean, dispersion), expected, **EXACT)


@pytest.mark.parametrize("mean", [1e-4, 0.3, 40.0, 500.0])
@pytest.mark.parametrize("dispersion", [1e-4, 0.02, 1.0, 30.0])
def test_that_of_counts_is_the_sum_it_stands_for(mean: float, dispersion: float) -> None:
    """Far beyond where scoringrules still gives numbers: the definition, term by term."""
    size = 1 / dispersion
    of = stats.nbinom(size, size / (size + mean))
    k = np.arange(int(of.ppf(1 - 1e-13) + 5 * mean) + 5000)
    below, poisson = of.cdf(k), stats.poisson(mean).cdf(k)
    for y in (0.0, float(of.median()), float(of.ppf(0.99)), round(4 * mean)):
        expected = ((below - (k >= y)) ** 2).sum()
        got = scores("negative_binomial", y, mean, dispersion).item()
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-9)
        expected = ((poisson - (k >= y)) ** 2).sum()
        assert scores("poisson", y, mean).item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_quantiles_on_lines_score_nearly_as_the_distribution_that_they_are_of() -> None:
    """Five quantiles of a normal distribution: within half a percent of the closed form."""
    y = np.random.default_rng(2).normal(size=(50_000, 1, 1))
    low, high = (
        np.array(stats.norm.ppf(p))[:, None, None, None] for p in ([0.1, 0.025], [0.9, 0.975])
    )
    bounds = [np.broadcast_to(part, (2, *y.shape)) for part in (low, high)]
    got = interpolated_crps([80, 95], np.zeros_like(y), *bounds, y).mean()
    exact = scoringrules.crps_normal(y, 0, 1).mean()
    assert got == pytest.approx(exact, rel=0.005)
    # Without levels to speak of, it is the absolute error.
    flat = [np.broadcast_to(3.0, (2, *y.shape))] * 2
    got = interpolated_crps([80, 95], np.full_like(y, 3.0), *flat, y)
    np.testing.assert_allclose(got, np.abs(y - 3), rtol=1e-12)


@pytest.mark.parametrize("levels", [(80,), (80, 95), (20, 50, 99)])
@pytest.mark.parametrize("crossed", [False, True])
def test_quantiles_on_lines_score_the_integral_of_twice_the_pinball_loss(
    levels: tuple[float, ...], crossed: bool
) -> None:
    """Also with ties, actuals on a quantile, and bounds that are not in order."""
    rng = np.random.default_rng(3)
    point, y = rng.integers(-3, 4, (2, 60, 1, 1)).astype(float)
    steps = rng.integers(-1 if crossed else 0, 3, (2, len(levels), *y.shape)).cumsum(axis=1)
    low, high = point - steps[0], point + steps[1]
    got = interpolated_crps(levels, point, low, high, y)
    tails = [(1 - level / 100) / 2 for level in levels]
    known = [*reversed(tails), 0.5, *(1 - tail for tail in tails)]
    p = (np.arange(20_000) + 0.5) / 20_000
    for k in range(len(y)):
        of_window = [*low[::-1, k, 0, 0], point[k, 0, 0], *high[:, k, 0, 0]]
        above = y[k, 0, 0] - np.interp(p, known, sorted(of_window))
        expected = 2 * np.maximum(p * above, (p - 1) * above).mean()
        assert got[k, 0, 0] == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_quantiles_on_lines_have_no_score_without_all_bounds() -> None:
    low, high = np.full((2, 3, 1, 1), -1.0), np.full((2, 3, 1, 1), 1.0)
    low[0, 1] = high[1, 2] = np.nan
    got = interpolated_crps([80, 95], np.zeros((3, 1, 1)), low, high, np.ones((3, 1, 1)))
    assert np.isnan(got.ravel()).tolist() == [False, True, True]


def test_a_density_scores_what_is_known_and_leaves_the_rest() -> None:
    parameters = np.stack([np.zeros((3, 2, 1)), np.ones((3, 2, 1))])
    actual = np.array([0.0, np.nan, 1.0, 2.0, np.nan, -1.0]).reshape(3, 2, 1)
    got = Density("normal", parameters).crps(actual)
    assert np.isnan(got).tolist() == np.isnan(actual).tolist()
    known = np.isfinite(actual)
    np.testing.assert_allclose(
        got[known], scoringrules.crps_normal(actual[known], 0, 1), rtol=1e-12
    )
    one = Density("normal", parameters).chosen(np.array([1])).crps(actual[[1]])
    np.testing.assert_array_equal(one, got[[1]])


def test_only_distributions_have_parameters() -> None:
    a, b, c, d = (torch.full((1,), float(k)) for k in range(4))
    for distribution, expected in (
        (Normal(a, b), [a, b]),
        (StudentT(a, b, c), [a, b, c]),
        (Poisson(a, b, c), [a]),
        (NegativeBinomial(a, b, c, d), [a, d]),
        (Point(a, lambda x, y: x), None),
    ):
        assert parameters_of(distribution) == expected


# ---------------------------------------------------------------- of a run


def table(path: Path, head: str) -> Path:
    path.write_text(daily_text(200))
    if head in ("poisson", "negative_binomial"):
        frame = pd.read_csv(path)
        frame.assign(sales=frame.sales.round().astype(int)).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("head", sorted(CRPS))
def test_a_run_is_scored_by_the_distribution_of_its_head(head: str, tmp_path: Path) -> None:
    """The network's own numbers, undone by hand: scale and level of each window."""
    settings = [*TINY[1::2], "window.lookback=14", "window.horizon=3", f"network.head={head}"]
    settings += ["network.normalize=last"]
    path = table(tmp_path / "t.csv", head)
    run = lstmcast.train(path, set=settings, run=tmp_path / "r", device="cpu")
    model = load_model(run.path / "model.safetensors", torch.device("cpu"))
    from lstmcast.config import load_config

    prepared = prepare(load_config(run.path / "config.yaml"), ProgressListener())
    origins, series = prepared.windows.test.all()
    made = NetworkForecast(model, prepared.panel, prepared.scaler, model.levels)(origins, series)
    assert made.density is not None
    parameters = made.density.parameters
    rows = origins[:, None] + np.arange(3)
    actual = prepared.panel.targets[rows]
    outside = {
        "normal": lambda y, c, s: scoringrules.crps_normal(y, c, s),
        "student_t": lambda y, c, s, df: scoringrules.crps_t(y, df, c, s),
        "poisson": scoringrules.crps_poisson,
        "negative_binomial": lambda y, m, d: scoringrules.crps_negbinom(y, 1 / d, 1 / (1 + d * m)),
    }[head]
    expected = np.mean(outside(actual, *parameters))
    assert run.metrics["test"]["lstmcast"]["crps"] == pytest.approx(expected, rel=1e-7)
    # The distribution is the one whose median and bounds are forecast, before calibration.
    laws = {
        "normal": lambda c, s: stats.norm(c, s),
        "student_t": lambda c, s, df: stats.t(df, c, s),
        "poisson": stats.poisson,
        "negative_binomial": lambda m, d: stats.nbinom(1 / d, 1 / (1 + d * m)),
    }
    law = laws[head](*parameters)
    np.testing.assert_allclose(made.point, law.ppf(0.5), rtol=1e-4)
    np.testing.assert_allclose(made.high[0], law.ppf(0.9), rtol=1e-4)


@pytest.mark.parametrize(
    "setting",
    [
        "training.members=2",
        "scale.transform=log1p",
        "forecast.minimum=10",
        "network.head=quantiles",
    ],
)
def test_what_has_no_closed_form_is_scored_by_its_bounds(setting: str, tmp_path: Path) -> None:
    settings = [*TINY[1::2], "window.lookback=14", "window.horizon=3", "network.head=normal"]
    settings += ["split.validation=40", setting]
    path = table(tmp_path / "t.csv", "normal")
    run = lstmcast.train(path, set=settings, run=tmp_path / "r", device="cpu")
    metrics = lstmcast.backtest(run.path, device="cpu")
    frame = pd.read_csv(run.path / "backtests/0001/backtest.csv")
    point, low, high = (
        frame[[f"sales{end}" for end in ends]].to_numpy().T[:, :, None, None]
        for ends in ([""], ["_lo80", "_lo95"], ["_hi80", "_hi95"])
    )
    actual = frame.sales_actual.to_numpy()[:, None, None]
    expected = interpolated_crps([80, 95], point[0], low, high, actual).mean()
    assert metrics["scores"]["lstmcast"]["crps"] == pytest.approx(expected, rel=1e-4)
