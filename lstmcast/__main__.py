"""The command as a process: `python -m lstmcast`, and what the script `lstmcast` calls."""

import atexit
import gc
import os
import sys
import threading

from lstmcast.cli import main
from lstmcast.ranks import ranks

NEW_OBJECTS = 10_000
"""Python looks for garbage after so many, not its 700: half a million that stay are imported."""


def command() -> None:
    """The command line, from start to end."""
    gc.set_threshold(NEW_OBJECTS, 10, 10)
    try:
        main()
    except SystemExit as ended:
        if ranks().alone and threading.active_count() == 1 and not isinstance(ended.code, str):
            leave(int(ended.code or 0))
        raise


def leave(code: int) -> None:
    """End the process, done with all it had to do.

    Python itself would first take all objects apart, one by one: .2 s. It has its way where the
    last output cannot be written, as it says so.
    """
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return
    os._exit(code)


if __name__ == "__main__":
    command()
