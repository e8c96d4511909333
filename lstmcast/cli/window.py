"""`lstmcast window`."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from lstmcast.cli.completion import complete_table
from lstmcast.cli.options import Debug, Json, Quiet, Set
from lstmcast.errors import ConfigError


def window(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG|DATA", help="A YAML config, or a table.", autocompletion=complete_table
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Folder to create.")
    ] = None,
    show: Annotated[
        int | None, typer.Option("--show", metavar="K", help="Print window K (x[K]) as a table.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print shapes and sizes; write nothing.")
    ] = False,
    set: Set = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write the (N, T, F) windows of a table to .npy files.

    N windows, T lookback steps, F columns: x.npy holds the inputs, y.npy the targets, windows.csv
    the series, rows and split of each window.
    """
    if output is None and show is None and not dry_run:
        raise ConfigError("name a new folder with -o, or look first with --show K or --dry-run")
    if sum((output is not None, show is not None, dry_run)) > 1:
        raise ConfigError("-o, --show and --dry-run exclude each other; name one of them")
    from lstmcast.pipeline.window_arrays import window_table
    from lstmcast.proposing.source import config_for
    from lstmcast.terminal.terminal import Terminal
    from lstmcast.terminal.windows import shown_window, shown_windows
    from lstmcast.workflows.window import plan_windows, write_windows

    terminal = Terminal(json=json, quiet=quiet)
    config, table = config_for(source, set or [], terminal)
    if show is not None or dry_run or output is None:
        plan, arrays = plan_windows(config, terminal, table)
        if show is not None:
            rows, about = window_table(arrays, show), arrays.describe(show, show + 1)
            terminal.shown(*shown_window(rows, about, show, plan))
        else:
            following = command("window", source, "-o windows", set)
            terminal.shown(*shown_windows(plan, None, following))
    else:
        written = write_windows(config, output, terminal, table)
        terminal.shown(*shown_windows(written, output, command("train", source, "", set)))


def command(verb: str, source: Path, more: str, set: list[str] | None) -> str:
    """A command for the same table and settings, if they fit in a line."""
    flags = " ".join(f"-s {quote(setting)}" for setting in set or [])
    words = " ".join(filter(None, ["lstmcast", verb, quote(str(source)), more]))
    return f"{words} {flags if len(f'{words} {flags}') < 66 else '-s ... (as here)'}".rstrip()
