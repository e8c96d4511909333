"""`network.skip: ridge`: training begins with the forecast of a ridge regression."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from support.daily import TINY, daily_text
from support.networks import make_batches, make_panel, noise

from lstmcast.config import NetworkConfig
from lstmcast.network.forecaster import Forecaster, build_forecaster
from lstmcast.network.sizes import Sizes
from lstmcast.pipeline import fit
from lstmcast.pipeline.linear_start import fit_linear_start
from lstmcast.windows.batches import Batches

T, H = 6, 3
NO_PENALTY = 1e-8
RUN = ["-s", "window.lookback=14", "-s", "window.horizon=3", *TINY]


def network_of(targets: int = 1, **fields: Any) -> Forecaster:
    levels = (80.0,) if fields.get("head") == "quantiles" else ()
    sizes = Sizes(T, H, inputs=targets, targets=targets, levels=levels, season=2)
    config = NetworkConfig(**{"units": [8], "skip": "ridge", "normalize": "last"} | fields)
    return build_forecaster(config, sizes, "mae", seed=0)


def windows_of(columns: int = 1, rows: int = 80) -> Batches:
    return make_batches(noise(rows, columns), T, H)


def in_order(batches: Batches) -> tuple[np.ndarray, np.ndarray]:
    """(N, T, C) and (N, H, C), cut by numpy."""
    values = batches.table.gather(*(torch.from_numpy(part) for part in batches.index.all()))
    return values.inputs.double().numpy(), values.targets.double().numpy()


def least_squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n, T), (n, H) -> the forecast of the best linear map with an intercept."""
    x = np.column_stack([x, np.ones(len(x))])
    found: np.ndarray = x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return found


def begin_linear(
    network: Forecaster, train: Batches, validation: Batches | None, penalty: float | None = None
) -> float | None:
    start = fit_linear_start(network, train, validation, penalty)
    if start is None:
        return None
    network.begin_linear(start.weight, start.bias)
    return start.penalty


