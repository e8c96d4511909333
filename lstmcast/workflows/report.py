"""`lstmcast report`: a run folder as one page to look at."""

from __future__ import annotations

from pathlib import Path

from lstmcast.run_folder import RunFolder, write_text

PAGE = "report.html"


def write_report(path: Path) -> Path:
    """Write the page of a run folder, or of a backtest's, into it.

    Raises:
        RunError: It is no such folder, or cannot be written to.
    """
    from lstmcast.reporting.page import page_of

    write_text(path / PAGE, page_of(path))
    return path / PAGE


def write_report_of(run: RunFolder) -> None:
    """Write the page of a run that is complete, or say how to have it later.

    Raises:
        RunError: It cannot be written.
    """
    try:
        write_report(run.path)
    except Exception as error:
        error.add_note(
            f"The run in {run.path} is complete; only its page is missing: "
            f"lstmcast report {run.path}"
        )
        raise
