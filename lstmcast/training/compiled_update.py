"""An optimizer step in compiled code (update.c): one call instead of torch's eight."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from lstmcast.network.kernel.load import code, library


class Update(ctypes.Structure):
    """Arguments of a call: numbers and addresses of tensors; update.c explains them."""

    _fields_ = (
        ("kind", ctypes.c_int64),
        ("parameters", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("sizes", "values", "gradients", "mean", "square")),
        *((name, ctypes.c_double) for name in ("rate", "decay", "clip", "tiny", "momentum")),
        *((name, ctypes.c_double) for name in ("steady", "mean_known", "square_known", "epsilon")),
    )


KINDS = {"sgd": 0, "adam": 1, "adamw": 2}
"""Numbers of the optimizers in update.c."""


def runs_here(parameters: Iterable[Tensor]) -> bool:
    """Whether `update` can update these parameters."""
    plain = all(p.device.type == "cpu" and p.dtype == torch.float32 for p in parameters)
    return plain and library() is not None


def update(
    kind: str,
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    memory: Sequence[Tensor],
    **numbers: float,
) -> None:
    """Clip the gradients, and update the parameters.

    Args:
        kind: A key of KINDS.
        parameters: Contiguous float32 tensors on the CPU.
        gradients: Gradient of each parameter, contiguous.
        memory: (P,) tensors of the optimizer's state.
        numbers: The numbers of `Update`.
    """
    many = len(parameters)
    sizes = (ctypes.c_int64 * many)(*[each.numel() for each in parameters])
    values = (ctypes.c_void_p * many)(*[each.data_ptr() for each in parameters])
    found = (ctypes.c_void_p * many)(*[each.data_ptr() for each in gradients])
    kept = [each.data_ptr() for each in memory] + [None] * (2 - len(memory))
    arrays = [ctypes.addressof(each) for each in (sizes, values, found)]
    code().update(ctypes.byref(Update(KINDS[kind], many, *arrays, *kept, **numbers)))
