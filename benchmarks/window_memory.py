"""Peak memory of `lstmcast window` on a large table: `python benchmarks/window_memory.py`.

Makes a table of 1,000,000 rows x 7 columns with stamps, writes its windows (lookback 96, horizon
24, about 3.4 GB) to a temporary folder and prints the peak resident memory of the process.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROWS, COLUMNS = 1_000_000, 7


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        values = np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).cumsum(axis=0).round(3)
        frame = pd.DataFrame(values, columns=[f"c{k}" for k in range(COLUMNS)])
        frame.insert(0, "time", pd.date_range("2000-01-01", periods=ROWS, freq="min"))
        frame.to_csv(table, index=False)
        print(f"{'lookback':>8}  {'windows':>9}  {'on disk':>8}  {'peak':>7}  {'seconds':>7}")
        for lookback in (24, 96):
            target = Path(folder) / f"windows{lookback}"
            window = ["-s", f"window.lookback={lookback}", "-s", "window.horizon=24"]
            command = [sys.executable, "-m", "lstmcast", "window", str(table), "-o", str(target)]
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            subprocess.run([*command, *window, "-q"], check=True)
            usage = resource.getrusage(resource.RUSAGE_CHILDREN)
            count = len(np.load(target / "x.npy", mmap_mode="r"))
            size = sum(path.stat().st_size for path in target.iterdir())
            print(
                f"{lookback:>8}  {count:>9,}  {size / 1e9:>5.2f} GB  "
                f"{usage.ru_maxrss / 1e3:>4.0f} MB  {usage.ru_utime - before:>7.1f}"
            )


if __name__ == "__main__":
    main()
