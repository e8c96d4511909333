"""Batches (the data loader) and the training loop, against loops, torch's own parts, properties.

Early stopping, learning-rate schedules, gradient clipping, the exponential moving average (EMA).
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.networks import CPU, make_batches, make_network, make_panel, noise, training
from torch import Tensor, nn
from torch.optim import lr_scheduler

from lstmcast.config import TrainingConfig
from lstmcast.errors import Diverged
from lstmcast.network.forecaster import Forecaster
from lstmcast.panel.panel import Columns
from lstmcast.training.running_loss import RunningLoss
from lstmcast.training.schedule import Schedule, build_optimizer
from lstmcast.training.stepper import LossGuard
from lstmcast.training.trainer import CHECK_EVERY, Fit, fit_network, mean_loss
from lstmcast.windows.batches import Batch, Batches, WindowTable
from lstmcast.windows.order import epoch_order
from lstmcast.windows.scaling import Scaler


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On small tensors a second thread costs more than it gives, most of all beside others."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def one_step_task(
    answer: Callable[[np.ndarray], np.ndarray], windows: int, seed: int, **options: Any
) -> Batches:
    """Windows of four random values; what comes next is an answer to the last of them."""
    values = np.random.default_rng(seed).uniform(-1, 1, (windows, 5))
    values[:, 4] = answer(values[:, 3])
    panel = make_panel(values.reshape(-1, 1), offsets=list(range(0, 5 * windows + 1, 5)))
    return make_batches(panel, **options)


def weights(network: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(network.parameters()).detach().clone()


# ---------------------------------------------------------------- gather


@st.composite
def gathers(draw: st.DrawFn) -> dict[str, Any]:
    """A random panel, how to window it, and some of its windows."""
    targets, past, future, static = (
        draw(st.integers(low, 2), label=label)
        for low, label in ((1, "targets"), (0, "past"), (0, "future"), (0, "static"))
    )
    lookback = draw(st.integers(1, 5), label="lookback")
    horizon = draw(st.integers(0, 4), label="horizon")
    pad = draw(st.booleans(), label="pad")
    lengths = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4), label="lengths")
    random = np.random.default_rng(draw(st.integers(0, 1000), label="seed"))
    rows, width = sum(lengths), targets + past + future
    values, observed = random.normal(size=(rows, width)), np.ones((rows, width), dtype=bool)
    if draw(st.booleans(), label="missing"):
        observed = random.random((rows, width)) < 0.8
        never_filled = ~observed & (random.random((rows, width)) < 0.5)
        never_filled[:, targets:] = False
        values[never_filled] = np.nan
    columns = Columns(
        *(
            tuple(f"{role}{k}" for k in range(number))
            for role, number in (("y", targets), ("p", past), ("f", future), ("s", static))
        )
    )
    offsets = [0, *np.cumsum(lengths).tolist()]
    panel = make_panel(
        values, offsets, observed, columns, random.normal(size=(len(lengths), static))
    )
    shape = (len(lengths), width)
    scaler = Scaler("standard", random.normal(size=shape), random.uniform(0.5, 2, shape))
    flat = (len(lengths), static)
    static_scaler = Scaler("standard", np.full(flat, 0.3), np.full(flat, 2.0))
    windows = [  # every origin that the index may name, and the one behind the last row
        (origin, series)
        for series, (first, last) in enumerate(pairwise(offsets))
        for origin in range(first + (1 if pad else lookback), last + 1)
    ]
    random.shuffle(windows)
    return {
        "panel": panel,
        "scaler": scaler,
        "static_scaler": static_scaler if static else None,
        "lookback": lookback,
        "horizon": horizon,
        "pad": pad,
        "windows": windows,
    }


@settings(max_examples=60, deadline=None)
@given(gathers())
def test_a_gathered_window_is_cut_from_the_table_row_by_row(case: dict[str, Any]) -> None:
    windows = case.pop("windows")
    if not windows:
        return
    panel, scaler, lookback, horizon = (
        case[name] for name in ("panel", "scaler", "lookback", "horizon")
    )
    batch = WindowTable(**case, device=CPU).gather(*torch.tensor(windows).T)
    inputs, targets = len(panel.columns.inputs), len(panel.columns.targets)
    future = len(panel.columns.future)
    assert len(batch) == len(windows)
    assert (batch.mask is not None) == case["pad"]
    assert (batch.weights is None) == panel.observed[:, :targets].all()
    assert (batch.future is not None) == bool(future)
    assert (batch.static is not None) == bool(panel.columns.static)
    assert batch.series.tolist() == [series for _, series in windows]

    def scaled(row: int, column: int, series: int) -> float:
        value = panel.values[row, column]
        if np.isnan(value):
            return 0.0
        return (value - scaler.center[series, column]) / scaler.scale[series, column]

    for number, (origin, series) in enumerate(windows):
        for step in range(lookback):
            row = origin - lookback + step
            there = row >= panel.offsets[series]
            expected = [scaled(row, k, series) if there else 0.0 for k in range(inputs)]
            assert batch.inputs[number, step].tolist() == pytest.approx(expected, rel=1e-5)
            if batch.mask is not None:
                assert batch.mask[number, step].item() == there
        # What lies behind the end of a series is nobody's: no index names such targets.
        for step in range(min(horizon, panel.offsets[series + 1] - origin)):
            row = origin + step
            expected = [scaled(row, k, series) for k in range(targets)]
            assert batch.targets[number, step].tolist() == pytest.approx(expected, rel=1e-5)
            if batch.weights is not None:
                assert (batch.weights[number, step].numpy() == panel.observed[row, :targets]).all()
            if batch.future is not None:
                expected = [scaled(row, k, series) for k in range(inputs - future, inputs)]
                assert batch.future[number, step].tolist() == pytest.approx(expected, rel=1e-5)
        if batch.static is not None:
            expected = ((panel.static[series] - 0.3) / 2).tolist()
            assert batch.static[number].tolist() == pytest.approx(expected, rel=1e-5)
    assert batch.inputs.shape == (len(windows), lookback, inputs)
    assert batch.targets.shape == (len(windows), horizon, targets)


def test_windows_gathered_by_number_are_those_of_the_index() -> None:
    panel = make_panel(np.arange(20.0)[:, None], offsets=[0, 8, 20])
    batches = make_batches(panel, lookback=3, horizon=2)
    assert len(batches.index) == (8 - 4) + (12 - 4)
    batch = batches.table.gather_windows(batches.index, np.array([11, 4, 0]))
    assert batch.inputs[..., 0].tolist() == [[15, 16, 17], [8, 9, 10], [0, 1, 2]]
    assert batch.targets[..., 0].tolist() == [[18, 19], [11, 12], [3, 4]]
    assert batch.series.tolist() == [1, 1, 0]


# ---------------------------------------------------------------- epochs of batches


def targets_of(batches: Batches, epoch: int) -> list[list[float]]:
    return [batch.targets.flatten().tolist() for batch in batches.epoch(epoch)]


@pytest.mark.parametrize(("batch_size", "sizes"), [(4, [4, 4, 2]), (5, [5, 5]), (64, [10])])
def test_an_epoch_holds_every_window_once_and_the_last_partial_batch(
    batch_size: int, sizes: list[int]
) -> None:
    batches = make_batches(make_panel(np.arange(14.0)[:, None]), batch_size=batch_size)
    seen = targets_of(batches, epoch=1)
    assert [len(batch) for batch in seen] == sizes
    assert len(batches) == len(sizes)
    assert sorted(chain(*seen)) == list(range(4, 14))
    order = epoch_order(10, 0, 1)
    assert list(chain(*seen)) == (order + 4).tolist()


def test_training_asks_for_the_epochs_by_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    batches, asked, epoch = make_batches(noise()), [], Batches.epoch
    monkeypatch.setattr(Batches, "epoch", lambda own, n, skip: asked.append(n) or epoch(own, n))
    fit_network(make_network(), batches, None, training(max_epochs=3))
    assert asked == [1, 2, 3]


def test_without_a_seed_windows_come_in_the_order_of_the_index() -> None:
    batches = make_batches(make_panel(np.arange(14.0)[:, None]), seed=None)
    assert targets_of(batches, 1) == targets_of(batches, 2)
    assert list(chain(*targets_of(batches, 1))) == list(range(4, 14))


@given(st.integers(0, 200), st.integers(0, 2**63 - 1), st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_the_order_of_an_epoch_is_a_permutation_fixed_by_seed_and_epoch(
    count: int, seed: int, epoch: int
) -> None:
    order = epoch_order(count, seed, epoch)
    assert sorted(order.tolist()) == list(range(count))
    np.random.default_rng(0).random()
    torch.rand(1)
    assert np.array_equal(order, epoch_order(count, seed, epoch))


def test_each_seed_and_each_epoch_has_an_order_of_its_own() -> None:
    orders = {tuple(epoch_order(50, seed, epoch)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


# ---------------------------------------------------------------- schedules


def rates(config: TrainingConfig, steps_per_epoch: int, steps: int) -> list[float]:
    schedule = Schedule(config, steps_per_epoch)
    return [schedule.rate(step) for step in range(steps)]


def torch_rates(build: Callable[[Any], Any], rate: float, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler = build(optimizer)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def test_learning_rates_worked_out_by_hand() -> None:
    assert rates(training(learning_rate=0.2), 3, 4) == [0.2] * 4
    warm = rates(training(learning_rate=0.8, warmup_steps=4), 2, 6)
    assert warm == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8])
    stepped = training(schedule="step", learning_rate=0.8, decay=0.5, decay_every=2)
    assert rates(stepped, 2, 9) == pytest.approx([0.8] * 4 + [0.4] * 4 + [0.2])
    cosine = training(schedule="cosine", learning_rate=0.8, max_epochs=2)
    half = math.sqrt(0.5)
    assert rates(cosine, 2, 5) == pytest.approx([0.8, 0.4 * (1 + half), 0.4, 0.4 * (1 - half), 0])
    warm_cosine = cosine.model_copy(update={"warmup_steps": 2})
    assert rates(warm_cosine, 2, 5) == pytest.approx([0.4, 0.8, 0.8, 0.4, 0])


@pytest.mark.parametrize("max_steps", [None, 10, 1000])
def test_cosine_equals_torchs_up_to_the_last_step_that_the_limits_allow(
    max_steps: int | None,
) -> None:
    config = training(schedule="cosine", max_epochs=5, max_steps=max_steps)
    total = min(max_steps or 20, 20)
    expected = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, total), 0.01, total)
    assert rates(config, 4, total) == pytest.approx(expected)


def test_step_equals_torchs() -> None:
    config = training(schedule="step", decay=0.3, decay_every=2)
    expected = torch_rates(lambda o: lr_scheduler.StepLR(o, 2 * 4, gamma=0.3), 0.01, 40)
    assert rates(config, 4, 40) == pytest.approx(expected)


@pytest.mark.parametrize("steps", [1, 2, 7, 400])
def test_one_cycle_is_torchs_to_within_a_step(steps: int) -> None:
    config = training(schedule="one_cycle", max_steps=steps, max_epochs=500)
    ours = rates(config, 1, steps)
    assert max(ours) <= 0.01 and min(ours) >= 0
    if steps == 400:
        oracle = torch_rates(
            lambda o: lr_scheduler.OneCycleLR(o, 0.01, steps, pct_start=0.3), 0.01, steps
        )
        assert ours == pytest.approx(oracle, abs=0.01 / 25)
        assert ours.index(max(ours)) in (118, 119, 120)


def test_the_decays_of_step_can_begin_later() -> None:
    config = training(schedule="step", learning_rate=1.0, decay=0.5, decay_every=1, decay_after=2)
    assert rates(config, 2, 10) == pytest.approx([1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25])


def test_warm_up_before_cosine_equals_torchs() -> None:
    config = training(schedule="cosine", max_epochs=5, warmup_steps=6)

    def build(optimizer: Any) -> Any:
        warmup = lr_scheduler.LinearLR(optimizer, 1 / 6, 1.0, total_iters=5)
        cosine = lr_scheduler.CosineAnnealingLR(optimizer, 20 - 6)
        return lr_scheduler.SequentialLR(optimizer, [warmup, cosine], [6])

    assert rates(config, 4, 20) == pytest.approx(torch_rates(build, 0.01, 20), abs=1e-12)


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0]), min_size=1, max_size=20), st.integers(1, 4))
@settings(max_examples=50, deadline=None)
def test_plateau_equals_torchs_on_any_losses(losses: list[float], decay_every: int) -> None:
    config = training(schedule="plateau", decay=0.5, decay_every=decay_every)
    schedule = Schedule(config, 1)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.01)
    # torch counts the bad epochs that it bears, we those after which the rate falls.
    oracle = lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=decay_every - 1, threshold=0, eps=0
    )
    for epoch, loss in enumerate(losses):
        assert schedule.rate(epoch) == pytest.approx(optimizer.param_groups[0]["lr"])
        schedule.epoch_done(loss)
        oracle.step(loss)
    assert schedule.rate(len(losses)) == pytest.approx(optimizer.param_groups[0]["lr"])


def test_plateau_in_training_follows_the_validation_loss() -> None:
    fit, _, _ = overshooting(schedule="plateau", decay=0.5, decay_every=2, patience=None)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.003)
    oracle = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, threshold=0, eps=0)
    for epoch in fit.history:
        assert epoch.learning_rate == pytest.approx(optimizer.param_groups[0]["lr"])
        oracle.step(epoch.validation_loss)
    assert fit.history[3].learning_rate == 0.003 > 2 * fit.history[-1].learning_rate


@pytest.mark.parametrize("name", ["constant", "cosine", "step"])
def test_only_plateau_listens_to_losses(name: str) -> None:
    schedule = Schedule(training(schedule=name, decay_every=1), 2)
    before = [schedule.rate(step) for step in range(10)]
    for _ in range(5):
        schedule.epoch_done(1.0)
    assert [schedule.rate(step) for step in range(10)] == before


def test_history_tells_the_rate_of_each_epochs_last_step() -> None:
    config = training(schedule="step", decay=0.1, decay_every=1, warmup_steps=2, max_epochs=3)
    batches = make_batches(noise(), batch_size=20)  # 56 windows, 3 steps
    fit = fit_network(make_network(), batches, None, config)
    told = [epoch.learning_rate for epoch in fit.history]
    assert told == pytest.approx([0.01, 0.001, 0.0001])
    assert [epoch.steps for epoch in fit.history] == [3, 6, 9]


# ---------------------------------------------------------------- optimizers

OPTIMIZERS = {
    "sgd": lambda p, decay: torch.optim.SGD(p, lr=1.0, momentum=0.9, weight_decay=decay),
    "adam": lambda p, decay: torch.optim.Adam(p, lr=1.0, weight_decay=decay),
    "adamw": lambda p, decay: torch.optim.AdamW(p, lr=1.0, weight_decay=decay),
}


@pytest.mark.parametrize("clip", [None, 0.05, 100.0])
@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_step_moves_the_weights_as_torchs_optimizer_does(
    name: str, decay: float, clip: float | None
) -> None:
    config = training(
        optimizer=name, weight_decay=decay, clip_norm=clip, max_epochs=4, schedule="cosine"
    )
    network = make_network()
    plain = copy.deepcopy(network)
    batches = make_batches(noise(), batch_size=1000)
    (batch,) = batches.epoch(0)
    fit_network(network, batches, None, config)

    optimizer = OPTIMIZERS[name](plain.parameters(), decay)
    for step in range(4):
        optimizer.param_groups[0]["lr"] = 0.01 * 0.5 * (1 + math.cos(math.pi * step / 4))
        optimizer.zero_grad()
        nn.functional.mse_loss(plain(batch), batch.targets).backward()
        if clip is not None:
            norm = torch.cat([p.grad.flatten() for p in plain.parameters()]).norm().item()
            assert (clip < norm) == (clip == 0.05)
            for parameter in plain.parameters():
                parameter.grad *= min(1.0, clip / norm)
        optimizer.step()
    torch.testing.assert_close(weights(network), weights(plain), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("change", [{"weight_decay": 0.5}, {"learning_rate": 0.02}])
def test_weight_decay_and_learning_rate_have_an_effect(name: str, change: dict) -> None:
    def trained(**fields: Any) -> Tensor:
        network = make_network()
        config = training(optimizer=name, max_steps=3, clip_norm=None, **fields)
        fit_network(network, make_batches(noise()), None, config)
        return weights(network)

    assert not torch.allclose(trained(), trained(**change), atol=1e-4)


def test_weight_decay_shrinks_weights_that_have_no_gradient() -> None:
    for name in OPTIMIZERS:
        parameter = nn.Parameter(torch.tensor([2.0]))
        parameter.grad = torch.zeros(1)
        build_optimizer(training(optimizer=name, weight_decay=0.5), [parameter]).step(0.1, None)
        assert 0 < parameter.item() < 2


def test_gradient_clipping_bounds_the_step_of_sgd() -> None:
    network = make_network()
    before = weights(network)
    config = training(optimizer="sgd", clip_norm=0.001, learning_rate=1.0, max_steps=1)
    fit_network(network, make_batches(noise()), None, config)
    assert (weights(network) - before).norm().item() == pytest.approx(0.001, rel=1e-2)


# ---------------------------------------------------------------- average of the weights


def test_the_moving_average_is_that_of_the_weights_after_each_step_and_is_kept() -> None:
    config = training(average=0.5, max_epochs=3, schedule="constant", optimizer="sgd")
    batches = make_batches(noise(), batch_size=1000)  # a step an epoch
    network, plain = make_network(), make_network()
    fit_network(network, batches, None, config)
    expected, optimizer = weights(plain), build_optimizer(config, plain.parameters())
    for step in range(1, 4):
        (batch,) = batches.epoch(step)
        optimizer.clear()
        total, count = plain.loss(batch)
        (total / count).backward()
        optimizer.step(0.01, 1.0)
        stays = min(0.5, (1 + step) / (10 + step))  # 2/11, 3/12, 4/13
        expected = stays * expected + (1 - stays) * weights(plain)
    torch.testing.assert_close(weights(network), expected, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(weights(network), weights(plain), atol=1e-4)


def test_the_moving_average_is_what_validation_judges_and_training_goes_on_without() -> None:
    config = training(average=0.9, max_epochs=3)
    batches, network = make_batches(noise()), make_network()
    fit = fit_network(network, batches, batches, config)
    best = min(epoch.validation_loss for epoch in fit.history)
    assert mean_loss(network, batches) == pytest.approx(best, rel=1e-6)
    plain = fit_network(make_network(), batches, batches, training(max_epochs=3))
    # The weights that were trained, and so the losses of training, are those without an average.
    assert [e.train_loss for e in fit.history] == [e.train_loss for e in plain.history]
    assert [e.validation_loss for e in fit.history] != [e.validation_loss for e in plain.history]


# ---------------------------------------------------------------- mean loss


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_the_mean_loss_is_that_of_all_observed_targets_for_any_batch_size(loss: str) -> None:
    random = np.random.default_rng(0)
    panel = replace(noise(23, columns=2), observed=random.random((23, 2)) < 0.7)
    network = make_network(loss, targets=2, dropout=0.5)
    whole = make_batches(panel, batch_size=1000)
    (batch,) = whole.epoch(0)
    elementwise = {
        "mse": nn.functional.mse_loss,
        "mae": nn.functional.l1_loss,
        "huber": nn.functional.huber_loss,
    }[loss]
    assert batch.weights is not None
    there = batch.weights == 1
    assert not there.all()
    with torch.no_grad():
        expected = elementwise(network.eval()(batch)[there], batch.targets[there]).item()
    network.train()
    for batch_size in (1, 2, 7, 18, 19, 1000):
        batches = replace(whole, batch_size=batch_size)
        assert mean_loss(network, batches) == pytest.approx(expected, rel=1e-6)


def test_the_training_loss_counts_the_last_partial_batch_by_its_windows() -> None:
    network, batches = make_network(), make_batches(noise(), batch_size=50)  # 56 windows
    still = training(learning_rate=1e-30, max_epochs=1)
    (epoch,) = fit_network(network, batches, None, still).history
    assert epoch.train_loss == pytest.approx(mean_loss(network, batches), rel=1e-5)


def test_the_mean_loss_leaves_weights_and_gradients_alone() -> None:
    network = make_network()
    before = weights(network)
    mean_loss(network, make_batches(noise()))
    assert torch.equal(weights(network), before)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_batches_without_an_observed_target_do_no_harm() -> None:
    panel = noise(40)
    observed = np.ones((40, 1), dtype=bool)
    observed[10:30] = False
    batches = make_batches(replace(panel, observed=observed), batch_size=5, seed=None)
    assert any(batch.weights is not None and not batch.weights.any() for batch in batches.epoch())
    network = make_network()
    fit = fit_network(network, batches, batches, training(max_epochs=2))
    assert all(math.isfinite(epoch.train_loss) for epoch in fit.history)
    assert weights(network).isfinite().all()
    nothing = make_batches(replace(panel, observed=np.zeros((40, 1), dtype=bool)))
    assert mean_loss(network, nothing) == 0


# ---------------------------------------------------------------- when training ends


def overshooting(**fields: Any) -> tuple[Fit, Forecaster, Batches]:
    """On the way to its training targets, 1, the network passes those of validation, 0.5."""
    train = one_step_task(lambda last: np.full_like(last, 1.0), windows=20, seed=0)
    validation = one_step_task(lambda last: np.full_like(last, 0.5), windows=9, seed=1)
    network = make_network()
    config = training(**{"max_epochs": 25, "learning_rate": 0.003} | fields)
    return fit_network(network, train, validation, config), network, validation


def test_early_stopping_leaves_the_weights_of_the_best_epoch() -> None:
    fit, network, validation = overshooting(patience=4)
    losses = [epoch.validation_loss for epoch in fit.history]
    best = int(np.argmin(losses))
    assert 1 < best < len(losses) - 1
    assert fit.best_epoch == best + 1 and len(losses) == fit.best_epoch + 4
    assert fit.stopped_by == "patience"
    assert mean_loss(network, validation) == losses[best]
    lowest = np.minimum.accumulate(losses)
    firsts = [epoch == 0 or losses[epoch] < lowest[epoch - 1] for epoch in range(len(losses))]
    assert [epoch.best for epoch in fit.history] == firsts
    assert [epoch.epoch for epoch in fit.history] == list(range(1, len(losses) + 1))


def test_the_validation_loss_of_an_epoch_is_that_of_its_last_weights() -> None:
    whole, _, _ = overshooting(patience=None)
    fit, network, validation = overshooting(patience=None, max_epochs=3)
    assert mean_loss(network, validation) == fit.history[-1].validation_loss
    told = [epoch.validation_loss for epoch in whole.history[:3]]
    assert [epoch.validation_loss for epoch in fit.history] == told


def test_early_stopping_takes_a_validation_loss_that_stays_the_same_for_no_better() -> None:
    batches = make_batches(noise())
    nothing = make_batches(replace(noise(), observed=np.zeros((60, 1), dtype=bool)))
    fit = fit_network(make_network(), batches, nothing, training(patience=3))
    assert [epoch.validation_loss for epoch in fit.history] == [0] * 4
    assert fit.best_epoch == 1 and [epoch.best for epoch in fit.history] == [True] + 3 * [False]


def test_validation_changes_nothing_of_training() -> None:
    batches = make_batches(noise())
    config = training(max_epochs=3, patience=None)
    losses = []
    for validation in (None, batches):
        network = make_network(dropout=0.5, initial_state="random").eval()
        history = fit_network(network, batches, validation, config).history
        losses.append([epoch.train_loss for epoch in history])
    assert losses[0] == losses[1]
    plain = fit_network(make_network(), batches, None, config).history
    assert losses[0][1:] != [epoch.train_loss for epoch in plain][1:], "dropout acts in each epoch"


def test_without_early_stopping_all_epochs_are_run_and_the_best_is_kept() -> None:
    fit, network, validation = overshooting(patience=None)
    losses = [epoch.validation_loss for epoch in fit.history]
    assert len(losses) == 25 and fit.stopped_by == "max_epochs"
    assert fit.best_epoch == int(np.argmin(losses)) + 1 < 20
    assert mean_loss(network, validation) == min(losses)


def test_without_validation_the_last_epoch_is_kept() -> None:
    train = one_step_task(lambda last: last + 1, windows=20, seed=0)
    network = make_network()
    seen = []
    fit = fit_network(
        network,
        train,
        None,
        training(max_epochs=6, patience=2, learning_rate=0.5, optimizer="sgd"),
        watch=lambda progress: seen.append(weights(network)) if progress.finished else None,
    )
    assert len(fit.history) == fit.best_epoch == 6 and fit.stopped_by == "max_epochs"
    assert all(epoch.validation_loss is None for epoch in fit.history)
    assert torch.equal(weights(network), seen[-1])
    assert not torch.equal(seen[-2], seen[-1])


@pytest.mark.parametrize(("max_steps", "epochs"), [(1, 1), (5, 2), (6, 2), (7, 3)])
def test_training_stops_at_max_steps(max_steps: int, epochs: int) -> None:
    batches = make_batches(noise(), batch_size=20)  # 3 steps in an epoch
    fit = fit_network(make_network(), batches, batches, training(max_steps=max_steps))
    assert fit.history[-1].steps == max_steps
    assert len(fit.history) == epochs and fit.stopped_by == "max_steps"


def test_training_stops_in_the_midst_of_an_epoch_when_its_minutes_are_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    batches = make_batches(noise(), batch_size=20)  # 3 steps in an epoch

    def watch(progress: Any) -> None:
        if progress.finished:
            now[0] += 40

    config = training(max_minutes=1.0, max_epochs=10)
    fit = fit_network(make_network(), batches, None, config, watch)
    assert [epoch.steps for epoch in fit.history] == [3, 6, 7]  # 0, 40 and 80 seconds
    assert fit.stopped_by == "max_minutes"
    patient = config.model_copy(update={"max_minutes": 7.0})
    assert fit_network(make_network(), batches, None, patient, watch).stopped_by == "max_epochs"


def test_epochs_stop_training_at_the_rates_of_the_full_plan() -> None:
    config = training(schedule="cosine", max_epochs=10)
    batches = make_batches(noise(), batch_size=20)
    whole = fit_network(make_network(), batches, None, config)
    fit = fit_network(make_network(), batches, None, config, epochs=3)
    assert len(fit.history) == fit.best_epoch == 3
    for epoch, planned in zip(fit.history, whole.history, strict=False):
        assert epoch.learning_rate == planned.learning_rate
        assert epoch.train_loss == planned.train_loss


def test_the_listener_receives_every_epoch() -> None:
    seen: list[Any] = []
    batches = make_batches(noise(), batch_size=20)
    fit = fit_network(make_network(), batches, batches, training(max_epochs=3), seen.append)
    assert [progress.finished for progress in seen if progress.finished] == fit.history
    assert all(progress.steps == 3 and 1 <= progress.step <= 3 for progress in seen)
    assert seen[0].finished is None and seen[0].step == 1


# ---------------------------------------------------------------- chance


@pytest.mark.parametrize(
    "fields",
    [
        {"cell": "rnn", "dropout": 0.3},
        {"cell": "gru", "units": [6, 4], "initial_state": "random"},
        {"cell": "lstm", "units": [5, 5], "dropout": 0.2, "initial_state": "random"},
        {"cell": "lstm", "units": [6, 4], "bidirectional": True, "initial_state": "learned"},
    ],
    ids=str,
)
def test_the_same_seed_gives_the_same_bits(fields: dict[str, Any]) -> None:
    def trained(seed: int) -> tuple[Tensor, list[float]]:
        network = make_network(seed=seed, **fields)
        batches = make_batches(noise(), batch_size=20, seed=seed, pad=True)
        fit = fit_network(network, batches, batches, training(max_epochs=2))
        return weights(network), [epoch.train_loss for epoch in fit.history]

    first, losses = trained(0)
    torch.rand(7)
    again, same_losses = trained(0)
    assert torch.equal(first, again) and losses == same_losses
    other, other_losses = trained(1)
    assert not torch.equal(first, other) and losses != other_losses


# ---------------------------------------------------------------- running away


@pytest.mark.parametrize("rate", [30.0, 1e30])
@pytest.mark.parametrize("validated", [False, True])
def test_a_runaway_training_names_the_learning_rate(rate: float, validated: bool) -> None:
    batches = make_batches(noise())
    config = training(optimizer="sgd", learning_rate=rate, clip_norm=None)
    with pytest.raises(Diverged, match=r"in epoch 1, step 7: .*training\.learning_rate") as caught:
        fit_network(make_network(), batches, batches if validated else None, config)
    assert f"now {rate:g}" in str(caught.value)
    assert "training.clip_norm: 1.0" in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_loss_that_is_not_a_number_ends_training_at_the_first_step() -> None:
    network = make_network()
    with torch.no_grad():
        network.decoder.linear.bias.fill_(math.nan)
    with pytest.raises(Diverged, match=r"epoch 1, step 1: the loss is nan.*learning_rate"):
        fit_network(network, make_batches(noise()), None, training())


def test_the_guard_bears_a_loss_up_to_a_thousand_times_the_first() -> None:
    guard = LossGuard(training(clip_norm=0.5))
    for loss in (2.0, 0.001, 1999.0):
        guard.look(loss, epoch=1, step=1)
    with pytest.raises(Diverged, match=r"epoch 3, step 7: .*first step: 2.*clip_norm \(now 0\.5\)"):
        guard.look(2001.0, epoch=3, step=7)
    for loss in (math.nan, math.inf):
        with pytest.raises(Diverged):
            guard.look(loss, epoch=1, step=1)


def test_validation_rows_far_from_easy_training_rows_are_no_runaway() -> None:
    train = make_batches(make_panel(np.zeros((30, 1))))
    validation = make_batches(make_panel(np.arange(30.0)[:, None] ** 2))
    fit = fit_network(make_network(normalize="last"), train, validation, training(max_epochs=2))
    assert all(epoch.validation_loss > 100 for epoch in fit.history)


# ---------------------------------------------------------------- learning


def test_a_tiny_network_learns_last_value_plus_one() -> None:
    train = one_step_task(lambda last: last + 1, windows=64, seed=0)
    unseen = one_step_task(lambda last: last + 1, windows=32, seed=1)
    network = make_network(cell="lstm", units=[12])
    assert mean_loss(network, unseen) > 0.5
    fit = fit_network(network, train, None, training(learning_rate=0.03, max_epochs=30))
    assert fit.history[-1].train_loss < fit.history[0].train_loss / 20
    assert mean_loss(network, unseen) < 0.02  # the last value alone varies by 1 / 3
    batch: Batch = next(unseen.epoch())
    with torch.no_grad():
        error = network(batch) - batch.inputs[:, -1:] - 1
    assert error.abs().max() < 0.5


def test_the_loss_of_an_epoch_is_the_mean_over_all_it_was_told_and_holds_few_of_them() -> None:
    loss = RunningLoss()
    for total, count in ((6.0, 2.0), (3.0, 1.0), (0.0, 0.0)):
        loss.add((torch.tensor(total), torch.tensor(count)))
    loss.take_in()
    assert (loss.recent, loss.steps) == ([], 3)
    loss.add((torch.tensor(1.0), 2))
    assert loss.last() == 0.5
    assert (loss.mean(), loss.steps) == (2.0, 4)
    assert RunningLoss().mean() == 0


def test_a_long_epoch_holds_no_more_losses_than_are_between_two_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = []
    taken = RunningLoss.add

    def add(self: RunningLoss, sums: Tensor) -> None:
        taken(self, sums)
        held.append(len(self.recent))

    monkeypatch.setattr(RunningLoss, "add", add)
    train = make_batches(noise(), batch_size=1)
    fit_network(make_network(), train, train, training(max_epochs=1))
    assert len(held) == 2 * len(train) > 2 * CHECK_EVERY
    assert max(held) <= CHECK_EVERY
