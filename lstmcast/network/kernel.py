"""The compiled code: whether there is one for this machine, and how that of layer.c is called."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from lstmcast.config import NetworkConfig

THREADS = torch.get_num_threads()
"""Those that torch was started with: OMP_NUM_THREADS, or a core each."""

PACKAGE = Path(__file__).parents[1]
SOURCES = tuple(
    PACKAGE / name
    for name in (
        "network/layer.c",
        "training/update.c",
        "network/gates.h",
        "network/pool.h",
        "network/weights.h",
    )
)
LIBRARIES = {kind: PACKAGE / f"network/kernel_{kind.lower()}.so" for kind in ("AVX512", "AVX2")}
"""By what torch calls the instructions that a processor has."""

WINDOWS_IN_A_PART, MOST_PARTS = 16, 8
"""A batch is cut by its size alone, so that sums do not depend on the number of threads."""

MOST_GRADIENTS = 1 << 24
"""Numbers in the gradients of all parts together; two parts have theirs, however many."""

WORTH_SHARING = 2_000_000
"""Products (steps x windows x weights) from which it pays to wake another thread: 0.3 ms."""


class Layer(ctypes.Structure):
    """What a call works on, explained in layer.c: numbers, and addresses of tensors.

    It holds on to the tensors that it was told of.
    """

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("steps", "windows", "features", "units")),
        *((name, ctypes.c_int64) for name in ("parts", "back", "gru")),
        ("inputs", ctypes.c_void_p),
        ("input_step", ctypes.c_int64),
        ("input_row", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("panels", "bias", "states", "cells")),
        ("cell_step", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("gates", "state_panels", "input_panels")),
        ("d_outputs", ctypes.c_void_p),
        ("d_output_step", ctypes.c_int64),
        ("d_output_row", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("d_state", "d_cell", "d_inputs", "d_weights")),
    )

    def tell(self, **values: int | Tensor | None) -> None:
        """Set some fields."""
        held: dict[str, Tensor] = self.__dict__.setdefault("held", {})
        for name, value in values.items():
            if isinstance(value, Tensor):
                held[name] = value
                value = value.data_ptr()
            setattr(self, name, value)


@cache
def library() -> ctypes.CDLL | None:
    """The compiled code; None on other processors, or where there is none of just this source."""
    path = LIBRARIES.get(torch.backends.cpu.get_cpu_capability())
    if path is None or not path.is_file():
        return None
    try:
        code = ctypes.CDLL(str(path))
        made_of = _made_of(code)
    except (OSError, ValueError):  # it cannot be loaded here, or is something else
        return None
    sources = b"".join(each.read_bytes() for each in SOURCES)
    if made_of.split()[0] != hashlib.sha256(sources).hexdigest():
        return None
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    flag = ctypes.c_int
    code.pack_gates.argtypes = [*[pointer] * 4, number, number, flag, pointer, pointer]
    code.pack_columns.argtypes = [pointer, number, number, flag, flag, pointer]
    code.unpack_gradients.argtypes = [pointer, *[number] * 3, flag, *[pointer] * 4]
    code.run.argtypes = [ctypes.POINTER(Layer), number]
    code.update.argtypes = [pointer]
    return code


def made_for(network: NetworkConfig) -> bool:
    """Whether a network's layers are computed by the compiled code on a CPU."""
    usual = (network.activation, network.recurrent_activation) == ("tanh", "sigmoid")
    return network.cell != "rnn" and usual and not network.projection and library() is not None


def identity() -> str | None:
    """Which compiled code a training on a CPU is rounded by; None: by torch's."""
    found = library()
    return None if found is None else hashlib.sha256(_made_of(found).encode()).hexdigest()[:12]


def _made_of(code: ctypes.CDLL) -> str:
    """Digest of the source, flags, compiler."""
    return (ctypes.c_char_p.in_dll(code, "made_of").value or b"?").decode()


def padded(units: int) -> int:
    """Units, made up to whole vectors."""
    return -(-units // _lanes()) * _lanes()


@cache
def _lanes() -> int:
    """Floats in a vector."""
    return ctypes.c_int64.in_dll(code(), "lanes").value


def pack_gates(
    weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor | None, bias_hh: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Weights (G U, ..) of G gates as the forward products take them, and biases."""
    features, units = weight_ih.shape[1], weight_hh.shape[1]
    packed = weight_ih.new_empty(features + units + 1, 4 * padded(units))
    panels, bias = packed[:-1], packed[-1]
    given = (weight_ih, weight_hh, bias_ih, bias_hh)
    addresses = [None if each is None else each.data_ptr() for each in given]
    sizes = (features, units, is_gru(weight_hh))
    code().pack_gates(*addresses, *sizes, panels.data_ptr(), bias.data_ptr())
    return panels, bias


def pack_columns(weight: Tensor, weight_hh: Tensor) -> Tensor:
    """A weight (G U, N), of the inputs or weight_hh itself, as the backward products take it."""
    units, columns = weight_hh.shape[1], weight.shape[1]
    panels = weight.new_empty(4 * padded(units) * padded(columns))
    kinds = (is_gru(weight_hh), weight is weight_hh)
    code().pack_columns(weight.data_ptr(), units, columns, *kinds, panels.data_ptr())
    return panels


def unpack_gradients(found: Tensor, weights: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Gradients of weights, of which each part of a batch has its own: (parts, F + U + 1, 4 U')."""
    weight_ih, weight_hh, *_ = weights
    assert weight_ih is not None and weight_hh is not None, "every layer has them"
    sizes = (weight_ih.shape[1], weight_hh.shape[1], is_gru(weight_hh))
    gradients = [None if each is None else torch.empty_like(each) for each in weights]
    addresses = [None if each is None else each.data_ptr() for each in gradients]
    code().unpack_gradients(found.data_ptr(), len(found), *sizes, *addresses)
    return gradients


def is_gru(weight_hh: Tensor) -> bool:
    """Whether a weight (G U, U) is of a GRU's three gates, and not of an LSTM's four."""
    rows, units = weight_hh.shape
    return rows == 3 * units


def parts_of(windows: int, weights: int) -> int:
    """How many parts a batch is cut into, for a layer of so many weights."""
    most = min(MOST_PARTS, max(2, MOST_GRADIENTS // weights))
    return max(1, min(most, windows // WINDOWS_IN_A_PART))


def run(layer: Layer, back: bool) -> None:
    """Go forward, or back, through all parts of a batch, in as many threads as is worth it."""
    products = layer.steps * layer.windows * layer.units * 4 * (layer.features + layer.units)
    layer.back = back
    code().run(layer, min(THREADS, layer.parts) if products >= WORTH_SHARING else 1)


def code() -> ctypes.CDLL:
    """The library, for those who have seen that there is one."""
    found = library()
    assert found is not None, "asked for without looking at `library`"
    return found
