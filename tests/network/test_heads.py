"""Heads (normal, Student t, quantiles, counts of intermittent demand) against scipy and draws."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from support.daily import TINY
from torch import Tensor, nn

from lstmcast.config import NetworkConfig, build_config
from lstmcast.errors import ConfigError
from lstmcast.network import special
from lstmcast.network.distributions import NegativeBinomial, Normal, Poisson, Quantiles, StudentT
from lstmcast.network.forecaster import Forecaster, build_forecaster
from lstmcast.network.heads import HEADS, Units
from lstmcast.network.normalize import Level
from lstmcast.network.sizes import Sizes
from lstmcast.windows.batches import Batch

COUNTS = ("negative_binomial", "poisson")
LEVELS = (80.0, 95.0)


# ---------------------------------------------------------------- special functions


def test_the_incomplete_beta_function_equals_scipys():
    rng = np.random.default_rng(0)
    a, b = 10 ** rng.uniform(-2, 5, (2, 3000))
    x = rng.uniform(1e-6, 1 - 1e-6, 3000)
    x[:1000] = np.clip(rng.normal(a / (a + b), np.sqrt(a * b) / (a + b) ** 1.5)[:1000], 1e-6, 0.999)
    got = special.beta_cdf(*(torch.from_numpy(part) for part in (x, a, b))).numpy()
    assert got == pytest.approx(stats.beta.cdf(x, a, b), abs=1e-9)


@pytest.mark.parametrize("probability", [0.005, 0.025, 0.1, 0.6, 0.9, 0.975, 0.9995])
def test_student_quantiles_equal_scipys(probability):
    df = np.concatenate([2 + np.logspace(-4, 4, 400), [1e9]])
    got = special.student_quantile(probability, torch.from_numpy(df)).numpy()
    assert got == pytest.approx(stats.t.ppf(probability, df), rel=1e-6)


@pytest.mark.parametrize("probability", [0.001, 0.025, 0.5, 0.9, 0.999])
def test_quantiles_of_counts_equal_scipys(probability):
    rng = np.random.default_rng(1)
    mean = 10 ** rng.uniform(-3, 4, 300)
    dispersion = 10 ** rng.uniform(-3, 1, 300)
    ones = torch.ones(300, dtype=torch.float64)
    expected, center = torch.from_numpy(mean), torch.zeros_like(ones)
    poisson = Poisson(expected, center, ones).quantile(probability)
    assert poisson.tolist() == stats.poisson.ppf(probability, mean).tolist()
    size = 1 / dispersion
    negative = NegativeBinomial(expected, center, ones, torch.from_numpy(dispersion))
    expected_counts = stats.nbinom.ppf(probability, size, size / (size + mean))
    assert negative.quantile(probability).tolist() == expected_counts.tolist()


# ---------------------------------------------------------------- likelihoods


def test_losses_are_the_negative_log_likelihoods_of_scipy():
    rng = np.random.default_rng(2)
    center, y = rng.normal(0, 3, (2, 200))
    scale, df = rng.uniform(0.1, 4, 200), rng.uniform(2.01, 50, 200)
    tensors = {name: torch.from_numpy(part) for name, part in
               {"center": center, "scale": scale, "df": df, "y": y}.items()}  # fmt: skip
    normal = Normal(tensors["center"], tensors["scale"]).loss(tensors["y"])
    assert normal.numpy() == pytest.approx(-stats.norm.logpdf(y, center, scale))
    student = StudentT(tensors["center"], tensors["scale"], tensors["df"]).loss(tensors["y"])
    assert student.numpy() == pytest.approx(-stats.t.logpdf(y, df, center, scale))

    mean, dispersion = rng.uniform(0.01, 80, 200), rng.uniform(0.01, 5, 200)
    counts = rng.integers(0, 100, 200)
    # Scaled targets: 0 stands for 7 counts, 1 for 3 more.
    scaled = torch.from_numpy((counts - 7) / 3)
    units = (torch.full((200,), 7.0), torch.full((200,), 3.0))
    poisson = Poisson(torch.from_numpy(mean), *units).loss(scaled)
    assert poisson.numpy() == pytest.approx(-stats.poisson.logpmf(counts, mean))
    size = 1 / dispersion
    negative = NegativeBinomial(torch.from_numpy(mean), *units, torch.from_numpy(dispersion))
    oracle = -stats.nbinom.logpmf(counts, size, size / (size + mean))
    assert negative.loss(scaled).numpy() == pytest.approx(oracle)


def test_the_loss_of_quantiles_is_twice_the_mean_pinball_loss():
    values = torch.tensor([[1.0, 2.0, 4.0]])
    forecast = Quantiles(values, (0.1, 0.5, 0.9))
    # y = 3: 0.1 * 2, 0.5 * 1, (0.9 - 1) * (3 - 4)
    assert forecast.loss(torch.tensor([3.0])).item() == pytest.approx(2 * (0.2 + 0.5 + 0.1) / 3)
    assert Quantiles(values[:, 1:2], (0.5,)).loss(torch.tensor([3.0])).item() == 1  # |3 - 2|


# ---------------------------------------------------------------- draws


def forecast_of(head: str) -> tuple[object, object]:
    """A distribution of 100,000 equal steps, and scipy's."""
    ones = torch.ones(100_000)
    units = (7 * ones, 3 * ones)
    return {
        "normal": (Normal(2 * ones, 3 * ones), stats.norm(2, 3)),
        "student_t": (StudentT(2 * ones, 3 * ones, 4 * ones), stats.t(4, 2, 3)),
        "poisson": (Poisson(5 * ones, *units), stats.poisson(5)),
        "negative_binomial": (
            NegativeBinomial(5 * ones, *units, 0.5 * ones),
            stats.nbinom(2, 2 / 7),
        ),
    }[head]


