"""Score lstmcast on a public benchmark, beside the published rows.

    python benchmarks/accuracy.py etth1-96 --data DIR --seeds 0 3 6

DIR holds ETTh1.csv, or M4-Hourly-train.csv and M4-Hourly-test.csv. Every seed is one `lstmcast
train` of one config below, in a process of its own; validation rows choose the epoch, and the test
rows are read once, by the scores printed here. Sources of the published rows: docs/accuracy.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ETTH1 = """
data:
  path: {data}/ETTh1.csv
  time: date
  target: [HUFL, HULL, MUFL, MULL, LUFL, LULL, OT]
  end: "2018-02-20 23:00"      # 14,400 rows: 8,640 train, 2,880 validation, 2,880 test
split: {{validation: 2880, test: 2880}}
window: {{lookback: 720, horizon: {horizon}}}
network: {{preset: segments, skip: none}}
training:
  learning_rate: 0.001
  schedule: step
  decay: 0.8
  decay_every: 1
  decay_after: 2
  average: 0.99
  batch_size: 64
  max_epochs: 10
  patience: 3
  members: 3
  combine: mean
"""

M4_HOURLY = """
data: {{path: {data}/M4-Hourly-train.csv, layout: rows, target: value, season: 24}}
split: {{validation: 0, test: 0}}     # the competition's own 48 steps are the test
window: {{lookback: 168, horizon: {horizon}}}
network: {{preset: hybrid, embed_series: true}}
training:
  loss: mae_smape
  sample: series
  learning_rate: 0.002
  schedule: one_cycle
  batch_size: 256
  max_epochs: 100
  max_steps: 4000
  average: 0.99
  members: 3
  combine: mean
  patience: null
forecast: {{levels: []}}
"""


@dataclass(frozen=True)
class Benchmark:
    """One benchmark.

    Attributes:
        config: YAML, with {data} and {horizon}.
        horizons: Steps; one training each.
        measures: Names of the scores, lower is better.
        published: Scores by model, in the order of horizons and then measures.
    """

    config: str
    horizons: tuple[int, ...]
    measures: tuple[str, ...]
    published: dict[str, tuple[float, ...]]


ETTH1_ROWS = {
    "SegRNN, lookback 720": (0.351, 0.392, 0.392, 0.414, 0.423, 0.433, 0.466, 0.472),
    "DUET": (0.352, 0.384, 0.398, 0.409, 0.414, 0.426, 0.429, 0.455),
    "PatchTST/64": (0.370, 0.400, 0.413, 0.429, 0.422, 0.440, 0.447, 0.468),
    "NLinear": (0.374, 0.394, 0.408, 0.415, 0.429, 0.427, 0.440, 0.453),
    "plain GRU": (1.135, 0.844, 1.123, 0.814, 1.080, 0.807, 1.089, 0.822),
    "last value": (1.295, 0.713, 1.325, 0.733, 1.323, 0.744, 1.339, 0.756),
}

BENCHMARKS = {
    "etth1": Benchmark(ETTH1, (96, 192, 336, 720), ("mse", "mae"), ETTH1_ROWS),
    "etth1-96": Benchmark(
        ETTH1, (96,), ("mse", "mae"), {name: row[:2] for name, row in ETTH1_ROWS.items()}
    ),
    "m4-hourly": Benchmark(
        M4_HOURLY,
        (48,),
        ("smape", "mase", "owa"),
        {
            "Doornik": (8.913, 0.801, 0.410),
            "ES-RNN, the winner": (9.328, 0.893, 0.440),
            "FFORMA": (11.506, 0.819, 0.484),
            "seasonal naive": (13.912, 1.193, 0.627),
            "the competition's RNN": (14.698, 3.048, 1.036),
        },
    ),
}

NAIVE2 = (18.383, 2.395)
"""SMAPE and MASE of Naive2 on M4 Hourly, which OWA is relative to."""


def main() -> None:
    """Train, score, print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark's data")
    # Member k of a run has the seed + k: with three members, these are nine networks.
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 3, 6])
    parser.add_argument("--horizons", type=int, nargs="+", help="only these")
    parser.add_argument("-s", "--set", action="append", default=[], help="section.key=value")
    options = parser.parse_args()
    benchmark = BENCHMARKS[options.name]
    horizons = [h for h in benchmark.horizons if not options.horizons or h in options.horizons]
    places = [benchmark.horizons.index(h) for h in horizons]
    columns = [f"{h} {m}" for h in horizons for m in benchmark.measures]
    print(f"| {options.name} | {' | '.join(columns)} | minutes |")
    print(f"| --- {'| --- ' * len(columns)}| --- |")
    width = len(benchmark.measures)
    for model, row in benchmark.published.items():
        shown = [f"{v:.3f}" for p in places for v in row[p * width : (p + 1) * width]]
        print(f"| {model} | {' | '.join(shown)} | |")
    rows, minutes = [], []
    for seed in options.seeds:
        began = time.monotonic()
        row = [
            score
            for horizon in horizons
            for score in trained_scores(benchmark, horizon, seed, options.data, options.set)
        ]
        minutes.append((time.monotonic() - began) / 60)
        rows.append(row)
        print(f"| seed {seed} | {' | '.join(f'{v:.4f}' for v in row)} | {minutes[-1]:.1f} |")
    means = [statistics.mean(column) for column in zip(*rows, strict=True)]
    spread = [max(column) - min(column) for column in zip(*rows, strict=True)]
    told = [f"{mean:.4f} ({wide:.4f})" for mean, wide in zip(means, spread, strict=True)]
    print(f"| lstmcast, mean (spread) | {' | '.join(told)} | {statistics.mean(minutes):.1f} |")


