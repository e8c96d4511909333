"""How cost grows: `python benchmarks/scaling.py [AXIS ...]` prints the exponent for each axis.

An exponent of 1 says that twice as much takes twice as long; it is the slope of a line through
log(size), log(seconds of processor time), over sizes that double. Steps are those of `steps.py`;
reading is that of `reading.py` (rows) and of the long layout of `many_series.py` (series).
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import many_series
import numpy as np
import reading
import steps
import torch

from lstmcast.config import build_config

BASE = {"windows": 64, "lookback": 48, "units": 64, "layers": 1}


def training_step(axis: str, size: int) -> float:
    """Seconds of a training step."""
    step = steps.ours({**BASE, axis: size}, "float32", {})
    step()
    return median(_seconds(step) for _ in range(7))


def read(axis: str, size: int) -> float:
    """Seconds to read and index a table of so many rows, or of so many series of 50 rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        data: dict[str, object] = {"path": str(path), "calendar": []}
        if axis == "rows":
            reading.write_table(path, size)
            data |= {"time": "time", "target": [f"c{k}" for k in range(reading.COLUMNS)]}
        else:
            many_series.write_table(path, "long", size, 50)
            data |= {"time": "day", "series": "id", "target": "y"}
        window = {"lookback": 12, "horizon": 4}
        config = build_config({"data": data, "window": window})
        return min(_seconds(lambda: reading.read_and_index(config)) for _ in range(3))


def _seconds(job: Callable[[], object]) -> float:
    began = time.process_time()
    job()
    return time.process_time() - began


AXES: dict[str, tuple[Callable[[str, int], float], list[int]]] = {
    "windows": (training_step, [32, 64, 128, 256, 512]),
    "lookback": (training_step, [24, 48, 96, 192, 384]),
    "units": (training_step, [32, 64, 128, 256]),
    "layers": (training_step, [1, 2, 4]),
    "rows": (read, [50_000, 100_000, 200_000, 400_000]),
    "series": (read, [2_000, 4_000, 8_000, 16_000]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("axes", nargs="*", default=list(AXES), help=", ".join(AXES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| axis | sizes | processor ms | exponent |\n| --- | --- | --- | --- |")
    for axis in options.axes:
        measure, sizes = AXES[axis]
        times = [measure(axis, size) for size in sizes]
        slope = np.polyfit(np.log(sizes), np.log(times), 1)[0]
        shown = ", ".join(f"{1000 * seconds:.1f}" for seconds in times)
        print(f"| {axis} | {', '.join(map(str, sizes))} | {shown} | {slope:.2f} |", flush=True)


if __name__ == "__main__":
    main()
