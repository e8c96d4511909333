"""`lstmcast configs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.completion import complete_config
from lstmcast.cli.options import Debug, Json, Quiet
from lstmcast.errors import ConfigError


def configs(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A shipped config.", autocompletion=complete_config),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Copy NAME to FILE, and its data next to it."
        ),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of configs, for editors.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List, print or copy the shipped configs."""
    from lstmcast.terminal.terminal import Terminal

    terminal = Terminal(json=json, quiet=quiet)
    if schema:
        from lstmcast.config import json_schema

        terminal.document(json_schema())
        return
    from lstmcast.workflows.configs import copy_config, shipped_config, shipped_configs

    if output is not None:
        if name is None:
            raise ConfigError(
                "-o needs the NAME of a shipped config; `lstmcast configs` lists them"
            )
        terminal.copied(copy_config(name, output))
    elif name is not None:
        terminal.text(shipped_config(name).text)
    else:
        terminal.configs(shipped_configs())
