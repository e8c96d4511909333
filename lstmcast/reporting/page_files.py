"""Write the page of a run folder, and its charts as image files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lstmcast.errors import RunError
from lstmcast.runs.atomic import write_text
from lstmcast.runs.folder import RunFolder
from lstmcast.runs.numbered import write_together


def write_report(path: Path) -> Path:
    """Write the page of a run folder or a backtest folder into it.

    Raises:
        RunError: It is no such folder, or it is not writable.
    """
    from lstmcast.reporting.page import page_of  # few commands need jinja2

    folder = RunFolder(path)
    if not folder.metrics.exists():
        raise RunError(f"{path} has no metrics.json, so it has no report; {folder.what_lacks()}")
    try:
        text = page_of(path)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{path} is damaged: its files do not fit each other ({error})") from error
    write_text(folder.report, text)
    return folder.report


def write_images(path: Path, folders: Mapping[str, Path | None]) -> list[Path]:
    """Write every chart of a page as files.

    Args:
        path: A run folder or a backtest folder.
        folders: Folder for each kind, png or svg, or None. Missing folders are created; files of
            the same names are replaced.

    Raises:
        ConfigError: kaleido or a browser is missing.
        RunError: The run is damaged, or a folder is not writable.
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
