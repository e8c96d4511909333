"""The continuous ranked probability score of distributions, in closed form.

Of a forecast with distribution function F and an actual y it is the integral of (F(x) - [x >= y])^2
over all x, in units of y; for a forecast of one number it is the absolute error. Everything is
float64.

Source of the formulas: Jordan, Krueger & Lerch, "Evaluating probabilistic forecasts with
scoringRules", Journal of Statistical Software 90 (2019), appendix A, after Gneiting et al. 2005
(normal), Wei & Held 2014 (counts).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lstmcast.network.special import negative_binomial_cdf, poisson_cdf, student_cdf

STEP, STEPS = 0.1, 400
"""Where the integral of the negative binomial is summed: at 0, 0.1, ..., 40, in equal steps, by
which an integrand that ends flat on both sides is summed to all digits."""


def normal_crps(actual: Tensor, center: Tensor, scale: Tensor) -> Tensor:
    """Of the normal distribution."""
    z = (actual - center) / scale
    below = torch.special.ndtr(z)
    density = torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    score: Tensor = scale * (z * (2 * below - 1) + 2 * density - 1 / math.sqrt(math.pi))
    return score


def student_t_crps(actual: Tensor, center: Tensor, scale: Tensor, df: Tensor) -> Tensor:
    """Of Student's t, moved and stretched; df above 1."""
    z = (actual - center) / scale
    log_beta = _log_beta(torch.full_like(df, 0.5), df / 2)
    density = torch.exp(-(df + 1) / 2 * torch.log1p(z * z / df) - log_beta) / df.sqrt()
    log_ratio = _log_beta(torch.full_like(df, 0.5), df - 0.5) - 2 * log_beta
    spread = 2 * df.sqrt() / (df - 1) * log_ratio.exp()
    edge = 2 * density * (df + z * z) / (df - 1)
    return scale * (z * (2 * student_cdf(z, df) - 1) + edge - spread)


def poisson_crps(actual: Tensor, mean: Tensor) -> Tensor:
    """Of the Poisson distribution; the actual may be any number."""
    whole = actual.floor().clamp(min=0)
    below = torch.where(actual < 0, 0.0, poisson_cdf(whole, mean))
    log_mass = whole * mean.log() - mean - torch.lgamma(whole + 1)
    mass = torch.where(actual < 0, 0.0, log_mass.exp())
    # i0e(x) and i1e(x) are the Bessel functions times exp(-x).
    spread = mean * (torch.special.i0e(2 * mean) + torch.special.i1e(2 * mean))
    score: Tensor = (actual - mean) * (2 * below - 1) + 2 * mean * mass - spread
    return score


def negative_binomial_crps(actual: Tensor, mean: Tensor, dispersion: Tensor) -> Tensor:
    """Of counts with this mean and the variance mean + dispersion mean^2."""
    size = 1 / dispersion
    whole = actual.floor()
    below = torch.where(actual < 0, 0.0, _cdf(whole, mean, dispersion))
    # E[Y; Y <= y] is the mean times P(Y' <= y - 1), Y' having size + 1 in place of size.
    more = mean * (size + 1) / size
    before = torch.where(actual < 1, 0.0, _cdf(whole - 1, more, 1 / (size + 1)))
    halves = actual * (2 * below - 1) - mean * (2 * before - 1)
    return halves - _half_spread(mean, size)


def _cdf(count: Tensor, mean: Tensor, dispersion: Tensor) -> Tensor:
    return negative_binomial_cdf(count.clamp(min=0), mean, dispersion)


def _half_spread(mean: Tensor, size: Tensor) -> Tensor:
    """Half of what two draws of a negative binomial lie apart on average.

    It is V 2F1(n + 1, 1/2; 2; -x), n being the size, V the variance and x = 4 V / n. Of Euler's
    integral of that, with t = sin(a)^2 and tan(a) = v / sqrt(1 + x), is left, over v > 0,

        4 / pi (1 + x)^(-1/2) integral of (1 + q)^(n - 1) (1 + v^2)^-(n + 1), q = v^2 / (1 + x)

    and v = sinh(u) / sqrt(n + 1) makes the integrand flat on both sides.
    """
    variance = mean * (1 + mean / size)
    wide = 1 + 4 * variance / size
    total = torch.zeros_like(mean)
    for k in range(STEPS + 1):
        u = k * STEP
        squared = math.sinh(u) ** 2 / (size + 1)
        q = torch.log1p(squared / wide)
        part = torch.exp((size - 1) * q - (size + 1) * torch.log1p(squared)) * math.cosh(u)
        total = total + (0.5 if k == 0 else 1.0) * part
        if bool((part < 1e-18 * total).all()):
            break
    return 4 / math.pi * variance * STEP * total / (wide * (size + 1)).sqrt()


def _log_beta(a: Tensor, b: Tensor) -> Tensor:
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)
