"""Reading and indexing a large table beside pyarrow alone: `python benchmarks/reading.py`.

Writes a CSV of 1,000,000 rows x 8 columns (a stamp and seven numbers), then takes turns: pyarrow's
reader with nothing behind it; our table, panel and window index; the same with the scaler. Each
turn is timed in seconds of processor time (of all threads) and of the clock.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from lstmcast.config import Config, build_config
from lstmcast.panel.build import read_panel
from lstmcast.panel.splits import cut_series
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.windows.windows import split_windows

LOOKBACK, HORIZON, COLUMNS = 96, 24, 7


def write_table(path: Path, rows: int) -> None:
    values = np.random.default_rng(0).normal(size=(rows, COLUMNS)).cumsum(axis=0).round(3)
    frame = pd.DataFrame(values, columns=[f"c{k}" for k in range(COLUMNS)])
    frame.insert(0, "time", pd.date_range("2000-01-01", periods=rows, freq="min"))
    frame.to_csv(path, index=False)


def read_and_index(config: Config) -> None:
    panel, _ = read_panel(config.data, HORIZON)
    cuts = cut_series(panel, config.split, HORIZON)
    split_windows(cuts, lookback=LOOKBACK, horizon=HORIZON, pad=False, stride=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, help="of pyarrow; default: all cores")
    options = parser.parse_args()
    if options.threads:
        pa.set_cpu_count(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_table(path, options.rows)
        data = {"path": str(path), "time": "time", "calendar": []}
        data["target"] = [f"c{k}" for k in range(COLUMNS)]
        window = {"lookback": LOOKBACK, "horizon": HORIZON}
        config = build_config({"data": data, "window": window})
        jobs: dict[str, Callable[[], object]] = {
            "pyarrow.csv": lambda: pyarrow.csv.read_csv(path),
            "read and index": lambda: read_and_index(config),
            "and scale": lambda: prepare(config, ProgressListener()),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
        for turn in range(options.rounds + 1):
            for name, job in jobs.items():
                cpu, wall = time.process_time(), time.perf_counter()
                job()
                if turn:  # the first warms up
                    taken = (time.process_time() - cpu, time.perf_counter() - wall)
                    times[name].append(taken)
    print(f"{options.rows:,} rows x {COLUMNS + 1} columns, median of {options.rounds} rounds")
    print("| job | cpu s | wall s | cpu / pyarrow | wall / pyarrow |")
    print("| --- | --- | --- | --- | --- |")
    floor = times["pyarrow.csv"]
    for name, found in times.items():
        cells = [f"{median(each[k] for each in found):.2f}" for k in (0, 1)]
        for k in (0, 1):
            pairs = zip(found, floor, strict=True)
            cells.append(f"{median(ours[k] / bare[k] for ours, bare in pairs):.2f}")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
