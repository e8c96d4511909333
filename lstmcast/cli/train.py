"""`lstmcast train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.completion import complete_run, complete_table
from lstmcast.cli.options import Debug, Device, Json, Quiet, Run, Set, Verbose
from lstmcast.errors import ConfigError
from lstmcast.parallel import ranks


def train(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="CONFIG|DATA", help="A YAML config, or a table.", autocompletion=complete_table
        ),
    ] = None,
    set: Set = None,
    run: Run = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            metavar="RUN",
            help="Resume an interrupted run, bit for bit.",
            autocompletion=complete_run,
        ),
    ] = None,
    init_from: Annotated[
        Path | None,
        typer.Option(
            "--init-from",
            metavar="RUN",
            help="Warm start: begin with the weights of another run.",
            autocompletion=complete_run,
        ),
    ] = None,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Train a network, compare it with baselines, forecast.

    Creates a run folder with weights, metrics, test forecasts and the forecast after the last row.
    For a CSV or Parquet file instead of a config, it proposes a config first.
    """
    from lstmcast.terminal.terminal import Terminal

    terminal = Terminal(json=json, quiet=quiet, verbose=verbose)
    from lstmcast.proposing.source import choose_device, config_for, run_folder_for

    if resume is None and source is not None and (begun := begun_before(source, run)) is not None:
        terminal.note(f"torchrun has restarted the processes; they resume {begun}.")
        source, set, run, resume, init_from = None, None, None, begun, None
    if resume is not None:
        refuse_with_resume({"CONFIG": source, "--set": set, "--run": run, "--init-from": init_from})
        from lstmcast.workflows.train import resume as resume_workflow

        trained = resume_workflow(resume, device, terminal)
        terminal.complete(resume) if trained is None else terminal.trained_run(trained)
        return
    if source is None:
        raise ConfigError("name a config (.yaml), a table (.csv, .parquet), or --resume RUN")
    folder = run_folder_for(source, run)
    settings = list(set or [])
    if init_from is not None:
        settings.append(f'training.init_from="{init_from}"')
    config, table = config_for(source, settings, terminal)
    terminal.config(config)
    from lstmcast.workflows.train import train as train_workflow

    trained = train_workflow(config, folder, choose_device(device), terminal, table)
    terminal.trained_run(trained)


def begun_before(source: Path, run: Path | None) -> Path | None:
    """The run that this command began before torchrun restarted it; None without a restart."""
    if not ranks().restarts:
        return None
    from lstmcast.pipeline.resume import unfinished
    from lstmcast.proposing.source import run_name

    return unfinished(run_name(source), run)


def refuse_with_resume(given: dict[str, object]) -> None:
    """Refuse flags that would change the training.

    Raises:
        ConfigError: An argument is given that the run already defines.
    """
    for name, value in given.items():
        if value:
            raise ConfigError(
                f"--resume uses the config and the folder of the run itself; leave {name} out"
            )
