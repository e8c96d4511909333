"""Rows of a table as (series code, tick, values), in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from lstmcast.stamps.timestamps import StampStyle
from lstmcast.tables.read import Table


@dataclass(frozen=True)
class RowBlock:
    """Consecutive rows of a table.

    `grid.place_rows` changes `codes` to indices of the sorted series names, -1 for a row that is
    not used, and `ticks` to places on the grid.

    Attributes:
        begin: Number of the first row, from 0.
        codes: (B,) integer number of each row's series.
        ticks: (B,) int64 time stamp in microseconds; meaningless if rows are counted.
        values: (B, F) float64 targets, past and future covariates; NaN if missing.
        static: (B, K) float64 static covariates.
    """

    begin: int
    codes: np.ndarray
    ticks: np.ndarray
    values: np.ndarray
    static: np.ndarray


class RowStore(Protocol):
    """Store of a table's rows until the panel is written."""

    @property
    def rows(self) -> int:
        """R, number of rows."""

    def blocks(self, backwards: bool = False) -> Iterator[RowBlock]:
        """All rows, in blocks, from the first block to the last or backwards."""

    def head(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes and ticks of the first rows."""


@dataclass(frozen=True)
class HeldRows:
    """Rows in memory, as one block; a panel without gaps takes over its values."""

    block: RowBlock

    @property
    def rows(self) -> int:
        """R, number of rows."""
        return len(self.block.codes)

    def blocks(self, backwards: bool = False) -> Iterator[RowBlock]:
        """The one block."""
        yield self.block

    def head(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes and ticks of the first rows."""
        return self.block.codes[:rows], self.block.ticks[:rows]


@dataclass(frozen=True)
class TableRows:
    """The rows of a table, with the names of their series.

    Attributes:
        table: For messages: name and line numbers.
        store: The rows.
        names: (S,) one tuple of texts per series, sorted.
        style: Format of the table's stamps; None if rows are counted.
        words: Texts of the codes of each categorical column.
        ranks: (S,) index into `names` of each code in the store; None: they are equal.
    """

    table: Table
    store: RowStore
    names: list[tuple[str, ...]]
    style: StampStyle | None
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranks: np.ndarray | None = None

    def ranked(self, codes: np.ndarray) -> np.ndarray:
        """Codes of the store as indices into `names`."""
        return codes if self.ranks is None else self.ranks[codes]
