"""LSTM and GRU layers by layer.c are torch's: outputs, states and every gradient."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from support.libraries import held_to
from torch import Tensor, nn

from lstmcast.config import NetworkConfig, TrainingConfig
from lstmcast.network.kernel import call, load
from lstmcast.network.kernel.autograd import run_layers, runs_here
from lstmcast.network.kernel.gru import GRU
from lstmcast.network.kernel.lstm import LSTM
from lstmcast.network.recurrent import RecurrentEncoder
from lstmcast.network.threads import use_threads
from lstmcast.training.compiled_update import Update

ROOT = Path(__file__).parents[2]

compiled = pytest.mark.skipif(load.library() is None, reason="no layer.c for this machine")

State = tuple[Tensor, Tensor] | None


def run_lstm(stack: nn.LSTM, inputs: Tensor, state: State) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The compiled code, in the form of torch's layer."""
    outputs, last = run_layers(stack, inputs, state)
    return outputs, tuple(last)


@pytest.fixture(params=load.LIBRARIES)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Processors for each of which there is a library."""
    with held_to(request.param):
        yield request.param


def outcome(run: Any, weights: list[Tensor], inputs: Tensor, state: State) -> list[Tensor]:
    """Outputs, final states, and the gradients of a loss that looks at all of them."""
    outputs, (hidden, cell) = run(inputs, state)
    scale = torch.arange(outputs.numel(), dtype=outputs.dtype).view_as(outputs).cos()
    loss = (outputs.sin() * scale).sum() + hidden.exp().sum() + (cell * cell).sum()
    return [outputs, hidden, cell, *torch.autograd.grad(loss, [inputs, *(state or ()), *weights])]


def require_close(found: list[Tensor], expected: list[Tensor], tolerance: float = 1e-5) -> None:
    for one, other in zip(found, expected, strict=True):
        bound = tolerance * float(other.detach().abs().max())
        torch.testing.assert_close(one, other, rtol=0, atol=bound)


@dataclass(frozen=True)
class Case:
    """A layer, and what it is given."""

    features: int
    units: int
    windows: int
    steps: int
    layers: int
    bidirectional: bool
    bias: bool
    with_state: bool

    def options(self) -> dict[str, Any]:
        """Of torch's layer."""
        names = ("bias", "bidirectional")
        return {"batch_first": True, **{name: getattr(self, name) for name in names}}

    def inputs(self) -> Tensor:
        """(B, T, F) at random."""
        return torch.randn(self.windows, self.steps, self.features, requires_grad=True)

    def rows(self) -> int:
        """L * D."""
        return self.layers * (2 if self.bidirectional else 1)


SHAPES = [
    (3, 5, 4, 9),
    (1, 64, 32, 20),
    (17, 40, 33, 7),
    (64, 64, 50, 5),
    (130, 100, 7, 3),
    (2, 16, 1, 1),
]
"""Sizes that fill vectors and tiles and that do not."""

YES_OR_NO = (False, True)
EVERY_OPTION = [
    Case(*SHAPES[0], *options) for options in product((1, 3), YES_OR_NO, YES_OR_NO, YES_OR_NO)
]
SIMPLEST, FULLEST = (1, False, False, False), (3, True, True, True)
"""Options that leave out of the C code what can be left out, and that use all of it."""
CASES = EVERY_OPTION + [
    Case(*shape, *options) for shape in SHAPES[1:] for options in (SIMPLEST, FULLEST)
]
of_every_shape = pytest.mark.parametrize("case", CASES, ids=str)


@compiled
@of_every_shape
def test_outputs_and_gradients_are_those_of_torchs_layer(case: Case, kind: str) -> None:
    torch.manual_seed(case.units)
    stack = nn.LSTM(case.features, case.units, case.layers, **case.options())
    inputs, state = case.inputs(), None
    if case.with_state:
        first = torch.randn(2, case.rows(), case.windows, case.units)
        state = (first[0].requires_grad_(), first[1].requires_grad_())
    weights = list(stack.parameters())
    expected = outcome(stack, weights, inputs, state)
    require_close(outcome(lambda x, s: run_lstm(stack, x, s), weights, inputs, state), expected)
    with torch.inference_mode():
        outputs, states = run_lstm(stack, inputs, state)
    require_close([outputs, *states], expected[:3])


