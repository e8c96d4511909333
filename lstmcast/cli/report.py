"""`lstmcast report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.options import Debug, Json, Quiet


def report(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run folder, or one in its backtests.")
    ],
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write RUN/report.html again: one page to look at, to print and to mail."""
    from lstmcast.terminal import Terminal
    from lstmcast.workflows.report import write_report

    page = write_report(run)
    Terminal(json=json, quiet=quiet).shown([f"wrote {page}"], {"report": str(page)})
