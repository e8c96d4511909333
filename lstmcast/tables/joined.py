"""Two tables as one: rows of history, and behind them rows of what is known ahead."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from lstmcast.tables.read import Table


@dataclass(frozen=True)
class JoinedTable(Table):
    """The rows of one table behind those of another; columns that one lacks are empty there.

    Attributes:
        parts: The tables, in order.
    """

    parts: tuple[Table, ...] = ()

    def line(self, row: int) -> str:
        """Where a row is, and in which of the files."""
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
        """The same as an Arrow array."""
        return pa.array(self.text(column), pa.string())

    def without_cells(self) -> Table:
        """The table as messages need it."""
        return replace(self, frame=self.frame.iloc[:, :0])


def join_rows(history: Table, ahead: Table) -> JoinedTable:
    """The rows of `ahead` behind those of `history`."""
    rows = pd.RangeIndex(len(history.frame) + len(ahead.frame))
    frame = pd.DataFrame(index=rows, columns=history.frame.columns)
    return JoinedTable(history.name, frame, history.digest, parts=(history, ahead))
