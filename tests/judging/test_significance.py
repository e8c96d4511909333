"""The Diebold-Mariano test against its formula written out, scipy and simulation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lstmcast.judging.significance import (
    Comparison,
    beats,
    diebold_mariano,
    student_t_two_sided,
)


def test_student_t_equals_scipy() -> None:
    for degrees in (1, 2, 3, 4, 7, 10, 30, 101, 10_000, 10_000_000):
        for t in (0.0, 0.01, 0.5, 1.0, 1.96, 3.0, 10.0, 40.0):
            expected = 2 * stats.t.sf(t, degrees)
            assert student_t_two_sided(t, degrees) == pytest.approx(expected, rel=1e-10, abs=1e-300)
            assert student_t_two_sided(-t, degrees) == student_t_two_sided(t, degrees)


def reference(a: np.ndarray, b: np.ndarray, h: int) -> tuple[float, float]:
    """Harvey, Leybourne & Newbold written out in sums, for losses without gaps."""
    d = a - b
    n, mean = len(d), sum(d) / len(d)
    g = [sum((d[t] - mean) * (d[t - k] - mean) for t in range(k, n)) / n for k in range(h)]
    variance = g[0] + 2 * sum(g[1:])
    if variance <= 0:
        variance = g[0] + 2 * sum((1 - k / h) * g[k] for k in range(1, h))
    plain = mean / math.sqrt(variance / n)
    corrected = plain * math.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    return corrected, 2 * stats.t.sf(abs(corrected), n - 1)


@pytest.mark.parametrize(("n", "h"), [(8, 1), (40, 1), (24, 6), (100, 12), (400, 24)])
def test_diebold_mariano_equals_the_formula_in_sums(n: int, h: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.random((2, n))
    got = diebold_mariano(a, b, h)
    assert (got.statistic, got.p_value) == pytest.approx(reference(a, b, h), rel=1e-10)
    assert got.mean_difference == pytest.approx((a - b).mean())
    other = diebold_mariano(b, a, h)
    assert other.statistic == pytest.approx(-got.statistic)
    assert other.p_value == pytest.approx(got.p_value)


def test_one_step_ahead_equals_the_paired_t_test() -> None:
    a, b = np.random.default_rng(5).random((2, 30))
    # For h = 1, n (n - 1) / n^2 turns the variance over n into that over n - 1.
    assert diebold_mariano(a, b, 1).p_value == pytest.approx(stats.ttest_rel(a, b).pvalue)


def test_a_variance_that_is_not_positive_is_taken_with_bartlett_weights() -> None:
    d = np.where(np.arange(40) % 2, -1.0, 1.0) + 0.1  # alternating: g_0 + 2 g_1 < 0
    mean = d.mean()
    g = [(d[k:] - mean) @ (d[: 40 - k] - mean) / 40 for k in range(2)]
    assert g[0] + 2 * g[1] < 0
    got = diebold_mariano(d + 5, np.full(40, 5.0), 2)
    expected = mean / math.sqrt((g[0] + g[1]) / 40) * math.sqrt((41 - 4 + 2 / 40) / 40)
    assert got.statistic == pytest.approx(expected)


def test_missing_origins_are_left_out_and_keep_the_others_apart() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.random((2, 60))
    a[[3, 30]], b[[30, 31]] = np.nan, np.nan
    got = diebold_mariano(a, b, 3)
    d = pd.Series(a - b)
    e = (d - d.mean()).to_numpy()
    g = [np.nansum(e[k:] * e[: 60 - k]) / 57 for k in range(3)]
    variance = (g[0] + 2 * (g[1] + g[2])) / 57
    expected = d.mean() / math.sqrt(variance) * math.sqrt((57 + 1 - 6 + 6 / 57) / 57)
    assert got.observations == 57
    assert got.statistic == pytest.approx(expected)
    padded = diebold_mariano(np.append(a, np.nan), np.append(b, 1.0), 3)
    assert padded == got


def test_without_a_sound_test_there_is_a_reason_and_no_p_value() -> None:
    a, b = np.random.default_rng(7).random((2, 47))
    few = diebold_mariano(a, b, 12)
    assert few.p_value is None and few.statistic is None
    assert few.reason == "47 origins are too few for forecasts over 12 steps, needs 48"
    assert few.mean_difference == pytest.approx((a - b).mean())
    assert diebold_mariano(a[:7], b[:7], 1).p_value is None
    constant = diebold_mariano(a + 1, a, 1)
    assert constant.p_value is None
    assert constant.reason == "the difference of the losses is constant"
    nothing = diebold_mariano(np.array([np.nan]), np.array([1.0]), 1)
    assert (nothing.observations, nothing.mean_difference) == (0, None)


def test_identical_losses_are_no_difference() -> None:
    loss = np.arange(3.0)
    assert diebold_mariano(loss, loss, 5) == Comparison(0.0, 1.0, 3, 0.0)


def test_beats_needs_a_lower_mean_and_significance() -> None:
    rng = np.random.default_rng(8)
    bad = rng.random(50)
    good = bad - 0.3 + 0.1 * rng.random(50)
    assert beats(diebold_mariano(good, bad, 1))
    assert not beats(diebold_mariano(bad, good, 1))
    assert not beats(diebold_mariano(good[:7], bad[:7], 1))
    assert not beats(Comparison(-1.9, 0.06, 50, -1.0))


@pytest.mark.parametrize(("h", "n", "most"), [(1, 30, 0.07), (4, 200, 0.09)])
def test_equal_forecasters_rarely_differ(h: int, n: int, most: float) -> None:
    rng = np.random.default_rng(9)
    noise = rng.standard_normal((800, n + h - 1))
    losses = np.lib.stride_tricks.sliding_window_view(noise, h, axis=1).mean(axis=2)
    share = np.mean([diebold_mariano(d, np.zeros(n), h).p_value < 0.05 for d in losses])
    assert 0.03 < share < most
