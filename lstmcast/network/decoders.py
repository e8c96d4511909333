"""Encoding -> what the head needs for every step of the horizon."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lstmcast.network.recurrent import Encoding
from lstmcast.network.sizes import Sizes


class DirectDecoder(nn.Module):
    """One linear layer from the last step to all H steps at once.

    Known-future and static columns, where there are any, stand beside the last step's output.

    Args:
        width: Of the encoder's output, D * U.
        sizes: Axes of the windows.
        head_width: Numbers that the head needs for each target and step.
    """

    def __init__(self, width: int, sizes: Sizes, head_width: int) -> None:
        super().__init__()
        self.shape = (sizes.horizon, sizes.targets, head_width)
        known = sizes.horizon * sizes.future + sizes.static
        self.linear = nn.Linear(width + known, sizes.horizon * sizes.targets * head_width)

    def forward(self, encoding: Encoding, future: Tensor | None, static: Tensor | None) -> Tensor:
        """(B, D * U), (B, H, F'), (B, K) -> (B, H, C, head width)."""
        parts = [encoding.last]
        if future is not None:
            parts.append(future.flatten(1))
        if static is not None:
            parts.append(static)
        flat: Tensor = self.linear(torch.cat(parts, dim=1) if len(parts) > 1 else parts[0])
        return flat.view(-1, *self.shape)


DECODERS: dict[str, type[DirectDecoder]] = {"direct": DirectDecoder}
"""What `network.decoder` names."""
