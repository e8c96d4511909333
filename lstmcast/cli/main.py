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
    help="From a CSV to a forecast you can trust; every step can be inspected.",
    epilog="`lstmcast COMMAND --help` lists the flags of a command.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich costs a tenth of a second before the first line of help
    context_settings={"help_option_names": ["-h", "--help"]},
)

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO)
"""Errors of a full disk; if no workflow reported them, output or a temporary file failed."""

CONFIG_REFERENCE = """\
Every config field, with its default and meaning: docs/config.md; for editors,
`lstmcast configs --schema`. Examples: `lstmcast configs`."""

# Panel, command, summary (at most 66 characters), example arguments, text below the flags.
COMMANDS: tuple[tuple[str, Callable[..., None], str, str, str], ...] = (
    ("Prepare", init.init, "Propose a config for a table, with a reason for each value.",
     "sales.csv -o sales.yaml", ""),
    ("Prepare", check.check, "Find faults in a config and its table, and data leakage.",
     "sales.yaml", ""),
    ("Prepare", window.window, "Write the (N, T, F) windows of a table to .npy files.",
     "sales.yaml -o windows", ""),
    ("Train and forecast", train.train, "Train a network, compare it with baselines, forecast.",
     "sales.yaml -s training.max_epochs=20", CONFIG_REFERENCE),
    ("Train and forecast", predict.predict, "Forecast every series after its last row.",
     "runs/sales-0001 new.csv -o forecast.csv", ""),
    ("Evaluate", backtest.backtest, "Forecast from past origins and score the forecasts.",
     "runs/sales-0001 --folds 12", ""),
    ("Evaluate", report.report, "Write the report page of a run again.",
     "runs/sales-0001", ""),
    ("Evaluate", compare.compare, "Compare runs: their scores, and how their configs differ.",
     "runs/sales-0001 runs/sales-0002", ""),
    ("Evaluate", rerun.rerun, "Train a run again from its own config and data.",
     "runs/sales-0001 --verify", ""),
    ("Learn", inspect.inspect, "Follow a window through every layer of a network.",
     "runs/sales-0001 --trace", ""),
    ("Learn", configs.configs, "List, print or copy the shipped configs.",
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
"""Commands that several processes can share."""

LEFT_ALONE = (
    "another process of this run has ended; torchrun says which one, and restarts all of them "
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
    finally:  # everything is done: a signal while Python exits changes nothing
        _obey_signals(signal.SIG_IGN)


def _main() -> None:
    for stream in (
        sys.stdout,
        sys.stderr,
    ):  # column names may contain characters that the terminal lacks
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
    except BrokenPipeError:  # the reader of our output has ended
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
        if sys.stdout is not None:  # it can be closed from the start
            sys.stdout.flush()  # a failure can still be reported
        raise


def _drop_output() -> None:
    """Do not write again, when Python exits, what could not be written."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _obey_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)


def notes_of(error: BaseException) -> list[str]:
    """The notes of an exception."""
    return getattr(error, "__notes__", [])


def _hush(debug: bool) -> None:
    """Silence all ranks but rank 0; `_say` still prints their errors."""
    silence = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the end
    sys.stdout = silence
    if not debug:
        sys.stderr = silence


def _say(text: str, peer_lost: bool = False) -> None:
    """Print why the command ends, from one rank only."""
    if ranks().alone:
        with contextlib.suppress(OSError):  # the exit code shows it too
            print(text, file=sys.stderr)
        return
    _obey_signals(signal.SIG_IGN)  # torchrun ends this process when another one has ended
    if ranks().may_speak(peer_lost):
        print(text, file=sys.__stderr__, flush=True)