def forecasts(network: Forecaster, batches: Batches) -> np.ndarray:
    with torch.no_grad():
        batch = batches.table.gather(*(torch.from_numpy(part) for part in batches.index.all()))
        return network.eval()(batch).double().numpy()


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("channels", ["mixed", "independent"])
@pytest.mark.parametrize("normalize", ["none", "last"])
def test_training_begins_at_the_forecast_of_least_squares(
    targets: int, channels: str, normalize: str
) -> None:
    batches = windows_of(targets)
    network = network_of(targets, channels=channels, normalize=normalize)
    assert begin_linear(network, batches, None, NO_PENALTY) == NO_PENALTY
    x, y = in_order(batches)
    last = x[:, -1:] if normalize == "last" else np.zeros_like(x[:, -1:])
    flat = [np.swapaxes(part - last, 1, 2).reshape(-1, part.shape[1]) for part in (x, y)]
    expected = least_squares(*flat).reshape(len(x), targets, H).swapaxes(1, 2) + last
    np.testing.assert_allclose(forecasts(network, batches), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("normalize", ["standard", "season", "difference"])
def test_of_windows_in_units_of_their_own_none_counts_more_for_being_flat(normalize: str) -> None:
    rng = np.random.default_rng(0)
    values = np.where(rng.random(400) < 0.9, 0.0, rng.normal(1, 1, 400))  # mostly zeros
    batches = make_batches(make_panel(values[:, None]), T, H)
    network = network_of(normalize=normalize)
    begin_linear(network, batches, None, NO_PENALTY)
    x, y = (part[..., 0] for part in in_order(batches))
    if normalize == "standard":
        center, wanted = x.mean(axis=1, keepdims=True), np.zeros((1, H))
    else:
        center, wanted = x[:, -2:].mean(axis=1, keepdims=True), np.zeros((1, H))
    if normalize == "difference":  # the last season again
        wanted = np.tile(x[:, -2:], 2)[:, :H] - center
    past, ahead = x - center, y - center - wanted
    found = past @ np.linalg.lstsq(past, ahead, rcond=None)[0] + wanted + center
    np.testing.assert_allclose(forecasts(network, batches)[..., 0], found, atol=2e-3)
    assert network.skip is not None and not network.skip.linear.bias.any()


@pytest.mark.parametrize(
    "fields",
    [
        {"normalize": "difference"},
        {"normalize": "season", "decoder": "segments", "segment": 2},
        {"decoder": "seq2seq"},
        {"head": "quantiles"},
        {"head": "normal", "channels": "independent"},
        {"cell": "gru", "bidirectional": True},
    ],
)
def test_of_every_network_all_but_the_linear_path_adds_nothing_at_first(
    fields: dict[str, Any],
) -> None:
    batches = windows_of()
    network = network_of(**fields)
    begin_linear(network, batches, None)
    before = forecasts(network, batches)
    with torch.no_grad():
        for parameter in network.encoder.parameters():
            parameter.normal_()
    np.testing.assert_array_equal(forecasts(network, batches), before)
    with torch.no_grad():
        network.decoder.linear.bias.add_(1.0)
    assert (forecasts(network, batches) != before).any()


def test_what_follows_from_its_past_by_a_line_needs_no_training() -> None:
    values = [1.0, 2.0]
    for _ in range(98):
        values.append(1.6 * values[-1] - 0.98 * values[-2])  # a damped oscillation
    batches = make_batches(make_panel(np.array(values)[:, None]), T, H)
    network = network_of()
    begin_linear(network, batches, batches)
    _, y = in_order(batches)
    np.testing.assert_allclose(forecasts(network, batches), y, atol=1e-3)


def test_windows_with_a_missing_target_are_not_fitted() -> None:
    values = np.random.default_rng(0).normal(size=(80, 1))
    observed = np.ones_like(values, dtype=bool)
    values[40], observed[40] = 1e3, False
    spoilt = make_batches(make_panel(values, observed=observed), T, H)
    network = network_of()
    begin_linear(network, spoilt, None, NO_PENALTY)
    whole = (spoilt.index.all()[0][:, None] + np.arange(H) != 40).all(axis=1)
    x, y = (part[..., 0] for part in in_order(spoilt))
    last = x[:, -1:]
    expected = least_squares((x - last)[whole], (y - last)[whole]) + last[whole]
    np.testing.assert_allclose(forecasts(network, spoilt)[whole, :, 0], expected, atol=2e-2)


def test_validation_windows_choose_the_penalty() -> None:
    """Validation windows of noise need a large penalty; windows like the others, a small one."""
    train, like, unlike = (
        windows_of(rows=40),
        windows_of(rows=40),
        make_batches(noise(40, 1, 9), T, H),
    )
    small = begin_linear(network_of(), train, like)
    large = begin_linear(network_of(), train, unlike)
    assert small is not None and large is not None and small < large
    assert begin_linear(network_of(skip="none"), train, like) is None


def test_of_many_windows_some_are_fitted(limits: Any) -> None:
    limits(RIDGE_WINDOWS=30)
    batches = windows_of()  # 72 windows: every third
    network = network_of()
    begin_linear(network, batches, None, NO_PENALTY)
    third = replace(batches, index=batches.index.every(3))
    x, y = (part[..., 0] for part in in_order(third))
    expected = least_squares(x - x[:, -1:], y - x[:, -1:]) + x[:, -1:]
    np.testing.assert_allclose(forecasts(network, third)[..., 0], expected, atol=1e-3)


def test_a_command_begins_there_and_once_more_with_the_same_penalty(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("daily.csv").write_text(daily_text())
    fits: list[tuple[float | None, float]] = []

    def spy(*given: Any) -> Any:
        start = fit_linear_start(*given)
        assert start is not None
        fits.append((given[3], start.penalty))
        return start

    monkeypatch.setattr(fit, "fit_linear_start", spy)
    auto, members = ["-s", "network.preset=auto"], ["-s", "training.members=2"]
    flags = [*RUN, *auto, *members, "-s", "training.refit=all"]
    cli("train", "daily.csv", *flags, "--run", "ridge")
    (asked, chosen), again = fits  # once for all members
    assert asked is None and again == (chosen, chosen)
    cli("train", "daily.csv", *RUN, *auto, "-s", "network.skip=linear", "--run", "linear")
    losses = [pd.read_csv(f"{run}/history.csv")["train_loss"][0] for run in ("ridge", "linear")]
    assert losses[0] < 0.8 * losses[1]
    fits.clear()
    assert cli("backtest", "ridge", "--folds", "2", "--refit", "1:warm").code == 0
    assert [asked for asked, _ in fits] == [None, fits[0][1], None, fits[2][1]]


def test_what_another_run_has_learned_is_kept(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("daily.csv").write_text(daily_text())
    flags = [*RUN, "-s", "network.preset=auto", "-s", "training.learning_rate=1e-9"]
    cli("train", "daily.csv", *RUN, "-s", "network.preset=auto", "--run", "old")
    cli("train", "daily.csv", *flags, "-s", "training.init_from=old", "--run", "more")
    frames = [pd.read_csv(f"{run}/forecast.csv")["sales"] for run in ("old", "more")]
    np.testing.assert_allclose(*frames, rtol=1e-5)
