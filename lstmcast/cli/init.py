"""`lstmcast init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.options import Debug, Json, Quiet, Set


def init(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A CSV or Parquet table.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="YAML file to create.")
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option("--target", metavar="COLUMN", help="Column to forecast; repeatable."),
    ] = None,
    horizon: Annotated[
        int | None, typer.Option("--horizon", metavar="STEPS", help="Steps to forecast.")
    ] = None,
    set: Set = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Propose a config for a table, with a reason for each value.

    The YAML has a reason for each value, and is ready to train. Without -o it goes to stdout.
    """
    from lstmcast.terminal.terminal import Terminal

    terminal = Terminal(json=json, quiet=quiet)
    from lstmcast.proposing.propose import given_by, propose
    from lstmcast.workflows.init import write_proposal

    proposal = propose(data, given_by(set or [], target or [], horizon), terminal)
    terminal.proposed(proposal, write_proposal(proposal, output), output)
