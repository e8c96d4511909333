"""How the compiled code of layer.c is called."""

from __future__ import annotations

import ctypes
from functools import cache

import torch
from torch import Tensor

from lstmcast import limits
from lstmcast.config import NetworkConfig
from lstmcast.network.kernel.load import code, library

THREADS = torch.get_num_threads()
"""Those that torch was started with: OMP_NUM_THREADS, or a core each."""

WINDOWS_IN_A_PART, MOST_PARTS = 16, 8
"""A batch is cut by its size alone, so that sums do not depend on the number of threads."""

MOST_GRADIENTS = 1 << 24
"""Numbers in the gradients of all parts together; two parts have theirs, however many."""


NUMBERS = (
    *("steps", "windows", "features", "units", "parts", "gru"),
    *("input_step", "input_row", "cell_step", "d_output_step", "d_output_row"),
)
TENSORS = (
    *("inputs", "weight_ih", "weight_hh", "bias_ih", "bias_hh", "first_state", "first_cell"),
    *("states", "cells", "gates", "last_state", "last_cell", "scratch"),
    *("d_outputs", "d_last_state", "d_last_cell", "d_first_state", "d_first_cell"),
    *("d_inputs", "d_weight_ih", "d_weight_hh", "d_bias_ih", "d_bias_hh"),
)
"""The fields of layer.c's Layer, in its order."""


class Layer(ctypes.Structure):
    """What a call works on, explained in layer.c: numbers, and addresses of tensors.

    Attributes:
        held: The tensors that it was told of, so that they stay.
    """

    held: dict[str, Tensor]

    _fields_ = (
        *((name, ctypes.c_int64) for name in NUMBERS),
        *((name, ctypes.c_void_p) for name in TENSORS),
        ("back", ctypes.c_int64),
        ("places", ctypes.c_void_p * 7),
    )

    def tell(self, **values: int | Tensor | None) -> None:
        """Set some fields."""
        held = self.__dict__.setdefault("held", {})
        for name, value in values.items():
            if isinstance(value, Tensor):
                held[name] = value
                value = value.data_ptr()
            setattr(self, name, value)


def made_for(network: NetworkConfig) -> bool:
    """Whether a network's layers are computed by the compiled code on a CPU."""
    usual = (network.activation, network.recurrent_activation) == ("tanh", "sigmoid")
    own = network.cell in ("gru", "lstm")
    return own and usual and not network.projection and library() is not None


def padded(units: int) -> int:
    """Units, made up to whole vectors."""
    return -(-units // _lanes()) * _lanes()


@cache
def _lanes() -> int:
    """Floats in a vector."""
    return ctypes.c_int64.in_dll(code(), "lanes").value


def is_gru(weight_hh: Tensor) -> bool:
    """Whether a weight (G U, U) is of a GRU's three gates, and not of an LSTM's four."""
    rows, units = weight_hh.shape
    return rows == 3 * units


def parts_of(windows: int, weights: int) -> int:
    """Number of parts that a batch is divided into, for a layer with `weights` weights."""
    most = min(MOST_PARTS, max(2, MOST_GRADIENTS // weights))
    return max(1, min(most, windows // WINDOWS_IN_A_PART))


def run(layer: Layer, back: bool) -> None:
    """Go forward, or back, through all parts of a batch, in as many threads as is worth it."""
    products = layer.steps * layer.windows * layer.units * 4 * (layer.features + layer.units)
    told = ctypes.byref(layer)
    layer.tell(scratch=layer.held["inputs"].new_empty(code().scratch_of(told, back)))
    go = code().run_backward if back else code().run_forward
    go(told, min(THREADS, layer.parts) if products >= limits.SHARED_PRODUCTS else 1)
