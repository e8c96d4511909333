"""Weights in the one-bias convention, to be given to and read from a layer.

torch adds two biases in every gate, one beside each matrix; most other tools have one, and lay the
matrices on their side. This is the layout of Keras's `layer.get_weights()`:

    kernel            (F, G * U)
    recurrent kernel  (U, G * U)
    bias              (G * U,), of a GRU (2, 3 * U)

with the gates side by side: i, f, g, o of an LSTM (Keras calls g c) and z, r, h of a GRU (torch: r,
z, n). A GRU keeps two biases here too: torch computes what Keras does with `reset_after=True`,
where the reset gate multiplies the recurrent bias, so that the two cannot be added up.

Source: the weights' shapes and gate orders of `keras.layers.LSTM`, `GRU` and `SimpleRNN`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lstmcast.errors import ConfigError, join
from lstmcast.network.cells import CellWeights
from lstmcast.network.recurrent import RecurrentLayer


class KerasWeights(NamedTuple):
    """Weights of one layer, float32; `kernel, recurrent_kernel, bias = weights` takes them apart.

    Attributes:
        kernel: (F, G * U) from the inputs.
        recurrent_kernel: (U, G * U) from the state.
        bias: (G * U,), of a GRU (2, 3 * U): the inputs' and the state's; None: there is none.
    """

    kernel: NDArray[np.float32]
    recurrent_kernel: NDArray[np.float32]
    bias: NDArray[np.float32] | None = None


def to_keras(layer: RecurrentLayer) -> KerasWeights:
    """Read the weights of a layer, torch's two biases added up (not a GRU's).

    Raises:
        ConfigError: The layer has more than one layer or direction, or a projection.
    """
    _check_layer(layer)
    own = CellWeights.of(layer)
    bias = None
    if own.bias_ih is not None and own.bias_hh is not None:
        if layer.mode == "GRU":
            bias = np.stack([_read(layer, own.bias_ih), _read(layer, own.bias_hh)])
        else:
            bias = _read(layer, own.bias_ih + own.bias_hh)
    return KerasWeights(_read(layer, own.weight_ih), _read(layer, own.weight_hh), bias)


def from_keras(layer: RecurrentLayer, weights: KerasWeights) -> None:
    """Fill a layer; torch's second bias, `bias_hh_l0`, becomes 0 (not a GRU's).

    Activations are not part of the weights: the layer's have to be those that they were trained
    with. Of a GRU without bias, the weights do not tell whether they are of `reset_after=True`.

    Raises:
        ConfigError: The layer has more than one layer or direction, or a projection; a shape does
            not fit; the bias is missing or too much; a GRU's is that of `reset_after=False`.
    """
    _check_layer(layer)
    _check_weights(layer, weights)
    own = CellWeights.of(layer)
    with torch.no_grad():
        _write(layer, own.weight_ih, weights.kernel)
        _write(layer, own.weight_hh, weights.recurrent_kernel)
        if own.bias_ih is None or own.bias_hh is None or weights.bias is None:
            return
        if layer.mode == "GRU":
            _write(layer, own.bias_ih, weights.bias[0])
            _write(layer, own.bias_hh, weights.bias[1])
        else:
            _write(layer, own.bias_ih, weights.bias)
            own.bias_hh.zero_()


def _read(layer: RecurrentLayer, own: Tensor) -> NDArray[np.float32]:
    """(G * U,) or (G * U, F) of torch -> (G * U,) or (F, G * U)."""
    array = _swap_gates(layer, own.detach().cpu().to(torch.float32).numpy())
    return np.array(array.T, order="C")  # a copy, whatever happens to the layer


def _write(layer: RecurrentLayer, own: Tensor, given: NDArray[np.float32]) -> None:
    """The way back, into torch's tensor."""
    own.copy_(torch.from_numpy(_swap_gates(layer, np.array(given, np.float32).T)))


def _swap_gates(layer: RecurrentLayer, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """A GRU's first two gates change places, r and z; the way back is the same."""
    if layer.mode != "GRU":
        return rows
    first, second, candidate = np.split(rows, 3)
    return np.concatenate([second, first, candidate])


def _check_layer(layer: RecurrentLayer) -> None:
    """Refuse layers that Keras weights cannot represent."""
    faults = []
    if layer.num_layers > 1:
        faults.append(
            f"one-bias weights are of one layer, this network has {layer.num_layers}; "
            "give network.units one width"
        )
    if layer.bidirectional:
        faults.append(
            "one-bias weights are of one direction, this network has two; "
            "set network.bidirectional to false"
        )
    if layer.proj_size:
        faults.append(
            "one-bias weights have none for a projection, this network has one; "
            "set network.projection to 0"
        )
    if faults:
        raise join(ConfigError, faults)


def _check_weights(layer: RecurrentLayer, weights: KerasWeights) -> None:
    """Refuse weights of another shape than the layer's."""
    gru = layer.mode == "GRU"
    width = CellWeights.of(layer).weight_ih.shape[0]  # G * U
    faults = []
    for name, given, expected in (
        ("kernel", np.shape(weights.kernel), (layer.input_size, width)),
        ("recurrent_kernel", np.shape(weights.recurrent_kernel), (layer.hidden_size, width)),
    ):
        if given != expected:
            faults.append(f"one-bias weights: {name} must have shape {expected}, got {given}")
    bias = None if weights.bias is None else np.shape(weights.bias)
    bias_shape = (2, width) if gru else (width,)
    if bias is None and layer.bias:
        faults.append("one-bias weights: bias is missing; build the network with bias: false")
    elif bias is not None and not layer.bias:
        faults.append("one-bias weights: bias is given; build the network with bias: true")
    elif gru and bias == (width,):
        faults.append(
            f"one-bias weights: a GRU's bias of shape {bias} is that of reset_after=False, where "
            "the reset gate multiplies the state before the matrix; torch's GRU multiplies after "
            "it and computes something else with the same weights; train them with "
            f"reset_after=True, whose bias has shape {bias_shape}"
        )
    elif bias is not None and bias != bias_shape:
        faults.append(f"one-bias weights: bias must have shape {bias_shape}, got {bias}")
    if faults:
        raise join(ConfigError, faults)
