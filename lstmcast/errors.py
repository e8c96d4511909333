"""The errors that a user can cause, and their exit codes.

    LstmcastError
    ├── ConfigError   2   a config, an override or a flag that cannot be used
    ├── DataError     3   a table that cannot be used
    ├── Diverged      4   training diverged
    └── RunError      5   a run folder that is missing, damaged, locked or already in use

The message says what is wrong, where, and what to do. `cli.main` prints it and exits with
`exit_code`; any other exception is a bug and exits with 70. Notes of the exception (`add_note`)
hold further advice, such as how to resume.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class LstmcastError(Exception):
    """Base of all errors that a user can cause."""

    exit_code = 70


class ConfigError(LstmcastError):
    """A config file, an override or a flag that cannot be used."""

    exit_code = 2


class DataError(LstmcastError):
    """A table that cannot be read, or that does not fit the config or the run."""

    exit_code = 3


class Diverged(LstmcastError):
    """Training reached a loss that is not finite or far above the first loss."""

    exit_code = 4


class RunError(LstmcastError):
    """A run folder that is missing, damaged, locked or already in use."""

    exit_code = 5


class Interrupted(BaseException):
    """SIGINT or SIGTERM arrived; no `except Exception` catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the known name most similar to a mistyped one, or list the known names.

    Args:
        name: The name that the user wrote.
        known: The valid names.

    Returns:
        `did you mean 'co2'?`, or `known: a, b, c` (at most twelve) if no name is similar.
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"known: {shown}" if names else "there are none"


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 row`, `2,000 rows`, `3 series`."""
    plural = noun if number == 1 or noun.endswith("s") else f"{noun}s"
    return f"{number:,} {plural}"


def size_words(count: int) -> str:
    """A number of bytes as text, such as `1.2 MB`."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def join(kind: type[LstmcastError], faults: Sequence[str]) -> LstmcastError:
    """One error that lists all faults, one per line.

    Args:
        kind: Class of the error.
        faults: Complete sentences, in the order of their detection; at least one.
    """
    assert faults, "an error needs a fault"
    if len(faults) == 1:
        return kind(faults[0])
    return kind("\n".join([f"{len(faults)} faults:", *(f"  {fault}" for fault in faults)]))
