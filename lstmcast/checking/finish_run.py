"""The last files of a complete run: what `check` finds in its table, and the report page."""

from __future__ import annotations

from typing import Any

from lstmcast.checking.finding import described
from lstmcast.checking.table import check_rows
from lstmcast.errors import DataError
from lstmcast.parallel import ranks
from lstmcast.pipeline.prepared import Prepared
from lstmcast.reporting.page_files import write_report
from lstmcast.runs.atomic import write_json
from lstmcast.runs.folder import RunFolder
from lstmcast.training.checkpoint import remove_checkpoints

MOST_CHECKED = 1_000_000
"""Most rows of a table that are checked again after training: some seconds."""


def complete(folder: RunFolder, prepared: Prepared) -> None:
    """Write the page of a run whose manifest, and so every file with a number, is written.

    Rank 0 does. The checkpoints go last, so that a resume can tell whether the page still lacks.

    Raises:
        RunError: The page cannot be written.
    """
    if not ranks().first:
        return
    try:
        finish(folder, prepared)
    except Exception:
        remove_checkpoints(folder.checkpoint)  # `lstmcast report` is enough
        raise
    remove_checkpoints(folder.checkpoint)


def finish(run: RunFolder, prepared: Prepared) -> None:
    """Write the findings in the table, and the page, of a complete run.

    Whatever happens here, the run stays complete, and it is said how to have its page later.

    Raises:
        RunError: They cannot be written.
    """
    try:
        write_json(run.findings, {"notes": prepared.notes, "findings": findings_of(prepared)})
        write_report(run.path)
    except Exception as error:
        error.add_note(
            f"The run in {run.path} is complete; only its page is missing: "
            f"lstmcast report {run.path}"
        )
        raise


def findings_of(prepared: Prepared) -> list[dict[str, Any]] | None:
    """What `check` finds in the time stamps and values of a table; None for too many rows."""
    if len(prepared.panel.values) > MOST_CHECKED:
        return None
    try:
        report = check_rows(prepared)
        assert report.table is not None
        return [
            described(finding, [report.table.line(row) for row in finding.rows])
            for finding in report.findings
        ]
    except DataError:
        return None  # the file, which is read again for line numbers, is gone or has changed
