"""`lstmcast report`: a run folder as one page to look at, and its charts as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lstmcast.reporting.page_files import write_images, write_report


def report(run: Path, folders: Mapping[str, Path | None]) -> tuple[Path, list[Path]]:
    """Write the page of a run, or of a backtest, again.

    Args:
        run: A run folder, or one in its `backtests`.
        folders: By kind, png or svg, where to write the charts; None: nowhere.

    Returns:
        The page, and the files of charts.

    Raises:
        ConfigError: What draws charts is not installed.
        RunError: It is no such folder, is damaged, or cannot be written to.
    """
    return write_report(run), write_images(run, folders)
