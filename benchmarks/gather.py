"""Time to gather one training batch from a large table: `python benchmarks/gather.py`.

A table of 1,000,000 rows x 7 columns on the CPU, one thread; windows of lookback 96 and horizon
24 at random places; median and 90th percentile over 2,000 batches.
"""

import time

import numpy as np
import torch

from lstmcast.panel.panel import Columns, Panel
from lstmcast.stamps.frequency import frequency_from_alias
from lstmcast.windows.batches import Batches, WindowTable
from lstmcast.windows.scaling import fit_scaler
from lstmcast.windows.windows import WindowIndex, index_windows

ROWS, COLUMNS, LOOKBACK, HORIZON = 1_000_000, 7, 96, 24


def make_table(
    rows: int, columns: int, lookback: int, horizon: int
) -> tuple[WindowTable, WindowIndex]:
    """A table of random numbers, every column a target, and the index of its windows."""
    values = np.random.default_rng(0).normal(size=(rows, columns))
    panel = Panel(
        columns=Columns(tuple(f"c{k}" for k in range(columns))),
        series_columns=(),
        names=[()],
        values=values,
        observed=np.ones(values.shape, dtype=bool),
        static=np.empty((1, 0)),
        offsets=np.array([0, rows]),
        ends=np.array([rows]),
        starts=np.array([0]),
        source_rows=np.arange(rows),
        frequency=frequency_from_alias("step", None),
        time=None,
        style=None,
    )
    bounds = (panel.offsets[:-1], panel.ends)
    scaler = fit_scaler("standard", "series", panel.values, panel.observed, *bounds)
    sizes = {"lookback": lookback, "horizon": horizon, "pad": False}
    table = WindowTable(panel, scaler, None, device=torch.device("cpu"), **sizes)
    return table, index_windows(bounds[0], *bounds, **sizes)


def main() -> None:
    torch.set_num_threads(1)
    table, index = make_table(ROWS, COLUMNS, LOOKBACK, HORIZON)
    print(f"{'batch':>5}  {'median':>9}  {'90 %':>9}")
    for size in (32, 256, 1024):
        batches = Batches(table, index, size, seed=0).epoch()
        times = []
        for _ in range(2000 if size == 32 else 300):
            began = time.perf_counter()
            next(batches)
            times.append(1e6 * (time.perf_counter() - began))
        print(f"{size:>5}  {np.median(times):>6.0f} us  {np.quantile(times, 0.9):>6.0f} us")


if __name__ == "__main__":
    main()