@pytest.mark.parametrize("head", ["normal", "student_t", "poisson", "negative_binomial"])
def test_samples_follow_their_distribution(head):
    forecast, oracle = forecast_of(head)
    drawn = forecast.sample(torch.Generator().manual_seed(3)).double().numpy()
    if head in COUNTS:
        drawn = drawn * 3 + 7
        assert drawn == pytest.approx(np.rint(drawn), abs=1e-4)
        assert (np.rint(drawn) >= 0).all()
        top = int(oracle.ppf(0.999))
        seen = np.bincount(np.rint(drawn).astype(int).clip(max=top + 1), minlength=top + 2)
        expected = np.append(oracle.pmf(np.arange(top + 1)), oracle.sf(top)) * len(drawn)
        assert stats.chisquare(seen, expected).pvalue > 1e-3
        assert float(forecast.mean()[0]) * 3 + 7 == pytest.approx(oracle.mean(), rel=1e-5)
    else:
        assert stats.kstest(drawn, oracle.cdf).pvalue > 1e-3
        assert float(forecast.mean()[0]) == oracle.mean()
    again = forecast.sample(torch.Generator().manual_seed(3)).double().numpy()
    assert ((again * 3 + 7 if head in COUNTS else again) == drawn).all()


def test_samples_of_quantiles_lie_between_them_as_often_as_they_say():
    values = torch.tensor([0.0, 1.0, 5.0]).expand(100_000, 3)
    drawn = Quantiles(values, (0.1, 0.5, 0.9)).sample(torch.Generator().manual_seed(4))
    assert drawn.min() == 0 and drawn.max() == 5
    assert (drawn < 1).double().mean().item() == pytest.approx(0.5, abs=0.01)


# ---------------------------------------------------------------- heads


def units(levelled: bool = True) -> Units:
    """Two windows, two targets."""
    level = Level(torch.randn(2, 1, 2), torch.rand(2, 1, 2) + 0.5) if levelled else None
    return Units(level, torch.full((2, 1, 2), 4.0), torch.full((2, 1, 2), 2.0))


@pytest.mark.parametrize("head", HEADS)
def test_quantiles_never_cross_whatever_the_network_says(head):
    torch.manual_seed(0)
    built = HEADS[head]("auto", LEVELS)
    forecast = built.read(30 * torch.randn(2, 5, 2, built.width), units())
    rising = torch.stack([forecast.quantile(p) for p in (0.025, 0.1, 0.5, 0.9, 0.975)])
    assert rising.isfinite().all()
    assert (rising.diff(dim=0) >= 0).all()
    assert torch.equal(forecast.point(), forecast.quantile(0.5))


@pytest.mark.parametrize("head", ["point", "quantiles", "normal", "student_t"])
def test_the_level_of_a_window_is_undone_on_the_whole_distribution(head):
    torch.manual_seed(1)
    built, unit = HEADS[head]("auto", LEVELS), units()
    decoded = torch.randn(2, 5, 2, built.width)
    plain, levelled = built.read(decoded, Units()), built.read(decoded, unit)
    for probability in (0.025, 0.5, 0.9):
        expected = unit.level.restore(plain.quantile(probability))
        torch.testing.assert_close(levelled.quantile(probability), expected)
    torch.testing.assert_close(levelled.mean(), unit.level.restore(plain.mean()))


