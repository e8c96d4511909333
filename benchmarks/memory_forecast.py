"""Forecast and measured memory of trainings: `python benchmarks/memory_forecast.py`.

Makes a table, trains a few steps of networks of several kinds and sizes, each in a process of its
own, and prints what manifest.json says: the forecast made before the first step, the peak of the
whole process, and their quotient. Names of cases after it run only those.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

LARGE = "training.batch_size=2000"
CASES = {
    "small": [],
    "LSTM": ["network.units=64", LARGE],
    "three layers": ["network.units=[64, 64, 64]", LARGE],
    "both directions": ["network.units=64", "network.bidirectional=true", LARGE],
    "GRU": ["network.cell=gru", "network.units=64", LARGE],
    "RNN": ["network.cell=rnn", "network.units=128", LARGE],
    "relu cells": ["network.activation=relu", "network.units=64", LARGE],
    "dropout": ["network.dropout=0.2", "network.units=[64, 64]", LARGE],
    "seq2seq": ["network.decoder=seq2seq", "network.units=64", LARGE],
    "every step": ["network.decoder=every_step", "network.units=64", LARGE],
    "student t": ["network.head=student_t", "network.units=64", LARGE],
    "heavy weights": ["network.units=3000", "window.lookback=4", "training.batch_size=8"],
    "long lookback": ["window.lookback=6000", "network.units=8"],
}


def make_table(path: Path, rows: int, columns: int) -> None:
    """A table of random walks."""
    values = np.random.default_rng(0).normal(size=(rows, columns)).cumsum(axis=0).round(3)
    frame = pd.DataFrame(values, columns=[f"c{k}" for k in range(columns)])
    frame.insert(0, "time", pd.date_range("2000-01-01", periods=rows, freq="min"))
    frame.to_csv(path, index=False)


def train(table: Path, run: Path, settings: list[str]) -> dict[str, int]:
    """The `memory` of a run's manifest."""
    given = [
        "data.time=time",
        "data.target=c0",
        "data.past=c1",
        "window.lookback=168",
        "window.horizon=24",
        "network.units=8",
        "split.validation=600",
        "split.test=100",
        "training.max_steps=2",
        *settings,
    ]
    flags = [word for text in given for word in ("-s", text)]
    command = [sys.executable, "-m", "lstmcast", "train", str(table), "--run", str(run), "-q"]
    subprocess.run([*command, *flags, "--device", "cpu"], check=True)
    return json.loads((run / "manifest.json").read_text())["memory"]


def main() -> None:
    named = sys.argv[1:] or list(CASES)
    with tempfile.TemporaryDirectory() as folder:
        tables = {"30,000 rows": (30_000, 2), "1,000,000 rows": (1_000_000, 2)}
        print(f"{'table':>14}  {'network':>16}  {'forecast':>8}  {'peak':>8}  quotient")
        for name, (rows, columns) in tables.items():
            table = Path(folder) / f"{rows}.csv"
            make_table(table, rows, columns)
            cases = CASES if rows < 1_000_000 else {"small": [], "LSTM": CASES["LSTM"]}
            for case, settings in cases.items():
                if case not in named:
                    continue
                told = train(table, Path(folder) / f"{rows}-{case}", settings)
                forecast, peak = told["forecast_bytes"], told["peak_bytes"]
                print(
                    f"{name:>14}  {case:>16}  {forecast / 1e6:>5,.0f} MB  {peak / 1e6:>5,.0f} MB  "
                    f"{forecast / peak:>8.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
