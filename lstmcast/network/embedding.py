"""Categories -> vectors, so that what follows sees numbers only."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstmcast.network.initialization import normal
from lstmcast.network.sharded_random import draw_sharded
from lstmcast.network.sizes import Category, Sizes
from lstmcast.windows.batches import Batch

HIDDEN = 0.05
"""Probability in training that a category counts as unknown, which trains its embedding."""

SPREAD = 0.1
"""Standard deviation of initial embeddings: small compared with scaled columns, which have 1."""


class CategoryTable(nn.Module):
    """Embedding: a vector for each category of a column, and one for unknown categories.

    Args:
        category: How many, how wide, and whether they are trained.
    """

    known: Tensor

    def __init__(self, category: Category) -> None:
        super().__init__()
        known = normal(SPREAD, category.count, category.width)
        if category.fixed:
            self.register_buffer("known", known)
        else:
            self.known = nn.Parameter(known)
        self.unknown = nn.Parameter(torch.zeros(category.width))

    def forward(self, codes: Tensor) -> Tensor:
        """Codes of any shape (...) -> (..., E)."""
        codes = codes.long()
        if self.training:
            hidden = draw_sharded(partial(torch.rand, device=codes.device), codes.shape) < HIDDEN
            codes = codes.masked_fill(hidden, 0)
        vectors = functional.embedding((codes - 1).clamp(min=0), self.known)
        return torch.where(codes[..., None] == 0, self.unknown, vectors)


class Embedder(nn.Module):
    """Replaces the categorical columns of a batch by their embeddings, in place.

    Args:
        sizes: Of the windows as they are gathered, a column each.

    Attributes:
        sizes: Of the windows behind it: a column of categories is as wide as its vectors.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.categories = sizes.categories
        self.tables = nn.ModuleList(CategoryTable(category) for category in sizes.categories)
        first_future = sizes.inputs - sizes.future
        # Place of each column of categories -> the number of its table.
        self.in_inputs = {c.place: k for k, c in enumerate(sizes.categories) if not c.static}
        self.in_future = {
            p - first_future: k for p, k in self.in_inputs.items() if p >= first_future
        }
        self.in_static = {c.place: k for k, c in enumerate(sizes.categories) if c.static}
        self.sizes = replace(
            sizes,
            inputs=sizes.inputs + self._growth(self.in_inputs),
            future=sizes.future + self._growth(self.in_future),
            static=sizes.static + self._growth(self.in_static),
            categories=(),
        )

    def forward(self, batch: Batch) -> Batch:
        """Inputs (B, T, F), future (B, H, F') and static (B, K) grow wider."""
        if not self.categories:
            return batch
        return replace(
            batch,
            inputs=self._widen(batch.inputs, self.in_inputs),
            future=None if batch.future is None else self._widen(batch.future, self.in_future),
            static=None if batch.static is None else self._widen(batch.static, self.in_static),
        )

    def give_vectors(self, column: str, known: Tensor, unknown: Tensor) -> None:
        """Begin with given vectors.

        Args:
            column: Name of the column.
            known: (n, E) in the order of its codes.
            unknown: (E,).
        """
        table = self.tables[[category.column for category in self.categories].index(column)]
        assert isinstance(table, CategoryTable)
        with torch.no_grad():
            table.known.copy_(known)
            table.unknown.copy_(unknown)

    def _growth(self, places: dict[int, int]) -> int:
        return sum(self.categories[k].width - 1 for k in places.values())

    def _widen(self, values: Tensor, places: dict[int, int]) -> Tensor:
        """(..., F) -> (..., F with vectors in place of codes)."""
        parts, start = [], 0
        for place, k in sorted(places.items()):
            parts += [values[..., start:place], self.tables[k](values[..., place])]
            start = place + 1
        return torch.cat([*parts, values[..., start:]], dim=-1)
