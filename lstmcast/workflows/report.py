"""`lstmcast report`: a run folder as one page to look at, and its charts as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmcast.errors import DataError, RunError
from lstmcast.run_folder import RunFolder
from lstmcast.whole_file import write_json, write_text
from lstmcast.whole_folder import write_together

if TYPE_CHECKING:
    from lstmcast.workflows.prepared import Prepared

MOST_CHECKED = 1_000_000
"""Rows of a table that are looked through again after training: some seconds."""


def write_report(path: Path) -> Path:
    """Write the page of a run folder, or of a backtest's, into it.

    Raises:
        RunError: It is no such folder, or cannot be written to.
    """
    from lstmcast.reporting.page import page_of  # jinja2 is not for every command

    folder = RunFolder(path)
    if not folder.metrics.exists():
        raise RunError(f"{path} has no metrics.json to make a page of; {folder.what_lacks()}")
    try:
        text = page_of(path)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{path} is damaged: its files do not fit each other ({error})") from error
    write_text(folder.report, text)
    return folder.report


def finish(run: RunFolder, prepared: Prepared) -> None:
    """Write what `check` finds in the table, and the page, of a run that is complete.

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
    """What `check` finds in the stamps and values of a table; None where there are too many."""
    if len(prepared.panel.values) > MOST_CHECKED:
        return None
    # `lstmcast report` reads only the run folder: it needs neither of these.
    from lstmcast.series.findings import described
    from lstmcast.workflows.check import check_rows

    try:
        report = check_rows(prepared)
        assert report.table is not None
        return [
            described(finding, [report.table.line(row) for row in finding.rows])
            for finding in report.findings
        ]
    except DataError:
        return None  # what is not held of the table, such as its lines, has gone or changed


def write_images(path: Path, folders: Mapping[str, Path | None]) -> list[Path]:
    """Write every chart of a page as files.

    Args:
        path: A run folder, or a backtest's.
        folders: By kind, png or svg; None where no such files are wanted. A folder is made if it
            is not there; files of the same names are written over.

    Raises:
        ConfigError: What draws them is not installed.
        RunError: The run is damaged, or a folder cannot be written to.
    """
    wanted = {kind: folder for kind, folder in folders.items() if folder is not None}
    if not wanted:
        return []
    from lstmcast.reporting.contents import read_contents
    from lstmcast.reporting.images import drawn, images_of

    files = drawn(images_of(read_contents(path)), list(wanted))
    images = {wanted[kind] / name: data for kind, name, data in files}
    write_together(images)
    return list(images)
