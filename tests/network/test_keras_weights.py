"""One-bias weights, held against the other convention's equations written in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lstmcast.errors import ConfigError
from lstmcast.network.keras_weights import KerasWeights, from_keras, to_keras
from lstmcast.network.stepwise import StepwiseLayer

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
each_kind = pytest.mark.parametrize("kind", LAYERS)
with_and_without_bias = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])


def make_layer(kind: str, seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    return LAYERS[kind](3, 5, batch_first=True, **options)


def make_weights(kind: str, bias: bool = True, seed: int = 1) -> KerasWeights:
    """As another tool would have trained them: 3 features, 5 units."""
    random = np.random.default_rng(seed)

    def draw(*shape: int) -> Any:
        return random.normal(0, 0.5, shape).astype(np.float32)

    width = 5 * GATES[kind]
    shape = (2, width) if kind == "gru" else (width,)
    return KerasWeights(draw(3, width), draw(5, width), draw(*shape) if bias else None)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def run_by_hand(kind: str, weights: KerasWeights, inputs: Any) -> Any:
    """(B, T, F) -> (B, T, U): rows times kernels, gates side by side in the order named here."""
    kernel, recurrent = weights.kernel.astype(float), weights.recurrent_kernel.astype(float)
    bias = 0.0 if weights.bias is None else weights.bias.astype(float)
    h = c = np.zeros((len(inputs), 5))
    outputs = []
    for t in range(inputs.shape[1]):
        x = inputs[:, t]
        if kind == "rnn":
            h = np.tanh(x @ kernel + h @ recurrent + bias)
        elif kind == "lstm":
            i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            first, second = (0.0, 0.0) if weights.bias is None else bias
            x_z, x_r, x_n = np.split(x @ kernel + first, 3, axis=1)
            h_z, h_r, h_n = np.split(h @ recurrent + second, 3, axis=1)
            z = sigmoid(x_z + h_z)
            candidate = np.tanh(x_n + sigmoid(x_r + h_r) * h_n)
            h = z * h + (1 - z) * candidate
        outputs.append(h)
    return np.stack(outputs, axis=1)


def same(one: Any, other: Any) -> bool:
    return (one is None and other is None) or np.array_equal(one, other)


@each_kind
@with_and_without_bias
@pytest.mark.parametrize("stepwise", [False, True], ids=["torch", "stepwise"])
def test_given_weights_compute_what_they_computed_elsewhere(
    kind: str, bias: bool, stepwise: bool
) -> None:
    layer = make_layer(kind, bias=bias)
    layer = StepwiseLayer(layer) if stepwise else layer
    weights = make_weights(kind, bias)
    from_keras(layer, weights)
    inputs = np.random.default_rng(2).normal(size=(2, 6, 3)).astype(np.float32)
    with torch.no_grad():
        outputs = layer(torch.from_numpy(inputs))[0].numpy()
    np.testing.assert_allclose(outputs, run_by_hand(kind, weights, inputs), atol=2e-6)


@each_kind
@with_and_without_bias
def test_read_weights_compute_elsewhere_what_the_layer_computes(kind: str, bias: bool) -> None:
    layer = make_layer(kind, bias=bias)
    inputs = np.random.default_rng(2).normal(size=(2, 6, 3)).astype(np.float32)
    with torch.no_grad():
        outputs = layer(torch.from_numpy(inputs))[0].numpy()
    np.testing.assert_allclose(run_by_hand(kind, to_keras(layer), inputs), outputs, atol=2e-6)


@each_kind
@with_and_without_bias
def test_given_weights_are_read_back_bit_for_bit(kind: str, bias: bool) -> None:
    layer, weights = make_layer(kind, bias=bias), make_weights(kind, bias)
    from_keras(layer, weights)
    back = to_keras(layer)
    for name in ("kernel", "recurrent_kernel", "bias"):
        own = getattr(back, name)
        assert same(own, getattr(weights, name))
        assert own is None or (own.dtype == np.float32 and own.flags["C_CONTIGUOUS"])


@each_kind
def test_a_layer_filled_with_another_layers_weights_forecasts_like_it(kind: str) -> None:
    one, other = make_layer(kind, seed=0), make_layer(kind, seed=1)
    from_keras(other, to_keras(one))
    inputs = torch.randn(2, 6, 3)
    torch.testing.assert_close(other(inputs)[0], one(inputs)[0], rtol=0, atol=2e-6)


@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_the_second_bias_becomes_zero_and_the_sum_of_both_is_read(kind: str) -> None:
    layer = make_layer(kind)
    total = (layer.bias_ih_l0 + layer.bias_hh_l0).detach().numpy()
    assert np.array_equal(to_keras(layer).bias, total)
    from_keras(layer, make_weights(kind))
    assert not layer.bias_hh_l0.any()
    assert layer.bias_ih_l0.any()


def test_gates_of_an_lstm_stand_in_the_order_i_f_g_o() -> None:
    layer = nn.LSTM(1, 1)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor([[1.0], [2.0], [3.0], [4.0]]))
    assert to_keras(layer).kernel.tolist() == [[1.0, 2.0, 3.0, 4.0]]


def test_gates_of_a_gru_change_from_r_z_n_to_z_r_h() -> None:
    layer = nn.GRU(1, 1)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor([[1.0], [2.0], [3.0]]))
        layer.bias_hh_l0.copy_(torch.tensor([4.0, 5.0, 6.0]))
    weights = to_keras(layer)
    assert weights.kernel.tolist() == [[2.0, 1.0, 3.0]]
    assert weights.bias is not None and weights.bias.shape == (2, 3)
    assert weights.bias[1].tolist() == [5.0, 4.0, 6.0]


@each_kind
@pytest.mark.parametrize("features", [1, 3])
def test_what_was_read_does_not_change_with_the_layer(kind: str, features: int) -> None:
    layer = LAYERS[kind](features, 5)
    weights = to_keras(layer)
    kept = [array.copy() for array in (weights.kernel, weights.recurrent_kernel, weights.bias)]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    now = (weights.kernel, weights.recurrent_kernel, weights.bias)
    assert all(same(one, other) for one, other in zip(kept, now, strict=True))


@each_kind
def test_what_was_given_stays_the_callers_own(kind: str) -> None:
    layer, weights = make_layer(kind), make_weights(kind)
    from_keras(layer, weights)
    before = {name: values.clone() for name, values in layer.state_dict().items()}
    for array in (weights.kernel, weights.recurrent_kernel, weights.bias):
        array[:] = 9
    assert all(torch.equal(before[name], now) for name, now in layer.state_dict().items())


# ---------------------------------------------------------------- what is refused


def test_a_gru_without_reset_after_is_refused_and_left_as_it_was() -> None:
    layer, given = make_layer("gru"), make_weights("gru")
    before = to_keras(layer)
    weights = KerasWeights(given.kernel, given.recurrent_kernel, np.zeros(15, np.float32))
    with pytest.raises(ConfigError, match=r"\(15,\) is that of reset_after=False.*\(2, 15\)"):
        from_keras(layer, weights)
    assert np.array_equal(to_keras(layer).kernel, before.kernel)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"num_layers": 2}, "of one layer, this network has 2"),
        ({"bidirectional": True}, "of one direction, this network has two"),
        ({"proj_size": 2}, "none for a projection"),
    ],
)
def test_a_network_that_the_convention_has_no_place_for_is_refused(
    options: dict[str, Any], words: str
) -> None:
    layer = make_layer("lstm", **options)
    with pytest.raises(ConfigError, match=words):
        to_keras(layer)
    with pytest.raises(ConfigError, match=words):
        from_keras(layer, make_weights("lstm"))


def test_all_reasons_to_refuse_a_network_come_in_one_answer() -> None:
    layer = make_layer("lstm", num_layers=3, bidirectional=True, proj_size=2)
    with pytest.raises(ConfigError, match=r"(?s)3 faults.*has 3.*has two.*projection"):
        to_keras(layer)


def test_shapes_that_do_not_fit_are_named_with_what_they_should_be() -> None:
    given = make_weights("lstm")
    weights = KerasWeights(given.kernel.T, given.recurrent_kernel[:2], given.bias[:8])
    with pytest.raises(ConfigError) as caught:
        from_keras(make_layer("lstm"), weights)
    for words in (
        "3 faults",
        "kernel must have shape (3, 20), got (20, 3)",
        "recurrent_kernel must have shape (5, 20), got (2, 20)",
        "bias must have shape (20,), got (8,)",
    ):
        assert words in str(caught.value)


@each_kind
def test_a_bias_that_is_missing_or_too_much_is_refused(kind: str) -> None:
    with pytest.raises(ConfigError, match=r"bias is missing; build .* bias: false"):
        from_keras(make_layer(kind), make_weights(kind, bias=False))
    with pytest.raises(ConfigError, match=r"bias is given; build .* bias: true"):
        from_keras(make_layer(kind, bias=False), make_weights(kind))
