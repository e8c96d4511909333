"""Read, index and first batch of a table of many series, in each layout: seconds and memory.

`python benchmarks/many_series.py [SERIES] [STEPS]` (100,000 and 200 by default) writes each table
into a temporary folder, reads it in a process of its own, and prints a line for each layout. Every
stage counts from the start of the process's work; imports are not counted in seconds, but are in
the peak, the largest resident memory until then.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

ROLES = {
    "long": {"time": "day", "series": "id", "target": "y"},
    "wide": {"time": "day", "layout": "wide"},
    "rows": {"layout": "rows", "target": "y"},
}


def write_table(path: Path, layout: str, count: int, steps: int) -> None:
    """Random walks of one decimal."""
    rng = np.random.default_rng(0)
    walks = np.round(100 + np.cumsum(rng.normal(0, 1, (count, steps)), axis=1), 1)
    names = [f"s{k:06d}" for k in range(count)]
    days = pd.date_range("2024-01-01", periods=steps).strftime("%Y-%m-%d").to_numpy(dtype=str)
    if layout == "long":
        columns = {"id": np.repeat(names, steps), "day": np.tile(days, count), "y": walks.ravel()}
        options = pa.csv.WriteOptions(quoting_style="none")
        pa.csv.write_csv(pa.table(columns), path, options)
        return
    keys = days if layout == "wide" else names
    header = ["day", *names] if layout == "wide" else [f"V{k + 1}" for k in range(steps + 1)]
    with path.open("w") as file:
        file.write(",".join(header) + "\n")
        for key, row in zip(keys, walks.T if layout == "wide" else walks, strict=True):
            file.write(f"{key},{','.join(map(str, row.tolist()))}\n")


def measure(path: str, layout: str) -> dict[str, float]:
    """What reading, indexing and a first batch take, in seconds, and the peak in MB after each."""
    import torch

    from lstmcast.config import build_config
    from lstmcast.pipeline.prepare import prepare
    from lstmcast.pipeline.progress import ProgressListener
    from lstmcast.windows.batches import Batches, WindowTable

    began = time.perf_counter()
    result: dict[str, float] = {}

    def note(stage: str) -> None:
        result[stage] = time.perf_counter() - began
        result[f"{stage}_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000

    roles = dict(ROLES[layout])
    if layout == "wide":
        with open(path) as file:
            roles["target"] = file.readline().rstrip("\n").split(",")[1:]
    config = build_config(
        {"data": {"path": path, **roles}, "window": {"lookback": 28, "horizon": 14}}
    )
    note("config")

    class Quiet(ProgressListener):
        def prepared(self, prepared: object) -> None:
            note("read and index")

    prepared = prepare(config, Quiet())
    table = WindowTable(
        prepared.panel,
        prepared.scaler,
        prepared.static_scaler,
        lookback=28,
        horizon=14,
        pad=False,
        device=torch.device("cpu"),
    )
    batch = next(iter(Batches(table, prepared.windows.train, 256, seed=0, sample="series").epoch()))
    assert torch.isfinite(batch.inputs).all()
    note("first batch")
    return result


def main() -> None:
    """Write, measure, print."""
    if "--one" in sys.argv:
        print(json.dumps(measure(*sys.argv[2:4])))
        return
    sizes = [int(text.replace(",", "")) for text in sys.argv[1:3]]
    count, steps = (*sizes, *(100_000, 200)[len(sizes) :])
    print(f"{count:,} series x {steps:,} steps, {os.cpu_count()} cores")
    print(f"{'layout':8}{'file':>9}{'config':>9}{'index':>9}{'batch':>9}{'peak':>10}")
    for layout in ROLES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{layout}.csv"
            subprocess.run(
                [sys.executable, __file__, "--write", path, layout, str(count), str(steps)]
            )
            size = path.stat().st_size / 1e6
            command = [sys.executable, __file__, "--one", str(path), layout]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"{layout:8}{size:6.0f} MB  {done.stderr.strip().splitlines()[-1]}")
                continue
            found = json.loads(done.stdout)
            print(
                f"{layout:8}{size:6.0f} MB{found['config']:7.1f} s{found['read and index']:7.1f} s"
                f"{found['first batch']:7.1f} s{found['first batch_mb']:7.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    if "--write" in sys.argv:
        write_table(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        main()
