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
            help="Folder of a complete run; it stays unchanged.",
            autocompletion=complete_run,
        ),
    ],
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Compare; exit with code 1 if they differ. Keeps only the --run folder.",
        ),
    ] = False,
    run: Run = None,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a run again from its config and data.

    With --verify, weights, scores and forecasts must have the same bits on the same CPU type,
    versions and threads; elsewhere, scores may differ by 5 % and forecasts by a quarter of the
    mae. The command refuses data or config that has changed since the run.
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
