"""Kill and resume: a training that is killed at random moments ends as if it never had been."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.daily import daily_text
from support.files import digests
from support.interruption import assert_same_run

from lstmcast.runs.folder import RunFolder

TOP = Path(__file__).parents[2]
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
        if RunFolder(run).writer() == process.pid:
            return
        time.sleep(0.005)


def kill_often(
    folder: Path, kills: int, epochs: int, seed: int, number: int = signal.SIGKILL
) -> int:
    """Train, kill, resume; returns how many kills left a file in the making behind."""
    flags = [*FLAGS, "-s", f"training.max_epochs={epochs}"]
    chance = random.Random(seed)
    (folder / "daily.csv").write_text(daily_text())
    finish(start(folder, "daily.csv", *flags, "--run", "whole"))
    run, count, hit = folder / "run0", 0, 0
    arguments = ["daily.csv", *flags, "--run", run.name]
    while kills:
        process = start(folder, *arguments)
        wait_for_lock(run, process)
        time.sleep(chance.uniform(0, epochs / 8))  # about as long as it trains
        process.send_signal(number)
        _, said = process.communicate()
        begun = (run / "config.yaml").exists()
        if process.returncode != 0:
            check_end(process.returncode, number, said, run.name if begun else None)
            kills -= 1
            hit += any(run.rglob(".*.part"))
            if begun:
                arguments = ["--resume", run.name]
        else:  # it was faster: compare, and kill another
            assert_same_run(run, folder / "whole")
            count += 1
            run = folder / f"run{count}"
            arguments = ["daily.csv", *flags, "--run", run.name]
    finish(start(folder, *arguments))
    assert_same_run(run, folder / "whole")
    return hit


def check_end(code: int, number: int, said: str, run: str | None) -> None:
    """A signal that can be caught is answered by its code and the command that goes on."""
    if number == signal.SIGKILL:
        assert code == -number, said
        return
    assert code == 128 + number, said
    lines = ["interrupted", *([f"Resume with: lstmcast train --resume {run}"] if run else [])]
    assert said.splitlines() == lines


def test_two_kills_change_nothing(tmp_path: Path) -> None:
    kill_often(tmp_path, kills=2, epochs=3, seed=1)


@pytest.mark.slow
def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    assert kill_often(tmp_path, kills=20, epochs=12, seed=2) > 0, "none hit a file in the making"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_twenty_interrupts_change_nothing(tmp_path: Path, number: int) -> None:
    assert kill_often(tmp_path, kills=20, epochs=12, seed=3, number=number) == 0


def test_while_one_trains_others_are_refused_and_nothing_is_mixed(cli: Any, tmp_path: Path) -> None:
    flags = [*FLAGS, "-s", "training.max_epochs=2"]
    (tmp_path / "daily.csv").write_text(daily_text())
    finish(start(tmp_path, "daily.csv", *flags, "--run", "whole"))
    run = tmp_path / "run"
    first = start(tmp_path, "daily.csv", *flags, "--run", "run")
    wait_for_lock(run, first)
    while not (run / "config.yaml").exists() and first.poll() is None:
        time.sleep(0.005)
    first.send_signal(signal.SIGSTOP)  # so that it is there as long as the others
    try:
        before = digests(run)
        again = ["train", tmp_path / "daily.csv", *flags, "--run", run]
        readers = [[name, run] for name in ("predict", "report", "rerun", "compare", "backtest")]
        for command in (again, ["train", "--resume", run], *readers):
            outcome = cli(*command)
            assert outcome.code == 5 and f"process {first.pid}" in outcome.err, outcome
        assert digests(run) == before
    finally:
        first.send_signal(signal.SIGCONT)
    finish(first)
    assert_same_run(run, tmp_path / "whole")


@pytest.mark.slow
def test_of_two_that_start_at_once_one_trains(tmp_path: Path) -> None:
    flags = [*FLAGS, "-s", "training.max_epochs=2"]
    (tmp_path / "daily.csv").write_text(daily_text())
    finish(start(tmp_path, "daily.csv", *flags, "--run", "whole"))
    for number in range(5):
        both = [start(tmp_path, "daily.csv", *flags, "--run", f"run{number}") for _ in range(2)]
        said = [process.communicate()[1] for process in both]
        assert sorted(process.returncode for process in both) == [0, 5], said
        assert_same_run(tmp_path / f"run{number}", tmp_path / "whole")
