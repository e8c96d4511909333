"""Writes what each command shows on a terminal of 80 columns: `python tests/screens/make.py`.

`tests/project/test_screens.py` compares them with what the commands show now.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np

SCREENS = Path(__file__).parent

SMALL = "-s window.lookback=14 -s window.horizon=3 -s network.units=4 -s training.max_epochs=3"
COMMANDS = {
    "init": "init sales.csv --horizon 3 -o sales.yaml",
    "init-printed": "init sales.csv --horizon 3 --target sales",
    "check": "check faulty.csv",
    "check-fix": "check faulty.csv --fix mended.csv",
    "check-nothing": "check sales.csv",
    "window": f"window sales.csv -o windows {SMALL}",
    "window-dry-run": f"window sales.csv --dry-run {SMALL}",
    "window-show": "window sales.csv --show 3 -s window.lookback=4 -s window.horizon=2",
    "train": f"train sales.csv --device cpu --run runs/one {SMALL}",
    "train-piped": f"train sales.csv --device cpu --run runs/two {SMALL} -s training.seed=1",
    "train-quiet": f"train sales.csv --device cpu --quiet {SMALL} -s training.max_steps=1",
    "train-resume": "train --resume runs/one",
    "predict": "predict runs/one",
    "predict-output": "predict runs/one -o forecast.csv",
    "predict-plot": "predict runs/one --plot",
    "backtest": "backtest runs/one --folds 3",
    "backtest-gate": "backtest runs/one --folds 3 --fail-under skill=0.5",
    "report": "report runs/one",
    "compare": "compare runs/one runs/two",
    "compare-sorted": "compare runs --sort rmse",
    "rerun": "rerun runs/one --verify --device cpu",
    "inspect": f"inspect sales.csv {SMALL}",
    "inspect-trace": "inspect runs/one --trace",
    "inspect-step": "inspect runs/one --step -1",
    "configs": "configs",
    "configs-copy": "configs co2 -o mine.yaml",
    "error-command": "tran sales.csv",
    "error-flag": "backtest runs/one --fold 3",
    "error-value": "backtest runs/one --folds none",
    "error-argument": "predict",
    "error-config": "train sales.csv -s network.unit=3",
    "error-data": "train none.csv",
    "error-run": "predict runs/none",
}
"""File -> arguments; they run in this order, in one folder."""

MASKS = (
    (r"[\d,]+ windows/s", "# windows/s"),
    (r"\b\d+\.\d s\b", "# s"),
    (r"at most [\d:]+ left", "at most # left"),
)
"""What a machine's speed decides."""

TERMINAL = {"TTY_COMPATIBLE": "1", "TERM": "dumb", "COLUMNS": "80", "LINES": "40"}
PIPE = {"TTY_COMPATIBLE": "0", "TERM": "dumb", "COLUMNS": "80", "LINES": "40"}


def make_tables(folder: Path) -> None:
    """A daily table of two columns, and one with faults."""
    days = np.datetime64("2024-01-01") + np.arange(120)
    noise = np.random.default_rng(0).normal(0, 1, 120)
    sales = 50 + 10 * np.sin(2 * np.pi * np.arange(120) / 7) + noise
    rows = [f"{day},{value:.2f}" for day, value in zip(days, sales, strict=True)]
    (folder / "sales.csv").write_text("\n".join(["date,sales", *rows]) + "\n", encoding="utf-8")
    rows[10], rows[20] = rows[10].partition(",")[0] + ",closed", rows[19]
    del rows[40:44]
    (folder / "faulty.csv").write_text("\n".join(["date,sales", *rows]) + "\n", encoding="utf-8")


def screen(name: str) -> str:
    """What a command shows in the current folder, stdout and stderr as they come."""
    from lstmcast.cli.main import main

    shown = io.StringIO()
    command = COMMANDS[name].split()
    environment = {key: value for key, value in os.environ.items() if key != "FORCE_COLOR"}
    environment |= PIPE if name.endswith("piped") else TERMINAL
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "argv", ["lstmcast", *command]),
        contextlib.redirect_stdout(shown),
        contextlib.redirect_stderr(shown),
    ):
        try:
            main()
            code: object = 0
        except SystemExit as stopped:
            code = stopped.code or 0
    text = shown.getvalue().replace(f"{Path.cwd()}/", "")
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    lines = [f"$ lstmcast {COMMANDS[name]}", *(line.rstrip() for line in text.splitlines())]
    return "\n".join([*lines, *([f"[exit code {code}]"] if code else [])]) + "\n"


def all_screens() -> dict[str, str]:
    """Every screen by the name of its file."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        make_tables(Path(folder))
        return {name: screen(name) for name in COMMANDS}


if __name__ == "__main__":
    for old in SCREENS.glob("*.txt"):
        old.unlink()
    for name, text in all_screens().items():
        (SCREENS / f"{name}.txt").write_text(text, encoding="utf-8")
