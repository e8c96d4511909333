"""One writer to a run folder, by a lock that dies with its process; readers are never kept out."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.daily import TINY, daily_text
from support.files import digests

from lstmcast.errors import RunError
from lstmcast.runs.folder import RunFolder
from lstmcast.runs.lock import locked

PROCESSES, TIMES = 4, 20

HOLD = """
import sys
from pathlib import Path
from lstmcast.runs.folder import RunFolder
with RunFolder(Path(sys.argv[1])).locked():
    print("locked", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held_by_another(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that trains, as far as others can see."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "locked\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_train_is_refused_with_the_process_of_the_first(
    cli: Any, daily_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "daily.csv").write_text(daily_text())
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_bytes((daily_run / "config.yaml").read_bytes())
    with held_by_another(run) as process:
        before = digests(run)
        for arguments in (["--resume", run], [tmp_path / "daily.csv", *TINY, "--run", run]):
            outcome = cli("train", *arguments)
            assert outcome.code == 5
            assert f"process {process.pid}" in outcome.err
        assert digests(run) == before
    assert cli("train", "--resume", run).code == 0


def test_predict_reads_while_another_process_trains(cli: Any, daily_run: Path) -> None:
    with held_by_another(daily_run):
        outcome = cli("predict", daily_run)
        assert outcome.code == 0
        assert outcome.out == (daily_run / "forecast.csv").read_text()
    (daily_run / ".lock").unlink(missing_ok=True)


def test_predict_says_who_is_still_training(cli: Any, tmp_path: Path) -> None:
    with held_by_another(tmp_path) as process:
        outcome = cli("predict", tmp_path)
    assert outcome.code == 5 and f"process {process.pid}" in outcome.err


def test_the_kernel_takes_the_lock_of_a_killed_process_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with held_by_another(tmp_path) as process:
        assert folder.writer() == process.pid
        with pytest.raises(RunError, match=f"process {process.pid}"), folder.locked():
            pass
    assert folder.writer() is None and (tmp_path / ".lock").exists()
    with folder.locked():
        assert folder.writer() == os.getpid()
        with pytest.raises(RunError, match=f"process {os.getpid()}"), folder.locked():
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_nothing_but_a_dead_lock_is_free(tmp_path: Path) -> None:
    being_trained = pytest.raises(RunError, match="is being trained by process")
    with held_by_another(tmp_path), being_trained:
        RunFolder(tmp_path).check_free()
    RunFolder(tmp_path).check_free()


def test_a_folder_of_a_process_killed_before_it_wrote_anything_whole_is_free(
    tmp_path: Path, cli: Any
) -> None:
    (tmp_path / "daily.csv").write_text(daily_text())
    run = tmp_path / "run"
    run.mkdir()
    (run / ".lock").write_text("")
    (run / ".config.yaml.k3j9.part").write_text("data:\n  pa")
    assert cli("train", tmp_path / "daily.csv", *TINY, "--run", run, "-q").code == 0
    assert not list(run.glob(".*"))
    (other := tmp_path / "other").mkdir()
    (other / "notes.txt").write_text("mine")
    refused = cli("train", tmp_path / "daily.csv", *TINY, "--run", other, "-q")
    assert refused.code == 5 and "is not empty" in refused.err
    assert [entry.name for entry in other.iterdir()] == ["notes.txt"]


def _count(folder: Path) -> None:
    """Add to a number in a file, which without a lock would lose some of the additions."""
    number = folder / "number"
    for _ in range(TIMES):
        with locked(folder / ".lock", wait=True):
            number.write_text(str(int(number.read_text()) + 1))


def test_processes_that_take_turns_never_meet_and_never_fail(tmp_path: Path) -> None:
    (tmp_path / "number").write_text("0")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_count, args=(tmp_path,)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    assert (tmp_path / "number").read_text() == str(PROCESSES * TIMES)
    assert not (tmp_path / ".lock").exists()


def test_who_waits_does_not_ask_whether_the_holder_lives_here(tmp_path: Path) -> None:
    """Another machine's process has no number here."""
    lock, entered = tmp_path / ".lock", threading.Event()

    def enter() -> None:
        with locked(lock, wait=True):
            entered.set()

    second = threading.Thread(target=enter)
    with locked(lock):
        lock.write_text(" 4194304999")
        second.start()
        assert not entered.wait(0.3), "two hold the lock"
    second.join()
    assert entered.is_set()
