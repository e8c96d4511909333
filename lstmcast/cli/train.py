"""`lstmcast train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.options import Debug, Device, Json, Quiet, Run, Set, Verbose


def train(
    source: Annotated[
        Path, typer.Argument(metavar="CONFIG|DATA", help="A YAML config, or a table.")
    ],
    set: Set = None,
    run: Run = None,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Train a network, judge it beside baselines, forecast.

    Makes a run folder: weights, metrics, test forecasts, the forecast after the last row. Given a
    CSV or Parquet file in place of a config, it proposes one.
    """
    from lstmcast.terminal import Terminal

    terminal = Terminal(json=json, quiet=quiet, verbose=verbose)
    from lstmcast.workflows.entry import choose_device, config_for, run_folder_for

    folder = run_folder_for(source, run)
    config = config_for(source, set or [], terminal)
    terminal.config(config)
    from lstmcast.workflows.train import train as train_workflow

    terminal.trained_run(train_workflow(config, folder, choose_device(device), terminal))
