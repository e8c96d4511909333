"""`lstmcast rerun`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.completion import complete_run
from lstmcast.cli.options import Debug, Device, Json, Quiet, Run


def rerun(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="The folder of a complete run; it is only read.",
            autocompletion=complete_run,
        ),
    ],
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Compare the runs; exit 1 if they differ. Keeps no folder but --run."
        ),
    ] = False,
    run: Run = None,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a run again from its own config and data.

    With --verify, weights, scores and forecasts must be equal to the bit on a CPU of the same kind
    with the same versions and threads; elsewhere, scores within 5 % and forecasts within a quarter
    of the mae. Data or config that has changed since the run is refused.
    """
    from lstmcast.terminal.terminal import Terminal

    terminal = Terminal(json=json, quiet=quiet)
    from lstmcast.workflows.rerun import rerun as rerun_workflow

    done = rerun_workflow(source, run, verify, device, terminal)
    if done.differences is None:
        terminal.trained_run(done.trained)
        return
    from lstmcast.terminal.runs import shown_rerun

    terminal.shown(*shown_rerun(done))
    if not done.same:
        raise typer.Exit(1)
