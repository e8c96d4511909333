"""The command line: parse flags, call one workflow, print its result.

Heavy imports wait until a command needs them, so that `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Annotated

import typer

from lstmcast.cli import (
    backtest,
    check,
    compare,
    configs,
    init,
    inspect,
    predict,
    report,
    rerun,
    train,
    window,
)
from lstmcast.cli.overview import Overview, epilog
from lstmcast.cli.usage import UsageError, usage_words
from lstmcast.errors import ConfigError, Interrupted, LstmcastError, RunError
from lstmcast.light_torch import put_off
from lstmcast.parallel import connect, disconnect, peer_died, ranks
from lstmcast.version import __version__

app = typer.Typer(
    name="lstmcast",
    cls=Overview,
    help="From a CSV to a forecast you can trust, with every step open to inspection.",
    epilog="`lstmcast COMMAND --help` lists the flags of a command.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich costs a tenth of a second before the first line of help
    context_settings={"help_option_names": ["-h", "--help"]},
)

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO)
"""Error numbers of a full or read-only disk."""

CONFIG_REFERENCE = """\
Every config field, with its default and meaning: docs/config.md; for editors,
`lstmcast configs --schema`. Examples: `lstmcast configs`."""

# Panel, command, summary (at most 66 characters), example arguments, text below the flags.
COMMANDS: tuple[tuple[str, Callable[..., None], str, str, str], ...] = (
    ("Prepare", init.init, "Look at a table and propose a config for it.",
     "sales.csv -o sales.yaml", ""),
    ("Prepare", check.check, "Check a config and its table for faults.",
     "sales.yaml", ""),
    ("Prepare", window.window, "Write the (N, T, F) windows of a table to .npy files.",
     "sales.yaml -o windows", ""),
    ("Train and forecast", train.train, "Train a network, compare it with baselines, forecast.",
     "sales.yaml -s training.max_epochs=20", CONFIG_REFERENCE),
    ("Train and forecast", predict.predict, "Forecast every series after its last row.",
     "runs/sales-0001 new.csv -o forecast.csv", ""),
    ("Evaluate", backtest.backtest, "Forecast from past origins and score the forecasts.",
     "runs/sales-0001 --folds 12", ""),
    ("Evaluate", report.report, "Write the HTML report of a run again.",
     "runs/sales-0001", ""),
    ("Evaluate", compare.compare, "Compare runs: their scores and config differences.",
     "runs/sales-0001 runs/sales-0002", ""),
    ("Evaluate", rerun.rerun, "Train a run again from its config and data.",
     "runs/sales-0001 --verify", ""),
    ("Look inside", inspect.inspect, "Trace a window through every layer of a network.",
     "runs/sales-0001 --trace", ""),
    ("Look inside", configs.configs, "List, print or copy the shipped configs.",
     "co2 -o mine.yaml", ""),
)  # fmt: skip
for panel, command, words, example, more in COMMANDS:
    app.command(
        command.__name__,
        rich_help_panel=panel,
        short_help=words,
        epilog=epilog(command.__name__, example, more),
    )(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"lstmcast {__version__}")
        raise typer.Exit


SHARED = ("train", "predict", "backtest")
"""Commands whose work several processes can share."""

LEFT_ALONE = (
    "another process of this run has ended; torchrun names it, and restarts all processes "
    "if --max-restarts allows it"
)


@app.callback()
def _app(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    command = context.invoked_subcommand
    if not ranks().alone and command not in SHARED:
        raise ConfigError(f"`lstmcast {command}` runs in one process: start it without torchrun")


def main() -> None:
    """Run the command line and exit; every error that a user can cause prints one message."""
    try:
        _main()
    finally:  # a signal while Python exits changes nothing
        _obey_signals(signal.SIG_IGN)


def _main() -> None:
    for stream in (sys.stdout, sys.stderr):  # a column name may not fit the encoding
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    _obey_signals(_interrupt)
    debug = "--debug" in sys.argv
    put_off()
    try:
        connect()
        if not ranks().first:
            _hush(debug)
        _run()
    except SystemExit as done:
        if not done.code:
            disconnect()
        raise
    except UsageError as error:
        _say(usage_words(error))
        sys.exit(2)
    except LstmcastError as error:
        if debug:
            raise
        _say("\n".join([f"error: {error}", *notes_of(error)]))
        sys.exit(error.exit_code)
    except Interrupted as interrupted:
        _say("\n".join(["interrupted", *notes_of(interrupted)]))
        sys.exit(128 + interrupted.number)
    except BrokenPipeError:  # the reader of our output has closed the pipe
        _drop_output()
        sys.exit(0)
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            _drop_output()
            what = error.filename or "the output, or a temporary file"
            _say("\n".join([f"error: cannot write {what}: {error.strerror}", *notes_of(error)]))
            sys.exit(RunError.exit_code)
        if peer_died(error):
            _say("\n".join([f"error: {LEFT_ALONE}", *notes_of(error)]), peer_lost=True)
            sys.exit(RunError.exit_code)
        said = [
            f"error: a bug in lstmcast: {type(error).__name__}: {error}",
            "Run it again with --debug and report what it prints",
        ]
        _say("\n".join([*said, *notes_of(error)]))
        sys.exit(70)


def _run() -> None:
    """Run the command and flush its output."""
    try:
        sys.exit(app(prog_name="lstmcast", standalone_mode=False) or 0)
    except SystemExit:
        if sys.stdout is not None:  # it may have been closed before the start
            sys.stdout.flush()  # an error here can still be reported
        raise


def _drop_output() -> None:
    """Keep Python from writing the rest of the output again at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _obey_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)


def notes_of(error: BaseException) -> list[str]:
    """Notes added to an exception."""
    return getattr(error, "__notes__", [])


def _hush(debug: bool) -> None:
    """Silence this rank: rank 0 prints everything. `_say` still prints errors."""
    silence = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the end
    sys.stdout = silence
    if not debug:
        sys.stderr = silence


def _say(text: str, peer_lost: bool = False) -> None:
    """Print why the command ends, on one rank."""
    if ranks().alone:
        with contextlib.suppress(OSError):  # the exit code also tells
            print(text, file=sys.stderr)
        return
    _obey_signals(signal.SIG_IGN)  # torchrun ends this process after another
    if ranks().may_speak(peer_lost):
        print(text, file=sys.__stderr__, flush=True)
