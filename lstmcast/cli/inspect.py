"""`lstmcast inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.completion import complete_source
from lstmcast.cli.options import Debug, Json, Quiet, Set


def inspect(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG|RUN",
            help="A YAML config, a table, a run folder or its model.",
            autocompletion=complete_source,
        ),
    ],
    trace: Annotated[
        bool, typer.Option("--trace", help="Trace one window of the data through every layer.")
    ] = False,
    window: Annotated[
        int | None,
        typer.Option(
            "--window",
            metavar="K",
            help="Number of the window, as in `window --show K` [default: the first test window].",
        ),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option("--step", metavar="T", help="Show one time step in detail; -1 is the last."),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option("--layer", metavar="NAME", help="One layer: l0, l1_reverse, decoder.l0, ..."),
    ] = None,
    unit: Annotated[
        int, typer.Option("--unit", metavar="K", help="Unit whose arithmetic is shown.")
    ] = 0,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE.html", help="Heat maps of gates and states."),
    ] = None,
    set: Set = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show a network: its layers, and how they transform a window of your data.

    For a config, the network has its initial weights; for a run, its trained weights. Every layer
    is computed twice, with torch and with lstmcast's own cells.
    """
    from lstmcast.terminal.terminal import Terminal

    terminal = Terminal(json=json, quiet=quiet)
    from lstmcast.inspection.result import InspectOptions
    from lstmcast.workflows.inspect import inspect as inspect_workflow

    options = InspectOptions(trace, window, layer, step, unit, plot)
    found = inspect_workflow(source, set or [], options, terminal)
    terminal.inspected(found)
