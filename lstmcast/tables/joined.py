"""Two tables as one: rows of history, then rows with known future covariates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from lstmcast.tables.read import Table


@dataclass(frozen=True)
class JoinedTable(Table):
    """The rows of several tables, one after the other; a column that one lacks is empty there.

    Attributes:
        parts: The tables, in order.
    """

    parts: tuple[Table, ...] = ()

    def line(self, row: int) -> str:
        """Line of a row, and its file."""
        for part in self.parts:
            if row < len(part.frame):
                return f"{part.line(row)} of {part.name}"
            row -= len(part.frame)
        raise IndexError(row)

    def numbers(self, column: str) -> np.ndarray:
        """(R,) float64; see `Table.numbers`."""
        return np.concatenate(
            [
                part.numbers(column) if column in part.frame else np.full(len(part.frame), np.nan)
                for part in self.parts
            ]
        )

    def text(self, column: str) -> np.ndarray:
        """(R,) object array of str; see `Table.text`."""
        return np.concatenate(
            [
                part.text(column)
                if column in part.frame
                else np.full(len(part.frame), "", dtype=object)
                for part in self.parts
            ]
        )

    def strings(self, column: str) -> pa.Array:
        """(R,) the same as `text` in an Arrow array."""
        return pa.array(self.text(column), pa.string())

    def without_cells(self) -> Table:
        """The table with only what messages need."""
        return replace(self, frame=self.frame.iloc[:, :0])


def join_rows(history: Table, ahead: Table) -> JoinedTable:
    """The rows of `history`, then those of `ahead`."""
    rows = pd.RangeIndex(len(history.frame) + len(ahead.frame))
    frame = pd.DataFrame(index=rows, columns=history.frame.columns)
    return JoinedTable(history.name, frame, history.digest, parts=(history, ahead))
