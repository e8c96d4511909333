"""The page of a run folder, and its charts as files, written into folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lstmcast.errors import RunError
from lstmcast.runs.atomic import write_text
from lstmcast.runs.folder import RunFolder
from lstmcast.runs.numbered import write_together


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
