"""Peak memory of whole processes: `python benchmarks/memory.py [--data DIR]`.

The largest resident memory, as the operating system counts it, of importing torch, of the bare
script and of `lstmcast train` on the first job of `speed.py`, and of `lstmcast predict` from the
run. The job is cut to 100 steps: more need no more memory.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from speed import HERE, JOBS, lstmcast_command, run_once, write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with ETTh1.csv; default: made-up walks")
    parser.add_argument("--job", default="A", choices=JOBS)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    job = replace(JOBS[options.job], steps=100)
    with tempfile.TemporaryDirectory() as folder:
        table, run = Path(folder) / "table.csv", Path(folder) / "run"
        write_table(table, job, options.data)
        bare = [str(HERE / "peers" / "bare.py"), str(table), json.dumps(asdict(job))]
        predict = ["-m", "lstmcast", "predict", str(run), "-q", "-o", str(Path(folder) / "f.csv")]
        commands = {
            "import torch": [sys.executable, "-c", "import torch"],
            "bare script": [sys.executable, *bare],
            "lstmcast train": lstmcast_command(table, job, run, "float32"),
            "lstmcast predict": [sys.executable, *predict],
        }
        print("| process | peak MB | over the bare script |\n| --- | --- | --- |")
        peaks: dict[str, float] = {}
        for name, command in commands.items():
            peaks[name] = run_once(command, options.threads).megabytes
        for name, peak in peaks.items():
            print(f"| {name} | {peak:.0f} | {peak - peaks['bare script']:+.0f} |")


if __name__ == "__main__":
    main()
