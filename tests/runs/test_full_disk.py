"""A disk that is full, at any write: one message, exit code 5, nothing lost that was there."""

from __future__ import annotations

import errno
import io
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.daily import daily_text
from support.files import digests

import lstmcast
from lstmcast.errors import RunError

SMALL = [
    "window.lookback=14",
    "window.horizon=3",
    "network.units=4",
    "training.max_epochs=1",
    "training.batch_size=32",
]
FLAGS = [word for setting in SMALL for word in ("-s", setting)]
NEVER = 10**9


class Disk:
    """Counts what is written, and fails the n-th write and all behind it.

    Args:
        left: Writes that succeed.
        number: Of the error.
    """

    def __init__(self, left: int, number: int = errno.ENOSPC) -> None:
        self.left, self.number, self.writes = left, number, 0

    def write(self) -> None:
        self.writes += 1
        if self.writes > self.left:
            raise OSError(self.number, os.strerror(self.number))


class File:
    """A file that asks the disk before each write and flush."""

    def __init__(self, file: Any, disk: Disk) -> None:
        self.file, self.disk = file, disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> File:
        return self

    def __exit__(self, *error: Any) -> None:
        self.file.close()

    def write(self, data: Any) -> Any:
        self.disk.write()
        return self.file.write(data)

    def flush(self) -> None:
        self.disk.write()
        self.file.flush()


@contextmanager
def full_after(left: int, number: int = errno.ENOSPC) -> Iterator[Disk]:
    """Every way to the disk that lstmcast takes: files, folders, their names, and syncing."""
    disk, real_open = Disk(left, number), io.open

    def opened(file: Any, mode: str = "r", *more: Any, **options: Any) -> Any:
        found = real_open(file, mode, *more, **options)
        return File(found, disk) if set(mode) & set("wax+") else found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io, "open", opened)
        for place, name in (
            (os, "fsync"),
            (os, "write"),
            (os, "mkdir"),
            (os, "replace"),
            (tempfile, "mkstemp"),
            (tempfile, "mkdtemp"),
        ):
            patch.setattr(place, name, counted(getattr(place, name), disk))
        yield disk


def counted(real: Any, disk: Disk) -> Any:
    def asking(*arguments: Any, **options: Any) -> Any:
        disk.write()
        return real(*arguments, **options)

    return asking


