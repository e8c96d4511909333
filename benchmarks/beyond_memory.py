"""A CSV larger than memory should be: `python benchmarks/beyond_memory.py [--gigabytes 4]`.

Makes a table of 8 columns (series, time, a target and five inputs; one series behind the other, or
with --by date all series side by side), trains on it with `data.storage: disk` while the anonymous
memory of the process is watched (RssAnon in /proc/PID/status: what no file stands behind), then
takes the same training steps from the mapped table and from a copy of it in memory, in turns, and
prints both tables of figures. With --reads instead how much of the table the orders of access
touch; with --orders CONFIG how well a network learns in an epoch by each, with blocks so small that
the table of the config has many of them.
"""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

LENGTH, INPUTS = 100_000, 5
WINDOW = {"lookback": 96, "horizon": 24}
START = np.datetime64("2020-01-01T00:00:00", "s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=4.0, help="size of the CSV")
    parser.add_argument("--by", choices=["series", "date"], default="series")
    parser.add_argument("--steps", type=int, default=1000, help="of the training that is watched")
    parser.add_argument("--rounds", type=int, default=6, help="of 100 steps from each table")
    parser.add_argument("--folder", type=Path, help="where table and run go, and stay")
    parser.add_argument("--orders", type=Path, help="config by which to compare orders of access")
    parser.add_argument("--reads", action="store_true", help="compare what orders of access touch")
    options = parser.parse_args()
    if options.orders:
        return compare_orders(options.orders)
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        table = folder / f"table-{options.gigabytes:g}-{options.by}.csv"
        if not table.exists():
            write_table(table, options.gigabytes * 1e9, options.by)
        config = folder / "config.yaml"
        config.write_text(config_text(table, options.steps), encoding="utf-8")
        if options.reads:
            return compare_reads(config)
        watch_training(config, folder)
        compare_steps(config, options.rounds)
    return None


def write_table(path: Path, size: float, by: str) -> None:
    """Random walks with a daily season, so many that the file has about `size` bytes."""
    rng = np.random.default_rng(0)
    part = path.with_suffix(".part")
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    began, number = time.monotonic(), 0
    with part.open("wb") as file:
        names = ["series", "time", "y", *(f"x{k}" for k in range(1, INPUTS + 1))]
        file.write((",".join(names) + "\n").encode())
        once: list[bytes] = []
        while file.tell() < size:
            if by == "date":  # a hundred series, side by side
                names_of, steps = np.tile(np.arange(100), 1000), np.repeat(np.arange(1000), 100)
                table = rows_of(names_of, steps + 1000 * number, rng)
                pyarrow.csv.write_csv(table, file, options)
            else:  # eight series, again and again under other names
                if number < 8:
                    out = pa.BufferOutputStream()
                    steps = np.arange(LENGTH)
                    pyarrow.csv.write_csv(
                        rows_of(np.full(LENGTH, number), steps, rng), out, options
                    )
                    once.append(out.getvalue().to_pybytes())
                name = f"s{number:05d}".encode()
                file.write(once[number % 8].replace(f"s{number % 8:05d}".encode(), name))
            number += 1
    part.rename(path)
    seconds = time.monotonic() - began
    print(f"{path}: {path.stat().st_size / 1e9:.2f} GB in {seconds:.0f} s", file=sys.stderr)


def rows_of(names: np.ndarray, steps: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Rows of the table."""
    noise = rng.normal(0, 1, (INPUTS, len(steps))).round(2)
    season = 10 * np.sin(2 * np.pi * steps / 1440)
    target = (50 + names % 7 + season + noise[0] + 0.5 * noise[1]).round(2)
    once = pa.array([f"s{name:05d}" for name in range(int(names.max()) + 1)])
    stamps = pa.array(START + 60 * steps.astype("timedelta64[s]")).cast(pa.timestamp("s"))
    columns = [once.take(pa.array(names)), stamps.cast(pa.string()), pa.array(target)]
    return pa.table([*columns, *map(pa.array, noise)], names=[str(k) for k in range(INPUTS + 3)])


def config_text(table: Path, steps: int) -> str:
    """A small network; a hundred steps of each series to validate on, and to test on."""
    inputs = ", ".join(f"x{k}" for k in range(1, INPUTS + 1))
    return f"""
data: {{path: {table}, time: time, series: [series], target: [y], past: [{inputs}], storage: disk,
  tables: {table.parent / "tables"}}}
split: {{validation: 100, test: 100}}
window: {{lookback: {WINDOW["lookback"]}, horizon: {WINDOW["horizon"]}}}
network: {{units: [32]}}
training: {{max_steps: {steps}, batch_size: 64}}
"""


def watch_training(config: Path, folder: Path) -> None:
    """Train in a process of its own and print what it took."""
    run = Path(tempfile.mkdtemp(dir=folder)) / "run"
    command = [sys.executable, "-m", "lstmcast", "train", str(config), "--run", str(run), "-q"]
    peaks = {"RssAnon": 0, "RssFile": 0}
    process = subprocess.Popen(command)
    while process.poll() is None:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                name = line.partition(":")[0]
                if name in peaks:
                    peaks[name] = max(peaks[name], int(line.split()[1]))
        time.sleep(0.1)
    if process.returncode:
        sys.exit(f"train ended with {process.returncode}")
    manifest = json.loads((run / "manifest.json").read_text())
    data, timings = manifest["data"], manifest["timings"]
    print("| what | figure |\n| --- | --- |")
    print(f"| machine | {manifest['cpu']}, {os.cpu_count()} cores, {platform.system()} |")
    print(f"| CSV | {Path(data['path']).stat().st_size / 1e9:.2f} GB, {data['rows']:,} rows |")
    print(f"| series, inputs | {data['series']}, {INPUTS + 1} |")
    print(f"| train windows | {manifest['windows']['train']:,} |")
    print(f"| largest RssAnon | {peaks['RssAnon'] / 1e6:.2f} GB |")
    print(f"| largest RssFile | {peaks['RssFile'] / 1e6:.2f} GB |")
    read = timings["read_seconds"]
    print(f"| read, checked, laid out | {read:.0f} s, {data['rows'] / read:,.0f} rows/s |")
    print(f"| training | {timings['train_seconds']:.0f} s |")
    print(f"| all | {timings['total_seconds']:.0f} s |")


def compare_steps(path: Path, rounds: int) -> None:
    """The same training steps from the mapped table and from a copy in memory, in turns."""
    import torch

    from lstmcast.config import load_config
    from lstmcast.pipeline.network import new_network, sizes_of
    from lstmcast.pipeline.prepare import prepare
    from lstmcast.pipeline.progress import ProgressListener
    from lstmcast.training.stepper import Stepper
    from lstmcast.windows.batches import Batches

    torch.set_num_threads(1)
    config = load_config(path)
    prepared = prepare(config, ProgressListener())
    tables = {"disk": window_table(prepared), "memory": window_table(prepared)}
    copy = tables["memory"]
    rows, width = copy.view.shape[0] + copy.lookback + copy.horizon - 1, copy.view.shape[2]
    flat = copy.view.as_strided((rows, width), (width, 1)).clone()
    copy.view = flat.as_strided(copy.view.shape, copy.view.stride())
    print(f"\nscaled table: {flat.nbytes / 1e9:.2f} GB, {rows:,} rows of {4 * width} bytes\n")
    print("| rows in | windows/s, wall | windows/s, CPU | gather alone, windows/s, CPU |")
    print("| --- | --- | --- | --- |")
    found: dict[str, list[tuple[float, float, float]]] = {"disk": [], "memory": []}
    size, steps = config.training.batch_size, 100
    for number in range(rounds + 1):  # the first pass brings the pages in
        for name, table in tables.items():
            network = new_network(prepared, sizes_of(prepared), torch.device("cpu"))
            train = Batches(table, prepared.windows.train, size, 0)
            stepper = Stepper(network, config.training, len(train), untimed=True)
            batches = train.epoch(1)
            next(batches)  # which computes the order
            network.train()
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(steps):
                stepper.step(next(batches))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            alone = time.process_time()
            for _ in range(20 * steps):
                next(batches)
            alone = time.process_time() - alone
            if number:
                found[name].append((wall, cpu, alone))
    windows, medians = size * steps, dict[str, float]()
    for name, times in found.items():
        wall, cpu, alone = np.median(np.array(times), axis=0)
        medians[name] = cpu
        speeds = (windows / wall, windows / cpu, 20 * windows / alone)
        print(f"| {name} | {' | '.join(f'{speed:,.0f}' for speed in speeds)} |")
    share = medians["memory"] / medians["disk"]
    print(f"\ndisk has {share:.1%} of memory's throughput (CPU time)")


def window_table(prepared):  # type: ignore[no-untyped-def]
    """The table that training gathers from."""
    import torch

    from lstmcast.windows.batches import WindowTable

    return WindowTable(
        prepared.panel,
        prepared.scaler,
        None,
        lookback=prepared.config.window.lookback,
        horizon=prepared.config.window.horizon,
        pad=False,
        device=torch.device("cpu"),
    )


def compare_orders(path: Path) -> None:
    """Validation loss after the same steps, by full shuffles, pools of blocks, and no shuffle."""
    import torch

    from lstmcast.config import load_config
    from lstmcast.pipeline.network import new_network, sizes_of
    from lstmcast.pipeline.prepare import prepare
    from lstmcast.pipeline.progress import ProgressListener
    from lstmcast.training.stepper import Stepper
    from lstmcast.training.trainer import mean_loss
    from lstmcast.windows import batches
    from lstmcast.windows.batches import Batches
    from lstmcast.windows.order import Pools

    torch.set_num_threads(1)
    config = load_config(path)
    prepared = prepare(config, ProgressListener())
    table = window_table(prepared)
    count, block = len(prepared.windows.train), 16
    judged = Batches(table, prepared.windows.validation.every(10), 512)
    print(f"{count:,} windows in {count // block} blocks; validation loss after an epoch\n")
    print("| order | seed 0 | seed 1 | seed 2 |\n| --- | --- | --- | --- |")
    pools = {"all windows": count, **{f"pools of {k} blocks": block * k for k in (256, 64, 16)}}
    for name, pool in {**pools, "as in the table": 0}.items():
        losses = []
        for seed in range(3):
            network = new_network(prepared, sizes_of(prepared), torch.device("cpu"), seed)
            train = Batches(table, prepared.windows.train, 64, seed if pool else None)
            batches.pools_of = lambda *_, pool=pool: Pools(block, pool)
            stepper = Stepper(network, config.training, len(train), untimed=True)
            network.train()
            for batch in train.epoch(1):
                stepper.step(batch)
            losses.append(mean_loss(network, judged))
        print(f"| {name} | {' | '.join(f'{loss:.4f}' for loss in losses)} |", flush=True)


def compare_reads(path: Path) -> None:
    """How much of the scaled table the first windows of an epoch touch: what a disk would read."""
    from lstmcast.config import load_config
    from lstmcast.pipeline.prepare import prepare
    from lstmcast.pipeline.progress import ProgressListener
    from lstmcast.windows import batches
    from lstmcast.windows.batches import Batches
    from lstmcast.windows.order import Pools, pools_of

    prepared = prepare(load_config(path), ProgressListener())
    shape = window_table(prepared).view.shape
    usual, count = pools_of(4 * shape[2], 1, shape[1]), len(prepared.windows.train)
    pools = {"all windows": Pools(1, count - 1), f"{usual.pool // usual.block:,} blocks": usual}
    print(f"{count:,} windows over {4 * shape[0] * shape[2] / 1e6:,.0f} MB of scaled rows\n")
    print("| order | windows | MB of the table touched |\n| --- | --- | --- |")
    for name, pool in pools.items():
        table = window_table(prepared)  # mapped anew: none of its pages is
        batches.pools_of = lambda *_, pool=pool: pool
        epoch = Batches(table, prepared.windows.train, 1000, 0).epoch(1)
        before = mapped_in()
        for done in range(1, 4001):
            next(epoch)
            if done in (50, 400, 4000):
                print(f"| {name} | {1000 * done:,} | {(mapped_in() - before) / 1e6:,.0f} |")
        del table, epoch


def mapped_in() -> int:
    """Bytes of files that this process has mapped, and touched."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("RssFile")).split()[1])


if __name__ == "__main__":
    main()
