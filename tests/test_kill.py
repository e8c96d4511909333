"""A training that is killed at random moments ends as if it never had been."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import daily_text
from test_resume import assert_same_run

TOP = Path(__file__).parents[1]
SETTINGS = [
    "window.lookback=14",
    "window.horizon=3",
    "network.units=4",
    "network.dropout=0.2",
    "training.patience=null",
    "training.batch_size=8",
    "training.checkpoint_every=0",  # so that most of the time a checkpoint is in the making
    "training.refit=all",
]
FLAGS = [word for setting in SETTINGS for word in ("-s", setting)]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lstmcast", "train", *arguments, "--device", "cpu", "-q"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate()
    assert process.returncode == 0, said


def wait_for_lock(run: Path, process: subprocess.Popen[str]) -> None:
    """Until the process has the run folder: what it does before cannot harm anything."""
    while process.poll() is None:
        try:
            if (run / ".lock").read_text() == str(process.pid):
                return
        except OSError:
            pass
        time.sleep(0.005)


def kill_often(folder: Path, kills: int, epochs: int, seed: int) -> int:
    """Train, kill, resume; returns how many kills left a file in the making behind."""
    flags = [*FLAGS, "-s", f"training.max_epochs={epochs}"]
    chance = random.Random(seed)
    (folder / "daily.csv").write_text(daily_text())
    finish(start(folder, "daily.csv", *flags, "--run", "whole"))
    run, number, hit = folder / "run0", 0, 0
    arguments = ["daily.csv", *flags, "--run", run.name]
    while kills:
        process = start(folder, *arguments)
        wait_for_lock(run, process)
        time.sleep(chance.uniform(0, 1.5))
        process.kill()
        _, said = process.communicate()
        if process.returncode == -signal.SIGKILL:
            kills -= 1
            hit += any(run.rglob(".*.part"))
            if (run / "config.yaml").exists():
                arguments = ["--resume", run.name]
        else:  # it was faster: compare, and kill another
            assert process.returncode == 0, said
            assert_same_run(run, folder / "whole")
            number += 1
            run = folder / f"run{number}"
            arguments = ["daily.csv", *flags, "--run", run.name]
    finish(start(folder, *arguments))
    assert_same_run(run, folder / "whole")
    return hit


def test_two_kills_change_nothing(tmp_path: Path) -> None:
    kill_often(tmp_path, kills=2, epochs=3, seed=1)


@pytest.mark.slow
def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    assert kill_often(tmp_path, kills=20, epochs=12, seed=2) > 0, "none hit a file in the making"
