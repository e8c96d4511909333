"""The worked examples of the tutorials, with their numbers.

Tutorials put time first: their `out[-1]` is the last step of all windows, (B, U). Here batches come
first, and it is `out[:, -1]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lstmcast.config import NetworkConfig
from lstmcast.network.forecaster import build_forecaster
from lstmcast.network.keras_weights import KerasWeights, from_keras, to_keras
from lstmcast.network.recurrent import RecurrentEncoder
from lstmcast.network.sizes import Sizes
from lstmcast.network.stepwise import StepwiseLayer

each_depth = pytest.mark.parametrize("layers", [1, 4])
each_direction = pytest.mark.parametrize("both", [False, True], ids=["one_way", "both_ways"])


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """One thread: on small tensors a second one costs more time than it saves."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def run_time_first(layers: int, both: bool, stepwise: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Output, h and c of LSTM(100, 20) over 3 windows of 10 steps, time first."""
    torch.manual_seed(0)
    options = {"num_layers": layers, "bidirectional": both}
    time_first = nn.LSTM(100, 20, **options)
    inputs = torch.randn(10, 3, 100)
    if not stepwise:
        out, (h, c) = time_first(inputs)
        return out, h, c
    layer = nn.LSTM(100, 20, batch_first=True, **options)
    layer.load_state_dict(time_first.state_dict())
    out, (h, c) = StepwiseLayer(layer)(inputs.transpose(0, 1))
    assert out.shape == (3, 10, 40 if both else 20)
    return out.transpose(0, 1), h, c


def test_lstm_100_20_of_4_layers_has_weights_80_by_100_and_80_by_20() -> None:
    encoder = RecurrentEncoder(NetworkConfig(units=[20] * 4), 100)
    (stack,) = encoder.stacks
    shapes = {name: tuple(values.shape) for name, values in stack.state_dict().items()}
    assert shapes["weight_ih_l0"] == (80, 100)
    assert shapes["weight_hh_l0"] == (80, 20)
    assert [shapes[f"weight_ih_l{layer}"] for layer in (1, 2, 3)] == [(80, 20)] * 3
    assert len(shapes) == 4 * 4
    stepwise = StepwiseLayer(nn.LSTM(100, 20, 4, batch_first=True))
    assert {name: tuple(values.shape) for name, values in stepwise.state_dict().items()} == shapes


@each_depth
@each_direction
def test_outputs_and_states_have_the_tutorials_shapes(layers: int, both: bool) -> None:
    out, h, c = run_time_first(layers, both, stepwise=True)
    assert out.shape == ((10, 3, 40) if both else (10, 3, 20))
    assert h.shape == c.shape == (layers * (2 if both else 1), 3, 20)
    for own, torchs in zip((out, h, c), run_time_first(layers, both, False), strict=True):
        torch.testing.assert_close(own, torchs, rtol=0, atol=1e-6)


@each_depth
@each_direction
def test_the_encoder_gives_windows_times_steps_times_units(layers: int, both: bool) -> None:
    encoder = RecurrentEncoder(NetworkConfig(units=[20] * layers, bidirectional=both), 100)
    encoding = encoder(torch.randn(3, 10, 100))
    assert encoding.outputs.shape == ((3, 10, 40) if both else (3, 10, 20))
    assert torch.equal(encoding.last, encoding.outputs[:, -1])


@each_depth
@pytest.mark.parametrize("stepwise", [False, True], ids=["torch", "stepwise"])
def test_the_last_output_is_the_last_layers_final_state(layers: int, stepwise: bool) -> None:
    out, h, _ = run_time_first(layers, both=False, stepwise=stepwise)
    assert torch.equal(out[-1], h[-1])


