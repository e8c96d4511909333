"""What every input must keep to: an answer or a refusal, in time, in memory."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lstmcast.errors import LstmcastError

SECONDS = 5
"""Of computing: a busy machine is no fault of an input."""

STUCK = 60
"""Seconds after which an input that computes nothing, as one that waits for a pipe, has failed."""

MEMORY = 500_000_000
"""Bytes that one input may add to the memory in use."""


class Hang(Exception):
    """An input that took too long."""


class Hog(Exception):
    """An input that took too much memory."""


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    """Raise `Hang` where the block takes longer; in the main thread only."""

    def ring(number: int, frame: object) -> None:
        raise Hang(f"over {SECONDS} s of computing, or {STUCK} s of anything")

    timers = {signal.ITIMER_PROF: (signal.SIGPROF, SECONDS)}
    timers[signal.ITIMER_REAL] = (signal.SIGALRM, STUCK)
    before = {number: signal.signal(number, ring) for number, _ in timers.values()}
    for timer, (_, seconds) in timers.items():
        signal.setitimer(timer, seconds, 1)  # again, where a callback swallowed the first
    try:
        yield
    finally:
        for timer in timers:
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def memory_limit(most: int = MEMORY) -> Iterator[None]:
    """Raise `Hog` where the block needed more memory at any time; Linux tells, others do not."""
    clear, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    try:
        clear.write_text("5")  # the peak begins anew
    except OSError:
        yield
        return
    before = _kilobytes(status, "VmRSS")
    yield
    grown = 1024 * (_kilobytes(status, "VmHWM") - before)
    if grown > most:
        raise Hog(f"{grown:,} bytes")


def _kilobytes(status: Path, name: str) -> int:
    line = next(line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])


def attempt(target: Callable[[Any], None], value: Any) -> bool:
    """Give an input to a target; returns whether it was taken rather than refused.

    Raises:
        Exception: Anything but a refusal: a finding.
    """
    with memory_limit(), time_limit():
        try:
            target(value)
        except LstmcastError as refusal:
            said = str(refusal)
            assert said.strip() and len(said) < 20_000, f"a message of {len(said)} characters"
            return False
    return True