@pytest.fixture
def daily(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "daily.csv"
    path.write_text(daily_text())
    return path


def writes_of(cli: Any, *arguments: Any) -> int:
    """How often a command writes; it must write at all for a test to say anything."""
    with full_after(NEVER) as disk:
        assert cli(*arguments).code == 0
    assert disk.writes > 4
    return disk.writes


def assert_one_message(outcome: Any, lines: int = 1) -> None:
    assert outcome.code == 5 and outcome.out == "", outcome
    said = outcome.err[outcome.err.index("error: ") :]
    assert "No space left" in said and len(said.splitlines()) <= lines, said


def parts(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(".part")]


def check_train(cli: Any, daily: Path, step: int) -> None:
    total = writes_of(cli, "train", daily, *FLAGS, "--run", "whole")
    assert total > 30
    started = resumed = 0
    for left in range(0, total, step):
        run = daily.parent / f"run{left}"
        with full_after(left):
            outcome = cli("train", daily, *FLAGS, "--run", run.name)
        if run.exists() and (run / "manifest.json").exists():
            continue  # complete: what failed came behind the last file
        assert_one_message(outcome, lines=2)
        assert not parts(daily.parent)
        if not (run / "config.yaml").exists():
            assert not run.exists()
            started += 1
            continue
        assert f"--resume {run.name}" in outcome.err
        held = digests(run)
        with full_after(0):
            assert_one_message(cli("train", "--resume", run.name), lines=2)
        assert digests(run) == held
        assert cli("train", "--resume", run.name).code == 0
        for name in ("model.safetensors", "metrics.json", "forecast.csv", "backtest.csv"):
            assert (run / name).read_bytes() == Path("whole", name).read_bytes()
        resumed += 1
    assert started >= 1 and resumed >= 3


def test_a_disk_that_fills_up_during_training_costs_nothing(cli: Any, daily: Path) -> None:
    check_train(cli, daily, step=9)


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_write_of_training_costs_nothing(cli: Any, daily: Path) -> None:
    check_train(cli, daily, step=1)


def test_a_disk_that_is_full_at_any_write_of_window_leaves_no_folder(cli: Any, daily: Path) -> None:
    command = ["window", daily, "-s", "window.lookback=14", "-s", "window.horizon=3", "-o"]
    total = writes_of(cli, *command, "whole")
    Path("kept").mkdir()
    before = digests(daily.parent)
    for left in range(total - 1):  # the last puts the folder's name on disk: it is whole by then
        with full_after(left):
            assert_one_message(cli(*command, "new"))
        assert digests(daily.parent) == before and not Path("new").exists()
        assert not parts(daily.parent)


def test_a_disk_that_is_full_at_any_write_of_predict_leaves_the_old_forecast(
    cli: Any, daily: Path
) -> None:
    lstmcast.train(daily, set=SMALL, run="r", device="cpu")
    total = writes_of(cli, "predict", "r", "-o", "f.csv")
    Path("f.csv").write_text("of yesterday\n")
    before = digests(daily.parent)
    for left in range(total - 1):
        with full_after(left):
            assert_one_message(cli("predict", "r", "-o", "f.csv"))
        assert digests(daily.parent) == before


@pytest.fixture
def run(daily: Path, daily_run: Path) -> Path:
    """A run folder, and a folder for charts, in the current folder."""
    shutil.copytree(daily_run, daily.parent / "r")
    (daily.parent / "charts").mkdir()
    (daily.parent / "charts/fit.png").write_bytes(b"of yesterday")
    return Path("r")


def test_a_disk_that_is_full_at_any_write_of_report_leaves_the_old_page(
    cli: Any, run: Path
) -> None:
    total = writes_of(cli, "report", run)
    (run / "report.html").write_text("of yesterday\n")
    before = digests(Path())
    for left in range(total - 1):
        with full_after(left):
            assert_one_message(cli("report", run))
        assert digests(Path()) == before


def test_a_disk_that_is_full_while_charts_are_written_leaves_none_that_is_new(
    cli: Any, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [("png", "fit.png", b"x" * 9), ("svg", "fit.svg", b"x" * 9)]
    monkeypatch.setattr("lstmcast.reporting.images.drawn", lambda images, kinds: files)
    command = ["report", run, "--png", "charts", "--svg", "new"]
    whole = writes_of(cli, "report", run)
    total = writes_of(cli, *command)
    shutil.rmtree("new")
    page = (run / "report.html").read_bytes()
    for left in range(whole, total - 1):
        Path("charts/fit.png").write_bytes(b"of yesterday")
        with full_after(left):
            assert_one_message(cli(*command))
        assert not Path("new").exists() and not parts(Path())
        assert (run / "report.html").read_bytes() == page
        assert [path.name for path in Path("charts").iterdir()] == ["fit.png"]
        assert Path("charts/fit.png").read_bytes() in (b"of yesterday", b"x" * 9)


@pytest.mark.parametrize("source", ["r", "daily.csv"])
def test_a_disk_that_is_full_at_any_write_of_backtest_leaves_no_folder(
    cli: Any, run: Path, source: str
) -> None:
    flags = [] if source == "r" else FLAGS
    command = ["backtest", source, *flags, "--folds", "1"]
    total = writes_of(cli, *command)
    made = run / "backtests" if source == "r" else Path("backtests")
    shutil.rmtree(made)
    before = digests(Path())
    for left in range(0, total - 1, 1 if source == "r" else 7):
        with full_after(left):
            assert_one_message(cli(*command))
        assert digests(Path()) == before and not made.exists()


WRITING: dict[str, list[str]] = {
    "train": ["daily.csv", *FLAGS, "--run", "new"],
    "window": ["daily.csv", *FLAGS, "-o", "new"],
    "predict": ["r", "-o", "new"],
    "backtest": ["r", "--folds", "1"],
    "report": ["r"],
    "inspect": ["r", "--trace", "--plot", "new.html"],
    "init": ["daily.csv", "-o", "new.yaml"],
    "configs": ["co2", "-o", "new.yaml"],
    "check": ["gap.csv", "--fix", "new.csv"],
    "rerun": ["r", "--run", "new"],
}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("command", WRITING)
def test_full_disks_quotas_and_read_only_folders_are_named_by_every_command(
    cli: Any, run: Path, command: str, number: int
) -> None:
    rows = daily_text().splitlines(keepends=True)
    Path("gap.csv").write_text("".join(rows[:9] + rows[8:]))  # a stamp twice
    before, held = digests(Path()), sorted(Path().rglob("*"))
    with full_after(0, number):
        outcome = cli(command, *WRITING[command])
    assert outcome.code == 5 and outcome.out == ""
    said = outcome.err[outcome.err.index("error: ") :]
    assert os.strerror(number) in said and len(said.splitlines()) == 1, said
    assert digests(Path()) == before and sorted(Path().rglob("*")) == held


def test_no_file_of_a_model_with_other_weights_is_left(run: Path) -> None:
    with full_after(2), pytest.raises(RunError, match="No space left"):
        weights = lstmcast.Run(run).keras_weights()
        lstmcast.Run(run).with_keras_weights(*weights, out="new.safetensors")
    assert not Path("new.safetensors").exists() and not parts(Path())


@pytest.mark.parametrize(("most", "complete"), [(6_000, False), (100_000, True)])
def test_files_that_the_kernel_cuts_off_cost_nothing(
    cli: Any, daily: Path, most: int, complete: bool
) -> None:
    """Nothing injected: beyond so many bytes of a file the kernel itself writes no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        outcome = cli("train", daily, *FLAGS, "-q", "--run", "new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert outcome.code == 5 and "File too large" in outcome.err
    assert not parts(daily.parent)
    again = "lstmcast report new" if complete else "lstmcast train --resume new"
    assert again in outcome.err and Path("new/manifest.json").exists() == complete
    assert cli(*again.split()[1:]).code == 0
    assert Path("new/report.html").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no such device here")
@pytest.mark.parametrize("arguments", [["configs", "co2"], ["--version"]])
def test_a_full_disk_behind_stdout_is_no_bug(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "lstmcast", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 5 and len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("error: cannot write") and "No space left" in ended.stderr
