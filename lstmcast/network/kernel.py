"""The compiled code: whether there is one for this machine, and how that of layer.c is called."""

from __future__ import annotations

import ctypes
import hashlib
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

    Attributes:
        held: The tensors that it was told of, so that they stay.
    """

    held: dict[str, Tensor]

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("steps", "windows", "features", "units", "parts")),
        *((name, ctypes.c_int64) for name in ("gru", "input_step", "input_row", "cell_step")),
        *((name, ctypes.c_int64) for name in ("d_output_step", "d_output_row")),
        *((name, ctypes.c_void_p) for name in ("inputs", "weight_ih", "weight_hh", "bias_ih")),
        *((name, ctypes.c_void_p) for name in ("bias_hh", "first_state", "first_cell", "states")),
        *((name, ctypes.c_void_p) for name in ("cells", "gates", "last_state", "last_cell")),
        *((name, ctypes.c_void_p) for name in ("scratch", "d_outputs", "d_last_state")),
        *((name, ctypes.c_void_p) for name in ("d_last_cell", "d_first_state", "d_first_cell")),
        *((name, ctypes.c_void_p) for name in ("d_inputs", "d_weight_ih", "d_weight_hh")),
        *((name, ctypes.c_void_p) for name in ("d_bias_ih", "d_bias_hh")),
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
    layer, number = ctypes.POINTER(Layer), ctypes.c_int64
    code.scratch_of.argtypes, code.scratch_of.restype = [layer, number], number
    code.run_forward.argtypes = code.run_backward.argtypes = [layer, number]
    code.update.argtypes = [ctypes.c_void_p]
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
    layer.tell(scratch=layer.held["inputs"].new_empty(code().scratch_of(layer, back)))
    go = code().run_backward if back else code().run_forward
    go(layer, min(THREADS, layer.parts) if products >= WORTH_SHARING else 1)


def code() -> ctypes.CDLL:
    """The library, for those who have seen that there is one."""
    found = library()
    assert found is not None, "asked for without looking at `library`"
    return found
