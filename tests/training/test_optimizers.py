"""The optimizers do what torch's do; the process is put back behind a training."""

import copy
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from support.libraries import NONE, held_to
from torch import Tensor, nn

from lstmcast.network.kernel import load
from lstmcast.training.optimizers import OPTIMIZERS, Optimizer
from lstmcast.training.process_tuning import fast_training_process

ORACLES: dict[str, Any] = {
    "sgd": lambda p, decay: torch.optim.SGD(p, lr=1.0, momentum=0.9, weight_decay=decay),
    "adam": lambda p, decay: torch.optim.Adam(p, lr=1.0, weight_decay=decay),
    "adamw": lambda p, decay: torch.optim.AdamW(p, lr=1.0, weight_decay=decay),
}
RATES = [1e-3, 1e-2, 3e-3, 0.0, 1e-3, 5e-2]


@pytest.fixture(params=[*load.LIBRARIES, NONE])
def kind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Processors with a library each, and those for which torch's own functions are called."""
    with held_to(request.param):
        if load.library() is None and request.param != NONE:
            pytest.skip("it was not compiled here")
        yield


moved_by_each = pytest.mark.usefixtures("kind")


def network() -> nn.Module:
    """Parameters of 1 to 180 numbers, some of which fill vectors and some not."""
    torch.manual_seed(0)
    return nn.LSTM(3, 9, num_layers=2, bidirectional=True)


def put_gradients(module: nn.Module, step: int, scale: float = 1.0) -> None:
    generator = torch.Generator().manual_seed(step)
    for parameter in module.parameters():
        parameter.grad = scale * torch.randn(parameter.shape, generator=generator)


def flat(module: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def walk(optimizer: Optimizer, module: nn.Module, steps: range, clip: float | None = None) -> None:
    for step in steps:
        put_gradients(module, step)
        optimizer.step(RATES[step], clip)
        optimizer.clear()


@moved_by_each
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_are_those_of_torchs_optimizer(name: str, decay: float) -> None:
    ours, theirs = network(), network()
    optimizer = OPTIMIZERS[name](ours.parameters(), decay)
    oracle = ORACLES[name](theirs.parameters(), decay)
    for step, rate in enumerate(RATES):
        for module in (ours, theirs):
            put_gradients(module, step)
        optimizer.step(rate, None)
        oracle.param_groups[0]["lr"] = rate
        oracle.step()
        torch.testing.assert_close(flat(ours), flat(theirs), rtol=1e-6, atol=1e-7)
    assert (flat(ours) - flat(network())).abs().max() > 1e-2


@moved_by_each
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_gradients_may_lie_in_memory_in_any_order(name: str) -> None:
    moved = []
    for turned in (False, True):
        parameter = nn.Parameter(torch.zeros(3, 4))
        gradient = torch.arange(12.0).view(3, 4)
        parameter.grad = gradient.T.contiguous().T if turned else gradient
        OPTIMIZERS[name]([parameter], 0.0).step(0.1, 1.0)
        moved.append(parameter.detach().clone())
    assert torch.equal(*moved) and moved[0].abs().max() > 0


@moved_by_each
@pytest.mark.parametrize(
    ("clip", "size", "clipped"),
    [(0.5, 1.0, True), (1e6, 1.0, False), (1e-6, 1e-7, True), (1e-5, 1e-7, False)],
)
def test_gradient_clipping_is_that_of_torch(clip: float, size: float, clipped: bool) -> None:
    ours, theirs = network(), network()
    optimizer = OPTIMIZERS["sgd"](ours.parameters(), 0.0)
    oracle = ORACLES["sgd"](theirs.parameters(), 0.0)
    for step, rate in enumerate(RATES):
        for module in (ours, theirs):
            put_gradients(module, step, size)
        optimizer.step(rate / size, clip)
        norm = nn.utils.clip_grad_norm_(theirs.parameters(), clip)
        assert (norm + 1e-6 > clip) == clipped
        oracle.param_groups[0]["lr"] = rate / size
        oracle.step()
        torch.testing.assert_close(flat(ours), flat(theirs), rtol=1e-5, atol=1e-6)
    assert not torch.equal(flat(ours), flat(network()))


@moved_by_each
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_gradient_that_is_not_a_number_spoils_all_that_are_clipped_together(name: str) -> None:
    ours, theirs = network(), network()
    for module in (ours, theirs):
        put_gradients(module, 0)
        next(module.parameters()).grad[0, 0] = torch.nan  # type: ignore[index]
    OPTIMIZERS[name](ours.parameters(), 0.0).step(1.0, 1.0)
    nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
    ORACLES[name](theirs.parameters(), 0.0).step()
    assert flat(theirs).isnan().all() and flat(ours).isnan().all()


@moved_by_each
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_on_to_the_bit_from_its_tensors(name: str) -> None:
    whole, first = network(), network()
    walk(OPTIMIZERS[name](whole.parameters(), 0.1), whole, range(6), clip=1.0)
    stopped = OPTIMIZERS[name](first.parameters(), 0.1)
    walk(stopped, first, range(3), clip=1.0)
    kept = {key: value.clone() for key, value in stopped.tensors().items()}
    second = copy.deepcopy(first)
    going_on = OPTIMIZERS[name](second.parameters(), 0.1)
    going_on.restore(kept)
    walk(going_on, second, range(3, 6), clip=1.0)
    assert torch.equal(flat(second), flat(whole))


@moved_by_each
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_that_are_not_trained_stay_where_they_are(name: str) -> None:
    module = network()
    frozen = next(module.parameters()).requires_grad_(False)
    before = flat(module)
    put_gradients(module, 0)
    OPTIMIZERS[name](module.parameters(), 0.1).step(0.1, 1.0)
    moved = flat(module) != before
    assert not moved[: frozen.numel()].any() and moved[frozen.numel() :].all()


@moved_by_each
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_parameter_without_a_gradient_is_moved_by_decay_alone(name: str) -> None:
    parameter = nn.Parameter(torch.tensor([2.0, -2.0]))
    OPTIMIZERS[name]([parameter], 0.0).step(0.1, 1.0)
    assert parameter.tolist() == [2.0, -2.0]
    OPTIMIZERS[name]([parameter], 0.5).step(0.1, None)
    assert 0 < parameter[0] < 2 and -2 < parameter[1] < 0


def test_numbers_next_to_zero_are_flushed_in_training_and_nowhere_else() -> None:
    assert sys.float_info.min / 2 > 0
    with pytest.raises(KeyError), fast_training_process():
        assert (torch.full((4,), 1e-38) * 1e-2 == 0).all()
        raise KeyError
    assert sys.float_info.min / 2 > 0
    assert (torch.full((4,), 1e-38) * 1e-2 > 0).all()


def test_flushing_that_somebody_else_asked_for_stays() -> None:
    assert torch.set_flush_denormal(True)
    try:
        with fast_training_process():
            pass
        assert sys.float_info.min / 2 == 0
    finally:
        torch.set_flush_denormal(False)
