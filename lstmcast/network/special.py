"""Functions that torch does not have: the incomplete beta function, and quantiles made with it.

Everything is float64 on the device of its arguments.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

ITERATIONS = 500
"""Terms of the continued fraction at most; sqrt(max(a, b)) of them are enough."""

TABLE = 4096
"""Degrees of freedom in the table of Student quantiles, equally spaced in 1 / df."""

SMALLEST_DF = 2.0


def beta_cdf(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The regularized incomplete beta function I_x(a, b), for 0 < x < 1 and a, b > 0.

    Source: the continued fraction of DLMF 8.17.22, summed by Lentz's method, on the side where it
    converges fast.
    """
    swapped = x > (a + 1) / (a + b + 2)
    x, a, b = (
        torch.where(swapped, 1 - x, x),
        torch.where(swapped, b, a),
        torch.where(swapped, a, b),
    )
    log_front = (
        a * torch.log(x)
        + b * torch.log1p(-x)
        + torch.lgamma(a + b)
        - torch.lgamma(a)
        - torch.lgamma(b)
        - torch.log(a)
    )
    below = torch.exp(log_front) * _continued_fraction(x, a, b)
    return torch.where(swapped, 1 - below, below)


def _continued_fraction(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """1 / (1 + d_1 / (1 + d_2 / (1 + ...)))."""
    c = torch.ones_like(x)
    d = 1 / (1 - (a + b) * x / (a + 1))
    value = d.clone()
    for m in range(1, ITERATIONS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1 / (1 + even * d), 1 + even / c
        value = value * d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1 / (1 + odd * d), 1 + odd / c
        value = value * d * c
        if bool(((d * c - 1).abs() < 1e-14).all()):
            break
    return value


def student_cdf(t: Tensor, df: Tensor) -> Tensor:
    """The distribution function of Student's t."""
    tail = 0.5 * beta_cdf(
        (df / (df + t * t)).clamp(max=1 - 1e-16), df / 2, torch.full_like(df, 0.5)
    )
    return torch.where(t > 0, 1 - tail, tail)


def student_quantile(probability: float, df: Tensor) -> Tensor:
    """The quantile of Student's t, to 6 digits, for df of at least 2; a table, interpolated."""
    if probability < 0.5:
        return -student_quantile(1 - probability, df)
    table = _student_table(probability).to(df.device)
    place = (SMALLEST_DF / df.double()).clamp(0, 1) * (TABLE - 1)
    left = place.floor().clamp(max=TABLE - 2).long()
    return torch.lerp(table[left], table[left + 1], place - left)


@functools.lru_cache(maxsize=64)
def _student_table(probability: float) -> Tensor:
    """(TABLE,) quantiles at 1 / df = 0 .. 1 / 2, by bisection of the distribution function."""
    # 1 / df = 0 is the normal distribution; a df of 1e7 is as good.
    inverse = torch.linspace(0, 1 / SMALLEST_DF, TABLE, dtype=torch.float64).clamp(min=1e-7)
    df = 1 / inverse
    low, high = torch.zeros_like(df), torch.full_like(df, 1e3)
    for _ in range(60):
        middle = (low + high) / 2
        below = student_cdf(middle, df) < probability
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2


def negative_binomial_cdf(count: Tensor, mean: Tensor, dispersion: Tensor) -> Tensor:
    """P(Y <= count) where Y has this mean and the variance mean + dispersion mean^2."""
    size = 1 / dispersion
    return beta_cdf(size / (size + mean), size, count + 1)


def poisson_cdf(count: Tensor, mean: Tensor) -> Tensor:
    """P(Y <= count) where Y is Poisson with this mean."""
    cdf: Tensor = torch.special.gammaincc(count + 1, mean)
    return cdf


def count_quantile(
    cdf: Callable[[Tensor], Tensor], mean: Tensor, variance: Tensor, probability: Tensor
) -> Tensor:
    """The least whole number k >= 0 with cdf(k) >= probability, by bisection.

    The search begins between the bounds that Cantelli's inequality gives for any distribution of
    this mean and variance.
    """
    deviation = variance.sqrt()
    reach = (probability / (1 - probability)).sqrt()
    low = (mean - deviation / reach).floor().clamp(min=0) - 1  # cdf(low) < probability
    high = (mean + deviation * reach).ceil() + 1
    while bool((high - low > 1).any()):
        middle = ((low + high) / 2).floor()
        below = (middle < 0) | (cdf(middle.clamp(min=0)) < probability)
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return high
