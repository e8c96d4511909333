"""What several processes give: `python benchmarks/ranks.py [PART ...]`.

step: a training step, beside what its arithmetic says. train: windows a second of 1 and 2 ranks,
the threads divided between them. predict: 100,000 series x 24 steps by 1 and 2 ranks, seconds and
peak memory. exchange: how long two ranks on one machine take to sum so many numbers, which is what
a training step adds. All on loopback; processor time is that of all processes together.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import many_series
import numpy as np
import pandas as pd

LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone"]

ROWS, LOOKBACK, HORIZON, BATCH = 6_000, 96, 24, 256
TRAIN = f"""\
data: {{path: table.csv, target: y}}
window: {{lookback: {LOOKBACK}, horizon: {HORIZON}}}
split: {{validation: 0, test: 0}}
network: {{units: [UNITS]}}
training: {{batch_size: {BATCH}, max_epochs: 2, checkpoint_every: 10000}}
"""

LEARNED = 2_000
"""Series of the run that then forecasts many more."""

PREDICT = """\
data: {path: table.csv, time: day, series: id, target: y}
window: {lookback: 28, horizon: 24}
split: {validation: 0, test: 0}
network: {units: [32]}
training: {batch_size: 256, max_steps: 4}
"""


def run(folder: Path, ranks: int, threads: int, *arguments: str) -> dict[str, float]:
    """Run lstmcast in so many processes of so many threads; wall, processor time, peak of one."""
    own = {"OMP_NUM_THREADS": str(threads), "GLOO_SOCKET_IFNAME": "lo"}
    launch = [*LAUNCH, "--nproc-per-node", str(ranks)] if ranks > 1 else [sys.executable]
    split = ["--"] if ranks > 1 else []
    command = [*launch, "-m", "lstmcast", *split, *arguments, "-q", "--device", "cpu"]
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **own})
    before, began, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.05)
    assert process.returncode == 0, command
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": time.perf_counter() - began, "cpu": seconds, "peak_mb": peak / 1e6}


def resident(process: int) -> int:
    """Bytes that a process and those it started have in memory; what they share counts for each."""
    total = 0
    try:
        total = 4096 * int(Path(f"/proc/{process}/statm").read_text().split()[1])
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        return total + sum(resident(int(child)) for child in children)
    except (OSError, ValueError, IndexError):
        return total


def train() -> None:
    """Windows a second in the second of two epochs, by ranks x threads."""
    print("| units | ranks x threads | windows/s | wall s | processor s |\n" + "| --- " * 5 + "|")
    steps = np.arange(ROWS)
    noise = np.random.default_rng(0).normal(0, 1, ROWS)
    table = pd.DataFrame({"y": 10 * np.sin(steps / 24) + noise})
    for units in (32, 128):
        for ranks, threads in ((1, 1), (1, 2), (2, 1)):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                table.to_csv(folder / "table.csv", index=False)
                (folder / "c.yaml").write_text(TRAIN.replace("UNITS", str(units)))
                took = run(folder, ranks, threads, "train", "c.yaml", "--run", "run")
                epochs = pd.read_csv(folder / "run" / "history.csv")
                speed = (ROWS - LOOKBACK - HORIZON + 1) / epochs["seconds"].iloc[-1]
                print(
                    f"| {units} | {ranks} x {threads} | {speed:,.0f} | {took['wall']:.1f} | "
                    f"{took['cpu']:.1f} |",
                    flush=True,
                )


def predict(series: int = 100_000, steps: int = 60) -> None:
    """Forecast a panel into one file, and into a part a process."""
    print(f"{series:,} series x {steps} rows -> 24 steps")
    print("| ranks | into | wall s | processor s | MB in memory, together |\n" + "| --- " * 5 + "|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        many_series.write_table(folder / "table.csv", "long", LEARNED, steps)  # to learn from
        (folder / "c.yaml").write_text(PREDICT)
        run(folder, 1, 1, "train", "c.yaml", "--run", "run")
        many_series.write_table(folder / "all.csv", "long", series, steps)
        for ranks in (1, 2):
            for output in ("f.csv", f"parts{ranks}/"):
                took = run(folder, ranks, 1, "predict", "run", "all.csv", "-o", output)
                print(
                    f"| {ranks} | {output} | {took['wall']:.1f} | {took['cpu']:.1f} | "
                    f"{took['peak_mb']:,.0f} |",
                    flush=True,
                )


SUMS = """
import statistics, time, torch
from torch import distributed
torch.set_num_threads(1)
distributed.init_process_group("gloo")
for count in (2, 10_000, 100_000, 1_000_000, 10_000_000):
    values = torch.zeros(count)
    times = []
    for _ in range(40 if count < 10**6 else 8):
        distributed.barrier()
        began = time.perf_counter()
        distributed.all_reduce(values)
        times.append(time.perf_counter() - began)
    if distributed.get_rank() == 0:
        best, usual = min(times), statistics.median(times)
        print(f"| {count:,} | {1e3 * best:.2f} | {1e3 * usual:.2f} | {4e-9 * count / best:.2f} |")
