"""`lstmcast predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.completion import complete_run
from lstmcast.cli.options import Debug, Device, Json, Quiet
from lstmcast.errors import ConfigError


def predict(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="A run folder or a model.safetensors.", autocompletion=complete_run
        ),
    ],
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA|-]", help="A table, or - for CSV from stdin."),
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|DIR/|-",
            help="Output: a CSV file, a folder for Parquet parts, or - for standard output.",
        ),
    ] = "-",
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="STAMP", help="Forecast as if this were the last row of every series."
        ),
    ] = None,
    future: Annotated[
        str | None,
        typer.Option(
            "--future", metavar="FILE", help="A table with the future covariates of the horizon."
        ),
    ] = None,
    plot: Annotated[
        bool,
        typer.Option("--plot", help="Print plots instead of the table; -o still writes it."),
    ] = False,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Forecast every series after its last row.

    Without DATA, the input is the table that the run was trained on.
    """
    if plot and json:
        raise ConfigError("--plot and --json exclude each other; name one of them")
    from lstmcast.pipeline.output import ready_folder
    from lstmcast.proposing.source import choose_device
    from lstmcast.terminal.terminal import Terminal
    from lstmcast.workflows.predict import predict as predict_workflow

    terminal = Terminal(json=json, quiet=quiet)
    ready_folder(output)
    chosen, whole = choose_device(device), plot or json
    predicted = predict_workflow(run, data, at, future, chosen, terminal, whole)
    if not plot or output != "-":
        terminal.predicted(predicted, output)
    if plot:
        terminal.plotted(predicted)