def by_us(stack: GRU) -> Callable[..., tuple[Tensor, Tensor]]:
    """The compiled code, in the form of torch's layer."""

    def run(inputs: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        outputs, last = run_layers(stack, inputs, None if state is None else [state])
        return outputs, last[0]

    return run


def outcome_of_gru(
    run: Any, weights: list[Tensor], inputs: Tensor, state: Tensor | None
) -> list[Tensor]:
    outputs, final = run(inputs, state)
    scale = torch.arange(outputs.numel(), dtype=outputs.dtype).view_as(outputs).cos()
    loss = (outputs.sin() * scale).sum() + final.exp().sum()
    given = [inputs, *([] if state is None else [state]), *weights]
    return [outputs, final, *torch.autograd.grad(loss, given)]


@compiled
@of_every_shape
def test_a_grus_outputs_and_gradients_are_those_of_torchs_layer(case: Case, kind: str) -> None:
    torch.manual_seed(case.units)
    own = GRU(case.features, case.units, case.layers, **case.options())
    inputs, state = case.inputs(), None
    if case.with_state:
        state = torch.randn(case.rows(), case.windows, case.units, requires_grad=True)
    weights = list(own.parameters())
    plain: Callable[..., Any] = lambda x, h: nn.GRU.forward(own, x, h)  # noqa: E731
    expected = outcome_of_gru(plain, weights, inputs, state)
    require_close(outcome_of_gru(by_us(own), weights, inputs, state), expected)
    with torch.inference_mode():
        require_close(list(by_us(own)(inputs, state)), expected[:2])


@compiled
@pytest.mark.parametrize("size", [1e-30, 1e-4, 10.0, 1e4])
def test_a_gru_bears_large_and_tiny_inputs(size: float) -> None:
    torch.manual_seed(0)
    own = GRU(2, 20, batch_first=True)
    inputs = (size * torch.randn(9, 30, 2)).requires_grad_()
    weights = list(own.parameters())
    plain: Callable[..., Any] = lambda x, h: nn.GRU.forward(own, x, h)  # noqa: E731
    expected = outcome_of_gru(plain, weights, inputs, None)
    assert runs_here(own, inputs)
    require_close(outcome_of_gru(own, weights, inputs, None), expected, tolerance=1e-4)


@compiled
@pytest.mark.parametrize("size", [1e-30, 1e-4, 10.0, 1e4])
def test_large_and_tiny_inputs_are_as_torchs(size: float) -> None:
    torch.manual_seed(0)
    stack = nn.LSTM(2, 20, batch_first=True)
    weights = list(stack.parameters())
    inputs = (size * torch.randn(9, 30, 2)).requires_grad_()
    expected = outcome(stack, weights, inputs, None)
    found = outcome(lambda x, s: run_lstm(stack, x, s), weights, inputs, None)
    require_close(found, expected, tolerance=1e-4)


@compiled
@pytest.mark.parametrize("size", [1e-2, 1e-5, 1e-8])
def test_states_next_to_zero_have_all_their_digits(size: float) -> None:
    torch.manual_seed(0)
    stack = nn.LSTM(2, 20, bias=False, batch_first=True)
    with torch.no_grad():
        for weight in stack.parameters():
            weight.mul_(size)
    inputs = torch.randn(9, 8, 2)
    with torch.inference_mode():
        found, _ = run_lstm(stack, inputs, None)
        exact, _ = stack.double()(inputs.double())
    assert 0 < exact.abs().max() < size
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-6 * size)


