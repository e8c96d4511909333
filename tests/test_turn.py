"""The lock that many processes take in turn."""

import multiprocessing
import threading
from pathlib import Path

from lstmcast.run_lock import locked

PROCESSES, TIMES = 4, 20


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