def trained_scores(
    benchmark: Benchmark, horizon: int, seed: int, data: Path, overrides: list[str]
) -> list[float]:
    """The scores of one training."""
    with tempfile.TemporaryDirectory() as folder:
        config, run = Path(folder) / "config.yaml", Path(folder) / "run"
        config.write_text(benchmark.config.format(data=data.resolve(), horizon=horizon))
        settings = [f"training.seed={seed}", *overrides]
        flags = [part for setting in settings for part in ("-s", setting)]
        command = [sys.executable, "-m", "lstmcast", "train", str(config), "--run", str(run), "-q"]
        subprocess.run([*command, *flags], check=True)
        if benchmark.measures[-1] == "owa":
            return m4_scores(pd.read_csv(run / "forecast.csv"), data)
        scaled = json.loads((run / "metrics.json").read_text())["test"]["lstmcast"]["scaled"]
        return [scaled[measure] for measure in benchmark.measures]


def m4_scores(forecast: pd.DataFrame, data: Path) -> list[float]:
    """SMAPE (0 to 200), MASE and OWA as the competition counted them."""
    train, test = (read_rows(data / f"M4-Hourly-{part}.csv") for part in ("train", "test"))
    smapes, mases = [], []
    for name, own in forecast.groupby("series"):
        ahead, past, actual = own["value"].to_numpy(), train[str(name)], test[str(name)]
        error = np.abs(ahead - actual)
        smapes.append(np.mean(200 * error / (np.abs(ahead) + np.abs(actual))))
        mases.append(error.mean() / np.abs(past[24:] - past[:-24]).mean())
    smape, mase = float(np.mean(smapes)), float(np.mean(mases))
    return [smape, mase, (smape / NAIVE2[0] + mase / NAIVE2[1]) / 2]


def read_rows(path: Path) -> dict[str, np.ndarray]:
    """A series to a row: its name, then its values."""
    frame = pd.read_csv(path)
    return {row.iloc[0]: row.iloc[1:].dropna().to_numpy(float) for _, row in frame.iterrows()}


if __name__ == "__main__":
    main()