"""


def exchange() -> None:
    """Milliseconds in which 2 ranks sum float32 numbers, and gigabytes a second of them."""
    print("| numbers | best ms | median ms | GB/s |\n" + "| --- " * 4 + "|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        script = Path(name) / "sums.py"
        script.write_text(SUMS)
        command = [*LAUNCH, "--nproc-per-node", "2", str(script)]
        own = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
        subprocess.run(command, env={**os.environ, **own}, check=True)


STEPS = f"""
import json, sys, time, torch
from statistics import median
from gather import make_table
from lstmcast.config import NetworkConfig, TrainingConfig
from lstmcast.network.forecaster import build_forecaster
from lstmcast.network.sizes import Sizes
from lstmcast.parallel import connect, ranks
from lstmcast.windows.batches import Batches
from lstmcast.training.process_tuning import fast_training_process
from lstmcast.training.stepper import Stepper
units, steps = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(1)
connect()
with fast_training_process():
    table, index = make_table({ROWS}, 1, {LOOKBACK}, {HORIZON})
    sizes = Sizes({LOOKBACK}, {HORIZON}, inputs=1, targets=1)
    network = build_forecaster(NetworkConfig(units=[units]), sizes, "mae", seed=0).train()
    stepper = Stepper(network, TrainingConfig(), 1000, True, ranks())
    part = dict(part=ranks().rank, parts=ranks().count)
    batches = Batches(table, index, {BATCH}, seed=0, **part).epoch()
    own, wall = [], []
    for _ in range(steps):
        batch = next(batches)
        began = time.process_time(), time.perf_counter()
        stepper.step(batch, {BATCH})
        own.append(time.process_time() - began[0])
        wall.append(time.perf_counter() - began[1])
if ranks().first:
    print(json.dumps([median(own), min(wall), network.parameter_count()]))
"""


def step() -> None:
    """A training step of 256 windows: processor ms of each rank, best wall ms, and the model."""
    print(
        "| units | parameters | ranks | Gflop | processor ms a rank | best wall ms | Gflop/s |\n"
        + "| --- " * 7
        + "|",
        flush=True,
    )
    here = str(Path(__file__).parent)
    with tempfile.TemporaryDirectory() as name:
        script = Path(name) / "steps.py"
        script.write_text(STEPS)
        for units in (32, 64, 128, 256):
            for count in (1, 2):
                launch = [*LAUNCH, "--nproc-per-node", "2"] if count > 1 else [sys.executable]
                path = os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])
                own = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "PYTHONPATH": path}
                said = subprocess.run(
                    [*launch, str(script), str(units), "12"],
                    env={**os.environ, **own},
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
                seconds, best, parameters = json.loads(said.strip().splitlines()[-1])
                # Forward a product for each of 4 gates and 2 flops a weight; back twice as many.
                flops = 24 * units * (units + 1) * LOOKBACK * BATCH / count / 1e9
                print(
                    f"| {units} | {parameters:,} | {count} | {flops:.2f} | {1e3 * seconds:.0f} | "
                    f"{1e3 * best:.0f} | {flops / seconds:.0f} |",
                    flush=True,
                )


PARTS = {"step": step, "train": train, "predict": predict, "exchange": exchange}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    for part in parser.parse_args().parts:
        PARTS[part]()


if __name__ == "__main__":
    main()
