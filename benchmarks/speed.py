"""Whole processes beside each other: `python benchmarks/speed.py [JOB ...] [--rounds N]`.

Each job is a training from a CSV to scores: by `lstmcast train`, which also writes its run folder,
by a bare torch script (peers/bare.py), and by the libraries that have an environment of their own
under `--peers DIR` (DIR/darts, DIR/neuralforecast). All take turns, A B C A B C, so that a machine
that slows down slows all of them; printed are medians, and the medians of the ratios within the
rounds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Job:
    """One training: sizes of its table, its network and its batches."""

    series: int
    rows: int
    lookback: int
    horizon: int
    units: int
    layers: int
    batch: int
    steps: int


JOBS = {
    "A": Job(1, 17_420, lookback=96, horizon=24, units=64, layers=1, batch=32, steps=1000),
    "B": Job(1, 17_420, lookback=168, horizon=24, units=128, layers=2, batch=256, steps=200),
    "C": Job(1000, 500, lookback=48, horizon=24, units=64, layers=1, batch=128, steps=500),
}


@dataclass(frozen=True)
class Usage:
    """What the operating system says of a process that has ended."""

    wall: float
    cpu: float
    megabytes: float
    faults: int


def write_table(path: Path, job: Job, data: Path | None) -> None:
    """Columns id, date, value: ETTh1's OT, or walks with a daily season, of the same shape."""
    if data is not None and job.series == 1:
        frame = pd.read_csv(data / "ETTh1.csv", usecols=["date", "OT"])
        frame = frame.rename(columns={"OT": "value"})
        frame.insert(0, "id", "OT")
    else:
        rng = np.random.default_rng(0)
        hours = np.arange(job.rows)
        walks = np.cumsum(rng.normal(0, 0.3, (job.series, job.rows)), axis=1)
        values = np.round(20 + walks + 3 * np.sin(2 * np.pi * hours / 24), 3)
        dates = pd.date_range("2016-07-01", periods=job.rows, freq="h").strftime("%Y-%m-%d %H:%M")
        frame = pd.DataFrame(
            {
                "id": np.repeat([f"s{k:04d}" for k in range(job.series)], job.rows),
                "date": np.tile(dates, job.series),
                "value": values.ravel(),
            }
        )
    frame.to_csv(path, index=False)


def lstmcast_command(table: Path, job: Job, run: Path, precision: str) -> list[str]:
    """`lstmcast train` of a job."""
    settings = {
        "data.path": table,
        "data.target": "value",
        "data.time": "date",
        "data.calendar": "[]",
        "data.series": "[id]",
        "window.lookback": job.lookback,
        "window.horizon": job.horizon,
        "network.units": [job.units] * job.layers,
        "training.batch_size": job.batch,
        "training.max_steps": job.steps,
        "training.max_epochs": 100,
        "training.schedule": "constant",
    }
    if precision != "float32":
        settings["training.precision"] = precision
    config = run.with_suffix(".yaml")
    sections: dict[str, list[str]] = {}
    for key, value in settings.items():
        section, name = key.split(".")
        sections.setdefault(section, []).append(f"  {name}: {value}\n")
    config.write_text("".join(f"{s}:\n{''.join(lines)}" for s, lines in sections.items()))
    return [sys.executable, "-m", "lstmcast", "train", str(config), "--run", str(run), "-q"]


def run_once(command: list[str], threads: int | None) -> Usage:
    """Run a command to its end, its output thrown away."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles what is imported each time
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(f"{' '.join(command)}\n{output.read().decode()}")
    cpu = usage.ru_utime + usage.ru_stime
    return Usage(wall, cpu, usage.ru_maxrss / 1000, usage.ru_minflt)


def race(name: str, job: Job, options: argparse.Namespace) -> None:
    """All entrants in turn; prints a row for each."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        write_table(table, job, options.data)
        described = json.dumps(asdict(job))
        scripts = {"bare": [sys.executable, str(HERE / "peers" / "bare.py")]}
        for peer in ("darts", "neuralforecast"):
            python = (options.peers or Path("/nowhere")) / peer / "bin" / "python"
            if python.exists() and peer not in options.without:
                scripts[peer] = [str(python), str(HERE / "peers" / f"{peer}_peer.py")]
        found: dict[str, list[Usage]] = {}
        for turn in range(options.rounds):
            for precision in options.precision:
                run = Path(folder) / f"run-{precision}-{turn}"
                command = lstmcast_command(table, job, run, precision)
                entrant = "lstmcast" if precision == "float32" else f"lstmcast {precision}"
                found.setdefault(entrant, []).append(run_once(command, options.threads))
            for entrant, command in scripts.items():
                usage = run_once([*command, str(table), described], options.threads)
                found.setdefault(entrant, []).append(usage)
    for entrant, usages in found.items():
        ratios = [
            median(
                getattr(bare, what) / getattr(usage, what)
                for usage, bare in zip(usages, found["bare"], strict=True)
            )
            for what in ("wall", "cpu")
        ]
        middle = [median(getattr(u, what) for u in usages) for what in Usage.__annotations__]
        print(
            f"| {name} | {entrant} | {middle[0]:.1f} | {middle[1]:.1f} | {middle[2]:.0f} "
            f"| {middle[3]:,.0f} | {ratios[0]:.2f} | {ratios[1]:.2f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("jobs", nargs="*", default=list(JOBS), help="A, B, C; default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of each job, in place of its own")
    parser.add_argument("--without", nargs="*", default=[], help="peers to be left out")
    parser.add_argument("--threads", type=int, help="OMP_NUM_THREADS of all; default: torch's own")
    parser.add_argument("--data", type=Path, help="folder with ETTh1.csv; default: made-up walks")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments")
    parser.add_argument("--precision", nargs="*", default=["float32"])
    options = parser.parse_args()
    print("| job | by | wall s | cpu s | peak MB | page faults | bare/it, wall | bare/it, cpu |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.jobs:
        job = JOBS[name]
        race(name, replace(job, steps=options.steps or job.steps), options)


if __name__ == "__main__":
    main()
