"""Sample paths: an autoregression's by hand, each head's first step, and a run's by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from support.daily import TINY, daily_text
from torch import Tensor

import lstmcast
from lstmcast.config import NetworkConfig
from lstmcast.errors import ConfigError
from lstmcast.network.forecaster import Forecaster, build_forecaster
from lstmcast.network.sample_paths import draw_path
from lstmcast.network.sizes import Sizes
from lstmcast.windows.batches import Batch

PHI, SIGMA, LAST, H = 0.8, 0.5, 1.5, 6
DRAWS = 20_000
SIZES = Sizes(4, H, inputs=1, targets=1, future=0, static=0)


def softplus_inverse(value: float) -> float:
    return float(np.log(np.expm1(value)))


def autoregression(decoder: str, normalize: str = "none") -> Forecaster:
    """A network that is y_t = PHI y_t-1 + N(0, SIGMA^2), by weights set by hand."""
    config = NetworkConfig(
        cell="rnn", units=[1], activation="linear", decoder=decoder, head="normal",
        normalize=normalize,
    )  # fmt: skip
    network = Forecaster(config, SIZES, "auto").eval()
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.fill_(PHI if "weight_ih" in name else 0.0)
        linear: Any = network.decoder.linear
        linear.weight[0, 0] = 1.0
        linear.bias[1] = softplus_inverse(SIGMA - 1e-4)
    return network


def windows(values: list[float], count: int) -> Batch:
    inputs = torch.tensor(values).view(1, -1, 1).expand(count, -1, -1)
    return Batch(inputs, torch.zeros(count, H, 1), torch.zeros(count, dtype=torch.long))


def drawn(network: Forecaster, batch: Batch, seed: int = 0) -> np.ndarray:
    path: Tensor = draw_path(network, batch, torch.Generator().manual_seed(seed))
    return path.double().numpy()


def assert_variance(values: np.ndarray, expected: float) -> None:
    """Of normal draws, within four deviations of what a sample variance scatters by."""
    assert values.var(ddof=1) == pytest.approx(expected, rel=4 * np.sqrt(2 / (len(values) - 1)))


@pytest.mark.parametrize("decoder", ["recursive", "seq2seq"])
def test_the_sum_of_an_autoregression_has_the_variance_computed_by_hand(decoder: str) -> None:
    paths = drawn(autoregression(decoder), windows([0.3, -2.0, 0.1, LAST], DRAWS))[:, :, 0]
    steps = np.arange(1, H + 1)
    mean = LAST * PHI**steps
    variance = SIGMA**2 * (1 - PHI ** (2 * steps)) / (1 - PHI**2)
    for h in range(H):
        near = 4 * np.sqrt(variance[h] / DRAWS)
        assert paths[:, h].mean() == pytest.approx(mean[h], abs=near)
        assert_variance(paths[:, h], variance[h])
    # A shock of step j lives on in all later ones: its weight in the sum is 1 + PHI + PHI^2 + ...
    weights = (1 - PHI ** (H - np.arange(H))) / (1 - PHI)
    expected = SIGMA**2 * (weights**2).sum()
    assert_variance(paths.sum(axis=1), expected)
    assert variance.sum() < 0.5 * expected  # what steps drawn apart would have given


def test_a_window_read_at_its_own_level_gives_paths_from_that_level() -> None:
    network = autoregression("recursive", normalize="last")
    paths = drawn(network, windows([0.3, -2.0, 0.1, 40.0], DRAWS))[:, :, 0]
    # Relative to the last value the process starts at 0, and wanders about it.
    assert paths[:, -1].mean() == pytest.approx(40, abs=0.05)
    assert_variance(paths[:, 1], SIGMA**2 * (1 + PHI**2))


@pytest.mark.parametrize(
    "head", ["quantiles", "normal", "student_t", "poisson", "negative_binomial"]
)
@pytest.mark.parametrize("normalize", ["none", "last", "standard"])
def test_the_first_step_is_drawn_from_what_the_head_says_of_it(head: str, normalize: str) -> None:
    sizes = replace(SIZES, levels=(50.0, 90.0) if head == "quantiles" else ())
    config = NetworkConfig(units=[5], decoder="recursive", head=head, normalize=normalize)
    network = build_forecaster(config, sizes, "auto", seed=3).eval()
    count = 1500
    batch = windows([0.3, -1.0, 0.1, 0.8], count)
    batch = replace(batch, center=torch.full((count, 1), 20.0), scale=torch.full((count, 1), 8.0))
    paths = drawn(network, batch)
    counts = paths * 8 + 20
    if network.head.counts:
        assert np.abs(counts - counts.round()).max() < 1e-4 and counts.min() > -1e-4
    with torch.inference_mode():
        said = network.predict_distribution(batch)
    for chance in (0.25, 0.75):
        bound = said.quantile(chance)[0, 0, 0].item()
        below = (paths[:, 0, 0] <= bound + 1e-6).mean()
        above = (paths[:, 0, 0] < bound - 1e-6).mean()
        off = 4 * np.sqrt(chance * (1 - chance) / count)
        assert above - off <= chance <= below + off  # a whole number may hold much of the mass


# ---------------------------------------------------------------- of a run

RECURSIVE = ["network.decoder=recursive", "network.head=normal"]
WINDOW = [*TINY[1::2], "window.lookback=14", "window.horizon=3", "network.preset=plain"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("paths") / "t.csv"
    path.write_text(daily_text(200))
    one = pd.read_csv(path)
    both = [one.assign(shop="a"), one.assign(shop="b", sales=3 * one.sales)]
    pd.concat(both).to_csv(path, index=False)
    return path


KEYS = ["data.time=date", "data.target=sales", "data.series=shop"]


@pytest.fixture(scope="module")
def run(table: Path) -> lstmcast.Run:
    settings = [*WINDOW, *KEYS, *RECURSIVE]
    return lstmcast.train(table, set=settings, run=table.parent / "r", device="cpu")


def test_paths_have_the_stamps_of_the_forecast_and_its_middle(run: lstmcast.Run) -> None:
    frame = run.sample_paths(paths=500, device="cpu")
    assert list(frame.columns) == ["shop", "path", "date", "sales"]
    assert len(frame) == 2 * 500 * 3 and set(frame.path) == set(range(1, 501))
    forecast = run.predict(device="cpu").set_index(["shop", "date"])
    median = frame.groupby(["shop", "date"]).sales.median()
    assert median.index.equals(forecast.index)
    first = forecast.groupby("shop").head(1).index  # later medians are of another law
    spread = frame.groupby(["shop", "date"]).sales.std()[first]
    off = np.abs(median[first] - forecast.sales[first]) / (spread / np.sqrt(500))
    assert (off < 4 * 1.2533).all()  # the deviation of a sample median


def test_the_same_seed_gives_the_same_paths_and_another_gives_others(run: lstmcast.Run) -> None:
    one, two, other = (run.sample_paths(paths=4, seed=s, device="cpu") for s in (7, 7, 8))
    pd.testing.assert_frame_equal(one, two)
    assert not one.equals(other)
    alone = lstmcast.Run(run.path / "model.safetensors")
    again = alone.sample_paths(run.path.parent / "t.csv", paths=4, seed=7, device="cpu")
    pd.testing.assert_frame_equal(one, again)


def test_the_sum_is_that_of_the_paths(run: lstmcast.Run) -> None:
    paths = run.sample_paths(paths=300, device="cpu")
    for steps in (2, None):
        said = run.predict_sum(steps=steps, paths=300, device="cpu")
        assert said.shop.tolist() == ["a", "b"]
        some = paths.groupby(["shop", "path"]).head(steps or 3)
        assert set(said["first"]) == {some.date.min()} and set(said["last"]) == {some.date.max()}
        sums = some.groupby(["shop", "path"]).sales.sum().unstack()
        for column, chance in (
            ("sales", 0.5), ("sales_lo80", 0.1), ("sales_hi80", 0.9),
            ("sales_lo95", 0.025), ("sales_hi95", 0.975),
        ):  # fmt: skip
            expected = sums.quantile(chance, axis=1)
            np.testing.assert_allclose(said[column], expected, rtol=1e-5)
    # From another origin, on other stamps.
    stamp = paths.date.min()
    early = run.predict_sum(at="2024-06-01", paths=5, device="cpu")
    assert set(early["first"]) == {"2024-06-02"} and stamp not in set(early["first"])


def test_members_share_the_paths_and_the_minimum_holds(table: Path, tmp_path: Path) -> None:
    settings = [*WINDOW, *KEYS, *RECURSIVE, "training.members=2", "forecast.minimum=40"]
    run = lstmcast.train(table, set=settings, run=tmp_path / "r", device="cpu")
    frame = run.sample_paths(paths=5, device="cpu")
    assert set(frame.path) == {1, 2, 3, 4, 5} and frame.sales.min() >= 40
    single = lstmcast.train(
        table, set=[*settings[:-2], "forecast.minimum=40"], run=tmp_path / "s", device="cpu"
    )
    alone = single.sample_paths(paths=3, device="cpu")
    pd.testing.assert_frame_equal(frame[frame.path <= 3], alone)  # the first member's share


def test_targets_read_one_by_one_keep_their_places(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(daily_text(200))
    frame = pd.read_csv(tmp_path / "t.csv").assign(stock=lambda t: 1000 - t.sales)
    frame.to_csv(tmp_path / "t.csv", index=False)
    settings = [*WINDOW, *RECURSIVE, "data.target=[sales, stock]", "network.channels=independent"]
    run = lstmcast.train(tmp_path / "t.csv", set=settings, run=tmp_path / "r", device="cpu")
    means = run.sample_paths(paths=50, device="cpu")[["sales", "stock"]].mean()
    assert means.sales == pytest.approx(50, abs=15) and means.stock == pytest.approx(950, abs=15)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["network.head=normal"], "network.decoder is direct"),
        (["network.decoder=recursive"], "network.head is point"),
        ([*RECURSIVE, "network.skip=linear"], "network.skip is linear"),
    ],
)
def test_what_cannot_draw_paths_says_why(
    table: Path, tmp_path: Path, settings: list[str], said: str
) -> None:
    overrides = [*WINDOW, *KEYS, *settings]
    run = lstmcast.train(table, set=overrides, run=tmp_path / "r", device="cpu")
    with pytest.raises(ConfigError, match=said):
        run.sample_paths(device="cpu")


def test_what_was_asked_for_must_be_there(run: lstmcast.Run) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        run.sample_paths(paths=0, device="cpu")
    for steps in (0, 4):
        with pytest.raises(ConfigError, match="the horizon has 1 to 3"):
            run.predict_sum(steps=steps, paths=2, device="cpu")
