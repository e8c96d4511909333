"""The recurrent cells of torch one step at a time: gates by name, any activation.

torch's fused layers give outputs and final states; what happens in between stays in C++. Here every
cell is the dozen lines of its textbook equations, on torch's own weights, so that each number of a
layer can be shown, and activations can be chosen that torch's layers do not have.

`rnn_step`, `gru_step` and `lstm_step` take one step of a batch of windows; `stepwise.py` runs them
over all steps, layers and directions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

Activation = Callable[[Tensor], Tensor]


def linear(x: Tensor) -> Tensor:
    """No activation: the sum as it is."""
    return x


def hard_sigmoid(x: Tensor) -> Tensor:
    """The sigmoid in three straight lines: x / 6 + 1/2, never below 0 or above 1.

    Source: `torch.nn.Hardsigmoid`, and Keras since version 3 (before: x / 5 + 1/2).
    """
    return functional.hardsigmoid(x)


ACTIVATIONS: dict[str, Activation] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": hard_sigmoid,
    "relu": torch.relu,
    "linear": linear,
}
"""What `network.activation` and `network.recurrent_activation` name."""

BOUNDED = ("sigmoid", "hard_sigmoid")
"""Activations from 0 to 1, which can be read as shares."""

GATES: dict[str, tuple[str, ...]] = {
    "LSTM": ("i", "f", "g", "o"),
    "GRU": ("r", "z", "n"),
    "RNN_TANH": (),
    "RNN_RELU": (),
}
"""Gates of each `mode` of torch's layers, in the order of the rows of its weights."""


@dataclass(frozen=True)
class CellWeights:
    """The weights of one layer and direction; the G gates lie below each other.

    Attributes:
        weight_ih: (G * U, F) from the inputs.
        weight_hh: (G * U, U), with projection (G * U, P), from the state before.
        bias_ih: (G * U,), or None for a layer without bias.
        bias_hh: (G * U,), or None.
        weight_hr: (P, U) from a projected LSTM's output to its h, or None.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None
    weight_hr: Tensor | None = None

    @classmethod
    def of(cls, owner: nn.Module, layer: int = 0, reverse: bool = False) -> CellWeights:
        """Take them by torch's names, such as `weight_ih_l0` or `bias_hh_l1_reverse`."""
        end = f"_l{layer}_reverse" if reverse else f"_l{layer}"
        return cls(
            weight_ih=getattr(owner, f"weight_ih{end}"),
            weight_hh=getattr(owner, f"weight_hh{end}"),
            bias_ih=getattr(owner, f"bias_ih{end}", None),
            bias_hh=getattr(owner, f"bias_hh{end}", None),
            weight_hr=getattr(owner, f"weight_hr{end}", None),
        )

    def from_input(self, x: Tensor) -> Tensor:
        """(B, F) -> (B, G * U): the inputs' part of what the gates add up."""
        return functional.linear(x, self.weight_ih, self.bias_ih)

    def from_state(self, h: Tensor) -> Tensor:
        """(B, U) -> (B, G * U): the state's part."""
        return functional.linear(h, self.weight_hh, self.bias_hh)


@dataclass(frozen=True)
class RNNStep:
    """One step of a plain recurrent cell: h (B, U)."""

    h: Tensor


@dataclass(frozen=True)
class GRUStep:
    """One step of a GRU, (B, U) each: reset gate, update gate, new candidate, state."""

    r: Tensor
    z: Tensor
    n: Tensor
    h: Tensor


@dataclass(frozen=True)
class LSTMStep:
    """One step of an LSTM, (B, U) each; h is (B, P) with projection.

    Input gate, forget gate, candidate (Keras calls it c), output gate, cell, state.
    """

    i: Tensor
    f: Tensor
    g: Tensor
    o: Tensor
    c: Tensor
    h: Tensor


Step = RNNStep | GRUStep | LSTMStep


def rnn_step(
    x: Tensor, h: Tensor, weights: CellWeights, activation: Activation = torch.tanh
) -> RNNStep:
    """The state is a mixture of the input and the state before.

        h' = tanh(W_ih x + b_ih + W_hh h + b_hh)

    Source: Elman 1990, "Finding structure in time", Cognitive Science 14(2).

    Args:
        x: (B, F) inputs of the step.
        h: (B, U) state before it.
        weights: Of the layer and direction.
        activation: In place of tanh.
    """
    return RNNStep(activation(weights.from_input(x) + weights.from_state(h)))


def gru_step(
    x: Tensor,
    h: Tensor,
    weights: CellWeights,
    activation: Activation = torch.tanh,
    recurrent_activation: Activation = torch.sigmoid,
) -> GRUStep:
    """The update gate z says how much of the state stays; the rest is the candidate n.

        r  = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
        z  = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
        n  = tanh(W_in x + b_in + r * (W_hn h + b_hn))
        h' = (1 - z) * n + z * h

    Source: Cho et al. 2014, arXiv:1406.1078, in the variant of torch (and of Keras with
    `reset_after=True`): the paper resets h before the matrix, W_hn (r * h); here r acts after it.

    Args:
        x: (B, F) inputs of the step.
        h: (B, U) state before it.
        weights: Of the layer and direction.
        activation: In place of tanh.
        recurrent_activation: In place of the sigmoid of r and z.
    """
    x_r, x_z, x_n = weights.from_input(x).chunk(3, dim=1)  # (B, U) each
    h_r, h_z, h_n = weights.from_state(h).chunk(3, dim=1)
    r = recurrent_activation(x_r + h_r)
    z = recurrent_activation(x_z + h_z)
    n = activation(x_n + r * h_n)
    return GRUStep(r, z, n, h=(1 - z) * n + z * h)


def lstm_step(
    x: Tensor,
    h: Tensor,
    c: Tensor,
    weights: CellWeights,
    activation: Activation = torch.tanh,
    recurrent_activation: Activation = torch.sigmoid,
) -> LSTMStep:
    """The cell c keeps what f lets stay and takes up what i lets in; o shows some of it as h.

        i  = sigmoid(W_ii x + b_ii + W_hi h + b_hi)
        f  = sigmoid(W_if x + b_if + W_hf h + b_hf)
        g  = tanh(W_ig x + b_ig + W_hg h + b_hg)
        o  = sigmoid(W_io x + b_io + W_ho h + b_ho)
        c' = f * c + i * g
        h' = o * tanh(c'), with projection W_hr (o * tanh(c'))

    Source: Hochreiter & Schmidhuber 1997, "Long short-term memory", Neural Computation 9(8); the
    forget gate is from Gers, Schmidhuber & Cummins 2000, "Learning to forget", Neural Computation
    12(10); the projection from Sak, Senior & Beaufays 2014, arXiv:1402.1128.

    Args:
        x: (B, F) inputs of the step.
        h: (B, U), with projection (B, P), state before it.
        c: (B, U) cell before it.
        weights: Of the layer and direction.
        activation: In place of both tanh, that of g and that on c.
        recurrent_activation: In place of the sigmoid of i, f and o.
    """
    sums = weights.from_input(x) + weights.from_state(h)  # (B, 4 * U)
    to_i, to_f, to_g, to_o = sums.chunk(4, dim=1)
    i = recurrent_activation(to_i)
    f = recurrent_activation(to_f)
    g = activation(to_g)
    o = recurrent_activation(to_o)
    c = f * c + i * g
    h = o * activation(c)
    if weights.weight_hr is not None:
        h = functional.linear(h, weights.weight_hr)  # (B, P)
    return LSTMStep(i, f, g, o, c, h)
