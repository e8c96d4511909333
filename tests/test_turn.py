"""The lock that many processes take in turn."""

import multiprocessing
import os
from pathlib import Path

from lstmcast.run_lock import locked, turn

PROCESSES, TIMES = 4, 40


def _count(folder: Path) -> None:
    """Add to a number in a file, which without a lock would lose some of the additions."""
    number = folder / "number"
    for _ in range(TIMES):
        with turn(folder / ".lock"):
            number.write_text(str(int(number.read_text()) + 1))


def test_processes_that_take_turns_never_meet_and_never_fail(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "number").write_text("0")
    monkeypatch.setattr("lstmcast.run_lock.WAIT", 0.001)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_count, args=(tmp_path,)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    assert (tmp_path / "number").read_text() == str(PROCESSES * TIMES)
    assert not (tmp_path / ".lock").exists()


def test_a_turn_waits_for_a_holder_that_cannot_be_asked(tmp_path: Path, monkeypatch) -> None:
    """Another machine's process has no number here."""
    lock, waited = tmp_path / ".lock", []
    with locked(lock):
        handle = os.open(lock, os.O_WRONLY)
        os.pwrite(handle, b"4194304999", 0)

        def leave(seconds: float) -> None:
            waited.append(seconds)
            raise InterruptedError

        monkeypatch.setattr("time.sleep", leave)
        try:
            with turn(lock):
                raise AssertionError("two hold the lock")
        except InterruptedError:
            pass
        os.close(handle)
    assert waited