@each_depth
@pytest.mark.parametrize("stepwise", [False, True], ids=["torch", "stepwise"])
def test_of_two_directions_the_first_20_outputs_end_in_the_state_before_the_last(
    layers: int, stepwise: bool
) -> None:
    out, h, _ = run_time_first(layers, both=True, stepwise=stepwise)
    assert torch.equal(out[-1][:, :20], h[-2])
    # The reverse direction ends at the first step; at the last it has seen one step only.
    assert torch.equal(out[0][:, 20:], h[-1])
    assert not torch.equal(out[-1][:, 20:], h[-1])


def test_lstm_3_and_dense_1_have_76_parameters_beside_torchs_88() -> None:
    network = build_forecaster(
        NetworkConfig(units=[3]), Sizes(lookback=3, horizon=1, inputs=2, targets=1), "mse", seed=0
    )
    (stack,) = network.encoder.stacks
    assert isinstance(stack, nn.LSTM)
    weights = to_keras(stack)
    assert weights.kernel.shape == (2, 12)
    assert weights.recurrent_kernel.shape == (3, 12)
    assert weights.bias is not None and weights.bias.shape == (12,)
    recurrent = sum(parameter.numel() for parameter in stack.parameters())
    dense = network.parameter_count() - recurrent
    assert (sum(part.size for part in weights if part is not None), dense) == (72, 4)
    assert (recurrent, network.parameter_count()) == (84, 88)


def test_with_linear_activations_h_is_0_4_0_and_c_is_0_4_1() -> None:
    layer = StepwiseLayer(nn.LSTM(2, 3, batch_first=True), "linear", "linear")
    kernel = [[2, 1, 1, 0, 0, 0, 0, 1, 1, 0, 1, 0], [1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0]]
    bias = [3, 1, 0, 1, 1, 0, 0, 1, 0, 2, 0, 0]
    weights = KerasWeights(
        np.array(kernel, np.float32),
        np.full((3, 12), 7, np.float32),  # any value: the state before is zero
        np.array(bias, np.float32),
    )
    from_keras(layer, weights)
    inputs = torch.tensor([[[1.0, 0.0]]])
    _, (h, c) = layer(inputs)
    assert h.tolist() == [[[0.0, 4.0, 0.0]]]
    assert c.tolist() == [[[0.0, 4.0, 1.0]]]
    (trace,) = layer.record(inputs)
    gates = {name: values[0, 0].tolist() for name, values in trace.gates.items()}
    # First kernel row plus bias, three units per gate.
    assert gates == {"i": [5, 2, 1], "f": [1, 1, 0], "g": [0, 2, 1], "o": [2, 1, 0]}


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_80_features_run_through_50_20_and_10_units(cell: str) -> None:
    encoder = RecurrentEncoder(NetworkConfig(cell=cell, units=[50, 20, 10]), 80)
    gates = 4 if cell == "lstm" else 1
    assert len(encoder.stacks) == 3
    for stack, (features, units) in zip(encoder.stacks, pairwise([80, 50, 20, 10]), strict=True):
        assert stack.weight_ih_l0.shape == (gates * units, features)
        assert stack.weight_hh_l0.shape == (gates * units, units)
    inputs = torch.randn(3, 10, 80)
    assert encoder(inputs).outputs.shape == (3, 10, 10)

    outputs: Any = inputs
    for stack in encoder.stacks:
        outputs, _ = StepwiseLayer(stack)(outputs)
    torch.testing.assert_close(outputs, encoder(inputs).outputs, rtol=0, atol=1e-6)


def test_a_linear_layer_on_every_step_gives_one_number_a_step() -> None:
    torch.manual_seed(0)
    encoder, linear = RecurrentEncoder(NetworkConfig(units=[20]), 6), nn.Linear(20, 1)
    encoding = encoder(torch.randn(7, 10, 6))
    every = linear(encoding.outputs)  # (N, T, U) -> (N, T, 1)
    assert every.shape == (7, 10, 1)
    last = linear(encoding.last)  # (N, U) -> (N, 1)
    assert last.shape == (7, 1)
    torch.testing.assert_close(every[:, -1], last)
