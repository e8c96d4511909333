"""The command as a process: `python -m lstmcast`, and the entry point of the script `lstmcast`."""

import atexit
import gc
import os
import sys
import threading
import warnings

from lstmcast.cli.main import main

NEW_OBJECTS = 10_000
"""New objects between garbage collections: imports create many objects, and all of them stay."""


def command() -> None:
    """Run the command line, and end the process."""
    set_up_process()
    try:
        main()
    except SystemExit as ended:
        if threading.active_count() == 1 and not is_watched() and not isinstance(ended.code, str):
            leave(int(ended.code or 0))
        raise


def set_up_process() -> None:
    """Set options of the whole process; as a library, lstmcast leaves them to its caller."""
    gc.set_threshold(NEW_OBJECTS, 10, 10)
    # Arrow's own memory pools keep freed memory; the system's pool returns it after reading.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # An LSTM with projections works without oneDNN too; users can do nothing about it.
    warnings.filterwarnings("ignore", message="LSTM with projections is not supported with oneDNN")


def is_watched() -> bool:
    """Whether a profiler, a debugger or `python -i` continues after the command."""
    return bool(sys.getprofile() or sys.gettrace() or sys.flags.inspect)


def leave(code: int) -> None:
    """End the process after its work is complete.

    Python's own exit destroys all objects one by one, which takes 0.2 s. It still happens if the
    last output cannot be written, because Python reports that.
    """
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # it is None if it was closed before the start
                stream.flush()
    except (OSError, ValueError):
        return
    os._exit(code)


if __name__ == "__main__":
    command()
