"""The data loader: index of windows + one table on a device -> batches.

Memory holds the table once; a strided view has a window at each of its rows, and a batch is one
gather from that view, for any lookback.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import repeat

import numpy as np
import torch
from torch import Tensor

from lstmcast import limits
from lstmcast.panel.panel import Panel
from lstmcast.parallel import share_of
from lstmcast.windows.order import Order, pools_of
from lstmcast.windows.scaled import all_observed, scaled_rows
from lstmcast.windows.scaling import Scaler
from lstmcast.windows.windows import WindowIndex


@dataclass(frozen=True)
class Batch:
    """B windows as tensors, scaled.

    Attributes:
        inputs: (B, T, F) targets, then past, then future columns.
        targets: (B, H, C).
        series: (B,) number of each window's series.
        weights: (B, H, C) 1 for an observed target, 0 for a missing value; None: all 1.
        past_weights: (B, T, C) the same for the targets among the inputs.
        mask: (B, T) 1 for rows of the series, 0 for padding; None: nothing is padded.
        future: (B, H, F') future covariates over the horizon; None without such columns.
        static: (B, K) static covariates; None without such columns.
        center: (B, C) center of the scaling, in the units of the data.
        scale: (B, C) scale of the scaling, in the units of the data.
    """

    inputs: Tensor
    targets: Tensor
    series: Tensor
    weights: Tensor | None = None
    past_weights: Tensor | None = None
    mask: Tensor | None = None
    future: Tensor | None = None
    static: Tensor | None = None
    center: Tensor | None = None
    scale: Tensor | None = None

    def __len__(self) -> int:
        """B."""
        return len(self.inputs)

    def cut(self, size: int) -> Iterator[Batch]:
        """Batches of `size` windows, the last perhaps smaller; they share this batch's memory."""
        if len(self) <= size:
            yield self
            return
        parts = [getattr(self, field.name) for field in fields(self)]
        pieces = [repeat(None) if part is None else part.split(size) for part in parts]
        for piece in zip(*pieces, strict=False):  # `repeat` has no end
            yield Batch(*piece)


class WindowTable:
    """All rows of a panel on a device, and the gather of windows from them.

    Args:
        panel: Panel without missing values, in units of the data.
        scaler: Scaler of the panel's columns.
        static_scaler: Scaler of its static columns; None without such columns.
        lookback: T.
        horizon: H.
        pad: Whether windows may begin before their series.
        device: Device of the rows and of the batches.
    """

    def __init__(
        self,
        panel: Panel,
        scaler: Scaler,
        static_scaler: Scaler | None,
        *,
        lookback: int,
        horizon: int,
        pad: bool,
        device: torch.device,
    ) -> None:
        columns = panel.columns
        self.lookback, self.horizon = lookback, horizon
        self.target_count, self.input_count = len(columns.targets), len(columns.inputs)
        self.future_count = len(columns.future)
        self.device = device
        # The loss leaves out missing targets: their weights are columns of the table.
        self.has_weights = not all_observed(panel)
        table = scaled_rows(panel, scaler, lookback, horizon, self.has_weights)
        # Rows in files stay there: only their batches are copied to another device.
        self.home = device if panel.store is None else torch.device("cpu")
        rows = as_tensor(table).to(self.home)
        width = table.shape[1]
        window = (len(panel.values) + 1, lookback + horizon, width)
        self.view = rows.as_strided(window, (width, width, 1))  # (R + 1, T + H, F)
        self.starts = torch.from_numpy(panel.offsets[:-1]).to(device) if pad else None
        self.center, self.scale = (
            torch.from_numpy(part[:, : self.target_count].astype(np.float32)).to(device)
            for part in (scaler.center, scaler.scale)
        )
        self.static = None
        if static_scaler is not None:
            static = static_scaler.transform(panel.static, np.zeros(panel.series_count, dtype=int))
            self.static = torch.from_numpy(static.astype(np.float32)).to(device)

    def gather(self, origins: Tensor, series: Tensor) -> Batch:
        """The windows at origins (B,) of the given series (B,), both on the table's device."""
        block = self.view.index_select(0, origins.to(self.home))  # (B, T + H, F)
        block = block.to(self.device)
        inputs = block[:, : self.lookback, : self.input_count]
        ahead = block[:, self.lookback :]
        mask = None
        if self.starts is not None:
            known = (origins - self.starts[series]).clamp(max=self.lookback)
            mask = (
                torch.arange(self.lookback, device=self.device) >= self.lookback - known[:, None]
            ).to(inputs.dtype)  # (B, T)
            inputs = inputs * mask[:, :, None]
        known_ahead = slice(self.input_count - self.future_count, self.input_count)
        return Batch(
            inputs=inputs,
            targets=ahead[:, :, : self.target_count],
            series=series,
            weights=ahead[:, :, self.input_count :] if self.has_weights else None,
            past_weights=(
                block[:, : self.lookback, self.input_count :] if self.has_weights else None
            ),
            mask=mask,
            future=ahead[:, :, known_ahead] if self.future_count else None,
            static=None if self.static is None else self.static[series],
            center=self.center[series],
            scale=self.scale[series],
        )

    def gather_windows(self, index: WindowIndex, windows: np.ndarray) -> Batch:
        """The windows with the given numbers (B,) of an index."""
        origins, series = index.locate(windows)
        return self.gather(*(torch.from_numpy(part).to(self.device) for part in (origins, series)))


@dataclass(frozen=True)
class Batches:
    """The windows of an index, in batches.

    Attributes:
        table: The table of the windows.
        index: The windows.
        batch_size: B; the last batch may be smaller.
        seed: Random seed of the order; None keeps the order of the index.
        sample: `windows` visits each window once, `series` draws as many from random series.
        part: Part of each batch to gather, from 0; it may be empty if the batch is small.
        parts: Number of parts of each batch.
    """

    table: WindowTable
    index: WindowIndex
    batch_size: int
    seed: int | None = None
    sample: str = "windows"
    part: int = 0
    parts: int = 1

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-self.windows // self.batch_size)

    @cached_property
    def windows(self) -> int:
        """Windows in an epoch."""
        return len(self.index)

    def windows_in(self, batch: int) -> int:
        """Windows in all parts of a batch, counted from 0."""
        return min(self.batch_size, self.windows - batch * self.batch_size)

    def epoch(self, number: int = 0, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch after the first `skip`; the order depends on (seed, number)."""
        size, total = self.batch_size, self.windows
        windows_at = self.order(number).places()
        many = size * max(1, limits.LOCATED_AT_ONCE // size)
        for begin in range(min(skip * size, total), total, many):
            located = self.index.locate(windows_at(begin, min(begin + many, total)))
            origins, series = (torch.from_numpy(part).to(self.table.device) for part in located)
            together = size * self._together()
            for start in range(0, len(origins), together):
                share = share_of(min(together, len(origins) - start), self.part, self.parts)
                part = slice(start + share.start, start + share.stop)
                yield from self.table.gather(origins[part], series[part]).cut(size)

    def _together(self) -> int:
        """Batches in one gather; one if batches are cut into parts."""
        _, span, width = self.table.view.shape
        many = limits.GATHERED_AT_ONCE // (self.batch_size * span * width)
        return 1 if self.parts > 1 else max(1, many)

    def order(self, number: int) -> Order:
        """The order of the windows in an epoch."""
        stride = int(self.index.strides.max(initial=1))
        _, span, width = self.table.view.shape
        pools = pools_of(4 * width, stride, span)
        return Order(self.index, self.seed, number, self.sample, pools)


def as_tensor(table: np.ndarray) -> Tensor:
    """The rows as a tensor that shares their memory; it must not be written to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(table)