@compiled
def test_what_is_not_a_number_stays_in_its_window() -> None:
    inputs = torch.randn(40, 6, 2)
    inputs.view(torch.int32)[7, 3, 1] = 0x7FC00001  # not a number, and not the usual one
    stack = nn.LSTM(2, 20, batch_first=True)
    with torch.inference_mode():
        outputs, _ = run_lstm(stack, inputs, None)
        expected, _ = stack(inputs)
    torch.testing.assert_close(outputs, expected, equal_nan=True, rtol=1e-5, atol=1e-6)
    assert outputs[7, 3:].isnan().all() and not outputs[:7].isnan().any()


@compiled
@pytest.mark.parametrize("windows", [5, 33, 200])
def test_bits_do_not_depend_on_the_number_of_threads(
    windows: int, monkeypatch: pytest.MonkeyPatch, limits: Any
) -> None:
    torch.manual_seed(0)
    stack = nn.LSTM(3, 24, batch_first=True)
    inputs = torch.randn(windows, 30, 3, requires_grad=True)
    limits(SHARED_PRODUCTS=0)
    found = []
    for threads in (1, 2, 3, 8):
        monkeypatch.setattr(call, "THREADS", threads)
        run: Callable[..., Any] = lambda x, s: run_lstm(stack, x, s)  # noqa: E731
        found.append(outcome(run, list(stack.parameters()), inputs, None))
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@compiled
def test_callers_at_the_same_time_do_not_mix_their_jobs(
    monkeypatch: pytest.MonkeyPatch, limits: Any
) -> None:
    limits(SHARED_PRODUCTS=0)
    monkeypatch.setattr(call, "THREADS", 3)
    torch.manual_seed(0)
    stack = nn.LSTM(3, 24, batch_first=True)
    given = [torch.randn(windows, 20, 3) for windows in (200, 150, 64, 33)]
    with torch.inference_mode():
        alone = [run_lstm(stack, each, None)[0] for each in given]

    def again(number: int) -> bool:
        with torch.inference_mode():
            found = (run_lstm(stack, given[number], None)[0] for _ in range(50))
            return all(torch.equal(each, alone[number]) for each in found)

    with ThreadPoolExecutor(len(given)) as pool:
        assert all(pool.map(again, range(len(given))))


@compiled
@pytest.mark.parametrize("with_state", [False, True])
def test_a_way_back_that_is_gone_twice_gives_the_same_twice(with_state: bool) -> None:
    torch.manual_seed(0)
    stack = nn.LSTM(3, 8, batch_first=True)
    first = torch.randn(2, 1, 5, 8)
    state = (first[0], first[1]) if with_state else None
    outputs, _ = run_lstm(stack, torch.randn(5, 6, 3), state)
    once = torch.autograd.grad(outputs.sum(), stack.weight_hh_l0, retain_graph=True)[0]
    again = torch.autograd.grad(outputs.sum(), stack.weight_hh_l0)[0]
    assert torch.equal(once, again) and once.abs().max() > 0


@compiled
def test_states_and_their_gradients_may_lie_in_memory_in_any_order() -> None:
    torch.manual_seed(0)
    stack, inputs = nn.LSTM(3, 8, batch_first=True), torch.randn(5, 6, 3)
    first = torch.randn(2, 1, 8, 5).transpose(2, 3)  # windows last
    for state in ((first[0], first[1]), (first[0].double(), first[1].double())):
        outputs, last = run_lstm(stack, inputs, state)
        expected, expected_last = stack(inputs, (first[0].contiguous(), first[1].contiguous()))
        require_close([outputs, *last], [expected, *expected_last])
    found = torch.autograd.grad(last[0].sum(), stack.weight_hh_l0)  # of one number, everywhere
    require_close(
        list(found), list(torch.autograd.grad(expected_last[0].sum(), stack.weight_hh_l0))
    )


