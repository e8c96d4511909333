"""How often the intervals of runs held the actuals of their test rows, with its error.

`python benchmarks/coverage.py RUN...` looks at finished runs; their tables must lie where they did.
`python benchmarks/coverage.py --data DIR` trains on the shipped CO2 table, and on ETTh1.csv and
M4-Hourly-{train,test}.csv of DIR, with a head of each kind, a few minutes in all. Every test window
counts, a row apart. Neighbouring windows share most of their steps, so the error is that of a
moving-block bootstrap over origins, in blocks of two horizons (Kuensch 1989); with ten series or
more it is that of a bootstrap over series, which are nearer to independent than blocks of time.
"""

import argparse
import csv
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

import lstmcast
from lstmcast.config import load_config
from lstmcast.forecasting.chunks import actual_values
from lstmcast.forecasting.model_file.model import load_model
from lstmcast.forecasting.predict import NetworkForecast, with_intervals
from lstmcast.judging.scores import NETWORK
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.progress import ProgressListener

DRAWS = 2000
FEW_SERIES = 10
HEADS = ("point", "quantiles", "student_t")
SETTINGS = {
    "co2": ["training.max_epochs=15"],
    "etth1": [
        "data.time=date", "data.target=OT", "data.end=2018-02-20 23:00:00",
        "split.validation=2880", "split.test=2880", "window.lookback=96", "window.horizon=24",
        "training.max_epochs=3",
    ],
    "m4_hourly": [
        "data.layout=rows", "data.season=24", "split.validation=144", "split.test=48",
        "window.lookback=96", "window.horizon=48", "training.batch_size=256",
        "training.max_epochs=1", "training.max_steps=400", "training.learning_rate=0.003",
    ],
}  # fmt: skip


def windows_of(run: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[float]]:
    """Of every test window: its origin, its series, and (N, 1 + levels) what was known and held."""
    config = load_config(run / "config.yaml")
    prepared = prepare(config, ProgressListener())
    model = load_model(run / "model.safetensors", torch.device("cpu"))
    panel, levels = prepared.panel, list(model.levels)
    raw = NetworkForecast(model, panel, model.scaler_for(panel), levels)
    origins, series = prepared.windows.test.all()
    made = with_intervals(model, {NETWORK: raw}, panel)[NETWORK](origins, series)
    actual = actual_values(panel, origins, config.window.horizon)
    held = (made.low <= actual) & (actual <= made.high)  # (levels, N, H, C)
    counts = np.concatenate([np.isfinite(actual)[None], held]).sum(axis=(2, 3)).T
    return panel.ordinals(origins, series), series, counts, levels


def error_of(places: np.ndarray, series: np.ndarray, counts: np.ndarray, length: int) -> np.ndarray:
    """(levels,) deviation of the share of actuals within, over bootstrap draws."""
    by_series = len(np.unique(series)) >= FEW_SERIES
    _, group = np.unique(series if by_series else places, return_inverse=True)
    sums = np.zeros((group.max() + 1, counts.shape[1]))
    np.add.at(sums, group, counts)
    length = 1 if by_series else min(length, len(sums))
    rng = np.random.default_rng(0)
    heads = rng.integers(len(sums) - length + 1, size=(DRAWS, -(-len(sums) // length)))
    rows = (heads[:, :, None] + np.arange(length)).reshape(DRAWS, -1)[:, : len(sums)]
    drawn = np.stack([sums[one].sum(axis=0) for one in rows])  # (draws, 1 + levels)
    return (drawn[:, 1:] / drawn[:, :1]).std(axis=0)


def show(run: Path) -> None:
    """A line of the table for every level of a run."""
    config = load_config(run / "config.yaml")
    places, series, counts, levels = windows_of(run)
    errors = error_of(places, series, counts, 2 * config.window.horizon)
    total = counts.sum(axis=0)
    for level, held, error in zip(levels, total[1:], errors, strict=True):
        print(
            f"| `{run.name}` | {config.network.head} | {len(places):,} | {level:g} % "
            f"| {100 * held / total[0]:.1f} % | {100 * error:.1f} |",
            flush=True,
        )


def joined(folder: Path, out: Path) -> Path:
    """M4's train and test values behind each other, a series a row."""
    parts = []
    for name in ("train", "test"):
        with (folder / f"M4-Hourly-{name}.csv").open(newline="", encoding="utf-8") as file:
            parts.append([[cell for cell in row if cell] for row in csv.reader(file)][1:])
    rows = [head + tail[1:] for head, tail in zip(*parts, strict=True)]
    width = max(map(len, rows))
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([f"V{k + 1}" for k in range(width)])
        writer.writerows(row + [""] * (width - len(row)) for row in rows)
    return out


def train_all(data: Path, only: list[str], heads: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sources = {
            "co2": lstmcast.configs()["co2"],
            "etth1": data / "ETTh1.csv",
            "m4_hourly": joined(data, Path(folder) / "m4.csv"),
        }
        for name, source in sources.items():
            for head in heads if name in only else ():
                run = Path(folder) / head / name
                run.parent.mkdir(exist_ok=True)
                settings = [*SETTINGS[name], f"network.head={head}"]
                lstmcast.train(source, set=settings, run=run, device="cpu")
                show(run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN")
    parser.add_argument("--data", type=Path, help="folder of ETTh1.csv and M4-Hourly-*.csv")
    parser.add_argument("--only", nargs="*", default=list(SETTINGS), choices=SETTINGS)
    parser.add_argument("--heads", nargs="*", default=list(HEADS), choices=HEADS)
    flags = parser.parse_args()
    if not flags.runs and flags.data is None:
        sys.exit("name runs, or --data")
    print("| run | head | windows | level | coverage | error |")
    print("| --- | --- | --- | --- | --- | --- |")
    for run in flags.runs:
        show(run)
    if flags.data is not None:
        train_all(flags.data, flags.only, flags.heads)


if __name__ == "__main__":
    main()
