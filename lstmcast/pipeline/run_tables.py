"""history.csv and recent.csv of a run folder, and the CSV format of all its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from lstmcast import limits
from lstmcast.config import WindowConfig
from lstmcast.panel.panel import Panel

if TYPE_CHECKING:
    from lstmcast.training.trainer import Fit


def csv_text(frame: pd.DataFrame) -> str:
    """A frame as CSV: commas, decimal points, Unix line ends, and exact numbers."""
    if len(frame) < limits.WRITTEN_BY_ARROW or frame.shape[1] == 1:
        return str(frame.to_csv(index=False, lineterminator="\n"))
    columns = [_texts(frame.iloc[:, k]) for k in range(frame.shape[1])]
    if any(pc.any(pc.match_substring_regex(each, '[",\\r\\n]')).as_py() for each in columns):
        return str(frame.to_csv(index=False, lineterminator="\n"))  # pandas knows what to quote
    head = frame.iloc[:0].to_csv(index=False, lineterminator="\n")
    table = pa.Table.from_arrays(columns, names=[str(k) for k in range(len(columns))])
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    body = pa.BufferOutputStream()
    pyarrow.csv.write_csv(table, body, options)
    return str(head + body.getvalue().to_pybytes().decode())


def _texts(column: pd.Series[Any]) -> pa.Array:
    """(R,) the cells of a column as pandas would write them; null for an empty cell."""
    if column.dtype != np.float64:
        cells = column.astype(object).where(column.notna(), None)
        if pd.api.types.infer_dtype(cells) == "string":
            return pa.array(cells, pa.string())
        return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
    values = column.to_numpy()
    texts = pa.array(values, from_pandas=True).cast(pa.string())
    # Arrow writes the same digits, except for exponents and the ".0" of whole numbers.
    sizes = np.abs(values)
    own = ~((sizes >= 1e-4) & (sizes < 1e9)) & (sizes != 0) & np.isfinite(values)
    whole = pa.array((values == np.trunc(values)) & np.isfinite(values) & ~own)
    texts = pc.if_else(whole, pc.binary_join_element_wise(texts, ".0", ""), texts)
    if own.any():
        texts = pc.replace_with_mask(texts, pa.array(own), [repr(x) for x in values[own].tolist()])
    return texts


def history_frame(fits: Sequence[Fit]) -> pd.DataFrame:
    """A row per epoch, with `member`, from 1, if there are several; see `trainer.Epoch`."""
    rows = [
        {"member": number, **asdict(epoch)}
        for number, fit in enumerate(fits, start=1)
        for epoch in fit.history
    ]
    return pd.DataFrame(rows).drop(columns="best" if len(fits) > 1 else ["member", "best"])


def recent_frame(panel: Panel, window: WindowConfig) -> pd.DataFrame:
    """The last rows of the history of every series, for the plot of the forecast."""
    length = max(window.lookback, 3 * window.horizon, panel.frequency.season)
    counts = np.minimum(panel.lengths, length)
    before = np.cumsum(counts) - counts
    rows = np.arange(counts.sum()) + np.repeat(panel.ends - counts - before, counts)
    series = np.repeat(np.arange(panel.series_count), counts)
    names = np.array(panel.names, dtype=object).reshape(panel.series_count, -1)[series]
    table: dict[str, Any] = {name: names[:, k] for k, name in enumerate(panel.series_columns)}
    table[panel.time or "step"] = panel.format_times(panel.ordinals(rows, series))
    for k, name in enumerate(panel.columns.targets):
        table[name] = np.where(panel.targets_observed[rows, k], panel.targets[rows, k], np.nan)
    return pd.DataFrame(table)