@compiled
def test_inputs_may_lie_in_memory_in_any_order() -> None:
    torch.manual_seed(0)
    stack = nn.LSTM(4, 8, batch_first=True)
    weights = list(stack.parameters())
    plain = torch.randn(6, 9, 4)
    expected = outcome(stack, weights, plain.clone().requires_grad_(), None)
    for inputs in (
        plain.transpose(0, 1).contiguous().transpose(0, 1),  # time first
        plain.transpose(1, 2).contiguous().transpose(1, 2),  # features first
        torch.cat([plain, plain], dim=1)[:, 9:],  # a part of something longer
    ):
        run: Callable[..., Any] = lambda x, s: run_lstm(stack, x, s)  # noqa: E731
        require_close(outcome(run, weights, inputs.requires_grad_(), None), expected)
    one = torch.randn(1, 9, 4)
    require_close([stack(one.expand(6, 9, 4))[0]], [run_lstm(stack, one.expand(6, 9, 4), None)[0]])


@compiled
def test_the_layer_takes_it_wherever_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    run = call.run
    monkeypatch.setattr(
        "lstmcast.network.kernel.autograd.run", lambda *a, **k: calls.append(True) or run(*a, **k)
    )
    inputs = torch.randn(4, 6, 2)

    def called(stack: LSTM, given: Any = inputs) -> bool:
        calls.clear()
        stack(given)
        return bool(calls)

    layer = LSTM(2, 4, batch_first=True)
    assert called(layer)
    assert not called(layer, inputs[:3]) and not called(layer, inputs[:, :4]), "too small"
    assert not called(layer, inputs[0]), "without an axis of windows"
    assert not called(LSTM(2, 4, batch_first=True, proj_size=3))
    assert not called(LSTM(2, 4)), "time first"
    assert not called(LSTM(2, 4, 2, batch_first=True, dropout=0.5))
    assert called(LSTM(2, 4, 2, batch_first=True, dropout=0.5).eval())
    assert not called(layer.double(), inputs.double())
    lengths = torch.tensor([6, 6, 2, 1])
    packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True)
    assert not called(layer.float(), packed)
    with torch.autocast("cpu", torch.bfloat16):
        assert not called(layer)
    assert not called(layer.to("meta"), inputs.to("meta"))
    monkeypatch.setattr("lstmcast.network.kernel.autograd.library", lambda: None)
    assert not called(LSTM(2, 4, batch_first=True)), "without a compiler"


@compiled
def test_inputs_and_states_that_do_not_fit_are_refused_as_by_torch() -> None:
    layer = LSTM(2, 4, batch_first=True)
    with pytest.raises(RuntimeError, match="must be equal to input_size"):
        layer(torch.randn(5, 6, 3))
    with pytest.raises(RuntimeError, match=r"Expected hidden\[0\] size"):
        layer(torch.randn(5, 6, 2), (torch.zeros(1, 1, 4), torch.zeros(1, 1, 4)))


@compiled
def test_weights_need_not_be_parameters_nor_lie_in_order() -> None:
    layer, plain = (LSTM(2, 4, batch_first=True) for _ in range(2))
    plain.load_state_dict(layer.state_dict())
    turned = layer.weight_hh_l0.detach().T.contiguous()
    del layer.weight_hh_l0
    layer.weight_hh_l0 = turned.T
    inputs = torch.randn(5, 6, 2)
    assert torch.equal(layer(inputs)[0], plain(inputs)[0])


@compiled
def test_what_is_given_shares_no_memory() -> None:
    stack = nn.LSTM(2, 4, batch_first=True)
    outputs, (hidden, cell) = run_lstm(stack, torch.randn(5, 6, 2), None)
    kept = outputs.detach().clone()
    hidden.detach().zero_()
    cell.detach().zero_()
    assert torch.equal(outputs, kept)
    biases = torch.autograd.grad(outputs.sum(), [stack.bias_ih_l0, stack.bias_hh_l0])
    assert torch.equal(*biases) and biases[0].data_ptr() != biases[1].data_ptr()


