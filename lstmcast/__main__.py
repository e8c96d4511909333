"""The command as a process: `python -m lstmcast`, and what the script `lstmcast` calls."""

import atexit
import gc
import os
import sys
import threading
import warnings

from lstmcast.cli.main import main

NEW_OBJECTS = 10_000
"""Python looks for garbage after so many; its own some hundred are made and kept by each import."""


def command() -> None:
    """The command line, from start to end."""
    set_up_process()
    try:
        main()
    except SystemExit as ended:
        if threading.active_count() == 1 and not is_watched() and not isinstance(ended.code, str):
            leave(int(ended.code or 0))
        raise


def set_up_process() -> None:
    """Set what holds for the process as a whole; as a library, lstmcast leaves it to its caller."""
    gc.set_threshold(NEW_OBJECTS, 10, 10)
    # Arrow's own pools keep what they have had; the system's gives memory back after reading.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # A projected LSTM runs all the same, only without oneDNN; users can do nothing about it.
    warnings.filterwarnings("ignore", message="LSTM with projections is not supported with oneDNN")


def is_watched() -> bool:
    """Whether a profiler, a debugger or `python -i` continues after the command."""
    return bool(sys.getprofile() or sys.gettrace() or sys.flags.inspect)


def leave(code: int) -> None:
    """End the process, done with all it had to do.

    Python itself would first take all objects apart, one by one: .2 s. It has its way where the
    last output cannot be written, as it says so.
    """
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # as it is where it was closed before we began
                stream.flush()
    except (OSError, ValueError):
        return
    os._exit(code)


if __name__ == "__main__":
    command()
