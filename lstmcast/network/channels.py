"""Targets read one by one: every target of a window becomes a window of its own.

One network then serves all targets, as it serves all series: it sees more windows, and none of them
can mislead another. Source: channel independence, Nie et al. 2023, arXiv:2211.14730 (PatchTST).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from lstmcast.network.heads import Units
from lstmcast.network.initialization import normal
from lstmcast.network.normalize import Level
from lstmcast.network.sizes import Sizes
from lstmcast.windows.batches import Batch

WIDTH = 8
"""Of the learned vector that tells a target from the others; it is read as static columns are."""


class Channels(nn.Module):
    """(B, T, F) of C targets -> (B * C, T, 1 + F - C), the targets of a window side by side.

    Args:
        sizes: Of the windows as they are gathered.

    Attributes:
        sizes: Of the windows of one target.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.count = sizes.targets
        several = sizes.targets > 1
        self.names = nn.Parameter(normal(0.1, sizes.targets, WIDTH)) if several else None
        self.sizes = replace(
            sizes,
            inputs=sizes.inputs - sizes.targets + 1,
            targets=1,
            static=sizes.static + (WIDTH if self.names is not None else 0),
        )

    def split(self, batch: Batch) -> Batch:
        """A window for each target; covariates go with each of them."""
        if self.names is None:
            return batch
        past = self._apart(batch.inputs[:, :, : self.count])  # (B * C, T, 1)
        others = self._repeated(batch.inputs[:, :, self.count :])
        names = self.names.repeat(len(batch), 1)  # (B * C, WIDTH)
        static = names
        if batch.static is not None:
            static = torch.cat([self._repeated(batch.static), names], dim=1)
        weights, past_weights = (
            None if part is None else self._apart(part)
            for part in (batch.weights, batch.past_weights)
        )
        return Batch(
            inputs=torch.cat([past, others], dim=2),
            targets=self._apart(batch.targets),
            series=self._repeated(batch.series),
            weights=weights,
            past_weights=past_weights,
            mask=None if batch.mask is None else self._repeated(batch.mask),
            future=None if batch.future is None else self._repeated(batch.future),
            static=static,
            center=None if batch.center is None else batch.center.reshape(-1, 1),
            scale=None if batch.scale is None else batch.scale.reshape(-1, 1),
        )

    def join(self, decoded: Tensor) -> Tensor:
        """(B * C, ..., 1, Q) -> (B, ..., C, Q)."""
        if self.names is None:
            return decoded
        shape = (-1, self.count, *decoded.shape[1:-2], decoded.shape[-1])
        return decoded.reshape(shape).movedim(1, -2)  # from (B, C, ..., Q)

    def join_units(self, units: Units) -> Units:
        """Units of single targets -> those of all targets side by side."""
        if self.names is None:
            return units
        level = units.level
        if level is not None:
            level = Level(self._beside(level.center), self._beside(level.scale))
        center, scale = (
            None if part is None else self._beside(part) for part in (units.center, units.scale)
        )
        return Units(level, center, scale)

    def _beside(self, values: Tensor) -> Tensor:
        """(B * C, 1, 1) -> (B, 1, C), and (B * C, H, 1) -> (B, H, C)."""
        return values.view(-1, self.count, values.shape[1]).transpose(1, 2)

    def _apart(self, values: Tensor) -> Tensor:
        """(B, T, C) -> (B * C, T, 1)."""
        return values.transpose(1, 2).flatten(0, 1)[:, :, None]

    def _repeated(self, values: Tensor) -> Tensor:
        """(B, ...) -> (B * C, ...)."""
        return values.repeat_interleave(self.count, dim=0)
