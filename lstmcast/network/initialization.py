"""First values of weights that are no layer's own."""

from __future__ import annotations

import torch
from torch import Tensor


def normal(spread: float, *shape: int) -> Tensor:
    """Numbers of mean 0 and a deviation.

    On the meta device, where a network is outlined before memory is taken for it, nothing is
    computed: torch would load its compiler for that, which takes a second, and five on a busy
    machine.
    """
    values = torch.empty(shape)
    return values if values.is_meta else spread * values.normal_()