@pytest.mark.parametrize("head", COUNTS)
def test_the_mean_of_counts_is_positive_and_all_but_what_the_network_says(head):
    built = HEADS[head]("auto")
    decoded = torch.zeros(2, 1, 2, built.width)
    decoded[0, ..., 0], decoded[1, ..., 0] = 20.0, -50.0
    mean = built.read(decoded, units(levelled=False)).mean() * 2 + 4  # scaled 0 is 4, scaled 1 is 6
    torch.testing.assert_close(mean[0], torch.full((1, 2), 44.0), rtol=1e-4, atol=0)
    assert (mean[1] > 0).all() and (mean[1] < 0.01).all()


@pytest.mark.parametrize("head", HEADS)
def test_a_decoder_is_fed_the_mean_at_the_level_of_the_window(head):
    torch.manual_seed(2)
    built, unit = HEADS[head]("auto", LEVELS), units()
    decoded = torch.randn(2, 2, built.width)
    fed = unit.level.restore(built.fed_back(decoded, unit)[:, None])
    torch.testing.assert_close(fed, built.read(decoded[:, None], unit).mean(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("head", HEADS)
def test_a_missing_target_counts_for_nothing(head):
    torch.manual_seed(3)
    built = HEADS[head]("auto", LEVELS)
    forecast = built.read(torch.randn(2, 3, 2, built.width), units())
    targets, weights = torch.randn(2, 3, 2), torch.ones(2, 3, 2)
    weights[0, 1, 0] = 0
    spoilt = targets.clone()
    spoilt[0, 1, 0] = 1e4
    total, count = built.loss(forecast, targets, weights)
    again, _ = built.loss(forecast, spoilt, weights)
    assert count == 11 and total == again
    assert total == pytest.approx((forecast.loss(targets) * weights).sum().item(), rel=1e-5)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("decoder", ["direct", "recursive", "seq2seq", "every_step"])
def test_every_head_goes_with_every_decoder(head, decoder):
    config = NetworkConfig(
        units=[4],
        head=head,
        decoder=decoder,
        normalize="none" if decoder == "every_step" else "last",
    )
    torch.manual_seed(4)
    network = Forecaster(config, Sizes(6, 3, 2, 2, levels=LEVELS), "auto")
    batch = Batch(
        torch.randn(5, 6, 2), torch.randn(5, 3, 2), torch.zeros(5, dtype=torch.long),
        center=torch.full((5, 2), 9.0), scale=torch.full((5, 2), 2.0),
    )  # fmt: skip
    total, count = network.train().loss(batch)
    assert count == (5 * 6 * 3 * 2 if decoder == "every_step" else 30)
    total.backward()
    assert all(
        part.grad is not None and part.grad.isfinite().all() for part in network.parameters()
    )
    assert network.eval()(batch).shape == (5, 3, 2)


# ---------------------------------------------------------------- recovery


def fitted(head: str, targets: Tensor) -> object:
    """The head's numbers fitted to draws of one distribution, by its own loss."""
    built = HEADS[head]("auto", LEVELS)
    unit = Units(None, torch.full((1, 1, 1), 4.0), torch.full((1, 1, 1), 2.0))
    numbers = nn.Parameter(torch.zeros(1, 1, 1, built.width))
    optimizer = torch.optim.LBFGS([numbers], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = built.read(numbers, unit).loss(targets).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    return built.read(numbers.detach(), unit)


N = 100_000


def test_the_normal_head_recovers_center_and_scale():
    draws = 1.5 + 0.7 * torch.randn(N, 1, 1, generator=torch.Generator().manual_seed(5))
    forecast = fitted("normal", draws)
    # Standard errors: scale / sqrt(N) and scale / sqrt(2 N); four of them.
    assert forecast.center.item() == pytest.approx(1.5, abs=4 * 0.7 / math.sqrt(N))
    assert forecast.scale.item() == pytest.approx(0.7, abs=4 * 0.7 / math.sqrt(2 * N))


def test_the_student_head_recovers_center_scale_and_degrees():
    drawn = stats.t(4, 1.5, 0.7).rvs(N, random_state=6)
    forecast = fitted("student_t", torch.from_numpy(drawn).float().view(-1, 1, 1))
    # Standard errors from the Fisher information of t: Lange, Little & Taylor (1989).
    df, scale = 4.0, 0.7
    center_error = scale * math.sqrt((df + 3) / (df + 1) / N)
    assert forecast.center.item() == pytest.approx(1.5, abs=4 * center_error)
    assert forecast.scale.item() == pytest.approx(0.7, rel=0.025)
    assert forecast.df.item() == pytest.approx(4, rel=0.08)


def test_the_quantiles_head_recovers_the_quantiles():
    draws = torch.randn(N, 1, 1, generator=torch.Generator().manual_seed(7))
    values = fitted("quantiles", draws).values.flatten().tolist()
    for value, probability in zip(values, (0.025, 0.1, 0.5, 0.9, 0.975), strict=True):
        exact = stats.norm.ppf(probability)
        error = math.sqrt(probability * (1 - probability) / N) / stats.norm.pdf(exact)
        assert value == pytest.approx(exact, abs=5 * error)


def test_the_heads_for_counts_recover_mean_and_dispersion():
    counts = stats.poisson(3).rvs(N, random_state=8)
    forecast = fitted("poisson", torch.from_numpy((counts - 4) / 2).float().view(-1, 1, 1))
    assert forecast.expected.item() == pytest.approx(3, abs=4 * math.sqrt(3 / N))

    mean, dispersion = 6.0, 0.5
    counts = stats.nbinom(1 / dispersion, 1 / (1 + dispersion * mean)).rvs(N, random_state=9)
    forecast = fitted(
        "negative_binomial", torch.from_numpy((counts - 4) / 2).float().view(-1, 1, 1)
    )
    error = math.sqrt((mean + dispersion * mean**2) / N)
    assert forecast.expected.item() == pytest.approx(mean, abs=4 * error)
    assert forecast.dispersion.item() == pytest.approx(dispersion, rel=0.04)


# ---------------------------------------------------------------- from the config to the files


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (
            {"network.head": "normal", "training.loss": "mse"},
            "training.loss=mse: is for head: point; head: normal has its own",
        ),
        ({"network.head": "quantiles", "forecast.levels": "[]"}, "forecast.levels is \\[\\]"),
        ({"network.head": "poisson", "scale.transform": "log1p"}, "models the counts themselves"),
    ],
)
def test_what_a_head_cannot_do_is_refused_with_the_reason(settings, fault):
    values = {"data": {"path": "t.csv", "target": "y"}}
    with pytest.raises(ConfigError, match=fault):
        build_config(values, [f"{name}={value}" for name, value in settings.items()])


def counts_text(rows: int = 260, seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    days = np.datetime64("2024-01-01") + np.arange(rows)
    sold = rng.poisson(3 + 2 * np.sin(2 * np.pi * np.arange(rows) / 7))
    return "day,sold\n" + "".join(f"{day},{n}\n" for day, n in zip(days, sold, strict=True))


FLAGS = ["-s", "window.lookback=14", "-s", "window.horizon=3", *TINY]


@pytest.mark.parametrize("head", HEADS)
def test_every_head_trains_and_predicts_the_same_from_its_file(cli, tmp_path, monkeypatch, head):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(counts_text())
    flags = [*FLAGS, "-s", f"network.head={head}", "-s", "network.normalize=last"]
    outcome = cli("train", "t.csv", *flags, "--run", "r")
    assert outcome.code == 0, outcome.err
    frame = pd.read_csv("r/forecast.csv")
    names = ["sold_lo95", "sold_lo80", "sold", "sold_hi80", "sold_hi95"]
    assert (frame[names].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    if head in COUNTS:
        assert (frame[names] >= 0).all(axis=None)
        assert (frame["sold"] == frame["sold"].round()).all()
    assert cli("predict", "r/model.safetensors", "t.csv", "-o", "f.csv").code == 0
    assert (tmp_path / "f.csv").read_bytes() == (tmp_path / "r/forecast.csv").read_bytes()
    scores = json.loads((tmp_path / "r/metrics.json").read_text())["test"]["lstmcast"]
    assert 0.5 < scores["coverage_80"] < 1
    # The config of the run can be trained again as it is.
    assert cli("train", "r/config.yaml", "--run", "again").code == 0
    assert (tmp_path / "again/forecast.csv").read_bytes() == (tmp_path / "f.csv").read_bytes()


@pytest.mark.parametrize("bad", ["-1", "2.5"])
def test_a_head_for_counts_refuses_what_is_no_count(cli, tmp_path, monkeypatch, bad):
    monkeypatch.chdir(tmp_path)
    lines = counts_text().splitlines()
    lines[40] = f"{lines[40].split(',')[0]},{bad}"
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    outcome = cli("train", "t.csv", *FLAGS, "-s", "network.head=poisson", "--run", "r")
    assert outcome.code == 3
    assert "line 41" in outcome.err and bad in outcome.err and "whole numbers" in outcome.err
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("head", sorted(HEADS))
def test_every_head_reads_and_learns_from_an_example_batch(head):
    """What memory is estimated by, and what `inspect` shows without data."""
    sizes = Sizes(4, 3, inputs=1, targets=1, future=0, static=0, levels=(80.0,))
    network = build_forecaster(NetworkConfig(units=[2], head=head), sizes, "auto", seed=0)
    total, count = network.loss(network.example_batch(2))
    assert count == 6 and bool(torch.isfinite(total))
