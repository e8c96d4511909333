"""The step of an optimizer by compiled code (update.c): one call, where torch has eight."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from lstmcast.network.kernel.load import code, library


class Update(ctypes.Structure):
    """Arguments of a call, explained in update.c: numbers, and addresses of tensors."""

    _fields_ = (
        ("kind", ctypes.c_int64),
        ("parameters", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("sizes", "values", "gradients", "mean", "square")),
        *((name, ctypes.c_double) for name in ("rate", "decay", "clip", "tiny", "momentum")),
        *((name, ctypes.c_double) for name in ("steady", "mean_known", "square_known", "epsilon")),
    )


KINDS = {"sgd": 0, "adam": 1, "adamw": 2}
"""What update.c calls the optimizers."""


def runs_here(parameters: Iterable[Tensor]) -> bool:
    """Whether `update` can move these."""
    plain = all(p.device.type == "cpu" and p.dtype == torch.float32 for p in parameters)
    return plain and library() is not None


def update(
    kind: str,
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    memory: Sequence[Tensor],
    **numbers: float,
) -> None:
    """Clip the gradients, and move the parameters.

    Args:
        kind: A key of KINDS.
        parameters: As `runs_here` demands, and contiguous.
        gradients: Of each, contiguous.
        memory: (P,) for each kind of number that is kept from step to step.
        numbers: Those of `Update`.
    """
    many = len(parameters)
    sizes = (ctypes.c_int64 * many)(*[each.numel() for each in parameters])
    values = (ctypes.c_void_p * many)(*[each.data_ptr() for each in parameters])
    found = (ctypes.c_void_p * many)(*[each.data_ptr() for each in gradients])
    kept = [each.data_ptr() for each in memory] + [None] * (2 - len(memory))
    arrays = [ctypes.addressof(each) for each in (sizes, values, found)]
    code().update(ctypes.byref(Update(KINDS[kind], many, *arrays, *kept, **numbers)))
