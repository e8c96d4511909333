"""Flags shared by several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.completion import complete_set

Set = Annotated[
    list[str] | None,
    typer.Option(
        "-s",
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Set a config value; repeatable.",
        autocompletion=complete_set,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Also print the resolved config.")]
Debug = Annotated[bool, typer.Option("--debug", help="Print tracebacks of errors.")]
Device = Annotated[
    str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.")
]
Run = Annotated[
    Path | None,
    typer.Option("--run", metavar="DIR", help="New run folder [default: runs/NAME-0001, ...]."),
]
