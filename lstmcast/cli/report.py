"""`lstmcast report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.completion import complete_run
from lstmcast.cli.options import Debug, Json, Quiet


def report(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="A run folder, or a folder in its backtests.",
            autocompletion=complete_run,
        ),
    ],
    png: Annotated[
        Path | None,
        typer.Option("--png", metavar="DIR", help="Also write the charts as PNG files."),
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option("--svg", metavar="DIR", help="Also write the charts as SVG files."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write RUN/report.html again, one page that works offline.

    Chart files need `pip install 'lstmcast[plots]'` and Chrome or Chromium.
    """
    from lstmcast.terminal.terminal import Terminal
    from lstmcast.workflows.report import report as report_workflow

    page, files = report_workflow(run, {"png": png, "svg": svg})
    said = [f"wrote {path}" for path in (page, *files)]
    value = {"report": str(page), "images": [str(path) for path in files]}
    Terminal(json=json, quiet=quiet).shown(said, value)
