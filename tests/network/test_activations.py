"""Activations of the config: torch's own where it has them, the step-by-step cells elsewhere."""

import pytest
import torch
from torch import nn

from lstmcast.config import NetworkConfig, build_config
from lstmcast.errors import ConfigError
from lstmcast.network.recurrent import RecurrentEncoder
from lstmcast.network.stepwise import StepwiseLayer


def encoder(**fields):
    torch.manual_seed(0)
    return RecurrentEncoder(NetworkConfig(**fields), 3).eval()


@pytest.mark.parametrize(
    "fields", [{}, {"cell": "rnn", "activation": "relu"}, {"cell": "gru"}, {"units": [4, 3]}]
)
def test_torchs_own_activations_are_left_to_torch(fields):
    assert all(isinstance(layer, nn.RNNBase) for layer in encoder(**fields).layers())


def test_an_rnn_with_relu_is_torchs():
    layer = encoder(cell="rnn", activation="relu", units=[4])
    theirs = nn.RNN(3, 4, nonlinearity="relu", batch_first=True)
    theirs.load_state_dict(layer.stacks[0].state_dict())
    inputs = torch.randn(2, 5, 3)
    torch.testing.assert_close(layer(inputs).outputs, theirs(inputs)[0])


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("activation", ["sigmoid", "hard_sigmoid", "relu", "linear"])
def test_other_activations_change_the_outputs_but_not_the_weights(cell, activation):
    usual = encoder(cell=cell, units=[4, 4], bidirectional=True)
    other = encoder(cell=cell, units=[4, 4], bidirectional=True, activation=activation)
    for name, value in usual.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)
    inputs = torch.randn(2, 5, 3)
    assert not torch.allclose(usual(inputs).outputs, other(inputs).outputs)


def test_an_lstm_with_relu_written_out():
    layer = encoder(units=[2], activation="relu", recurrent_activation="hard_sigmoid").stacks[0]
    assert isinstance(layer, StepwiseLayer)
    inputs = torch.randn(1, 1, 3)
    sums = inputs[0, 0] @ layer.weight_ih_l0.T + layer.bias_ih_l0 + layer.bias_hh_l0
    i, _, g, o = sums.chunk(4)

    def hard(x):
        return (x / 6 + 0.5).clamp(0, 1)

    c = hard(i) * g.clamp(min=0)
    outputs, (h, final_c) = layer(inputs)
    torch.testing.assert_close(final_c[0, 0], c)
    torch.testing.assert_close(outputs[0, 0], hard(o) * c.clamp(min=0))
    torch.testing.assert_close(h[0, 0], outputs[0, 0])


def test_padding_never_reaches_the_stepwise_cells():
    layer = encoder(units=[4, 3], bidirectional=True, activation="relu")
    inputs = torch.randn(1, 6, 3)
    mask = torch.tensor([[0.0, 0.0, 1.0, 1.0, 1.0, 1.0]])
    padded, alone = layer(inputs, mask), layer(inputs[:, 2:])
    torch.testing.assert_close(padded.outputs[:, 2:], alone.outputs)


def test_an_rnn_has_no_gates_to_activate():
    network = {"cell": "rnn", "recurrent_activation": "relu"}
    with pytest.raises(ConfigError, match="recurrent_activation"):
        build_config({"data": {"path": "x", "target": "y"}, "network": network})