@compiled
def test_a_child_process_has_threads_of_its_own(
    monkeypatch: pytest.MonkeyPatch, limits: Any
) -> None:
    monkeypatch.setattr(call, "THREADS", 2)
    limits(SHARED_PRODUCTS=0)
    stack, inputs = nn.LSTM(2, 16, batch_first=True), torch.randn(64, 6, 2)
    run_lstm(stack, inputs, None)
    child = os.fork()
    if not child:
        signal.alarm(20)
        run_lstm(stack, inputs, None)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@compiled
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_network_trains_to_the_same_with_and_without_it(
    cell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for has in (True, False):
        if not has:
            monkeypatch.setattr("lstmcast.network.kernel.autograd.library", lambda: None)
        torch.manual_seed(0)
        encoder = RecurrentEncoder(NetworkConfig(cell=cell, units=[12, 7], dropout=0.2), 2)
        optimizer = torch.optim.SGD(encoder.parameters(), lr=0.05)
        inputs = torch.randn(20, 15, 2)
        for _ in range(20):
            optimizer.zero_grad()
            ((encoder(inputs).last - 0.5) ** 2).mean().backward()
            optimizer.step()
        found.append([parameter.detach().clone() for parameter in encoder.parameters()])
    require_close(found[0], found[1])


@compiled
def test_torch_computes_in_one_thread_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    monkeypatch.setattr("lstmcast.network.threads.THREADS", 2)
    large = TrainingConfig(batch_size=1024)
    try:
        for network, expected in (
            (NetworkConfig(units=[64]), 1),
            (NetworkConfig(units=[64], projection=8), 2),
            (NetworkConfig(units=[64], cell="gru"), 1),
            (NetworkConfig(units=[64], cell="rnn"), 2),
            (NetworkConfig(units=[64], activation="relu"), 2),
        ):
            use_threads(network, large, pad=False)
            assert torch.get_num_threads() == expected
        use_threads(NetworkConfig(units=[64]), large, pad=True)
        assert torch.get_num_threads() == 2, "padded windows are torch's"
        narrow = large.model_copy(update={"precision": "bf16"})
        use_threads(NetworkConfig(units=[64]), narrow, pad=False)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def require_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is torch's, as `kernel` is now."""
    load.library.cache_clear()
    try:
        assert load.library() is None
        assert load.identity() is None
    finally:
        monkeypatch.undo()
        load.library.cache_clear()


@pytest.mark.skipif(
    sys.platform != "linux"
    or platform.machine() != "x86_64"
    or shutil.which("cc") is None
    or torch.backends.cpu.get_cpu_capability() not in load.LIBRARIES,
    reason="nothing can be compiled",
)
def test_what_could_be_compiled_was_and_of_these_sources() -> None:
    assert load.library() is not None, "install again, or run `python hatch_build.py`"


@compiled
def test_python_and_c_have_the_same_fields() -> None:
    for structure, size in ((call.Layer, "layer_size"), (Update, "update_size")):
        assert ctypes.sizeof(structure) == ctypes.c_int64.in_dll(load.code(), size).value


@pytest.mark.parametrize("changed", load.SOURCES, ids=lambda path: path.name)
def test_code_of_another_source_is_not_taken(
    changed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = [Path(shutil.copy(source, tmp_path)) for source in load.SOURCES]
    with (tmp_path / changed.name).open("a") as file:
        file.write("/* changed since */\n")
    monkeypatch.setattr(load, "SOURCES", copies)
    require_no_library(monkeypatch)


@pytest.mark.parametrize("content", [b"", b"not a library"])
def test_what_is_no_library_is_not_taken(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "library.so").write_bytes(content)
    every = dict.fromkeys(load.LIBRARIES, tmp_path / "library.so")
    monkeypatch.setattr(load, "LIBRARIES", every)
    require_no_library(monkeypatch)


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="nothing is compiled"
)
@pytest.mark.parametrize(
    ("compiler", "said"),
    [
        ("no-such-compiler", "no C compiler"),
        ("/etc/passwd", "no C compiler"),
        ("false -v", "false failed"),
    ],
)
def test_installing_goes_on_without_a_compiler(compiler: str, said: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "hatch_build.py", tmp_path)
    for source in load.SOURCES:
        copy = tmp_path / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)
    done = subprocess.run(
        [sys.executable, "hatch_build.py"],
        cwd=tmp_path,
        env={"CC": compiler, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert not list(tmp_path.rglob("*.so"))
