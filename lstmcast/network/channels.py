"""Targets read one by one: every target of a window becomes a window of its own.

One network then serves all targets, as it serves all series: it sees more windows, and none of them
can mislead another. Source: channel independence, Nie et al. 2023, arXiv:2211.14730 (PatchTST).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from lstmcast.network.sizes import Sizes
from lstmcast.series.batches import Batch

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
        self.names = nn.Parameter(torch.zeros(sizes.targets, WIDTH)) if sizes.targets > 1 else None
        if self.names is not None:
            nn.init.normal_(self.names, std=0.1)
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
        )

    def join(self, forecast: Tensor) -> Tensor:
        """(B * C, H, 1) -> (B, H, C)."""
        if self.names is None:
            return forecast
        return forecast.view(-1, self.count, forecast.shape[1]).transpose(1, 2)

    def _apart(self, values: Tensor) -> Tensor:
        """(B, T, C) -> (B * C, T, 1)."""
        return values.transpose(1, 2).flatten(0, 1)[:, :, None]

    def _repeated(self, values: Tensor) -> Tensor:
        """(B, ...) -> (B * C, ...)."""
        return values.repeat_interleave(self.count, dim=0)
