"""`lstmcast compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.completion import complete_run
from lstmcast.cli.options import Debug, Json, Quiet

MOST = 20
"""Most runs shown without `--all`."""


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run folders, or their parent folders.",
            autocompletion=complete_run,
        ),
    ],
    sort: Annotated[
        str, typer.Option("--sort", metavar="MEASURE", help="Sort by this score, best first.")
    ] = "mae",
    all: Annotated[
        bool, typer.Option("--all", help=f"Show all runs [default: the best {MOST}].")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare runs: their scores, and how their configs differ."""
    from lstmcast.terminal.runs import shown_comparison
    from lstmcast.terminal.terminal import Terminal
    from lstmcast.workflows.compare import compare as compare_workflow

    compared = compare_workflow(runs, sort)
    Terminal(json=json, quiet=quiet).shown(*shown_comparison(compared, None if all else MOST))
