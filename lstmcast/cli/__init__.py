"""The command line: flags in, one workflow call, result printed.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import io
import signal
import sys
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
from lstmcast.errors import Interrupted, LstmcastError

app = typer.Typer(
    name="lstmcast",
    help="From a CSV to a forecast you can trust, with every step open to look at.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich costs a tenth of a second before the first line of help
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.init)
app.command("check")(check.check)
app.command("window")(window.window)
app.command("train")(train.train)
app.command("predict")(predict.predict)
app.command("backtest")(backtest.backtest)
app.command("report")(report.report)
app.command("compare")(compare.compare)
app.command("rerun")(rerun.rerun)
app.command("inspect")(inspect.inspect)
app.command("configs")(configs.configs)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"lstmcast {version('lstmcast')}")
        raise typer.Exit


@app.callback()
def _app(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and exit; every error a user can cause is one message."""
    for stream in (sys.stdout, sys.stderr):  # names of columns are no fault of the terminal's
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    debug = "--debug" in sys.argv
    try:
        app(prog_name="lstmcast")
    except LstmcastError as error:
        if debug:
            raise
        _say("\n".join([f"error: {error}", *notes_of(error)]))
        sys.exit(error.exit_code)
    except Interrupted as interrupted:
        _say("\n".join(["interrupted", *notes_of(interrupted)]))
        sys.exit(128 + interrupted.number)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone
        sys.exit(0)
    except Exception as error:
        if debug:
            raise
        said = [
            f"error: a bug in lstmcast: {type(error).__name__}: {error}",
            "Run it again with --debug and report what it prints",
        ]
        _say("\n".join([*said, *notes_of(error)]))
        sys.exit(70)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)


def notes_of(error: BaseException) -> list[str]:
    """What was added to an exception on its way."""
    return getattr(error, "__notes__", [])


def _say(text: str) -> None:
    print(text, file=sys.stderr)
