"""`lstmcast report`: a run folder as one page to look at, and its charts as files."""

from __future__ import annotations

from pathlib import Path

from lstmcast.errors import RunError
from lstmcast.run_folder import RunFolder, write_bytes, write_text


def write_report(path: Path) -> Path:
    """Write the page of a run folder, or of a backtest's, into it.

    Raises:
        RunError: It is no such folder, or cannot be written to.
    """
    from lstmcast.reporting.page import page_of  # jinja2 is not for every command

    page = RunFolder(path).report
    write_text(page, page_of(path))
    return page


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


def write_images(path: Path, folder: Path, kind: str) -> list[Path]:
    """Write every chart of a page as a file.

    Args:
        path: A run folder, or a backtest's.
        folder: Is made if it is not there; files of the same names are written over.
        kind: png or svg.

    Raises:
        ConfigError: What draws them is not installed.
        RunError: The run is damaged, or the folder cannot be written to.
    """
    from lstmcast.reporting.contents import read_contents
    from lstmcast.reporting.images import drawn, images_of

    files = drawn(images_of(read_contents(path)), kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot make {folder}: {error.strerror}") from error
    for name, data in files:
        write_bytes(folder / name, data)
    return [folder / name for name, _ in files]
